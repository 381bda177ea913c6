//! Quantities that report how far they may be off.

use gaussx_operators::{AsCol, CovarianceOperator, Error, Scalar, error_bound, validate};

use crate::{kl_divergence, quadratic_form};

/// A computed quantity and a bound on its error.
///
/// The exact quantity, of the numbers that the operators hold, lies between
/// `value - error` and `value + error`. An infinite `error` says that nothing is known.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DenseCovariance, faer::mat, logdet_bounded};
///
/// // The correlation is 1 - d, so that the determinant is d (2 - d).
/// let d = 2.0_f64.powi(-30);
/// let sigma = DenseCovariance::new(mat![[1.0, 1.0 - d], [1.0 - d, 1.0]])?;
/// let logdet = logdet_bounded(&sigma)?;
/// let exact = (d * (2.0 - d)).ln();
/// assert!((logdet.value - exact).abs() <= logdet.error && logdet.error < 1e-6);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounded<T> {
    /// The quantity, as the plain function gives it.
    pub value: T,
    /// How far from the exact one it is at most.
    pub error: T,
}

/// [`logdet`](CovarianceOperator::logdet) with a bound on its error.
///
/// Cost: for a dense covariance a Cholesky factorisation in twice the precision, some ten
/// times the operations of the plain one, none of them in its fast kernels, and `2 n²` numbers of
/// memory; `n` for diagonal ones. For a user's own factor the bound is `10 n ε κ`, with
/// [`condition_estimate`](crate::condition_estimate).
///
/// Accuracy: the bound holds in every certified case, and in the median is eight times the
/// error, which is then mostly that of the logarithms.
///
/// # Errors
///
/// [`Error::AllocationFailed`]; what an operator written elsewhere returns.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, logdet_bounded};
///
/// let logdet = logdet_bounded(&DiagonalCovariance::new([2.0, 8.0])?)?;
/// assert!((logdet.value - 16.0_f64.ln()).abs() <= logdet.error);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: the second computation is in double-word arithmetic (Joldes, Muller, Popescu 2017,
/// <https://doi.org/10.1145/3121432>).
pub fn logdet_bounded<T: Scalar>(
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Bounded<T>, Error> {
    Ok(Bounded {
        value: validate::representable("log-determinant", covariance.logdet()?)?,
        error: error_bound::logdet(covariance)?,
    })
}

/// [`quadratic_form`] with a bound on its error.
///
/// Cost: as [`logdet_bounded`].
///
/// Accuracy: the bound is the error itself and a sixteenth of a unit in the last place.
///
/// # Errors
///
/// As [`quadratic_form`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{DenseCovariance, faer::mat, quadratic_form_bounded};
///
/// let sigma = DenseCovariance::new(mat![[2.0, 1.0], [1.0, 2.0]])?;
/// let form = quadratic_form_bounded([1.0, 0.0], [0.0, 0.0], &sigma)?;
/// assert!((form.value - 2.0_f64 / 3.0).abs() <= form.error);
/// assert!(form.error < 1e-15);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: as [`logdet_bounded`].
pub fn quadratic_form_bounded<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Bounded<T>, Error> {
    let (x, mean) = (x.as_col(), mean.as_col());
    let value = quadratic_form(x, mean, covariance)?;
    let error = error_bound::quadratic_form(x, mean, covariance, value)?;
    Ok(Bounded { value, error })
}

/// [`kl_divergence`] with a bound on its error.
///
/// Cost: for two dense covariances that of KL in twice the precision, some thirty times the
/// operations of the plain one, none of them in its fast kernels, and `6 n²` numbers of memory;
/// the sum over blocks where blocks match; `n` for diagonal ones. Where one side is a user's own
/// factor, the plain cost and some solves; the bound is then that of the factor form.
///
/// Accuracy: the bound is within a factor of 25 of the error in every certified case; for a
/// user's own factor it may be thousands of times too large.
///
/// # Errors
///
/// As [`kl_divergence`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{DenseCovariance, faer::mat, kl_divergence_bounded};
///
/// let p = DenseCovariance::new(mat![[1.0, 0.5], [0.5, 1.0]])?;
/// let q = DenseCovariance::new(mat![[1.0, 0.5 + 1e-9], [0.5 + 1e-9, 1.0]])?;
/// let kl = kl_divergence_bounded([0.0, 0.0], &p, [0.0, 0.0], &q)?;
/// assert!(kl.value > 0.0 && kl.error < 1e-14 * kl.value);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
///
/// Source: as [`logdet_bounded`].
pub fn kl_divergence_bounded<T: Scalar>(
    mean_p: impl AsCol<T>,
    covariance_p: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: impl AsCol<T>,
    covariance_q: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<Bounded<T>, Error> {
    let (mean_p, mean_q) = (mean_p.as_col(), mean_q.as_col());
    let value = kl_divergence(mean_p, covariance_p, mean_q, covariance_q)?;
    let error = error_bound::kl_divergence(mean_p, covariance_p, mean_q, covariance_q, value)?;
    Ok(Bounded { value, error })
}
