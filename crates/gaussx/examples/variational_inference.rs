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

use gaussx::Scalar;
use gaussx::prelude::*;

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

/// The model: what is known before and what was seen.
struct Model {
    prior: MultivariateNormal<f64, DenseCovariance<f64>>,
    noise: ScaledIdentity<f64>,
    y: Vec<f64>,
    posterior: MultivariateNormal<f64, DenseCovariance<f64>>,
    precision: Mat<f64>,
    evidence: f64,
}

impl Model {
    fn new(n: usize, noise_variance: f64) -> Result<Self, Error> {
        let at = |i: usize| f64::of_count(i) / f64::of_count(n - 1);
        let kernel = Mat::from_fn(n, n, |i, j| {
            let distance = (at(i) - at(j)) / 0.3;
            (-0.5 * distance * distance).exp() + if i == j { 1e-3 } else { 0.0 }
        });
        let wiggle = |i: usize| if i.is_multiple_of(2) { 0.2 } else { -0.15 };
        let y: Vec<f64> = (0..n).map(|i| (6.0 * at(i)).sin() + wiggle(i)).collect();
        let prior = DenseCovariance::new(kernel.clone())?;
        let noise = ScaledIdentity::new(n, noise_variance)?;

        // The exact posterior by conditioning: Σ = K - K (K + vI)⁻¹ K, μ = K (K + vI)⁻¹ y.
        let total = DenseCovariance::new(kernel.clone())?.add_jitter(noise_variance)?;
        let weights = total.solve(Mat::from_fn(n, 1, |i, _| y[i]).as_ref())?;
        let mean = &kernel * &weights;
        let spread = &kernel - &kernel * total.solve(kernel.as_ref())?;
        let posterior = DenseCovariance::from_lower_triangle(spread)?;

        let inverse = prior.solve(Mat::<f64>::identity(n, n).as_ref())?;
        let precision = Mat::from_fn(n, n, |i, j| {
            let mean_of_mirrored = f64::midpoint(inverse[(i, j)], inverse[(j, i)]);
            mean_of_mirrored + if i == j { 1.0 / noise_variance } else { 0.0 }
        });
        Ok(Self {
            evidence: gaussx::log_prob(&y, vec![0.0; n], &total)?,
            prior: MultivariateNormal::centered(prior)?,
            posterior: MultivariateNormal::new(mean.col(0), posterior)?,
            noise,
            y,
            precision,
        })
    }

    /// Fits one family and prints ELBO and gap; whether they add up to the evidence.
    fn fit<C: Family>(&self, name: &str) -> Result<bool, Error> {
        let q = MultivariateNormal::new(self.posterior.mean(), C::best_for(&self.precision)?)?;
        let elbo = q.elbo(&self.y, &self.noise, &self.prior)?;
        let gap = q.kl_divergence(&self.posterior)?;
        let sum = elbo + gap;
        println!(
            "{name:18}{elbo:14.8}{gap:20.3e}{sum:18.10}{:14.8}",
            q.entropy()?
        );
        Ok((sum - self.evidence).abs() < 1e-9 * self.evidence.abs())
    }
}

fn run() -> Result<bool, Error> {
    let model = Model::new(12, 0.05)?;
    println!(
        "log-evidence ln N(y; 0, K + v I) = {:.10}\n",
        model.evidence
    );
    println!(
        "{:18}{:>14}{:>20}{:>18}{:>14}",
        "q", "ELBO", "KL(q ‖ posterior)", "sum", "entropy of q"
    );
    let dense = model.fit::<DenseCovariance<f64>>("dense")?;
    let diagonal = model.fit::<DiagonalCovariance<f64>>("diagonal")?;
    let scaled = model.fit::<ScaledIdentity<f64>>("scaled identity")?;
    Ok(dense && diagonal && scaled)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("variational_inference: an ELBO and its gap do not add up to the evidence");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("variational_inference: {error}");
            ExitCode::FAILURE
        }
    }
}
