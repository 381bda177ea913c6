//! What it costs to describe one Gaussian by another.

use gaussx_operators::{AsCol, CovarianceOperator, Error, Scalar, Workspace, pair, validate};

use crate::quadratic_form::{Names, form_named};

/// Cross-entropy `H(p, q) = ½ (d ln 2π + ln det Σ_q + tr(Σ_q⁻¹ Σ_p) + ‖L_q⁻¹ (μ_p - μ_q)‖²)`,
/// in nats.
///
/// The trace is of `Σ_q⁻¹ Σ_p`: the expectation is under `p`, the inverse is `q`'s.
///
/// ```math
/// H(p, q) = -\mathbb{E}_p[\ln q(x)] = \tfrac12 \left( d \ln 2\pi + \ln\det\Sigma_q
///   + \lVert L_q^{-1} L_p \rVert_F^2 + \lVert L_q^{-1} (\mu_p - \mu_q) \rVert^2 \right)
/// ```
///
/// Shapes: all of dimension `d`.
///
/// Cost: that of the [pair](gaussx_operators::pair): `d` for diagonal `q` whatever `p`,
/// `Σ d_b³/3` where blocks match, `d³/3` for two dense covariances.
///
/// Accuracy: absolute error a small multiple of `d ε κ` of the terms' magnitudes.
///
/// # Errors
///
/// [`Error::DimensionMismatch`], [`Error::NonFinite`], [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`] where an overflow would end in NaN.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, ScaledIdentity, cross_entropy, entropy};
///
/// let p = DiagonalCovariance::new([1.0, 1.0])?;
/// let q = ScaledIdentity::new(2, 1.0)?;
/// let nats: f64 = cross_entropy([0.0, 0.0], &p, [3.0, 4.0], &q)?;
/// assert!((nats - (entropy(&p)? + 12.5)).abs() < 1e-14);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Cover, Thomas, *Elements of Information Theory*, 2nd ed., §8.6.
pub fn cross_entropy<T: Scalar>(
    mean_p: impl AsCol<T>,
    covariance_p: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<T, Error> {
    let workspace = &mut Workspace::new();
    cross_entropy_with(mean_p, covariance_p, mean_q, covariance_q, workspace)
}

/// [`cross_entropy`] with the caller's [`Workspace`]: in a loop nothing is allocated.
///
/// # Errors
///
/// As [`cross_entropy`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, ScaledIdentity, Workspace, cross_entropy_with};
///
/// let p = DiagonalCovariance::new([1.0, 1.0])?;
/// let q = ScaledIdentity::new(2, 1.0)?;
/// let mut workspace = Workspace::new();
/// let near = cross_entropy_with([0.0, 0.0], &p, [0.0, 0.0], &q, &mut workspace)?;
/// let far: f64 = cross_entropy_with([0.0, 0.0], &p, [3.0, 4.0], &q, &mut workspace)?;
/// assert!((far - near - 12.5).abs() < 1e-14);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn cross_entropy_with<T: Scalar>(
    mean_p: impl AsCol<T>,
    covariance_p: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let distance = between_means(mean_p, covariance_p, mean_q, covariance_q, PAIR, workspace)?;
    let trace = pair::trace(covariance_p, covariance_q, workspace)?;
    let d_ln_2pi = T::of_count(covariance_q.dim()) * T::LN_2PI;
    let nats = (d_ln_2pi + covariance_q.logdet()? + trace + distance) / T::of(2.0);
    validate::representable("cross-entropy", nats)
}

/// What errors call the arguments of a pair.
#[derive(Clone, Copy)]
pub(crate) struct PairNames {
    pub(crate) means: Names,
    pub(crate) covariance_q: &'static str,
}

pub(crate) const PAIR: PairNames = PairNames {
    means: ["mean of p", "mean of q"],
    covariance_q: "covariance q",
};

/// `‖L_q⁻¹ (μ_p - μ_q)‖²`, with every size checked.
pub(crate) fn between_means<T: Scalar>(
    mean_p: impl AsCol<T>,
    covariance_p: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
    names: PairNames,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let dim = covariance_p.dim();
    validate::dimension(names.covariance_q, dim, covariance_q.dim())?;
    form_named(mean_p, mean_q, covariance_q, names.means, workspace)
}
