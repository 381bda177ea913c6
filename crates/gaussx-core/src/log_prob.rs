//! The log-density.

use faer::Col;
use gaussx_operators::{
    AsCol, AsMat, CovarianceOperator, Error, Scalar, Workspace, memory, validate,
};

use crate::quadratic_form::{NAMES, Names, form_named, quadratic_form_batch_into};

/// Log-density `ln N(x; μ, Σ) = -½ (d ln 2π + ln det Σ + ‖L⁻¹ (x - μ)‖²)`, in nats.
///
/// ```math
/// \ln \mathcal{N}(x; \mu, \Sigma)
///   = -\tfrac12 \left( d \ln 2\pi + \ln\det\Sigma + \lVert L^{-1}(x-\mu) \rVert^2 \right)
/// ```
///
/// Shapes: `x` and `mean` of length `d`.
///
/// Cost: a half-solve and a log-determinant, nothing factored again; `d` for a scaled
/// identity or diagonal, `Σ d_b²` for blocks, `d²` for a dense covariance.
///
/// Accuracy: absolute error a small multiple of `d ε κ` of the three terms' magnitudes;
/// the determinant itself is never formed, so that no dimension over- or underflows.
///
/// # Errors
///
/// [`Error::DimensionMismatch`], [`Error::NonFinite`], [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`] where an overflow would end in NaN.
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, log_prob};
///
/// let density = log_prob([0.0; 400], [0.0; 400], &ScaledIdentity::new(400, 1.0)?)?;
/// assert!((density + 200.0 * (2.0 * core::f64::consts::PI).ln()).abs() < 1e-12);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Bishop, *Pattern Recognition and Machine Learning* (2006), eq. 2.43.
pub fn log_prob<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<T, Error> {
    log_prob_with(x, mean, covariance, &mut Workspace::new())
}

/// [`log_prob`] with the caller's [`Workspace`]: in a loop nothing is allocated.
///
/// # Errors
///
/// As [`log_prob`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, Workspace, log_prob, log_prob_with};
///
/// let sigma = ScaledIdentity::new(2, 1.0)?;
/// let mut workspace = Workspace::new();
/// for x in [[1.0, 2.0], [3.0, 4.0]] {
///     let density = log_prob_with(x, [0.0, 0.0], &sigma, &mut workspace)?;
///     assert_eq!(density, log_prob(x, [0.0, 0.0], &sigma)?);
/// }
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn log_prob_with<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    log_prob_named(x, mean, covariance, NAMES, workspace)
}

/// [`log_prob`] with the caller's names for its arguments in errors.
pub(crate) fn log_prob_named<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    names: Names,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let form = form_named(x, mean, covariance, names, workspace)?;
    let log_prob = normalizer(covariance)? - form / T::of(2.0);
    validate::representable("log-density", log_prob)
}

/// [`log_prob`] of every column of a `d × N` matrix: one log-determinant, half-solves of many
/// columns at a time.
///
/// A point in a batch and the same point alone may differ in the last place.
///
/// # Errors
///
/// As [`log_prob`]; a batch with the wrong number of rows is a
/// [`Error::DimensionMismatch`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, faer::mat, log_prob_batch};
///
/// let points = mat![[0.0, 1.0, 2.0]];
/// let densities = log_prob_batch(&points, [0.0], &ScaledIdentity::new(1, 1.0)?)?;
/// assert!((densities[0] - densities[2] - 2.0_f64).abs() < 1e-15);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn log_prob_batch<T: Scalar>(
    points: impl AsMat<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Col<T>, Error> {
    let points = points.as_mat();
    memory::filled_col("log-densities", points.ncols(), |out| {
        log_prob_batch_into(points, mean, covariance, out, &mut Workspace::new())
    })
}

/// [`log_prob_batch`] into a slice of length `N`, with the caller's [`Workspace`]: in a loop
/// nothing is allocated.
///
/// # Errors
///
/// As [`log_prob_batch`]; [`Error::DimensionMismatch`] if `out` has another length.
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, Workspace, faer::mat, log_prob_batch_into};
///
/// let mut densities = [0.0; 3];
/// let points = mat![[0.0, 1.0, 2.0]];
/// let sigma = ScaledIdentity::new(1, 1.0)?;
/// log_prob_batch_into(&points, [0.0], &sigma, &mut densities, &mut Workspace::new())?;
/// assert!((densities[0] - densities[2] - 2.0_f64).abs() < 1e-15);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn log_prob_batch_into<T: Scalar>(
    points: impl AsMat<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    quadratic_form_batch_into(points, mean, covariance, out, workspace)?;
    let normalizer = normalizer(covariance)?;
    for value in out.iter_mut() {
        *value = normalizer - *value / T::of(2.0);
    }
    validate::all_representable("log-density", out)
}

/// `-½ (d ln 2π + ln det Σ)`.
fn normalizer<T: Scalar>(covariance: &(impl CovarianceOperator<T> + ?Sized)) -> Result<T, Error> {
    let d_ln_2pi = T::of_count(covariance.dim()) * T::LN_2PI;
    // Subtracted from 0, which negated would be -0 in dimension zero.
    Ok(T::zero() - (d_ln_2pi + covariance.logdet()?) / T::of(2.0))
}
