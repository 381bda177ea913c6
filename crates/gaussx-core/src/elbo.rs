//! The evidence lower bound.

use gaussx_operators::{AsCol, CovarianceOperator, Error, Scalar, Workspace, validate};

use crate::cross_entropy::PairNames;
use crate::expected_log_likelihood::expected_log_likelihood_with;
use crate::kl_divergence::divergence_named;

/// Evidence lower bound `ELBO(q) = E_q[ln N(y; f, R)] - KL(q ‖ prior)`, in nats.
///
/// At most the log-evidence `ln N(y; m_0, C_0 + R)`, which it meets where `q` is the
/// posterior; the gap is `KL(q ‖ posterior)`.
///
/// Shapes: all of dimension `n`.
///
/// Cost: the two [pairs](gaussx_operators::pair), `q` with the noise and `q` with the
/// prior; `n` where `q`, the noise and the prior are diagonal.
///
/// Accuracy: absolute error a small multiple of `n ε κ` of the terms' magnitudes.
///
/// # Errors
///
/// As [`expected_log_likelihood`](crate::expected_log_likelihood) and [`kl_divergence`](crate::kl_divergence).
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, elbo, log_prob};
///
/// let (noise, prior) = (ScaledIdentity::new(1, 0.1)?, ScaledIdentity::new(1, 1.0)?);
/// let posterior = ScaledIdentity::from_precision(1, 1.0 / 0.1 + 1.0)?;
/// let mean = [0.8 / 0.1 * posterior.variance()];
///
/// let bound: f64 = elbo([0.8], &noise, mean, &posterior, [0.0], &prior)?;
/// let evidence = log_prob([0.8], [0.0], &ScaledIdentity::new(1, 1.1)?)?;
/// assert!((bound - evidence).abs() < 1e-14);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Jordan, Ghahramani, Jaakkola, Saul, "An introduction to variational methods for
/// graphical models" (1999), <https://doi.org/10.1023/A:1007665907178>.
pub fn elbo<T: Scalar>(
    y: impl AsCol<T>,
    noise: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
    mean_prior: impl AsCol<T>,
    covariance_prior: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<T, Error> {
    let workspace = &mut Workspace::new();
    let (q, prior) = (covariance_q, covariance_prior);
    elbo_with(y, noise, mean_q, q, mean_prior, prior, workspace)
}

/// [`elbo`] with the caller's [`Workspace`]: in a loop nothing is allocated.
///
/// # Errors
///
/// As [`elbo`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, Workspace, elbo, elbo_with};
///
/// let unit = ScaledIdentity::new(1, 1.0)?;
/// let mut workspace = Workspace::new();
/// for mean in [[0.0], [0.5], [1.0]] {
///     let bound = elbo_with([1.0], &unit, mean, &unit, [0.0], &unit, &mut workspace)?;
///     assert_eq!(bound, elbo([1.0], &unit, mean, &unit, [0.0], &unit)?);
/// }
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn elbo_with<T: Scalar>(
    y: impl AsCol<T>,
    noise: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
    mean_prior: impl AsCol<T>,
    covariance_prior: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let mean_q = mean_q.as_col();
    let data = expected_log_likelihood_with(y, mean_q, covariance_q, noise, workspace)?;
    let names = PairNames {
        means: ["mean of q", "mean of the prior"],
        covariance_q: "covariance of the prior",
    };
    let (q, prior) = (covariance_q, covariance_prior);
    let divergence = divergence_named(mean_q, q, mean_prior, prior, names, workspace)?;
    validate::representable("ELBO", data - divergence)
}
