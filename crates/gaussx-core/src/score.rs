//! The gradient of the log-density.

use faer::{Col, ColRef, Mat, MatRef};
use gaussx_operators::{
    AsCol, AsMat, CovarianceOperator, Error, Scalar, Workspace, memory, validate,
};

/// Score `∇_x ln N(x; μ, Σ) = -Σ⁻¹ (x - μ)`.
///
/// Shapes: `x` and `mean` of length `n`; a column of length `n`. Nats per unit of `x`.
///
/// Cost: two half-solves; `n` for a scaled identity or diagonal, `2 Σ n_b²` for blocks,
/// `2 n²` for a dense covariance.
///
/// Accuracy: relative error a small multiple of `n ε κ` in the norm scaled by the standard
/// deviations, `κ` the condition number of the correlation matrix.
///
/// # Errors
///
/// [`Error::DimensionMismatch`], [`Error::NonFinite`], [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`] where an entry overflows.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, score};
///
/// let gradient = score([1.0, 2.0], [0.0, 0.0], &DiagonalCovariance::new([1.0, 4.0])?)?;
/// assert_eq!((gradient[0], gradient[1]), (-1.0, -0.5));
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Petersen, Pedersen, *The Matrix Cookbook* (2012), eq. 86.
pub fn score<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Col<T>, Error> {
    let scores = scores(x.as_col().as_mat(), mean.as_col(), covariance)?;
    Ok(scores.col(0).to_owned())
}

/// [`score`] of every column of a `d × N` matrix, as a `d × N` matrix.
///
/// # Errors
///
/// As [`score`]; a batch with the wrong number of rows is a [`Error::DimensionMismatch`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, faer::mat, score_batch};
///
/// let points = mat![[1.0, -2.0]];
/// let gradients = score_batch(&points, [0.0], &ScaledIdentity::new(1, 0.5)?)?;
/// assert_eq!(gradients, mat![[-2.0, 4.0]]);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn score_batch<T: Scalar>(
    points: impl AsMat<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Mat<T>, Error> {
    scores(points.as_mat(), mean.as_col(), covariance)
}

fn scores<T: Scalar>(
    points: MatRef<'_, T>,
    mean: ColRef<'_, T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Mat<T>, Error> {
    validate::dimension("point", covariance.dim(), points.nrows())?;
    validate::dimension("mean", covariance.dim(), mean.nrows())?;
    validate::finite_matrix("point", points)?;
    validate::finite("mean", mean)?;
    let mut scores = memory::zero_mat("scores", points.nrows(), points.ncols())?;
    for j in 0..points.ncols() {
        let residuals = mean.iter().zip(points.col(j).iter()).map(|(&m, &x)| m - x);
        for (score, residual) in scores.as_mut().col_mut(j).iter_mut().zip(residuals) {
            *score = residual;
        }
    }
    covariance.solve_in_place(scores.as_mut(), &mut Workspace::new())?;
    for j in 0..scores.ncols() {
        if scores.col(j).iter().any(|value| !value.is_finite()) {
            return Err(Error::not_representable("score"));
        }
    }
    Ok(scores)
}
