//! Writes `docs/accuracy.md`: errors on the certified cases, beside the textbook formulas.
//!
//! `cargo test -p gaussx-tests accuracy_table:: -- --ignored`

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use gaussx::{CovarianceOperator, MultivariateNormal, Scalar};
use gaussx_tests::certified::{cases, digits, operator, vector};
use gaussx_tests::oracle::{error, parse, to_f64};
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use serde_json::Value;
use statrs::distribution::Continuous;
use statrs::statistics::MeanN;

/// Errors of one quantity, in the unit of the promise, for us and for others.
#[derive(Default)]
struct Errors {
    ours: Vec<f64>,
    textbook: Vec<f64>,
    statrs: Vec<f64>,
}

/// By quantity, structure and scalar.
type Table = BTreeMap<(String, String, &'static str), Errors>;

/// The textbook: factors by nalgebra, then the formula as it is printed.
struct Textbook {
    matrix: DMatrix<f64>,
    factor: Option<Cholesky<f64, Dyn>>,
}

impl Textbook {
    fn new(sigma: &dyn CovarianceOperator<f64>) -> Self {
        let dense = sigma.to_dense().expect("small");
        let matrix = DMatrix::from_fn(sigma.dim(), sigma.dim(), |i, j| dense[(i, j)]);
        Self {
            factor: Cholesky::new(matrix.clone()),
            matrix,
        }
    }

    fn logdet(&self) -> f64 {
        self.factor
            .as_ref()
            .map_or(f64::NAN, Cholesky::ln_determinant)
    }

    fn form(&self, x: &[f64], mean: &[f64]) -> f64 {
        let delta = DVector::from_fn(x.len(), |i, _| x[i] - mean[i]);
        let Some(factor) = &self.factor else {
            return f64::NAN;
        };
        delta.dot(&factor.solve(&delta))
    }

    fn kl(&self, q: &Self, mean_p: &[f64], mean_q: &[f64]) -> f64 {
        let Some(factor) = &q.factor else {
            return f64::NAN;
        };
        let trace = factor.solve(&self.matrix).trace();
        let n = mean_p.len() as f64;
        0.5 * (trace - n + q.logdet() - self.logdet() + q.form(mean_p, mean_q))
    }

    fn log_prob(&self, x: &[f64], mean: &[f64]) -> f64 {
        let n = x.len() as f64;
        -0.5 * (n * core::f64::consts::TAU.ln() + self.logdet() + self.form(x, mean))
    }

    fn information(&self, split: usize) -> f64 {
        let n = self.matrix.nrows();
        let part = |from: usize, size: usize| {
            let block = self.matrix.view((from, from), (size, size)).into_owned();
            Cholesky::new(block).map_or(f64::NAN, |c| c.ln_determinant())
        };
        0.5 * (part(0, split) + part(split, n - split) - self.logdet())
    }
}

fn statrs_log_prob(q: &Textbook, x: &[f64], mean: &[f64]) -> f64 {
    let cov = q.matrix.iter().copied().collect();
    let normal = statrs::distribution::MultivariateNormal::new(mean.to_vec(), cov);
    let Ok(normal) = normal else {
        return f64::NAN;
    };
    // A vector of the nalgebra that statrs has, which need not be ours.
    let mut point = MeanN::mean(&normal).unwrap_or_default();
    point.copy_from_slice(x);
    normal.ln_pdf(&point)
}

fn statrs_entropy(q: &Textbook) -> f64 {
    let cov = q.matrix.iter().copied().collect();
    let normal = statrs::distribution::MultivariateNormal::new(vec![0.0; q.matrix.nrows()], cov);
    normal.ok().and_then(|g| g.entropy()).unwrap_or(f64::NAN)
}

fn in_units(error: f64, unit: f64) -> f64 {
    let units = if error == 0.0 { 0.0 } else { error / unit };
    if units.is_nan() { f64::INFINITY } else { units }
}

fn structure(case: &Value) -> String {
    let name = |side: &str| case[side]["kind"].as_str().unwrap_or("?").replace('_', " ");
    format!("{} ‖ {}", name("p"), name("q"))
}

fn pairs<T: Scalar>(scalar: &'static str, table: &mut Table, near: &mut BTreeMap<usize, Errors>) {
    for case in cases()["pairs"].as_array().into_iter().flatten() {
        if case["scalar"] != scalar {
            continue;
        }
        let (p, q) = (operator::<T>(&case["p"]), operator::<T>(&case["q"]));
        let [m_p, m_q, y] = ["mean_p", "mean_q", "y"].map(|key| vector::<T>(&case[key]));
        let double = |x: &[T]| -> Vec<f64> { x.iter().map(|v| v.as_f64()).collect() };
        let (p_64, q_64) = (operator::<f64>(&case["p"]), operator::<f64>(&case["q"]));
        let (t_p, t_q) = (Textbook::new(&*p_64), Textbook::new(&*q_64));
        let unit = T::EPSILON.as_f64() * case["kappa"].as_f64().unwrap_or(f64::NAN);
        let size = case["size"].as_f64().unwrap_or(f64::NAN);
        let single = T::EPSILON.as_f64() > 1e-10;
        let mut row = |name: &str, ours: T, textbook: f64, statrs: f64, unit: f64| {
            let exact = parse(digits(case, name));
            let key = (name.replace('_', " "), structure(case), scalar);
            let errors = table.entry(key).or_default();
            errors.ours.push(in_units(error(ours, &exact), unit));
            // The others compute in double precision: single is not theirs to be judged by.
            if !single {
                errors
                    .textbook
                    .push(in_units(error(textbook, &exact), unit));
                errors.statrs.push(in_units(error(statrs, &exact), unit));
            }
        };
        let none = f64::NAN;
        let of = |name: &str| to_f64(&parse(digits(case, name)));
        let kl = gaussx::kl_divergence(&m_p, &p, &m_q, &q).expect("a valid pair");
        let [a, b, c] = [double(&m_p), double(&m_q), double(&y)];
        let textbook_kl = t_p.kl(&t_q, &a, &b);
        row(
            "kl_divergence",
            kl,
            textbook_kl,
            none,
            unit * of("kl_divergence"),
        );
        let at_p = MultivariateNormal::new(&m_p, &q).expect("a valid mean");
        let form = at_p.quadratic_form(&y).expect("a valid point");
        row(
            "quadratic_form",
            form,
            t_q.form(&c, &a),
            none,
            unit * of("quadratic_form"),
        );
        let log_prob = at_p.log_prob(&y).expect("a valid point");
        let statrs = statrs_log_prob(&t_q, &c, &a);
        row(
            "log_prob",
            log_prob,
            t_q.log_prob(&c, &a),
            statrs,
            unit * size,
        );
        let logdet = q.logdet().expect("a valid covariance");
        let constant = t_q.matrix.nrows() as f64 * (1.0 + core::f64::consts::TAU.ln());
        let statrs = 2.0 * statrs_entropy(&t_q) - constant;
        row("logdet", logdet, t_q.logdet(), statrs, unit * size);
        if !single {
            let exact = parse(digits(case, "kl_divergence"));
            let bin = (-to_f64(&exact).log10()).clamp(0.0, 29.9) as usize / 5;
            let errors = near.entry(bin).or_default();
            errors
                .ours
                .push(in_units(error(kl, &exact), to_f64(&exact)));
            errors
                .textbook
                .push(in_units(error(textbook_kl, &exact), to_f64(&exact)));
        }
    }
}

fn sets<T: Scalar>(scalar: &'static str, table: &mut Table) {
    for case in cases()["sets"].as_array().into_iter().flatten() {
        if case["scalar"] != scalar {
            continue;
        }
        let sigma = operator::<T>(&case["p"]);
        let split = case["split"].as_u64().unwrap_or(0) as usize;
        let (a, b): (Vec<usize>, Vec<usize>) =
            ((0..split).collect(), (split..sigma.dim()).collect());
        let found = gaussx::mutual_information(&sigma, &a, &b).expect("valid sets");
        let exact = parse(digits(case, "mutual_information"));
        let kappa = case["kappa"].as_f64().unwrap_or(f64::NAN);
        let unit = T::EPSILON.as_f64() * kappa * to_f64(&exact);
        let key = ("mutual information".to_owned(), "dense".to_owned(), scalar);
        let errors = table.entry(key).or_default();
        errors.ours.push(in_units(error(found, &exact), unit));
        if T::EPSILON.as_f64() < 1e-10 {
            let textbook = Textbook::new(&*operator::<f64>(&case["p"])).information(split);
            errors
                .textbook
                .push(in_units(error(textbook, &exact), unit));
        }
    }
}

/// 99 % and the largest, in three digits.
fn summary(mut errors: Vec<f64>) -> String {
    if errors.is_empty() || errors.iter().all(|e| e.is_infinite()) {
        return "- | -".to_owned();
    }
    errors.sort_by(f64::total_cmp);
    let most = errors[(0.99 * (errors.len() - 1) as f64) as usize];
    format!("{} | {}", short(most), short(errors[errors.len() - 1]))
}

fn short(x: f64) -> String {
    if x.is_infinite() {
        "fails".to_owned()
    } else if x == 0.0 || (0.01..1e4).contains(&x) {
        format!("{x:.2}")
    } else {
        format!("{x:.1e}")
    }
}

const HEAD: &str = "# Accuracy

Written by `cargo test -p gaussx-tests accuracy_table:: -- --ignored`.

Errors on the certified cases of `tests/reference`: 709 pairs of Gaussians and 160 pairs of index
sets, dimension 1 to 200, condition numbers of the correlation matrix to 1e8 (1e3 in single
precision), variances up to forty decades apart, divergences from 1e8 down to 6e-33. The exact values
are proven to forty digits by ball arithmetic.

The unit is `ε tr(R⁻¹)`, `R` the correlation matrix, at most `n ε κ`: times the value itself for
divergences, quadratic forms and information, times the sum of the magnitudes of the terms for what
contains a logarithm. The promise is 5 units.

*Textbook* is the printed formula on nalgebra's Cholesky factor, *statrs* its multivariate normal
(log-density, and log-determinant by way of the entropy); both in double precision, on the same
matrices, filled out where they are structured. *fails* is NaN, infinity or a refusal of a valid
covariance.
";

#[test]
#[ignore = "writes docs/accuracy.md anew"]
fn the_table_of_accuracy_is_written() {
    let mut text = String::new();
    write_table(&mut text).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/accuracy.md");
    std::fs::write(file, text).unwrap();
}

fn write_table(out: &mut impl Write) -> fmt::Result {
    let (mut table, mut near) = (Table::new(), BTreeMap::new());
    pairs::<f64>("f64", &mut table, &mut near);
    pairs::<f32>("f32", &mut table, &mut BTreeMap::new());
    sets::<f64>("f64", &mut table);
    sets::<f32>("f32", &mut table);

    let mut quantities: BTreeMap<(String, &str), Errors> = BTreeMap::new();
    for ((quantity, _, scalar), errors) in &table {
        let all = quantities.entry((quantity.clone(), scalar)).or_default();
        all.ours.extend(&errors.ours);
        all.textbook.extend(&errors.textbook);
        all.statrs.extend(&errors.statrs);
    }
    writeln!(out, "{HEAD}")?;
    writeln!(out, "## By quantity\n")?;
    writeln!(
        out,
        "| quantity | scalar | cases | 99 % | worst | textbook 99 % | worst | statrs 99 % | worst |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|")?;
    for ((quantity, scalar), errors) in quantities {
        let cases = errors.ours.len();
        writeln!(
            out,
            "| {quantity} | {scalar} | {cases} | {} | {} | {} |",
            summary(errors.ours),
            summary(errors.textbook),
            summary(errors.statrs)
        )?;
    }
    writeln!(out, "\n## KL by its size\n")?;
    writeln!(out, "Relative errors, double precision, all structures.\n")?;
    writeln!(out, "| KL | cases | 99 % | worst | textbook 99 % | worst |")?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for (bin, errors) in near {
        let range = match bin {
            0 => "above 1e-5".to_owned(),
            5 => "below 1e-25".to_owned(),
            _ => format!("1e-{} to 1e-{}", 5 * bin, 5 * bin + 5),
        };
        let cases = errors.ours.len();
        writeln!(
            out,
            "| {range} | {cases} | {} | {} |",
            summary(errors.ours),
            summary(errors.textbook)
        )?;
    }
    writeln!(out, "\n## By structure\n")?;
    writeln!(
        out,
        "| quantity | structures of p and q | scalar | cases | 99 % | worst | textbook 99 % | worst |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|")?;
    for ((quantity, structure, scalar), errors) in table {
        let cases = errors.ours.len();
        writeln!(
            out,
            "| {quantity} | {structure} | {scalar} | {cases} | {} | {} |",
            summary(errors.ours),
            summary(errors.textbook)
        )?;
    }
    Ok(())
}
