//! The Kullback-Leibler divergence.

use faer::ColRef;
use gaussx_operators::{
    AsCol, CovarianceOperator, Error, Scalar, ScaledIdentity, Workspace, pair, validate,
};

use crate::cross_entropy::{PAIR, PairNames, between_means};

/// Kullback-Leibler divergence `KL(p ‖ q) = ½ (tr(Σ_q⁻¹ Σ_p) - d - ln det(Σ_q⁻¹ Σ_p) + ‖L_q⁻¹ (μ_p - μ_q)‖²)`,
/// in nats: of the first argument from the second.
///
/// Never negative, exactly 0 for equal arguments, `∞` where it overflows.
///
/// The formula above loses every digit near `p = q`. What is computed is a sum of terms
/// that cannot be negative, with `g_i` and `s_i` from the Cholesky factor of
/// `I + L_q⁻¹ (Σ_p - Σ_q) L_q⁻ᵀ`, or its equals for other structures (see
/// [`pair`](gaussx_operators::pair)):
///
/// ```math
/// \mathrm{KL}(p \,\|\, q) = \tfrac12 \Big( \sum_i \big[ g_i - \ln(1 + g_i) + s_i \big]
///   + \lVert L_q^{-1} (\mu_p - \mu_q) \rVert^2 \Big)
/// ```
///
/// Shapes: all of dimension `d`.
///
/// Cost: that of the [pair](gaussx_operators::pair): `d` for two diagonal covariances, `d²`
/// for diagonal `q` and dense `p`, `Σ d_b³/3` where blocks match, `d³/3` for two dense
/// covariances (up to `2 d³`, and `d²` scratch, where KL is below `8/d` nats, or half a nat
/// for `d < 16`, or the means and the entries hardly differ).
///
/// Accuracy: relative error a small multiple of `d ε κ` however close the two are, `κ` the
/// condition number of the correlation matrices; a few `ε` for diagonal covariances.
/// Two dense covariances of which only one was given by its matrix, the other by its
/// factor or precision, and a user's own factor, keep `d ε κ` over the relative distance of
/// the two: their factors were rounded apart.
///
/// # Errors
///
/// [`Error::DimensionMismatch`], [`Error::NonFinite`], [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`] where an overflow would end in NaN.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DenseCovariance, DiagonalCovariance, faer::mat, kl_divergence};
///
/// let p = DenseCovariance::new(mat![[1.0, 0.5], [0.5, 1.0]])?;
/// let q = DiagonalCovariance::new([1.0, 1.0])?;
/// let nats = kl_divergence([0.0, 0.0], &p, [0.0, 0.0], &q)?;
/// assert!((nats + 0.5 * 0.75_f64.ln()).abs() < 1e-15);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Kullback, Leibler, "On information and sufficiency" (1951),
/// <https://doi.org/10.1214/aoms/1177729694>; Kullback, *Information Theory and
/// Statistics* (1959), ch. 9, eq. 1.2.
pub fn kl_divergence<T: Scalar>(
    mean_p: impl AsCol<T>,
    covariance_p: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<T, Error> {
    let workspace = &mut Workspace::new();
    kl_divergence_with(mean_p, covariance_p, mean_q, covariance_q, workspace)
}

/// [`kl_divergence`] with the caller's [`Workspace`]: in a loop nothing is allocated.
///
/// # Errors
///
/// As [`kl_divergence`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, Workspace, kl_divergence_with};
///
/// let p = DiagonalCovariance::new([1.0, 2.0])?;
/// let mut workspace = Workspace::new();
/// for shift in [0.0, 1.0, 2.0] {
///     let nats: f64 = kl_divergence_with([shift, 0.0], &p, [0.0, 0.0], &p, &mut workspace)?;
///     assert!((nats - shift * shift / 2.0).abs() < 1e-15);
/// }
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn kl_divergence_with<T: Scalar>(
    mean_p: impl AsCol<T>,
    covariance_p: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    divergence_named(mean_p, covariance_p, mean_q, covariance_q, PAIR, workspace)
}

/// [`kl_divergence`] with the caller's names for its arguments in errors.
pub(crate) fn divergence_named<T: Scalar>(
    mean_p: impl AsCol<T>,
    covariance_p: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
    names: PairNames,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let (mean_p, mean_q) = (mean_p.as_col(), mean_q.as_col());
    let in_one_pass =
        pair::divergence_and_distance(mean_p, covariance_p, mean_q, covariance_q, workspace);
    if let Some(sum) = in_one_pass {
        return Ok(sum / T::of(2.0));
    }
    let distance = between_means(mean_p, covariance_p, mean_q, covariance_q, names, workspace)?;
    let divergence = pair::divergence_beside(distance, covariance_p, covariance_q, workspace)?;
    validate::representable("KL divergence", (divergence + distance) / T::of(2.0))
}

/// Kullback-Leibler divergence from the standard normal,
/// `KL(N(μ, Σ) ‖ N(0, I)) = ½ (tr Σ - d - ln det Σ + ‖μ‖²)`, in nats.
///
/// [`kl_divergence`] with a scaled identity for `q`, and as careful.
///
/// Shapes: `mean` of length `d`.
///
/// Cost: `d` for diagonal covariances, `d²` for dense ones.
///
/// Accuracy: as [`kl_divergence`].
///
/// # Errors
///
/// As [`kl_divergence`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, kl_standard_normal};
///
/// let nats: f64 = kl_standard_normal([0.5, -0.25], &DiagonalCovariance::new([0.6, 1.4])?)?;
/// assert!((nats - 0.24342669357238886).abs() < 1e-15);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Kingma, Welling, "Auto-encoding variational Bayes" (2013), appendix B,
/// <https://arxiv.org/abs/1312.6114>.
pub fn kl_standard_normal<T: Scalar>(
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<T, Error> {
    kl_standard_normal_with(mean, covariance, &mut Workspace::new())
}

/// [`kl_standard_normal`] with the caller's [`Workspace`]: in a loop nothing is allocated.
///
/// # Errors
///
/// As [`kl_standard_normal`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, Workspace, kl_standard_normal_with};
///
/// let sigma = ScaledIdentity::new(2, 1.0)?;
/// let mut workspace = Workspace::new();
/// assert_eq!(kl_standard_normal_with([3.0, 4.0], &sigma, &mut workspace)?, 12.5);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn kl_standard_normal_with<T: Scalar>(
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let dim = covariance.dim();
    let standard = ScaledIdentity::new(dim, T::one())?;
    let names = PairNames {
        means: ["mean", "mean of the standard normal"],
        ..PAIR
    };
    workspace.with(dim, 1, |origin, workspace| {
        let origin = ColRef::from_slice(origin);
        divergence_named(mean, covariance, origin, &standard, names, workspace)
    })
}
