//! Certified reference values: `reference/cases.json`, made by `reference/generate.py`.
//!
//! The unit of error is `ε tr(R⁻¹)`, `R` the correlation matrix: at most `n ε κ`, and often
//! much less. Divergences, distances and information are measured relative to themselves,
//! quantities with logarithms relative to the magnitudes that they are sums of.
//!
//! `reference/ratchet.json` holds the errors above half a unit; none may double and pass two. After an
//! improvement, write it again: `cargo test -p gaussx-tests accuracy:: -- --ignored`.

use std::collections::BTreeMap;

use gaussx::{CovarianceOperator, MultivariateNormal, Scalar};
use gaussx_tests::certified::{cases, operator, reference, vector};

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

/// Errors above half a unit that are known, by scalar, quantity and case.
const RATCHET: &str = include_str!("reference/ratchet.json");

/// The errors of all cases, in the unit of their quantity.
struct Errors {
    scalar: &'static str,
    found: BTreeMap<(&'static str, usize), f64>,
}

impl Errors {
    fn new(scalar: &'static str) -> Self {
        let found = BTreeMap::new();
        Self { scalar, found }
    }

    /// Records `|found - expected|` in units of `unit`; NaN is worse than anything.
    fn record(&mut self, quantity: &'static str, case: usize, errors: [f64; 3]) {
        let [found, expected, unit] = errors;
        let error = if found == expected {
            0.0
        } else {
            (found - expected).abs() / unit
        };
        let error = if error.is_nan() { f64::INFINITY } else { error };
        self.found.insert((quantity, case), error);
    }

    fn name(&self, quantity: &str, case: usize) -> String {
        format!("{} {quantity} {case}", self.scalar)
    }

    /// Within the limit, and nowhere twice what it was once: a record only goes down.
    fn check(&self) {
        let known: BTreeMap<String, f64> = serde_json::from_str(RATCHET).unwrap();
        for (quantity, limit) in LIMITS {
            let of_this = self.found.iter().filter(|((name, _), _)| *name == quantity);
            let Some((&(_, case), worst)) = of_this.max_by(|a, b| a.1.total_cmp(b.1)) else {
                continue;
            };
            let name = self.name(quantity, case);
            println!("{name:40} worst, {worst:.3} units");
            assert!(*worst <= limit, "{name}: {worst} units");
        }
        for (&(quantity, case), &error) in &self.found {
            let name = self.name(quantity, case);
            let record = known.get(&name).copied().unwrap_or(0.5);
            // Another family of processors may round a unit or two otherwise.
            assert!(
                error <= (2.0 * record).max(2.0),
                "{name}: {error} units, the record is {record}"
            );
        }
    }
}

fn pairs<T: Scalar>(scalar: &'static str) -> Errors {
    let mut errors = Errors::new(scalar);
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
            errors.record(quantity, index, [found, expected, unit * expected]);
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
            errors.record(quantity, index, [found, expected, unit * size]);
        }
    }
    errors
}

fn sets<T: Scalar>(scalar: &'static str) -> Errors {
    let mut errors = Errors::new(scalar);
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
        errors.record(
            "mutual_information",
            index,
            [found, expected, unit * expected],
        );
        assert!(found >= 0.0, "mutual information of case {index}: {found}");
    }
    errors
}

#[test]
fn pairs_in_double_precision_match_the_certified_values() {
    pairs::<f64>("f64").check();
}

#[test]
fn pairs_in_single_precision_match_the_certified_values() {
    pairs::<f32>("f32").check();
}

#[test]
fn information_in_double_precision_matches_the_certified_values() {
    sets::<f64>("f64").check();
}

#[test]
fn information_in_single_precision_matches_the_certified_values() {
    sets::<f32>("f32").check();
}

#[test]
#[ignore = "writes the file that the others compare with"]
fn write_the_records() {
    let all = [
        pairs::<f64>("f64"),
        pairs::<f32>("f32"),
        sets::<f64>("f64"),
        sets::<f32>("f32"),
    ];
    let mut records = BTreeMap::new();
    for errors in &all {
        for (&(quantity, case), &error) in &errors.found {
            if error > 0.5 {
                records.insert(errors.name(quantity, case), (error * 1e3).ceil() / 1e3);
            }
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/reference/ratchet.json");
    std::fs::write(path, serde_json::to_string_pretty(&records).unwrap()).unwrap();
}
