//! The data term of a variational objective.

use gaussx_operators::{AsCol, CovarianceOperator, Error, Scalar, Workspace, pair, validate};

use crate::log_prob::log_prob_named;

/// Expected log-likelihood `E_q[ln N(y; f, R)] = ln N(y; m, R) - ½ tr(R⁻¹ C)`,
/// `q = N(m, C)`, in nats.
///
/// ```math
/// \mathbb{E}_{f \sim \mathcal{N}(m, C)} [\ln \mathcal{N}(y; f, R)]
///   = \ln \mathcal{N}(y; m, R) - \tfrac12 \lVert L_R^{-1} L_C \rVert_F^2
/// ```
///
/// Shapes: all of dimension `n`. For a latent variable seen through a linear map `H`, pass
/// the mean `H m` and a covariance for `H C Hᵀ`.
///
/// Cost: `n` for diagonal noise whatever `C`; otherwise that of the
/// [pair](gaussx_operators::pair), `n³/3` for two dense covariances.
///
/// Accuracy: absolute error a small multiple of `n ε κ` of the terms' magnitudes.
///
/// # Errors
///
/// [`Error::DimensionMismatch`], [`Error::NonFinite`], [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`] where an overflow would end in NaN.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, ScaledIdentity, expected_log_likelihood, log_prob};
///
/// let noise = ScaledIdentity::new(2, 0.1)?;
/// let q = DiagonalCovariance::new([0.07, 0.05])?;
/// let nats: f64 = expected_log_likelihood([1.0, 0.5], [0.9, 0.6], &q, &noise)?;
/// let plain = log_prob([1.0, 0.5], [0.9, 0.6], &noise)?;
/// assert!((nats - (plain - 0.6)).abs() < 1e-14);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Opper, Archambeau, "The variational Gaussian approximation revisited" (2009),
/// <https://doi.org/10.1162/neco.2008.08-07-592>.
pub fn expected_log_likelihood<T: Scalar>(
    y: impl AsCol<T>,
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
    noise: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<T, Error> {
    expected_log_likelihood_with(y, mean_q, covariance_q, noise, &mut Workspace::new())
}

/// [`expected_log_likelihood`] with the caller's [`Workspace`]: in a loop nothing is
/// allocated.
///
/// # Errors
///
/// As [`expected_log_likelihood`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, Workspace, expected_log_likelihood_with};
///
/// let (q, noise) = (ScaledIdentity::new(1, 0.5)?, ScaledIdentity::new(1, 1.0)?);
/// let mut workspace = Workspace::new();
/// let at = |y, workspace: &mut _| expected_log_likelihood_with([y], [0.0], &q, &noise, workspace);
/// let drop: f64 = at(0.0, &mut workspace)? - at(2.0, &mut workspace)?;
/// assert!((drop - 2.0).abs() < 1e-15);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn expected_log_likelihood_with<T: Scalar>(
    y: impl AsCol<T>,
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
    noise: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    validate::dimension("noise covariance", covariance_q.dim(), noise.dim())?;
    let names = ["observation", "mean of q"];
    let at_mean = log_prob_named(y, mean_q, noise, names, workspace)?;
    let spread = pair::trace(covariance_q, noise, workspace)?;
    let nats = at_mean - spread / T::of(2.0);
    validate::representable("expected log-likelihood", nats)
}
