//! The differential entropy.

use gaussx_operators::{CovarianceOperator, Error, Scalar, validate};

/// Entropy `H = ½ (d (1 + ln 2π) + ln det Σ)`, in nats.
///
/// The constant is `ln 2π`. Some teaching material prints `ln π`, which is the entropy
/// less `½ d ln 2`.
///
/// ```math
/// H(\mathcal{N}(\mu, \Sigma)) = \tfrac12 \left( d (1 + \ln 2\pi) + \ln\det\Sigma \right)
/// ```
///
/// Differential entropy may be negative; it does not depend on the mean. 0 in dimension
/// zero.
///
/// Cost: a log-determinant; 1 for a scaled identity, `d` otherwise.
///
/// Accuracy: absolute error a small multiple of `d ε κ`, relative to `Σ |ln L_ii|`.
///
/// # Errors
///
/// [`Error::NotRepresentable`] where an operator breaks its contract.
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, entropy};
///
/// let nats: f64 = entropy(&ScaledIdentity::new(1, 1.0)?)?;
/// assert!((nats - 1.4189385332046727).abs() < 1e-15);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: Cover, Thomas, *Elements of Information Theory*, 2nd ed., Theorem 8.4.1.
pub fn entropy<T: Scalar>(covariance: &(impl CovarianceOperator<T> + ?Sized)) -> Result<T, Error> {
    let constants = T::of_count(covariance.dim()) * (T::one() + T::LN_2PI);
    let entropy = (constants + covariance.logdet()?) / T::of(2.0);
    validate::representable("entropy", entropy)
}
