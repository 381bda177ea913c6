//! Eigenvalues and principal axes through the dense matrix, for operators that know no
//! better way.

use faer::{Col, Mat, Side};

use crate::memory::{zero_col, zero_mat};
use crate::{CovarianceOperator, Error, Scalar, Workspace};

/// The directions of largest variance of a covariance.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{CovarianceOperator, DiagonalCovariance};
///
/// let axes = DiagonalCovariance::new(&[1.0, 9.0, 4.0])?.principal_axes(2)?;
/// assert_eq!(axes.variances[0], 9.0);
/// assert_eq!(axes.directions[(1, 0)], 1.0);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalAxes<T: Scalar> {
    /// The variances along the axes (eigenvalues of `Σ`), in decreasing order.
    pub variances: Col<T>,
    /// The axes, one unit column each; the entry of largest magnitude is positive.
    pub directions: Mat<T>,
}

impl<T: Scalar> PrincipalAxes<T> {
    pub(crate) fn zeros(dim: usize, count: usize) -> Result<Self, Error> {
        if count > dim {
            return Err(Error::invalid_parameter(
                "number of principal axes",
                T::of_count(count),
                "at most the dimension",
            ));
        }
        Ok(Self {
            variances: zero_col("variances of the principal axes", count)?,
            directions: zero_mat("principal axes", dim, count)?,
        })
    }
}

/// The axes of a diagonal covariance: unit vectors, by decreasing variance.
pub(crate) fn coordinate_axes<T: Scalar>(
    dim: usize,
    count: usize,
    variance: impl Fn(usize) -> T,
) -> Result<PrincipalAxes<T>, Error> {
    let mut axes = PrincipalAxes::zeros(dim, count)?;
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|&i, &j| {
        let decreasing = variance(j).partial_cmp(&variance(i));
        decreasing.unwrap_or(core::cmp::Ordering::Equal)
    });
    for (k, &i) in order.iter().take(count).enumerate() {
        axes.variances[k] = variance(i);
        axes.directions[(i, k)] = T::one();
    }
    Ok(axes)
}

pub(crate) fn dense_extremes<T: Scalar>(
    operator: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<(T, T), Error> {
    if operator.dim() == 0 {
        return Ok((T::one(), T::one()));
    }
    let largest = largest_eigenvalue(&operator.to_dense()?)?;
    let n = operator.dim();
    let mut inverse = zero_mat("inverse covariance", n, n)?;
    for i in 0..n {
        inverse[(i, i)] = T::one();
    }
    operator.solve_in_place(inverse.as_mut(), &mut Workspace::new())?;
    // At the top of the range the reciprocal of a reciprocal overflows.
    let smallest = T::one() / largest_eigenvalue(&inverse)?;
    Ok((smallest.min(largest), largest))
}

fn largest_eigenvalue<T: Scalar>(a: &Mat<T>) -> Result<T, Error> {
    let (a, scale) = scaled_to_one(a)?;
    let eigenvalues = a
        .self_adjoint_eigenvalues(Side::Lower)
        .map_err(|_| NO_CONVERGENCE)?;
    let largest = eigenvalues.last().copied().unwrap_or_else(T::one);
    converged(largest * scale)
}

/// The matrix over a power of two near its largest entry, and that power: squares of entries
/// then stay in range. An operator that is given by its factor may have overflowed before.
fn scaled_to_one<T: Scalar>(a: &Mat<T>) -> Result<(Mat<T>, T), Error> {
    let what = "dense covariance";
    crate::validate::finite_matrix(what, a.as_ref()).map_err(|_| Error::not_representable(what))?;
    let diagonal = (0..a.nrows()).map(|i| a[(i, i)]);
    let largest = diagonal.fold(T::zero(), |m, v| if v > m { v } else { m });
    if !num_traits::Float::is_normal(largest) {
        return Ok((a.clone(), T::one()));
    }
    // Kept away from the ends of the range, where its reciprocal is not representable.
    let exponent = largest.log2().floor().as_f64().clamp(-1000.0, 1000.0);
    let scale = T::of(exponent.exp2()).max(T::min_positive_value());
    let mut scaled = a.clone();
    crate::columns::map_rows(scaled.as_mut(), |_, value| value / scale);
    Ok((scaled, scale))
}

fn converged<T: Scalar>(eigenvalue: T) -> Result<T, Error> {
    if eigenvalue.is_nan() {
        Err(NO_CONVERGENCE)
    } else {
        Ok(eigenvalue)
    }
}

pub(crate) fn dense_axes<T: Scalar>(
    operator: &(impl CovarianceOperator<T> + ?Sized),
    count: usize,
) -> Result<PrincipalAxes<T>, Error> {
    let n = operator.dim();
    let mut axes = PrincipalAxes::zeros(n, count)?;
    if n == 0 || count == 0 {
        return Ok(axes);
    }
    let (sigma, scale) = scaled_to_one(&operator.to_dense()?)?;
    let eigen = sigma
        .self_adjoint_eigen(Side::Lower)
        .map_err(|_| NO_CONVERGENCE)?;
    let (values, vectors) = (eigen.S(), eigen.U());
    for k in 0..count {
        let from = n - 1 - k;
        let vector = vectors.col(from);
        let largest = vector
            .iter()
            .fold(T::zero(), |m, &v| if v.abs() > m.abs() { v } else { m });
        axes.variances[k] = converged(values[from] * scale)?;
        for i in 0..n {
            axes.directions[(i, k)] = if largest < T::zero() {
                -vector[i]
            } else {
                vector[i]
            };
        }
    }
    Ok(axes)
}

const NO_CONVERGENCE: Error = Error::NoConvergence {
    what: "symmetric eigenvalue iteration",
};
