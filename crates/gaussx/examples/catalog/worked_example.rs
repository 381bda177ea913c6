//! The worked example: every quantity beside its 50-digit reference and the figure that
//! the Python tutorial printed.

use gaussx::prelude::*;
use gaussx::{Workspace, pair};
use serde_json::Value;

use crate::Failure;
use crate::table::{Table, number, numbers};

/// Writes the table; an error is a line that says what is wrong with the example's file.
pub(crate) fn write(page: &mut Vec<u8>) -> Result<(), Failure> {
    // serde_json's feature `float_roundtrip` is on: without it numbers are read to an ulp.
    let example: Value = serde_json::from_str(include_str!("../data/catalog.json"))?;
    let mut table = Table::new(page, &example)?;
    fill(&mut table, &example["inputs"])?;
    table.finish()
}

fn fill(table: &mut Table<'_>, inputs: &Value) -> Result<(), Failure> {
    density(table, &inputs["s1"])?;
    divergence(table, inputs)?;
    diagonal_fits(table, &inputs["s6"])?;
    standard_normal(table, &inputs["s7"])?;
    expected_log_likelihood(table, &inputs["s8"])?;
    information(table, &inputs["s9"])?;
    evidence(table, &inputs["s10"])
}

fn density(table: &mut Table<'_>, input: &Value) -> Result<(), Failure> {
    let p = MultivariateNormal::new(numbers(&input["mu"])?, dense(&input["Sigma"])?)?;
    let (x, n) = (numbers(&input["x"])?, p.dim());
    let (factor, mut workspace) = (p.covariance().cholesky(), Workspace::new());
    let mut l: Mat<f64> = Mat::identity(n, n);
    factor.multiply_in_place(l.as_mut(), &mut workspace)?;
    let mut z = Mat::from_fn(n, 1, |i, _| x[i] - p.mean()[i]);
    factor.half_solve_in_place(z.as_mut(), &mut workspace)?;

    table.row("s1.quadratic_form", &[p.quadratic_form(&x)?])?;
    let by_rows: Vec<f64> = (0..n * n).map(|k| l[(k / n, k % n)]).collect();
    table.row("s1.cholesky_factor", &by_rows)?;
    table.row("s1.whitened_residual", &entries(z.col(0)))?;
    table.row("s1.log_prob", &[p.log_prob(&x)?])?;
    table.row("s2.score_closed_form", &entries(p.score(&x)?.as_ref()))?;
    table.row("s3.entropy", &[p.entropy()?])?;
    table.row("s3.logdet", &[p.covariance().logdet()?])?;
    Ok(())
}

fn divergence(table: &mut Table<'_>, inputs: &Value) -> Result<(), Failure> {
    let input = &inputs["s4"];
    let p = MultivariateNormal::new(numbers(&input["mu_p"])?, dense(&input["Sigma_p"])?)?;
    let q = MultivariateNormal::new(numbers(&input["mu_q"])?, dense(&input["Sigma_q"])?)?;
    let trace = pair::trace(p.covariance(), q.covariance(), &mut Workspace::new())?;
    let (cross_entropy, kl) = (p.cross_entropy(&q)?, p.kl_divergence(&q)?);
    table.row("s4.quad_q", &[q.quadratic_form(p.mean())?])?;
    table.row("s4.trace_Sq_inv_Sp", &[trace])?;
    table.row("s4.logdet_q", &[q.covariance().logdet()?])?;
    table.row("s4.cross_entropy_closed_form", &[cross_entropy])?;
    table.row("s4.entropy_p", &[p.entropy()?])?;
    table.row("s4.kl_pq", &[kl])?;
    table.row("s4.entropy_p_plus_kl_pq", &[p.entropy()? + kl])?;
    let residual = cross_entropy - (p.entropy()? + kl);
    table.difference_of("s4.identity_residual", &[residual], cross_entropy)?;
    table.row("s4.kl_qp", &[q.kl_divergence(&p)?])?;

    let a = MultivariateNormal::new(numbers(&inputs["s5"]["mu_a"])?, p.covariance())?;
    let b = MultivariateNormal::new(numbers(&inputs["s5"]["mu_b"])?, p.covariance())?;
    let wide = MultivariateNormal::new(a.mean(), q.covariance())?;
    table.row("s5.kl_pp", &[p.kl_divergence(&p)?])?;
    table.row("s5.kl_same_cov", &[a.kl_divergence(&b)?])?;
    table.row("s5.half_mahalanobis", &[b.quadratic_form(a.mean())? / 2.0])?;
    table.row("s5.kl_same_mean", &[a.kl_divergence(&wide)?])?;
    Ok(())
}

fn diagonal_fits(table: &mut Table<'_>, input: &Value) -> Result<(), Failure> {
    let target = MultivariateNormal::new(
        numbers(&input["mu_target"])?,
        dense(&input["Sigma_target"])?,
    )?;
    let (forward, reverse) = (
        target.forward_diagonal_fit()?,
        target.reverse_diagonal_fit()?,
    );
    let deviations = |q: &MultivariateNormal<f64, DiagonalCovariance<f64>>| -> Vec<f64> {
        q.covariance()
            .variances()
            .iter()
            .map(|v| v.sqrt())
            .collect()
    };
    table.row("s6.forward_fit_std", &deviations(&forward))?;
    table.row("s6.reverse_fit_std", &deviations(&reverse))?;
    table.row(
        "s6.derived.kl_target_to_forward_fit",
        &[target.kl_divergence(&forward)?],
    )?;
    table.row(
        "s6.derived.kl_reverse_fit_to_target",
        &[reverse.kl_divergence(&target)?],
    )?;
    Ok(())
}

fn standard_normal(table: &mut Table<'_>, input: &Value) -> Result<(), Failure> {
    let full = MultivariateNormal::new(numbers(&input["m"])?, dense(&input["S"])?)?;
    let variances = full.covariance().diag()?;
    let diagonal = MultivariateNormal::new(full.mean(), DiagonalCovariance::new(variances)?)?;
    let identity = MultivariateNormal::centered(ScaledIdentity::new(full.dim(), 1.0)?)?;
    table.row("s7.kl_standard_normal", &[full.kl_standard_normal()?])?;
    table.row("s7.kl_full_vs_identity", &[full.kl_divergence(&identity)?])?;
    table.row("s7.kl_diagonal_formula", &[diagonal.kl_standard_normal()?])?;
    Ok(())
}

fn expected_log_likelihood(table: &mut Table<'_>, input: &Value) -> Result<(), Failure> {
    let (y, variance) = (numbers(&input["y"])?, number(&input["R"][0][0])?);
    let noise = ScaledIdentity::new(y.len(), variance)?;
    let q = MultivariateNormal::new(numbers(&input["q_mu"])?, dense(&input["q_cov"])?)?;
    let trace = pair::trace(q.covariance(), &noise, &mut Workspace::new())?;
    table.row(
        "s8.expected_log_lik",
        &[q.expected_log_likelihood(&y, &noise)?],
    )?;
    table.row(
        "s8.quad_term",
        &[gaussx::quadratic_form(&y, q.mean(), &noise)?],
    )?;
    table.row("s8.trace_term", &[trace])?;
    table.row("s8.logdet_R", &[noise.logdet()?])?;
    Ok(())
}

fn information(table: &mut Table<'_>, input: &Value) -> Result<(), Failure> {
    let alone = gaussx::entropy(&ScaledIdentity::new(1, 1.0)?)?;
    let (mut closed_form, mut from_entropies) = (Vec::new(), Vec::new());
    for rho in numbers(&input["rhos"])? {
        let joint = DenseCovariance::new(mat![[1.0, rho], [rho, 1.0]])?;
        closed_form.push(gaussx::mutual_information(&joint, &[0], &[1])?);
        from_entropies.push(2.0 * alone - gaussx::entropy(&joint)?);
    }
    table.difference_of(
        "s9.mutual_information_from_entropies",
        &from_entropies,
        2.0 * alone,
    )?;
    table.row("s9.mutual_information_closed_form", &closed_form)?;
    Ok(())
}

fn evidence(table: &mut Table<'_>, input: &Value) -> Result<(), Failure> {
    let (y, prior_mean) = (numbers(&input["y"])?, numbers(&input["prior_mean"])?);
    let (prior_variance, noise_variance) =
        (number(&input["prior_var"])?, number(&input["noise_var"])?);
    let noise = ScaledIdentity::new(1, noise_variance)?;
    let prior = MultivariateNormal::new(prior_mean, ScaledIdentity::new(1, prior_variance)?)?;
    let mut sweep = Vec::new();
    for mean in numbers(&input["q_means"])? {
        let q = MultivariateNormal::new([mean], ScaledIdentity::new(1, number(&input["q_var"])?)?)?;
        sweep.push(q.elbo(&y, &noise, &prior)?);
    }
    let posterior = ScaledIdentity::from_precision(1, 1.0 / prior_variance + 1.0 / noise_variance)?;
    let mean = posterior.variance() * (y[0] / noise_variance);
    let posterior = MultivariateNormal::new([mean], posterior)?;
    let marginal = ScaledIdentity::new(1, prior_variance + noise_variance)?;

    table.row("s10.elbo_sweep", &sweep)?;
    table.row("s10.posterior_mean", &[mean])?;
    table.row("s10.posterior_var", &[posterior.covariance().variance()])?;
    table.row(
        "s10.derived.elbo_at_posterior",
        &[posterior.elbo(&y, &noise, &prior)?],
    )?;
    let evidence = gaussx::log_prob(&y, prior.mean(), &marginal)?;
    table.row("s10.derived.log_marginal", &[evidence])?;
    Ok(())
}

fn dense(value: &Value) -> Result<DenseCovariance<f64>, Failure> {
    let (entries, n) = (numbers(value)?, value.as_array().map_or(0, Vec::len));
    let matrix = MatRef::from_row_major_slice(&entries, n, n).to_owned();
    Ok(DenseCovariance::new(matrix)?)
}

fn entries(column: ColRef<'_, f64>) -> Vec<f64> {
    column.iter().copied().collect()
}
