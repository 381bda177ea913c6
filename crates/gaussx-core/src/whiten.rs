//! Points in units in which the distribution is standard normal.

use faer::{ColRef, Mat, MatMut, MatRef};
use gaussx_operators::{
    AsCol, AsMat, CovarianceOperator, Error, Scalar, Workspace, memory, validate,
};

/// Whitened points `L⁻¹ (x_j - μ)`: of a draw from `N(μ, Σ)`, a draw from `N(0, I)`.
///
/// The squared length of a whitened point is its
/// [`quadratic_form`](crate::quadratic_form).
///
/// Shapes: `points` of size `d × N`, `mean` of length `d`; a `d × N` matrix. No unit.
///
/// Cost: `N` half-solves; `d N` for a scaled identity or diagonal, `N Σ d_b²` for blocks,
/// `d² N` for a dense covariance. In place and without a copy:
/// [`CholeskyFactor::half_solve_in_place`](gaussx_operators::CholeskyFactor::half_solve_in_place).
///
/// Accuracy: relative error a small multiple of `d ε √κ` in the norm, `κ` the condition
/// number of the correlation matrix.
///
/// # Errors
///
/// [`Error::DimensionMismatch`], [`Error::NonFinite`], [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`] where an entry overflows.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, faer::mat, whiten};
///
/// let sigma = DiagonalCovariance::new([4.0, 9.0])?;
/// let z = whiten(mat![[3.0, 1.0], [1.0, -2.0]], [1.0, 1.0], &sigma)?;
/// assert_eq!(z, mat![[1.0, 0.0], [0.0, -1.0]]);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Golub, Van Loan, *Matrix Computations*, 4th ed., §4.2.
pub fn whiten<T: Scalar>(
    points: impl AsMat<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Mat<T>, Error> {
    let points = points.as_mat();
    let mut white = memory::zero_mat("whitened points", points.nrows(), points.ncols())?;
    whiten_into(
        points,
        mean,
        covariance,
        white.as_mut(),
        &mut Workspace::new(),
    )?;
    Ok(white)
}

/// [`whiten`] into a `d × N` matrix, with the caller's [`Workspace`]: in a loop nothing is
/// allocated.
///
/// # Errors
///
/// As [`whiten`]; [`Error::DimensionMismatch`] if `out` has another size.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, Workspace, faer::{Mat, mat}, whiten_into};
///
/// let sigma = DiagonalCovariance::new([4.0, 9.0])?;
/// let mut z = Mat::zeros(2, 1);
/// whiten_into(mat![[3.0], [1.0]], [1.0, 1.0], &sigma, z.as_mut(), &mut Workspace::new())?;
/// assert_eq!(z, mat![[1.0], [0.0]]);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn whiten_into<T: Scalar>(
    points: impl AsMat<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    mut out: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    residuals_into(points.as_mat(), mean.as_col(), covariance, out.as_mut())?;
    covariance
        .cholesky()
        .half_solve_in_place(out.as_mut(), workspace)?;
    match validate::finite_matrix("whitened points", out.as_ref()) {
        Ok(()) => Ok(()),
        Err(_) => Err(Error::not_representable("whitened point")),
    }
}

/// `x_j - μ` for every column, with sizes and numbers checked.
pub(crate) fn residuals_into<T: Scalar>(
    points: MatRef<'_, T>,
    mean: ColRef<'_, T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    mut out: MatMut<'_, T>,
) -> Result<(), Error> {
    validate::dimension("point", covariance.dim(), points.nrows())?;
    validate::dimension("mean", covariance.dim(), mean.nrows())?;
    validate::finite_matrix("point", points)?;
    validate::finite("mean", mean)?;
    validate::dimension("output (rows)", points.nrows(), out.nrows())?;
    validate::dimension("output (columns)", points.ncols(), out.ncols())?;
    out.copy_from(points);
    for column in out.col_iter_mut() {
        for (x, &m) in column.iter_mut().zip(mean.iter()) {
            *x -= m;
        }
    }
    Ok(())
}
