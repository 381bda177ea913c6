//! A numeric table with an optional column of labels, read from a CSV file.

use std::ffi::OsStr;

use csv::{ByteRecord, ReaderBuilder, Trim};
use gaussx::faer::MatRef;

use crate::Failure;

/// The rows of one label.
pub(crate) struct Class {
    pub(crate) label: String,
    /// The number of each row in the file, its first data row being 1.
    pub(crate) rows: Vec<usize>,
    /// The line of the first row.
    pub(crate) line: usize,
    /// Row by row.
    values: Vec<f64>,
}

impl Class {
    /// The rows as the columns of a matrix.
    pub(crate) fn points(&self) -> MatRef<'_, f64> {
        let (n, d) = (self.rows.len(), self.values.len() / self.rows.len().max(1));
        MatRef::from_column_major_slice(&self.values, d, n)
    }
}

/// A table split into classes, in the order in which their labels appear.
pub(crate) struct DataSet {
    pub(crate) columns: Vec<String>,
    pub(crate) classes: Vec<Class>,
}

impl DataSet {
    /// Reads a CSV with a header. The column whose first cell is no number, if there is
    /// one, holds the labels.
    pub(crate) fn read(path: &OsStr) -> Result<Self, Failure> {
        let bytes = std::fs::read(path)?;
        let (header, records) = records(&bytes)?;
        let Some((line, first)) = records.first() else {
            return Err("no data rows below the header".into());
        };
        let label = label_column(&header, *line, first)?;
        let numeric: Vec<usize> = (0..header.len()).filter(|&j| Some(j) != label).collect();
        if numeric.is_empty() {
            return Err("no numeric column".into());
        }
        if numeric.iter().all(|&j| header[j].parse::<f64>().is_ok()) {
            return Err("line 1: a header is required, but its cells are numbers".into());
        }
        let mut classes: Vec<Class> = Vec::new();
        for (index, (line, cells)) in records.iter().enumerate() {
            let class = class_of(&mut classes, label.map_or("all", |j| &cells[j]), *line);
            class.rows.push(index + 1);
            for &j in &numeric {
                let value = number(&cells[j]).map_err(|fault| at(*line, j, &header, &fault))?;
                class.values.push(value);
            }
        }
        let columns = numeric.iter().map(|&j| name(&header, j)).collect();
        Ok(Self { columns, classes })
    }
}

/// A line number and the cells that start there.
type Record = (usize, Vec<String>);

/// The header and the rows below it, all of its length.
fn records(bytes: &[u8]) -> Result<(Vec<String>, Vec<Record>), Failure> {
    if bytes.trim_ascii().is_empty() {
        return Err("the file is empty".into());
    }
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(Trim::All)
        .from_reader(bytes);
    let header = cells(reader.byte_headers()?);
    let mut lines = Lines {
        bytes,
        offset: 0,
        line: 1,
    };
    let mut records = Vec::new();
    for record in reader.byte_records() {
        let record = record?;
        let line = lines.at(record.position().map_or(0, csv::Position::byte))?;
        let (found, expected) = (record.len(), header.len());
        if found != expected {
            return Err(
                format!("line {line}: {found} cells, but the header has {expected}").into(),
            );
        }
        records.push((line, cells(&record)));
    }
    Ok((header, records))
}

/// The cells as text on one line each.
fn cells(record: &ByteRecord) -> Vec<String> {
    let cell = |bytes| {
        let text = String::from_utf8_lossy(bytes);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    record.iter().map(cell).collect()
}

/// Line numbers at growing offsets. The csv crate's own count from the end of the row
/// before, which after `\r\n` and before blank lines is too early.
struct Lines<'a> {
    bytes: &'a [u8],
    offset: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of the first cell at the offset or behind it.
    fn at(&mut self, offset: u64) -> Result<usize, Failure> {
        let offset = usize::try_from(offset)?;
        while let Some(&byte) = self.bytes.get(self.offset) {
            if self.offset >= offset && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            self.line += usize::from(byte == b'\n');
            self.offset += 1;
        }
        Ok(self.line)
    }
}

/// The one column whose first cell is text. An empty cell is a missing number, no label.
fn label_column(header: &[String], line: usize, first: &[String]) -> Result<Option<usize>, String> {
    let is_text = |&j: &usize| !first[j].is_empty() && first[j].parse::<f64>().is_err();
    let mut texts = (0..first.len()).filter(is_text);
    let label = texts.next();
    match texts.next() {
        None => Ok(label),
        Some(j) => {
            let fault = format!(
                "{} is a second label, at most one is allowed",
                quoted(&first[j])
            );
            Err(at(line, j, header, &fault))
        }
    }
}

fn class_of<'a>(classes: &'a mut Vec<Class>, label: &str, line: usize) -> &'a mut Class {
    let known = classes.iter().position(|class| class.label == label);
    let index = known.unwrap_or_else(|| {
        classes.push(Class {
            label: label.to_owned(),
            rows: Vec::new(),
            line,
            values: Vec::new(),
        });
        classes.len() - 1
    });
    &mut classes[index]
}

fn number(cell: &str) -> Result<f64, String> {
    match cell.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(format!("{} is not finite", quoted(cell))),
        Err(_) if cell.is_empty() => Err("the cell is empty".to_owned()),
        Err(_) => Err(format!("{} is not a number", quoted(cell))),
    }
}

fn at(line: usize, j: usize, header: &[String], fault: &str) -> String {
    format!(
        "line {line}, column {} ({}): {fault}",
        j + 1,
        name(header, j)
    )
}

/// The name of a column, or its number where the header has none.
fn name(header: &[String], j: usize) -> String {
    match header[j].as_str() {
        "" => format!("column {}", j + 1),
        name => name.to_owned(),
    }
}

/// A cell as it may stand in a message: escaped, and not all of a binary file.
fn quoted(cell: &str) -> String {
    format!("{:?}", cell.chars().take(40).collect::<String>())
}
