//! Points in units in which the distribution is standard normal.

use faer::Mat;
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
    let (points, mean) = (points.as_mat(), mean.as_col());
    validate::dimension("point", covariance.dim(), points.nrows())?;
    validate::dimension("mean", covariance.dim(), mean.nrows())?;
    validate::finite_matrix("point", points)?;
    validate::finite("mean", mean)?;
    let mut white = memory::zero_mat("whitened points", points.nrows(), points.ncols())?;
    white.copy_from(points);
    for column in white.as_mut().col_iter_mut() {
        for (x, &m) in column.iter_mut().zip(mean.iter()) {
            *x -= m;
        }
    }
    covariance
        .cholesky()
        .half_solve_in_place(white.as_mut(), &mut Workspace::new())?;
    match validate::finite_matrix("whitened points", white.as_ref()) {
        Ok(()) => Ok(white),
        Err(_) => Err(Error::not_representable("whitened point")),
    }
}
