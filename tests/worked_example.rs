//! The catalogue's worked example against 50-digit references.

use gaussx::faer::Mat;
use gaussx::{
    CovarianceOperator, DenseCovariance, DiagonalCovariance, MultivariateNormal, ScaledIdentity,
    Workspace, pair,
};
use serde_json::Value;

/// Relative, or absolute near zero.
#[track_caller]
fn assert_reference(example: &Value, key: &str, found: &[f64]) {
    let reference = numbers(&example["outputs"][key]["reference"]);
    assert_eq!(reference.len(), found.len(), "{key}");
    for (i, (&found, &expected)) in found.iter().zip(&reference).enumerate() {
        let bound = (1e-14 * expected.abs()).max(1e-15);
        let error = (found - expected).abs();
        assert!(
            error <= bound,
            "{key}[{i}]: {found:e}, not {expected:e}: {error:e}"
        );
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

fn matrix(value: &Value) -> Mat<f64> {
    let entries = numbers(value);
    let n = value.as_array().unwrap().len();
    Mat::from_fn(n, n, |i, j| entries[i * n + j])
}

fn example() -> Value {
    serde_json::from_str(include_str!("../crates/gaussx/examples/data/catalog.json")).unwrap()
}

fn dense(value: &Value) -> DenseCovariance<f64> {
    DenseCovariance::new(matrix(value)).unwrap()
}

#[test]
fn density_score_and_entropy() {
    let example = example();
    let input = &example["inputs"]["s1"];
    let sigma = dense(&input["Sigma"]);
    let x = numbers(&input["x"]);
    let p = MultivariateNormal::new(numbers(&input["mu"]), sigma).unwrap();
    let sigma = p.covariance();

    assert_reference(
        &example,
        "s1.quadratic_form",
        &[p.quadratic_form(&x).unwrap()],
    );
    assert_reference(&example, "s1.log_prob", &[p.log_prob(&x).unwrap()]);
    let score: Vec<f64> = p.score(&x).unwrap().iter().copied().collect();
    assert_reference(&example, "s2.score_closed_form", &score);
    assert_reference(&example, "s3.entropy", &[p.entropy().unwrap()]);
    assert_reference(&example, "s3.logdet", &[sigma.logdet().unwrap()]);

    let mut workspace = Workspace::new();
    let mut l: Mat<f64> = Mat::identity(4, 4);
    let factor = sigma.cholesky();
    factor
        .multiply_in_place(l.as_mut(), &mut workspace)
        .unwrap();
    let by_rows: Vec<f64> = (0..16).map(|k| l[(k / 4, k % 4)]).collect();
    assert_reference(&example, "s1.cholesky_factor", &by_rows);

    let mut z = Mat::from_fn(4, 1, |i, _| x[i] - p.mean()[i]);
    factor
        .half_solve_in_place(z.as_mut(), &mut workspace)
        .unwrap();
    let z: Vec<f64> = z.col(0).iter().copied().collect();
    assert_reference(&example, "s1.whitened_residual", &z);
}

#[test]
fn cross_entropy_and_divergence() {
    let example = example();
    let input = &example["inputs"]["s4"];
    let gaussian = |name: &str| {
        let mean = numbers(&input[format!("mu_{name}")]);
        MultivariateNormal::new(mean, dense(&input[format!("Sigma_{name}")])).unwrap()
    };
    let (p, q) = (gaussian("p"), gaussian("q"));
    let (entropy, kl) = (p.entropy().unwrap(), p.kl_divergence(&q).unwrap());
    let cross_entropy = p.cross_entropy(&q).unwrap();
    let trace = pair::trace(p.covariance(), q.covariance(), &mut Workspace::new()).unwrap();
    let check = |key: &str, found: f64| assert_reference(&example, key, &[found]);
    check("s4.quad_q", q.quadratic_form(p.mean()).unwrap());
    check("s4.trace_Sq_inv_Sp", trace);
    check("s4.logdet_q", q.covariance().logdet().unwrap());
    check("s4.cross_entropy_closed_form", cross_entropy);
    check("s4.entropy_p", entropy);
    check("s4.kl_pq", kl);
    check("s4.entropy_p_plus_kl_pq", entropy + kl);
    check("s4.identity_residual", cross_entropy - (entropy + kl));
    check("s4.kl_qp", q.kl_divergence(&p).unwrap());
    check("s5.kl_pp", p.kl_divergence(&p).unwrap());

    let input = &example["inputs"]["s5"];
    let a = MultivariateNormal::new(numbers(&input["mu_a"]), p.covariance()).unwrap();
    let b = MultivariateNormal::new(numbers(&input["mu_b"]), p.covariance()).unwrap();
    check("s5.kl_same_cov", a.kl_divergence(&b).unwrap());
    check(
        "s5.half_mahalanobis",
        b.quadratic_form(a.mean()).unwrap() / 2.0,
    );
    let p = MultivariateNormal::centered(p.covariance()).unwrap();
    let q = MultivariateNormal::centered(q.covariance()).unwrap();
    check("s5.kl_same_mean", p.kl_divergence(&q).unwrap());
}

#[test]
fn diagonal_fits() {
    let example = example();
    let input = &example["inputs"]["s6"];
    let mean = numbers(&input["mu_target"]);
    let target = MultivariateNormal::new(mean, dense(&input["Sigma_target"])).unwrap();
    let (forward, reverse) = (
        target.forward_diagonal_fit().unwrap(),
        target.reverse_diagonal_fit().unwrap(),
    );
    let deviations = |v: &[f64]| -> Vec<f64> { v.iter().map(|v| v.sqrt()).collect() };
    let check = |key: &str, found: &[f64]| assert_reference(&example, key, found);
    check(
        "s6.forward_fit_std",
        &deviations(forward.covariance().variances()),
    );
    check(
        "s6.reverse_fit_std",
        &deviations(reverse.covariance().variances()),
    );
    let cost = target.kl_divergence(&forward).unwrap();
    check("s6.derived.kl_target_to_forward_fit", &[cost]);
    let cost = reverse.kl_divergence(&target).unwrap();
    check("s6.derived.kl_reverse_fit_to_target", &[cost]);
}

#[test]
fn divergence_from_the_standard_normal() {
    let example = example();
    let input = &example["inputs"]["s7"];
    let (mean, s) = (numbers(&input["m"]), matrix(&input["S"]));
    let full = MultivariateNormal::new(&mean, DenseCovariance::new(s.clone()).unwrap()).unwrap();
    let variances = [s[(0, 0)], s[(1, 1)]];
    let diagonal = DiagonalCovariance::new(variances).unwrap();
    let diagonal = MultivariateNormal::new(&mean, diagonal).unwrap();
    let standard = MultivariateNormal::centered(ScaledIdentity::new(2, 1.0).unwrap()).unwrap();
    let check = |key: &str, found: f64| assert_reference(&example, key, &[found]);
    check("s7.kl_standard_normal", full.kl_standard_normal().unwrap());
    check(
        "s7.kl_full_vs_identity",
        full.kl_divergence(&standard).unwrap(),
    );
    check(
        "s7.kl_diagonal_formula",
        diagonal.kl_standard_normal().unwrap(),
    );
}

#[test]
fn expected_log_likelihood() {
    let example = example();
    let input = &example["inputs"]["s8"];
    let (y, noise) = (numbers(&input["y"]), dense(&input["R"]));
    let q = MultivariateNormal::new(numbers(&input["q_mu"]), dense(&input["q_cov"])).unwrap();
    let check = |key: &str, found: f64| assert_reference(&example, key, &[found]);
    check(
        "s8.expected_log_lik",
        q.expected_log_likelihood(&y, &noise).unwrap(),
    );
    let structured = ScaledIdentity::new(3, 0.1).unwrap();
    check(
        "s8.expected_log_lik",
        q.expected_log_likelihood(&y, &structured).unwrap(),
    );
    let form = gaussx::quadratic_form(&y, q.mean(), &noise).unwrap();
    check("s8.quad_term", form);
    let trace = pair::trace(q.covariance(), &noise, &mut Workspace::new()).unwrap();
    check("s8.trace_term", trace);
    check("s8.logdet_R", noise.logdet().unwrap());
}

#[test]
fn mutual_information() {
    let example = example();
    let rhos = numbers(&example["inputs"]["s9"]["rhos"]);
    let correlated = |rho: f64| {
        let sigma = Mat::from_fn(2, 2, |i, j| if i == j { 1.0 } else { rho });
        DenseCovariance::new(sigma).unwrap()
    };
    let information = |&rho: &f64| gaussx::mutual_information(&correlated(rho), &[0], &[1]);
    let found: Result<Vec<f64>, _> = rhos.iter().map(information).collect();
    let found = found.unwrap();
    assert_reference(&example, "s9.mutual_information_closed_form", &found);

    let unit = gaussx::entropy(&ScaledIdentity::new(1, 1.0).unwrap()).unwrap();
    let from_entropies = |&rho: &f64| 2.0 * unit - gaussx::entropy(&correlated(rho)).unwrap();
    let found: Vec<f64> = rhos.iter().map(from_entropies).collect();
    // A difference of two entropies near 3, each with two roundings of 2 ε.
    let reference =
        numbers(&example["outputs"]["s9.mutual_information_from_entropies"]["reference"]);
    for (found, expected) in found.iter().zip(&reference) {
        assert!((found - expected).abs() <= 8.0 * f64::EPSILON);
    }
}

#[test]
fn evidence_lower_bound() {
    let example = example();
    let input = &example["inputs"]["s10"];
    let number = |key: &str| input[key].as_f64().unwrap();
    let y = numbers(&input["y"]);
    let scalar = |variance: f64| ScaledIdentity::new(1, variance).unwrap();
    let noise = scalar(number("noise_var"));
    let prior = MultivariateNormal::new(numbers(&input["prior_mean"]), scalar(number("prior_var")))
        .unwrap();
    let elbo = |mean: f64, variance: f64| {
        let q = MultivariateNormal::new([mean], scalar(variance)).unwrap();
        q.elbo(&y, &noise, &prior).unwrap()
    };
    let means = numbers(&input["q_means"]);
    let sweep: Vec<f64> = means.iter().map(|&m| elbo(m, number("q_var"))).collect();
    assert_reference(&example, "s10.elbo_sweep", &sweep);

    let posterior = ScaledIdentity::from_precision(
        1,
        prior.covariance().variance().recip() + noise.variance().recip(),
    )
    .unwrap();
    let mean = posterior.variance() * y[0] / noise.variance();
    assert_reference(&example, "s10.posterior_mean", &[mean]);
    assert_reference(&example, "s10.posterior_var", &[posterior.variance()]);
    let bound = elbo(mean, posterior.variance());
    assert_reference(&example, "s10.derived.elbo_at_posterior", &[bound]);
    let evidence = scalar(number("prior_var") + number("noise_var"));
    let evidence = gaussx::log_prob(&y, prior.mean(), &evidence).unwrap();
    assert_reference(&example, "s10.derived.log_marginal", &[evidence]);
}
