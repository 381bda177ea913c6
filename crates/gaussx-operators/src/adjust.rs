//! Changes to a covariance that keep its type.

use crate::{CovarianceOperator, Error, Scalar};

/// Scaling and jitter, for operators whose type survives them.
///
/// Implemented by the four operators of this crate; of [`BlockDiagonal`] where its
/// blocks implement it. Nothing is ever added unasked.
///
/// [`BlockDiagonal`]: crate::BlockDiagonal
///
/// # Examples
///
/// ```
/// use gaussx_operators::{Adjust, CovarianceOperator, DiagonalCovariance};
///
/// let sigma = DiagonalCovariance::new(&[1.0, 2.0])?.scale(2.0)?.add_jitter(0.5)?;
/// assert_eq!(sigma.diag()?, [2.5, 4.5].iter().copied().collect());
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
pub trait Adjust<T: Scalar>: CovarianceOperator<T> + Sized {
    /// `factor · Σ`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if `factor` is not positive and finite;
    /// [`Error::NotRepresentable`] if a variance overflows or is no
    /// normal number;
    /// [`Error::AllocationFailed`] where there is a copy to be made.
    fn scale(self, factor: T) -> Result<Self, Error>;

    /// `Σ + jitter · I`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if `jitter` is negative or not finite;
    /// [`Error::NotRepresentable`] or [`Error::NonFinite`] if a variance overflows;
    /// [`Error::AllocationFailed`] where there is a copy to be made.
    fn add_jitter(self, jitter: T) -> Result<Self, Error>;
}
