//! Gaussians from data.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatRef, Par};
use gaussx_operators::{
    AsMat, CompensatedSum, DenseCovariance, DiagonalCovariance, Error, Scalar, ScaledIdentity,
    memory, validate,
};

use crate::normal::MultivariateNormal;

/// How many points are centred at a time.
const PANEL: usize = 256;

/// Maximum-likelihood Gaussian with a dense covariance: `μ = Σ x_j / N`,
/// `Σ = Σ_j (x_j - μ)(x_j - μ)ᵀ / N`.
///
/// Divides by `N`, not `N - 1`: the estimate of largest likelihood.
///
/// Shapes: `points` of size `d × N`, columns are points, `N > d`.
///
/// Cost: `N d²` flops, `d²` numbers of memory, and the factorisation.
///
/// Accuracy: the mean to a few `ε`; the points are centred before they are multiplied.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are not more points than dimensions;
/// [`Error::NonFinite`]; [`Error::NotRepresentable`] if a square overflows; [`Error::NotPositiveDefinite`] if the points lie in a subspace;
/// [`Error::AllocationFailed`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{CovarianceOperator, faer::mat, fit_dense};
///
/// let points = mat![[0.0, 2.0, 0.0, 2.0], [0.0, 0.0, 4.0, 4.0]];
/// let fit = fit_dense(&points)?;
/// assert_eq!((fit.mean()[0], fit.mean()[1]), (1.0, 2.0));
/// assert_eq!(fit.covariance().to_dense()?, mat![[1.0, 0.0], [0.0, 4.0]]);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Bishop, *Pattern Recognition and Machine Learning* (2006), eq. 2.121, 2.122.
pub fn fit_dense<T: Scalar>(
    points: impl AsMat<T>,
) -> Result<MultivariateNormal<T, DenseCovariance<T>>, Error> {
    let points = points.as_mat();
    let dim = points.nrows();
    if points.ncols() <= dim {
        return Err(Error::invalid_parameter(
            "number of points",
            T::of_count(points.ncols()),
            "more than the dimension",
        ));
    }
    let mean = mean_of(points)?;
    let mut covariance = memory::zero_mat("covariance", dim, dim)?;
    for_centred_panels(points, &mean, |panel| {
        triangular::matmul(
            covariance.as_mut(),
            BlockStructure::TriangularLower,
            Accum::Add,
            panel,
            BlockStructure::Rectangular,
            panel.transpose(),
            BlockStructure::Rectangular,
            T::one(),
            Par::Seq,
        );
    })?;
    let count = T::of_count(points.ncols());
    for j in 0..dim {
        for i in j..dim {
            covariance[(i, j)] /= count;
            if !covariance[(i, j)].is_finite() {
                return Err(Error::not_representable("covariance of the points"));
            }
        }
    }
    let covariance = DenseCovariance::from_lower_triangle(covariance)?;
    MultivariateNormal::new(mean, covariance)
}

/// Maximum-likelihood Gaussian with a diagonal covariance: `v_i = Σ_j (x_ij - μ_i)² / N`.
///
/// Shapes: `points` of size `d × N`, columns are points, `N > 1`.
///
/// Cost: `N d`.
///
/// Accuracy: a few `ε` for mean and variances.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are fewer than two points; [`Error::NonFinite`];
/// [`Error::NotRepresentable`] if a square overflows;
/// [`Error::NotPositiveDefinite`] if a coordinate is constant;
/// [`Error::AllocationFailed`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{faer::mat, fit_diagonal};
///
/// let fit = fit_diagonal(&mat![[0.0, 2.0], [1.0, 5.0]])?;
/// assert_eq!(fit.covariance().variances(), [1.0, 4.0]);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Bishop, *Pattern Recognition and Machine Learning* (2006), eq. 2.121, 2.122.
pub fn fit_diagonal<T: Scalar>(
    points: impl AsMat<T>,
) -> Result<MultivariateNormal<T, DiagonalCovariance<T>>, Error> {
    let (mean, variances) = moments(points.as_mat())?;
    MultivariateNormal::new(mean, DiagonalCovariance::new(variances)?)
}

/// Maximum-likelihood Gaussian with covariance `v I`: `v = Σ_ij (x_ij - μ_i)² / (N d)`.
///
/// Shapes: `points` of size `d × N`, columns are points, `N > 1`.
///
/// Cost: `N d`.
///
/// Accuracy: a few `ε` for mean and variance.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if there are fewer than two points, or no coordinates;
/// [`Error::NonFinite`]; [`Error::NotPositiveDefinite`] if all points are equal;
/// [`Error::AllocationFailed`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{faer::mat, fit_scaled_identity};
///
/// let fit = fit_scaled_identity(&mat![[0.0, 2.0], [1.0, 5.0]])?;
/// assert_eq!(fit.covariance().variance(), 2.5);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Tipping, Bishop, "Probabilistic principal component analysis" (1999),
/// <https://doi.org/10.1111/1467-9868.00196>, with no components.
pub fn fit_scaled_identity<T: Scalar>(
    points: impl AsMat<T>,
) -> Result<MultivariateNormal<T, ScaledIdentity<T>>, Error> {
    let (mean, variances) = moments(points.as_mat())?;
    let dim = variances.len();
    if dim == 0 {
        let requirement = "at least one";
        return Err(Error::invalid_parameter(
            "dimension",
            T::zero(),
            requirement,
        ));
    }
    let mut total = CompensatedSum::new();
    for &v in &variances {
        total.add(v);
    }
    let covariance = ScaledIdentity::new(dim, total.value() / T::of_count(dim))?;
    MultivariateNormal::new(mean, covariance)
}

/// Means and variances of the coordinates.
fn moments<T: Scalar>(points: MatRef<'_, T>) -> Result<(Vec<T>, Vec<T>), Error> {
    let count = T::of_count(points.ncols());
    if points.ncols() < 2 {
        let requirement = "at least two";
        return Err(Error::invalid_parameter(
            "number of points",
            count,
            requirement,
        ));
    }
    let mean = mean_of(points)?;
    let mut sums = vec![CompensatedSum::new(); mean.len()];
    for_centred_panels(points, &mean, |panel| {
        for j in 0..panel.ncols() {
            for (sum, &x) in sums.iter_mut().zip(panel.col(j).iter()) {
                sum.add(x * x);
            }
        }
    })?;
    let variances: Vec<T> = sums.iter().map(|sum| sum.value() / count).collect();
    if variances.iter().all(|v| v.is_finite()) {
        Ok((mean, variances))
    } else {
        Err(Error::not_representable("variance of the points"))
    }
}

fn mean_of<T: Scalar>(points: MatRef<'_, T>) -> Result<Vec<T>, Error> {
    validate::finite_matrix("point", points)?;
    let mut sums = vec![CompensatedSum::new(); points.nrows()];
    for j in 0..points.ncols() {
        for (sum, &x) in sums.iter_mut().zip(points.col(j).iter()) {
            sum.add(x);
        }
    }
    let count = T::of_count(points.ncols());
    let mean: Vec<T> = sums.iter().map(|sum| sum.value() / count).collect();
    if mean.iter().all(|m| m.is_finite()) {
        Ok(mean)
    } else {
        Err(Error::not_representable("mean of the points"))
    }
}

/// Calls `f` with panels of `x_j - mean`.
fn for_centred_panels<T: Scalar>(
    points: MatRef<'_, T>,
    mean: &[T],
    mut f: impl FnMut(MatRef<'_, T>),
) -> Result<(), Error> {
    let dim = points.nrows();
    let mut buffer = memory::zero_mat("scratch memory", dim, points.ncols().min(PANEL))?;
    for start in (0..points.ncols()).step_by(PANEL) {
        let width = PANEL.min(points.ncols() - start);
        let mut panel = buffer.as_mut().subcols_mut(0, width);
        panel.copy_from(points.subcols(start, width));
        for j in 0..width {
            for (x, &m) in panel.as_mut().col_mut(j).iter_mut().zip(mean) {
                *x -= m;
            }
        }
        f(panel.as_ref());
    }
    Ok(())
}
