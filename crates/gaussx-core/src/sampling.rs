//! Draws.

use faer::{Col, Mat, MatMut};
use gaussx_operators::{AsCol, CovarianceOperator, Error, Scalar, Workspace, memory, validate};
use rand::Rng;
use rand::distr::Distribution;
use rand_distr::StandardNormal;

/// One draw `x = μ + L z`, `z` standard normal.
///
/// The stream of `z` does not depend on the structure of the covariance or on the scalar,
/// and `L` is unique: one seed gives the same draw, up to rounding, for every
/// representation of one covariance, in `f32` and in `f64`.
///
/// Shapes: a column of length `d`.
///
/// Cost: `d` normals and one product with `L`; `d` for a scaled identity or diagonal,
/// `Σ d_b²` for blocks, `d²` for a dense covariance.
///
/// Accuracy: each entry to a few `d ε` of its standard deviation, and to `ε` of the mean.
///
/// # Errors
///
/// [`Error::DimensionMismatch`], [`Error::NonFinite`], [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`] if an entry overflows.
///
/// # Examples
///
/// ```
/// use chacha20::ChaCha12Rng;
/// use gaussx_core::{DenseCovariance, DiagonalCovariance, faer::mat, sample};
/// use gaussx_core::rand::SeedableRng;
///
/// let dense = DenseCovariance::new(mat![[1.0, 0.0], [0.0, 4.0]])?;
/// let x = sample([1.0, 2.0], &dense, &mut ChaCha12Rng::seed_from_u64(7))?;
///
/// let diagonal = DiagonalCovariance::new([1.0, 4.0])?;
/// let y = sample([1.0, 2.0], &diagonal, &mut ChaCha12Rng::seed_from_u64(7))?;
/// assert_eq!(x, y);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Gentle, *Random Number Generation and Monte Carlo Methods*, 2nd ed. (2003),
/// §5.3; the normals are `rand_distr`'s ziggurat.
pub fn sample<T: Scalar, R: Rng + ?Sized>(
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    rng: &mut R,
) -> Result<Col<T>, Error> {
    let mean = mean.as_col();
    validate::dimension("mean", covariance.dim(), mean.nrows())?;
    memory::filled_col("draw", covariance.dim(), |out| {
        let rows = out.len();
        draw_into(
            mean,
            covariance,
            rng,
            MatMut::from_column_major_slice_mut(out, rows, 1),
        )
    })
}

/// `count` draws as the columns of a `d × count` matrix: the same numbers, up to rounding,
/// as `count` calls of [`sample`] on the same stream.
///
/// # Errors
///
/// As [`sample`].
///
/// # Examples
///
/// ```
/// use chacha20::ChaCha12Rng;
/// use gaussx_core::{ScaledIdentity, rand::SeedableRng, sample_batch};
///
/// let mut rng = ChaCha12Rng::seed_from_u64(7);
/// let draws = sample_batch([0.0; 3], &ScaledIdentity::new(3, 1.0)?, 100, &mut rng)?;
/// assert_eq!((draws.nrows(), draws.ncols()), (3, 100));
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn sample_batch<T: Scalar, R: Rng + ?Sized>(
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    count: usize,
    rng: &mut R,
) -> Result<Mat<T>, Error> {
    let mean = mean.as_col();
    validate::dimension("mean", covariance.dim(), mean.nrows())?;
    let mut draws = memory::zero_mat("draws", covariance.dim(), count)?;
    draw_into(mean, covariance, rng, draws.as_mut())?;
    Ok(draws)
}

fn draw_into<T: Scalar, R: Rng + ?Sized>(
    mean: faer::ColRef<'_, T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    rng: &mut R,
    mut draws: MatMut<'_, T>,
) -> Result<(), Error> {
    validate::finite("mean", mean)?;
    for j in 0..draws.ncols() {
        for z in draws.as_mut().col_mut(j).iter_mut() {
            let normal: f64 = StandardNormal.sample(rng);
            *z = T::of(normal);
        }
    }
    covariance
        .cholesky()
        .multiply_in_place(draws.as_mut(), &mut Workspace::new())?;
    for j in 0..draws.ncols() {
        for (x, &m) in draws.as_mut().col_mut(j).iter_mut().zip(mean.iter()) {
            *x += m;
        }
    }
    match validate::finite_matrix("draws", draws.as_ref()) {
        Ok(()) => Ok(()),
        Err(_) => Err(Error::not_representable("draw")),
    }
}
