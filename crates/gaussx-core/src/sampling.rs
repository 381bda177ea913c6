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
    memory::filled_col("draw", covariance.dim(), |out| {
        sample_into(mean, covariance, rng, out, &mut Workspace::new())
    })
}

/// [`sample`] into a slice of length `d`, with the caller's [`Workspace`]: in a loop nothing
/// is allocated.
///
/// # Errors
///
/// As [`sample`]; [`Error::DimensionMismatch`] if `out` has another length.
///
/// # Examples
///
/// ```
/// use chacha20::ChaCha8Rng;
/// use gaussx_core::{ScaledIdentity, Workspace, rand::SeedableRng, sample_into};
///
/// let sigma = ScaledIdentity::new(2, 1e-8)?;
/// let (mut rng, mut workspace) = (ChaCha8Rng::seed_from_u64(1), Workspace::new());
/// let mut draw = [0.0_f64; 2];
/// for _ in 0..3 {
///     sample_into([1.0, 2.0], &sigma, &mut rng, &mut draw, &mut workspace)?;
///     assert!((draw[1] - 2.0).abs() < 1e-3);
/// }
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn sample_into<T: Scalar, R: Rng + ?Sized>(
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    rng: &mut R,
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let rows = out.len();
    let out = MatMut::from_column_major_slice_mut(out, rows, 1);
    sample_batch_into(mean, covariance, rng, out, workspace)
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
    let mut draws = memory::zero_mat("draws", covariance.dim(), count)?;
    sample_batch_into(mean, covariance, rng, draws.as_mut(), &mut Workspace::new())?;
    Ok(draws)
}

/// [`sample_batch`] into a `d × N` matrix, with the caller's [`Workspace`]: in a loop nothing
/// is allocated.
///
/// # Errors
///
/// As [`sample_batch`]; [`Error::DimensionMismatch`] if `out` has not `d` rows.
///
/// # Examples
///
/// ```
/// use chacha20::ChaCha8Rng;
/// use gaussx_core::{ScaledIdentity, Workspace, faer::Mat, rand::SeedableRng, sample_batch_into};
///
/// let sigma = ScaledIdentity::new(2, 1e-8)?;
/// let (mut rng, mut workspace) = (ChaCha8Rng::seed_from_u64(1), Workspace::new());
/// let mut draws = Mat::<f64>::zeros(2, 100);
/// sample_batch_into([1.0, 2.0], &sigma, &mut rng, draws.as_mut(), &mut workspace)?;
/// assert!((draws[(1, 99)] - 2.0).abs() < 1e-3);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn sample_batch_into<T: Scalar, R: Rng + ?Sized>(
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    rng: &mut R,
    mut out: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let mean = mean.as_col();
    validate::dimension("mean", covariance.dim(), mean.nrows())?;
    validate::dimension("draws (rows)", covariance.dim(), out.nrows())?;
    validate::finite("mean", mean)?;
    for j in 0..out.ncols() {
        for z in out.as_mut().col_mut(j).iter_mut() {
            let normal: f64 = StandardNormal.sample(rng);
            *z = T::of(normal);
        }
    }
    covariance
        .cholesky()
        .multiply_in_place(out.as_mut(), workspace)?;
    for j in 0..out.ncols() {
        for (x, &m) in out.as_mut().col_mut(j).iter_mut().zip(mean.iter()) {
            *x += m;
        }
    }
    match validate::finite_matrix("draws", out.as_ref()) {
        Ok(()) => Ok(()),
        Err(_) => Err(Error::not_representable("draw")),
    }
}
