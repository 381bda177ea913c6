//! What a covariance is like, in a few numbers.

use gaussx_operators::{CovarianceOperator, Error, PrincipalAxes, Scalar, validate};

use crate::entropy::entropy;

/// The numbers that describe a covariance at a glance; see [`summary`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary<T> {
    /// The dimension `n`.
    pub dim: usize,
    /// `tr Σ`, the total variance.
    pub trace: T,
    /// `ln det Σ`.
    pub logdet: T,
    /// `det Σ`, the generalised variance; 0 or `∞` where it is out of range, which
    /// [`logdet`](Self::logdet) never is.
    pub determinant: T,
    /// `‖Σ‖_F`.
    pub frobenius_norm: T,
    /// `‖Σ‖_2`, the largest eigenvalue: the variance along the first principal axis.
    pub spectral_norm: T,
    /// The largest eigenvalue over the smallest.
    pub condition_number: T,
    /// The entropy of a Gaussian with this covariance, in nats.
    pub entropy: T,
}

/// Summary of a covariance: trace, determinant and its logarithm, norms, condition number
/// and entropy.
///
/// In dimension zero the sums are 0, and the determinant, the spectral norm and the
/// condition number are 1.
///
/// Cost: `n` for scaled identity and diagonal covariances; eigenvalues of each block for
/// blocks; `n³` and `n²` memory for dense covariances and for custom ones that do not know
/// their extreme eigenvalues.
///
/// Accuracy: relative errors a small multiple of `n ε κ`; the smallest eigenvalue is found
/// from the inverse, so that `κ` is that of the correlation matrix.
///
/// # Errors
///
/// [`Error::NoConvergence`] of the eigenvalues; [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, summary};
///
/// let numbers = summary(&DiagonalCovariance::new([1.0, 4.0])?)?;
/// assert_eq!((numbers.trace, numbers.determinant), (5.0, 4.0));
/// assert_eq!((numbers.spectral_norm, numbers.condition_number), (4.0, 4.0));
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Mardia, Kent, Bibby, *Multivariate Analysis* (1979), §1.5.
pub fn summary<T: Scalar>(
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Summary<T>, Error> {
    let (smallest, largest) = covariance.extreme_eigenvalues()?;
    Ok(Summary {
        dim: covariance.dim(),
        trace: validate::representable("trace", covariance.trace()?)?,
        logdet: validate::representable("log-determinant", covariance.logdet()?)?,
        determinant: validate::representable("determinant", covariance.cholesky().determinant()?)?,
        frobenius_norm: validate::representable("Frobenius norm", covariance.frobenius_norm()?)?,
        spectral_norm: validate::representable("spectral norm", largest)?,
        condition_number: validate::representable("condition number", largest / smallest)?,
        entropy: entropy(covariance)?,
    })
}

/// The `count` directions of largest variance: unit eigenvectors of `Σ`, with the variances
/// along them in decreasing order.
///
/// Shapes: `n × count` directions.
///
/// Cost: `n ln n` for diagonal covariances, the eigenproblem of each block for blocks,
/// `n³` for dense and custom ones.
///
/// Accuracy: variances to a small multiple of `n ε` of the largest; a direction to that over
/// the gap between its variance and the next.
///
/// # Errors
///
/// [`Error::InvalidParameter`] if `count` is more than `n`; [`Error::NoConvergence`];
/// [`Error::AllocationFailed`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{DenseCovariance, faer::mat, principal_axes};
///
/// let sigma = DenseCovariance::new(mat![[2.0, 1.0], [1.0, 2.0]])?;
/// let axes = principal_axes(&sigma, 1)?;
/// assert!((axes.variances[0] - 3.0_f64).abs() < 1e-15);
/// assert!((axes.directions[(0, 0)] - 0.5_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Jolliffe, *Principal Component Analysis*, 2nd ed. (2002), §1.1.
pub fn principal_axes<T: Scalar>(
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    count: usize,
) -> Result<PrincipalAxes<T>, Error> {
    covariance.principal_axes(count)
}
