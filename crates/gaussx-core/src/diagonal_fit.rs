//! The nearest Gaussian with independent coordinates, in either direction of KL.

use gaussx_operators::{CovarianceOperator, DiagonalCovariance, Error, Scalar};

/// Forward diagonal fit: the diagonal `D` that minimises `KL(N(μ, Σ) ‖ N(μ, D))`,
/// `D_ii = Σ_ii`.
///
/// Matches the marginals; covers the mass. The mean stays `μ`.
///
/// Shapes: of dimension `n`. Variances, in squared units of `x`.
///
/// Cost: `n`.
///
/// Accuracy: the variances themselves.
///
/// # Errors
///
/// [`Error::AllocationFailed`]; [`Error::NotRepresentable`] if a variance of an operator that
/// is given by its factor over- or underflows.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DenseCovariance, faer::mat, forward_diagonal_fit};
///
/// let sigma = DenseCovariance::new(mat![[1.0, 0.95], [0.95, 1.0]])?;
/// assert_eq!(forward_diagonal_fit(&sigma)?.variances(), [1.0, 1.0]);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Bishop, *Pattern Recognition and Machine Learning* (2006), §10.1.2.
pub fn forward_diagonal_fit<T: Scalar>(
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<DiagonalCovariance<T>, Error> {
    // The variances of an operator that is given by its factor may leave the range.
    DiagonalCovariance::new(covariance.diag()?).map_err(|_| Error::not_representable("variance"))
}

/// Reverse diagonal fit: the diagonal `D` that minimises `KL(N(μ, D) ‖ N(μ, Σ))`,
/// `D_ii = 1 / (Σ⁻¹)_ii`.
///
/// The mean-field solution of variational inference: matches the conditionals, and is
/// never wider than the marginals. The mean stays `μ`.
///
/// Shapes: of dimension `n`. Variances, in squared units of `x`.
///
/// Cost: the diagonal of the inverse; `n` for diagonal covariances, `Σ n_b³/3` for blocks,
/// `n³/3` for dense ones.
///
/// Accuracy: relative error a small multiple of `n ε κ`.
///
/// # Errors
///
/// [`Error::AllocationFailed`]; [`Error::NotRepresentable`] if a precision over- or
/// underflows.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DenseCovariance, faer::mat, reverse_diagonal_fit};
///
/// let sigma = DenseCovariance::new(mat![[1.0, 0.95], [0.95, 1.0]])?;
/// let fit = reverse_diagonal_fit(&sigma)?;
/// assert!((fit.variances()[0] - (1.0 - 0.95_f64.powi(2))).abs() < 1e-15);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Bishop, *Pattern Recognition and Machine Learning* (2006), §10.1.2.
pub fn reverse_diagonal_fit<T: Scalar>(
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<DiagonalCovariance<T>, Error> {
    DiagonalCovariance::from_precisions(covariance.diag_inverse()?)
        .map_err(|_| Error::not_representable("precision"))
}
