//! Certified cases: inputs as bits, values proven to forty digits.

use gaussx::faer::Mat;
use gaussx::{
    BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, Scalar, ScaledIdentity,
};
use serde_json::Value;

/// The file `reference/cases.json`: pairs of Gaussians, and index sets.
pub fn cases() -> Value {
    serde_json::from_str(include_str!("../reference/cases.json")).unwrap()
}

/// A number as Python's `float.hex` writes it: `-0x1.8p+3`.
fn from_hex(text: &str) -> f64 {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let rest = rest.strip_prefix("0x").unwrap();
    let (mantissa, exponent) = rest.split_once('p').unwrap();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let bits = u64::from_str_radix(&format!("{whole}{fraction}"), 16).unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    let exponent = exponent - 4 * i32::try_from(fraction.len()).unwrap();
    sign * bits as f64 * 2.0_f64.powi(exponent)
}

/// An array of numbers.
pub fn vector<T: Scalar>(value: &Value) -> Vec<T> {
    let items = value.as_array().unwrap().iter();
    items
        .map(|x| T::of(from_hex(x.as_str().unwrap())))
        .collect()
}

/// The operator of a case, with its structure.
pub fn operator<T: Scalar>(value: &Value) -> Box<dyn CovarianceOperator<T>> {
    let n = usize::try_from(value["dim"].as_u64().unwrap()).unwrap();
    let entries: Vec<T> = vector(&value["entries"]);
    let lower = |start: usize, size: usize| {
        Mat::from_fn(size, size, |i, j| {
            let (i, j) = (start + i.max(j), start + i.min(j));
            // Column j of the packed lower triangle begins after j columns of n, n - 1, ..
            entries[j * n - j * j.saturating_sub(1) / 2 + i - j]
        })
    };
    match value["kind"].as_str().unwrap() {
        "scaled_identity" => Box::new(ScaledIdentity::new(n, entries[0]).unwrap()),
        "diagonal" => Box::new(DiagonalCovariance::new(&entries).unwrap()),
        "dense" => Box::new(DenseCovariance::new(lower(0, n)).unwrap()),
        _ => {
            let mut start = 0;
            let sizes = value["sizes"].as_array().unwrap().iter();
            let matrices = sizes.map(|size| {
                let size = usize::try_from(size.as_u64().unwrap()).unwrap();
                start += size;
                lower(start - size, size)
            });
            Box::new(BlockDiagonal::from_matrices(matrices.collect()).unwrap())
        }
    }
}

/// The certified digits of a quantity.
pub fn digits<'a>(case: &'a Value, quantity: &str) -> &'a str {
    case[quantity].as_str().unwrap()
}

/// The certified value of a quantity, rounded to `f64`.
pub fn reference(case: &Value, quantity: &str) -> f64 {
    digits(case, quantity).parse().unwrap()
}
