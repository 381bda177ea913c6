//! The table of the worked example: computed values beside their references.

use std::collections::BTreeSet;
use std::io::Write;

use serde_json::{Map, Value};

use crate::Failure;

/// Entries of a vector up to which all are printed.
const SHORT: usize = 16;

/// Writes the rows as they come, and keeps what is left to do and the largest difference.
pub(crate) struct Table<'a> {
    page: &'a mut Vec<u8>,
    outputs: &'a Map<String, Value>,
    missing: BTreeSet<&'a str>,
    values: usize,
    largest: (f64, String),
}

impl<'a> Table<'a> {
    pub(crate) fn new(page: &'a mut Vec<u8>, example: &'a Value) -> Result<Self, Failure> {
        let outputs = example["outputs"].as_object().ok_or("no `outputs`")?;
        writeln!(
            page,
            "Worked example (references from 50-digit arithmetic)\n\n\
             {:42}{:>24}{:>24}{:>10}  tutorial printed",
            "quantity", "computed", "reference", "diff"
        )?;
        Ok(Self {
            page,
            outputs,
            missing: outputs.keys().map(String::as_str).collect(),
            values: 0,
            largest: (0.0, "none".to_owned()),
        })
    }

    /// Compares every entry of a quantity with its reference, relative to the reference.
    pub(crate) fn row(&mut self, key: &str, computed: &[f64]) -> Result<(), Failure> {
        self.difference_of(key, computed, 0.0)
    }

    /// The same for a difference of terms as large as `scale`, whose rounding it carries.
    pub(crate) fn difference_of(
        &mut self,
        key: &str,
        computed: &[f64],
        scale: f64,
    ) -> Result<(), Failure> {
        let output = self.outputs.get(key).unwrap_or(&Value::Null);
        let reference = numbers(&output["reference"])?;
        if reference.len() != computed.len() {
            return Err(format!("{key}: {} values", computed.len()).into());
        }
        self.missing.remove(key);
        let mut printed = output["tutorial_printed"].as_str().unwrap_or("");
        let shown = computed.len().div_ceil(SHORT / 4);
        let mut largest: f64 = 0.0;
        for (i, (&value, &expected)) in computed.iter().zip(&reference).enumerate() {
            let name = match computed.len() {
                1 => key.to_owned(),
                _ => format!("{key}[{i}]"),
            };
            let difference = value - expected;
            largest = largest.max(difference.abs());
            if computed.len() <= SHORT || i % shown == 0 {
                writeln!(
                    self.page,
                    "{name:42}{value:>24?}{expected:>24?}{difference:>10.0e}  {printed}"
                )?;
                printed = "";
            }
            self.keep_largest(difference, expected.abs().max(scale), name)?;
        }
        if computed.len() > SHORT {
            let all = format!("{key}, largest of {}", computed.len());
            writeln!(self.page, "{all:90}{largest:>10.0e}")?;
        }
        Ok(())
    }

    fn keep_largest(&mut self, difference: f64, scale: f64, name: String) -> Result<(), Failure> {
        if !difference.is_finite() {
            return Err(format!("{name}: not finite").into());
        }
        self.values += 1;
        // A reference of zero is to be met exactly: any difference is infinite.
        let relative = if difference == 0.0 {
            0.0
        } else {
            difference.abs() / scale
        };
        if relative > self.largest.0 {
            self.largest = (relative, name);
        }
        Ok(())
    }

    /// The last line; an error if the table does not have all of the example's outputs.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if let Some(key) = self.missing.first() {
            return Err(format!("{key}: not in the table").into());
        }
        let (difference, name) = &self.largest;
        writeln!(
            self.page,
            "\n{} values; the largest relative difference is {difference:.1e}, of {name}\n\
             (relative to the reference; for a difference, to the terms it is taken of)",
            self.values
        )?;
        Ok(())
    }
}

/// The numbers of a value, arrays row by row.
pub(crate) fn numbers(value: &Value) -> Result<Vec<f64>, Failure> {
    match value {
        Value::Array(items) => {
            let rows: Result<Vec<_>, _> = items.iter().map(numbers).collect();
            Ok(rows?.concat())
        }
        other => Ok(vec![number(other)?]),
    }
}

pub(crate) fn number(value: &Value) -> Result<f64, Failure> {
    Ok(value.as_f64().ok_or("a number is missing")?)
}
