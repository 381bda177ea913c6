//! Variational inference in a conjugate linear-Gaussian model, with three families that
//! differ by one type.
//!
//! A smooth function `f ~ N(0, K)` is seen through noise, `y = f + e`, `e ~ N(0, v I)`. The
//! posterior is Gaussian with precision `Λ = K⁻¹ + I / v`, so that every answer can be
//! checked. For a Gaussian `q` the ELBO is a concave quadratic in the mean, with its
//! maximum at the posterior mean, and in the covariance it is largest where
//! `½ ln det C - ½ tr(Λ C)` is: at `Λ⁻¹` for a dense `C`, at `1 / Λ_ii` for a diagonal one,
//! at `n / tr Λ` for a scaled identity.

use std::process::ExitCode;

use gaussx::prelude::*;
use gaussx::{AsCol, Scalar};

/// A family of covariances in which the ELBO has its maximum in closed form.
trait Family: CovarianceOperator<f64> + Sized {
    /// The member that maximises `½ ln det C - ½ tr(Λ C)`.
    fn best_for(precision: &Mat<f64>) -> Result<Self, Error>;
}

impl Family for DenseCovariance<f64> {
    fn best_for(precision: &Mat<f64>) -> Result<Self, Error> {
        Ok(Self::from_precision(precision.clone())?)
    }
}

impl Family for DiagonalCovariance<f64> {
    fn best_for(precision: &Mat<f64>) -> Result<Self, Error> {
        let n = precision.nrows();
        Self::from_precisions(Col::from_fn(n, |i| precision[(i, i)]))
    }
}

impl Family for ScaledIdentity<f64> {
    fn best_for(precision: &Mat<f64>) -> Result<Self, Error> {
        let n = precision.nrows();
        let trace: f64 = (0..n).map(|i| precision[(i, i)]).sum();
        Self::from_precision(n, trace / f64::of_count(n))
    }
}

/// What is known before, what was seen, and the exact answer.
struct Model {
    prior: MultivariateNormal<f64, DenseCovariance<f64>>,
    noise: ScaledIdentity<f64>,
    y: Vec<f64>,
    evidence: f64,
    posterior: MultivariateNormal<f64, DenseCovariance<f64>>,
}

impl Model {
    fn new(n: usize, variance: f64) -> Result<Self, Error> {
        let at = |i: usize| f64::of_count(i) / f64::of_count(n);
        let kernel = Mat::from_fn(n, n, |i, j| {
            let distance = (at(i) - at(j)) / 0.3;
            (-0.5 * distance * distance).exp() + if i == j { 1e-3 } else { 0.0 }
        });
        let wiggle = |i: usize| if i.is_multiple_of(2) { 0.2 } else { -0.15 };
        let y: Vec<f64> = (0..n).map(|i| (6.0 * at(i)).sin() + wiggle(i)).collect();

        // By conditioning: μ = K (K + vI)⁻¹ y, Σ = K - K (K + vI)⁻¹ K.
        let total = DenseCovariance::new(kernel.clone())?.add_jitter(variance)?;
        let mean = &kernel * total.solve(y.as_col().as_mat())?;
        let spread = &kernel - &kernel * total.solve(kernel.as_ref())?;
        let posterior = DenseCovariance::from_lower_triangle(spread)?;
        Ok(Self {
            evidence: MultivariateNormal::centered(total)?.log_prob(&y)?,
            posterior: MultivariateNormal::new(mean.col(0), posterior)?,
            prior: MultivariateNormal::centered(DenseCovariance::new(kernel)?)?,
            noise: ScaledIdentity::new(n, variance)?,
            y,
        })
    }

    /// The member of the family `C` with the largest ELBO, from `Λ` alone.
    fn fit<C: Family>(&self) -> Result<MultivariateNormal<f64, C>, Error> {
        let identity: Mat<f64> = Mat::identity(self.y.len(), self.y.len());
        let prior_precision = self.prior.covariance().solve(identity.as_ref())?;
        let precision = prior_precision + self.noise.solve(identity.as_ref())?;
        let pull = self.noise.solve(self.y.as_col().as_mat())?;
        let mean = DenseCovariance::from_precision(precision.clone())?.apply(pull.as_ref())?;
        MultivariateNormal::new(mean.col(0), C::best_for(&precision)?)
    }

    /// Fits one family and prints a line; whether evidence - ELBO is KL(q ‖ posterior).
    fn report<C: Family>(&self, name: &str) -> Result<bool, Error> {
        let q = self.fit::<C>()?;
        let elbo = q.elbo(&self.y, &self.noise, &self.prior)?;
        let (gap, kl) = (self.evidence - elbo, q.kl_divergence(&self.posterior)?);
        println!("{name:16}{elbo:16.10}{gap:16.10}{kl:18.10}");
        Ok((gap - kl).abs() <= 1e-10)
    }
}

fn run() -> Result<bool, Error> {
    let model = Model::new(12, 0.05)?;
    println!("log-evidence ln N(y; 0, K + vI) = {:.10}\n", model.evidence);
    println!(
        "{:16}{:>16}{:>16}{:>18}",
        "q", "ELBO", "evidence - ELBO", "KL(q ‖ posterior)"
    );
    let dense = model.report::<DenseCovariance<f64>>("dense")?;
    let diagonal = model.report::<DiagonalCovariance<f64>>("diagonal")?;
    let scaled = model.report::<ScaledIdentity<f64>>("scaled identity")?;
    Ok(dense && diagonal && scaled)
}

fn main() -> ExitCode {
    let message = match run() {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => "evidence - ELBO is not KL(q ‖ posterior)".to_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("variational_inference: {message}");
    ExitCode::FAILURE
}
