//! A claimed bound holds in every certified case, and is rarely a thousand times too large.

use gaussx::{Bounded, CovarianceOperator, MultivariateNormal, Scalar};
use gaussx_tests::ar1::Ar1;
use gaussx_tests::certified::{cases, digits, operator, vector};
use gaussx_tests::oracle::{self, parse};

/// Claims and true errors of one quantity.
#[derive(Default)]
struct Record {
    ratios: Vec<f64>,
}

impl Record {
    fn add<T: Scalar>(&mut self, case: &str, found: Bounded<T>, exact: &str, size: f64) {
        let (value, bound) = (found.value.as_f64(), found.error.as_f64());
        let error = oracle::error(found.value, &parse(exact));
        assert!(
            error <= bound,
            "{case}: {value:e} is off by {error:e}, claimed {bound:e}"
        );
        // What the rounding of the result itself may be.
        let least = T::EPSILON.as_f64() * size.abs() / 4.0;
        if bound > 0.0 {
            self.ratios.push(bound / error.max(least));
        }
    }

    fn check(mut self, name: &str) {
        self.ratios.sort_by(f64::total_cmp);
        let at = |share: f64| self.ratios[(share * (self.ratios.len() - 1) as f64) as usize];
        println!(
            "{name:30} {:4} cases: claimed over true median {:.2}, 99 % {:.1}, largest {:.1}",
            self.ratios.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
        assert!(at(0.99) <= 1000.0, "{name}: {}", at(0.99));
    }
}

fn pairs<T: Scalar>(scalar: &str) {
    let (mut logdets, mut forms, mut divergences) =
        (Record::default(), Record::default(), Record::default());
    for (index, case) in cases()["pairs"].as_array().unwrap().iter().enumerate() {
        if case["scalar"] != scalar {
            continue;
        }
        let q =
            MultivariateNormal::new(vector::<T>(&case["mean_q"]), operator(&case["q"])).unwrap();
        let p =
            MultivariateNormal::new(vector::<T>(&case["mean_p"]), operator(&case["p"])).unwrap();
        let name = |quantity: &str| format!("{scalar} {quantity} of case {index}");
        let logdet = gaussx::logdet_bounded(q.covariance()).unwrap();
        // A log-determinant may be zero by chance: it is measured absolutely.
        let size = logdet.value.as_f64().abs().max(1.0);
        logdets.add(&name("logdet"), logdet, digits(case, "logdet"), size);
        let at_p = MultivariateNormal::new(p.mean(), q.covariance()).unwrap();
        let form = at_p
            .quadratic_form_bounded(vector::<T>(&case["y"]))
            .unwrap();
        let size = form.value.as_f64();
        forms.add(&name("form"), form, digits(case, "quadratic_form"), size);
        let kl = p.kl_divergence_bounded(&q).unwrap();
        let size = kl.value.as_f64();
        divergences.add(&name("KL"), kl, digits(case, "kl_divergence"), size);
    }
    logdets.check(&format!("{scalar} log-determinant"));
    forms.check(&format!("{scalar} quadratic form"));
    divergences.check(&format!("{scalar} KL"));
}

#[test]
fn bounds_in_double_precision_hold_and_are_tight() {
    pairs::<f64>("f64");
}

#[test]
fn bounds_in_single_precision_hold_and_are_tight() {
    pairs::<f32>("f32");
}

#[test]
fn a_factor_that_cannot_be_asked_again_gets_a_bound_from_its_condition() {
    for (n, rho) in [(1, 0.5_f64), (5, 0.9), (30, -0.99)] {
        let sigma = Ar1::new(n, rho, 2.0).unwrap();
        let near = Ar1::new(n, rho * (1.0 + 1e-9), 2.0).unwrap();
        let dense = gaussx::DenseCovariance::new(sigma.to_dense().unwrap()).unwrap();
        let zero = vec![0.0; n];
        let x: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
        let found = gaussx::logdet_bounded(&sigma).unwrap();
        let other = gaussx::logdet_bounded(&dense).unwrap();
        assert!((found.value - other.value).abs() <= found.error + other.error);
        let found = gaussx::quadratic_form_bounded(&x, &zero, &sigma).unwrap();
        let other = gaussx::quadratic_form_bounded(&x, &zero, &dense).unwrap();
        assert!((found.value - other.value).abs() <= found.error + other.error);
        let kl = gaussx::kl_divergence_bounded(&zero, &near, &zero, &sigma).unwrap();
        assert!(kl.error.is_finite() && kl.error > 0.0);
    }
}

#[test]
fn a_bound_of_a_million_coordinates_stays_linear() {
    let n = 1_000_000;
    let p = gaussx::DiagonalCovariance::new(vec![2.0; n]).unwrap();
    let q = gaussx::ScaledIdentity::new(n, 1.0).unwrap();
    let zero = vec![0.0; n];
    let kl = gaussx::kl_divergence_bounded(&zero, &p, &zero, &q).unwrap();
    let exact = 0.5 * n as f64 * (1.0 - 2.0_f64.ln());
    assert!((kl.value - exact).abs() <= kl.error + exact * f64::EPSILON);
    assert!(kl.error < 1e-14 * kl.value);
    let process = Ar1::new(n, 0.5, 1.0).unwrap();
    let kl = gaussx::kl_divergence_bounded(&zero, &process, &zero, &p).unwrap();
    assert!(kl.error.is_finite());
}

#[test]
fn the_estimate_of_the_condition_is_within_a_factor_of_ten() {
    for case in cases()["pairs"].as_array().unwrap() {
        if case["scalar"] != "f64" {
            continue;
        }
        let sigma = operator::<f64>(&case["q"]);
        let estimate = gaussx::condition_estimate(&sigma).unwrap();
        let exact = exact_condition(&sigma);
        assert!(
            estimate >= exact / 10.0 && estimate <= exact * 1.0001,
            "{estimate:e} {exact:e}"
        );
    }
}

/// `‖R‖₁ ‖R⁻¹‖₁` from the matrices themselves.
fn exact_condition(sigma: &dyn CovarianceOperator<f64>) -> f64 {
    let n = sigma.dim();
    let dense = sigma.to_dense().unwrap();
    let inverse = sigma
        .solve(gaussx::faer::Mat::<f64>::identity(n, n).as_ref())
        .unwrap();
    let deviation = |i: usize| dense[(i, i)].sqrt();
    let norm = |entry: &dyn Fn(usize, usize) -> f64| {
        (0..n)
            .map(|j| (0..n).map(|i| entry(i, j).abs()).sum())
            .fold(0.0, f64::max)
    };
    norm(&|i, j| dense[(i, j)] / deviation(i) / deviation(j))
        * norm(&|i, j| inverse[(i, j)] * deviation(i) * deviation(j))
}
