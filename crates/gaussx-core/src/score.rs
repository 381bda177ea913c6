//! The gradient of the log-density.

use faer::{Col, Mat, MatMut};
use gaussx_operators::{AsCol, AsMat, CovarianceOperator, Error, Scalar, Workspace, memory};

use crate::whiten::residuals_into;

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
    memory::filled_col("score", covariance.dim(), |out| {
        score_into(x, mean, covariance, out, &mut Workspace::new())
    })
}

/// [`score`] into a slice of length `d`, with the caller's [`Workspace`]: in a loop nothing is
/// allocated.
///
/// # Errors
///
/// As [`score`]; [`Error::DimensionMismatch`] if `out` has another length.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, Workspace, score_into};
///
/// let sigma = DiagonalCovariance::new([1.0, 4.0])?;
/// let mut score = [0.0; 2];
/// score_into([1.0, 2.0], [0.0, 0.0], &sigma, &mut score, &mut Workspace::new())?;
/// assert_eq!(score, [-1.0, -0.5]);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn score_into<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let rows = out.len();
    let out = MatMut::from_column_major_slice_mut(out, rows, 1);
    score_batch_into(x.as_col().as_mat(), mean, covariance, out, workspace)
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
    let points = points.as_mat();
    let mut scores = memory::zero_mat("scores", points.nrows(), points.ncols())?;
    score_batch_into(
        points,
        mean,
        covariance,
        scores.as_mut(),
        &mut Workspace::new(),
    )?;
    Ok(scores)
}

/// [`score_batch`] into a `d × N` matrix, with the caller's [`Workspace`]: in a loop nothing
/// is allocated.
///
/// # Errors
///
/// As [`score_batch`]; [`Error::DimensionMismatch`] if `out` has another size.
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, Workspace, faer::{Mat, mat}, score_batch_into};
///
/// let sigma = ScaledIdentity::new(1, 2.0)?;
/// let mut scores = Mat::zeros(1, 2);
/// let points = mat![[2.0, -4.0]];
/// score_batch_into(&points, [0.0], &sigma, scores.as_mut(), &mut Workspace::new())?;
/// assert_eq!(scores, mat![[-1.0, 2.0]]);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn score_batch_into<T: Scalar>(
    points: impl AsMat<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    mut out: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    residuals_into(points.as_mat(), mean.as_col(), covariance, out.as_mut())?;
    covariance.solve_in_place(out.as_mut(), workspace)?;
    for column in out.col_iter_mut() {
        for value in column.iter_mut() {
            if !value.is_finite() {
                return Err(Error::not_representable("score"));
            }
            // 0 - x: the score at the mean is 0, not -0.
            *value = T::zero() - *value;
        }
    }
    Ok(())
}
