//! The squared Mahalanobis distance and its tail probability.

use faer::Col;
use gaussx_operators::{
    AsCol, AsMat, CovarianceOperator, Error, Scalar, Workspace, memory, validate,
};
use statrs::function::gamma::checked_gamma_ur;

/// Quadratic form `(x - μ)ᵀ Σ⁻¹ (x - μ) = ‖L⁻¹ (x - μ)‖²`, the squared Mahalanobis distance.
///
/// Never negative, exactly 0 for `x = μ`, `∞` where the squares overflow. One half-solve,
/// never a full solve.
///
/// Shapes: `x` and `mean` of length `n`. No unit.
///
/// Cost: that of a half-solve; `n` for a scaled identity or diagonal, `Σ n_b²` for blocks,
/// `n²` for a dense covariance.
///
/// Accuracy: relative error a small multiple of `n ε κ`, `κ` the condition number of the
/// correlation matrix; a few `ε` for diagonal covariances.
///
/// # Errors
///
/// [`Error::DimensionMismatch`], [`Error::NonFinite`], [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`] where an overflow would end in NaN.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, quadratic_form};
///
/// let sigma = DiagonalCovariance::new([1.0, 4.0])?;
/// assert_eq!(quadratic_form([1.0, 2.0], [0.0, 0.0], &sigma)?, 2.0);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: P. C. Mahalanobis, "On the generalised distance in statistics" (1936);
/// Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., §10.1.
pub fn quadratic_form<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<T, Error> {
    quadratic_form_with(x, mean, covariance, &mut Workspace::new())
}

/// [`quadratic_form`] with the caller's [`Workspace`]: in a loop nothing is allocated.
///
/// # Errors
///
/// As [`quadratic_form`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, Workspace, quadratic_form_with};
///
/// let sigma = DiagonalCovariance::new([1.0, 4.0])?;
/// let mut workspace = Workspace::new();
/// for x in [[1.0, 2.0], [-1.0, -2.0]] {
///     assert_eq!(quadratic_form_with(x, [0.0, 0.0], &sigma, &mut workspace)?, 2.0);
/// }
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn quadratic_form_with<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    form_named(x, mean, covariance, NAMES, workspace)
}

/// [`quadratic_form`] of every column of a `d × N` matrix, by blocked half-solves.
///
/// # Errors
///
/// As [`quadratic_form`]; a batch with the wrong number of rows is a
/// [`Error::DimensionMismatch`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, faer::mat, quadratic_form_batch};
///
/// let points = mat![[1.0, 0.0, 3.0], [0.0, 2.0, 4.0]];
/// let forms = quadratic_form_batch(&points, [0.0, 0.0], &ScaledIdentity::new(2, 1.0)?)?;
/// assert_eq!((forms[0], forms[1], forms[2]), (1.0, 4.0, 25.0));
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn quadratic_form_batch<T: Scalar>(
    points: impl AsMat<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Col<T>, Error> {
    let points = points.as_mat();
    memory::filled_col("quadratic forms", points.ncols(), |out| {
        quadratic_form_batch_into(points, mean, covariance, out, &mut Workspace::new())
    })
}

/// [`quadratic_form_batch`] into a slice of length `N`, with the caller's [`Workspace`]: in a
/// loop nothing is allocated.
///
/// # Errors
///
/// As [`quadratic_form_batch`]; [`Error::DimensionMismatch`] if `out` has another length.
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, Workspace, faer::mat, quadratic_form_batch_into};
///
/// let mut forms = [0.0; 3];
/// let points = mat![[1.0, 0.0, 3.0], [0.0, 2.0, 4.0]];
/// let sigma = ScaledIdentity::new(2, 1.0)?;
/// quadratic_form_batch_into(&points, [0.0, 0.0], &sigma, &mut forms, &mut Workspace::new())?;
/// assert_eq!(forms, [1.0, 4.0, 25.0]);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn quadratic_form_batch_into<T: Scalar>(
    points: impl AsMat<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    forms_into(
        points.as_mat(),
        mean.as_col(),
        covariance,
        out,
        NAMES,
        workspace,
    )
}

/// Names of the two columns whose difference is measured, for errors.
pub(crate) type Names = [&'static str; 2];

pub(crate) const NAMES: Names = ["point", "mean"];

/// [`quadratic_form`] with the caller's names for its arguments in errors.
pub(crate) fn form_named<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    names: Names,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let mut out = [T::zero()];
    let (x, mean) = (x.as_col(), mean.as_col());
    forms_into(x.as_mat(), mean, covariance, &mut out, names, workspace)?;
    Ok(out[0])
}

/// `‖L⁻¹ (x_j - mean)‖²` for every column, checked.
fn forms_into<T: Scalar>(
    points: faer::MatRef<'_, T>,
    mean: faer::ColRef<'_, T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    out: &mut [T],
    names: Names,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let dim = covariance.dim();
    validate::dimension(names[0], dim, points.nrows())?;
    validate::dimension(names[1], dim, mean.nrows())?;
    covariance.quadratic_forms_into(points, Some(mean), out, workspace)?;
    // A NaN or an infinity in the input shows in the output: look for it only then.
    let are_finite = out.iter().fold(true, |all, form| all & form.is_finite());
    if are_finite && points.ncols() > 0 {
        return Ok(());
    }
    validate::finite_matrix(names[0], points)?;
    validate::finite(names[1], mean)?;
    validate::all_representable("quadratic form", out)
}

/// Probability `P(χ²_d >= ‖L⁻¹ (x - μ)‖²)` that a draw lies at least as far out as `x`.
///
/// Small values say outlier. 1 in dimension zero.
///
/// Shapes: `x` and `mean` of length `d`. A probability.
///
/// Cost: that of [`quadratic_form`].
///
/// Accuracy: that of the quadratic form, times its size; the upper gamma function adds
/// about `3e-13` relative for `d <= 1000`.
///
/// # Errors
///
/// As [`quadratic_form`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, mahalanobis_p_value};
///
/// // In two dimensions the tail is exp(-r²/2).
/// let sigma = ScaledIdentity::new(2, 1.0)?;
/// let p: f64 = mahalanobis_p_value([3.0, 4.0], [0.0, 0.0], &sigma)?;
/// assert!((p - (-12.5_f64).exp()).abs() < 1e-18);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: the squared distance of a Gaussian draw is chi-squared with `d` degrees of
/// freedom (Mardia, Kent, Bibby, *Multivariate Analysis*, 1979, Theorem 2.5.2).
pub fn mahalanobis_p_value<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<T, Error> {
    mahalanobis_p_value_with(x, mean, covariance, &mut Workspace::new())
}

/// [`mahalanobis_p_value`] with the caller's [`Workspace`]: in a loop nothing is allocated.
///
/// # Errors
///
/// As [`quadratic_form`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, Workspace, mahalanobis_p_value_with};
///
/// let sigma = ScaledIdentity::new(2, 1.0)?;
/// let mut workspace = Workspace::new();
/// for r in [1.0_f64, 2.0, 3.0] {
///     let p = mahalanobis_p_value_with([r, 0.0], [0.0, 0.0], &sigma, &mut workspace)?;
///     assert!((p - (-r * r / 2.0).exp()).abs() < 1e-15);
/// }
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn mahalanobis_p_value_with<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let form = quadratic_form_with(x, mean, covariance, workspace)?;
    chi_squared_tail(covariance.dim(), form)
}

/// [`mahalanobis_p_value`] of every column of a `d × N` matrix.
///
/// # Errors
///
/// As [`quadratic_form_batch`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, faer::mat, mahalanobis_p_value_batch};
///
/// let points = mat![[0.0, 30.0]];
/// let p = mahalanobis_p_value_batch(&points, [0.0], &ScaledIdentity::new(1, 1.0)?)?;
/// assert!(p[0] == 1.0 && p[1] < 1e-100);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn mahalanobis_p_value_batch<T: Scalar>(
    points: impl AsMat<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Col<T>, Error> {
    let points = points.as_mat();
    memory::filled_col("p-values", points.ncols(), |out| {
        mahalanobis_p_value_batch_into(points, mean, covariance, out, &mut Workspace::new())
    })
}

/// [`mahalanobis_p_value_batch`] into a slice of length `N`, with the caller's
/// [`Workspace`]: in a loop nothing is allocated.
///
/// # Errors
///
/// As [`quadratic_form_batch_into`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, Workspace, faer::mat, mahalanobis_p_value_batch_into};
///
/// let mut p = [0.0; 2];
/// let sigma = ScaledIdentity::new(1, 1.0)?;
/// let points = mat![[0.0, 30.0]];
/// mahalanobis_p_value_batch_into(&points, [0.0], &sigma, &mut p, &mut Workspace::new())?;
/// assert!(p[0] == 1.0 && p[1] < 1e-100);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn mahalanobis_p_value_batch_into<T: Scalar>(
    points: impl AsMat<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    quadratic_form_batch_into(points, mean, covariance, out, workspace)?;
    for form in out {
        *form = chi_squared_tail(covariance.dim(), *form)?;
    }
    Ok(())
}

fn chi_squared_tail<T: Scalar>(degrees: usize, form: T) -> Result<T, Error> {
    // The gamma function is not asked at the ends of its range.
    if degrees == 0 || form == T::zero() {
        return Ok(T::one());
    }
    if form == T::infinity() {
        return Ok(T::zero());
    }
    let half_degrees = f64::of_count(degrees) / 2.0;
    let tail = checked_gamma_ur(half_degrees, form.as_f64() / 2.0).unwrap_or(f64::NAN);
    validate::representable("p-value", T::of(tail))
}
