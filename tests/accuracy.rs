//! Certified reference values: `reference/cases.json`, made by `reference/generate.py`.
//!
//! The unit of error is `ε tr(R⁻¹)`, `R` the correlation matrix: at most `n ε κ`, and often
//! much less. Divergences, distances and information are measured relative to themselves,
//! quantities with logarithms relative to the magnitudes that they are sums of.

use std::collections::BTreeMap;

use gaussx::faer::Mat;
use gaussx::{
    BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, MultivariateNormal,
    Scalar, ScaledIdentity,
};
use serde_json::Value;

/// The promise is `5 n ε κ`; what was measured stays below these, in the unit above.
const LIMITS: [(&str, f64); 8] = [
    ("cross_entropy", 2.0),
    ("expected_log_likelihood", 2.0),
    ("kl_divergence", 5.0),
    ("kl_standard_normal", 5.0),
    ("log_prob", 2.0),
    ("logdet", 2.0),
    ("mutual_information", 5.0),
    ("quadratic_form", 5.0),
];

/// The worst error of each quantity, in its unit, and the case that has it.
#[derive(Default)]
struct Worst(BTreeMap<&'static str, (f64, usize)>);

impl Worst {
    /// Records `|found - expected|` in units of `unit`; NaN is worse than anything.
    fn record(&mut self, quantity: &'static str, case: usize, errors: [f64; 3]) {
        let [found, expected, unit] = errors;
        let error = if found == expected {
            0.0
        } else {
            (found - expected).abs() / unit
        };
        let error = if error.is_nan() { f64::INFINITY } else { error };
        let worst = self.0.entry(quantity).or_default();
        if error > worst.0 {
            *worst = (error, case);
        }
    }

    fn check(&self, scalar: &str) {
        for (quantity, (error, case)) in &self.0 {
            println!("{scalar} {quantity:24} worst {error:8.3} units, case {case}");
        }
        for (quantity, limit) in LIMITS {
            if let Some(&(error, case)) = self.0.get(quantity) {
                assert!(
                    error <= limit,
                    "{scalar} {quantity}: {error} units in case {case}"
                );
            }
        }
    }
}

fn cases() -> Value {
    serde_json::from_str(include_str!("reference/cases.json")).unwrap()
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

fn vector<T: Scalar>(value: &Value) -> Vec<T> {
    let items = value.as_array().unwrap().iter();
    items
        .map(|x| T::of(from_hex(x.as_str().unwrap())))
        .collect()
}

/// The operator of a case, with its structure.
fn operator<T: Scalar>(value: &Value) -> Box<dyn CovarianceOperator<T>> {
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

fn reference(case: &Value, quantity: &str) -> f64 {
    case[quantity].as_str().unwrap().parse().unwrap()
}

fn pairs<T: Scalar>(scalar: &str) {
    let mut worst = Worst::default();
    for (index, case) in cases()["pairs"].as_array().unwrap().iter().enumerate() {
        if case["scalar"] != scalar {
            continue;
        }
        let p =
            MultivariateNormal::new(vector::<T>(&case["mean_p"]), operator(&case["p"])).unwrap();
        let q =
            MultivariateNormal::new(vector::<T>(&case["mean_q"]), operator(&case["q"])).unwrap();
        let y: Vec<T> = vector(&case["y"]);
        let unit = T::EPSILON.as_f64() * case["kappa"].as_f64().unwrap();
        let size = case["size"].as_f64().unwrap();
        let at_p = MultivariateNormal::new(p.mean(), q.covariance()).unwrap();
        let relative = [
            ("kl_divergence", p.kl_divergence(&q)),
            ("kl_standard_normal", p.kl_standard_normal()),
            ("quadratic_form", at_p.quadratic_form(&y)),
        ];
        for (quantity, found) in relative {
            let (found, expected) = (found.unwrap().as_f64(), reference(case, quantity));
            // Beyond the range of single precision the answer is infinite, and right.
            let expected = T::of(expected).as_f64();
            worst.record(quantity, index, [found, expected, unit * expected]);
            assert!(found >= 0.0, "{quantity} of case {index}: {found}");
        }
        let absolute = [
            ("cross_entropy", p.cross_entropy(&q)),
            (
                "expected_log_likelihood",
                p.expected_log_likelihood(&y, q.covariance()),
            ),
            ("log_prob", at_p.log_prob(&y)),
            ("logdet", q.covariance().logdet()),
        ];
        for (quantity, found) in absolute {
            let (found, expected) = (found.unwrap().as_f64(), reference(case, quantity));
            worst.record(quantity, index, [found, expected, unit * size]);
        }
    }
    worst.check(scalar);
}

fn sets<T: Scalar>(scalar: &str) {
    let mut worst = Worst::default();
    for (index, case) in cases()["sets"].as_array().unwrap().iter().enumerate() {
        if case["scalar"] != scalar {
            continue;
        }
        let sigma = operator::<T>(&case["p"]);
        let split = usize::try_from(case["split"].as_u64().unwrap()).unwrap();
        let (a, b): (Vec<usize>, Vec<usize>) =
            ((0..split).collect(), (split..sigma.dim()).collect());
        let found = gaussx::mutual_information(&sigma, &a, &b).unwrap().as_f64();
        let expected = reference(case, "mutual_information");
        let unit = T::EPSILON.as_f64() * case["kappa"].as_f64().unwrap();
        worst.record(
            "mutual_information",
            index,
            [found, expected, unit * expected],
        );
        assert!(found >= 0.0, "mutual information of case {index}: {found}");
    }
    worst.check(scalar);
}

#[test]
fn pairs_in_double_precision_match_the_certified_values() {
    pairs::<f64>("f64");
}

#[test]
fn pairs_in_single_precision_match_the_certified_values() {
    pairs::<f32>("f32");
}

#[test]
fn information_in_double_precision_matches_the_certified_values() {
    sets::<f64>("f64");
}

#[test]
fn information_in_single_precision_matches_the_certified_values() {
    sets::<f32>("f32");
}
