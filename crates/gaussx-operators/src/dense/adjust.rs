//! Dense covariances from others: scaled, with more variance, or as matrices again.

use faer::Mat;

use super::{DenseCovariance, factorize};
use crate::adjust::Adjust;
use crate::point::AsCol;
use crate::{CovarianceOperator, Error, Scalar, validate};

impl<T: Scalar> Adjust<T> for DenseCovariance<T> {
    /// Cost: `n²`; nothing is factored again.
    fn scale(self, factor: T) -> Result<Self, Error> {
        validate::positive("scale", factor)?;
        let deviation = factor.sqrt();
        let (mut buffer, mut variances) = (self.storage.into_own()?, self.variances);
        for (j, variance) in variances.iter_mut().enumerate() {
            for i in 0..j {
                buffer[(i, j)] *= factor;
            }
            for i in j..buffer.nrows() {
                buffer[(i, j)] *= deviation;
            }
            *variance *= factor;
            let in_range = *variance > T::zero() && variance.is_finite();
            if !(in_range && buffer[(j, j)] >= T::min_positive_value()) {
                return Err(Error::NotRepresentable {
                    what: "scaled covariance",
                });
            }
        }
        Ok(Self::of_factor(buffer, variances, self.has_entries))
    }

    /// Cost: `n³/3`, a new factorisation in the same storage.
    fn add_jitter(self, jitter: T) -> Result<Self, Error> {
        validate::non_negative("jitter", jitter)?;
        self.with_shifted_variances(|_| jitter)
    }
}

impl<T: Scalar> DenseCovariance<T> {
    /// `Σ + diag(d)`, `d >= 0`. Cost: `n³/3`, a new factorisation in the same storage.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `d` has not length `n`;
    /// [`Error::InvalidParameter`] if an entry is negative or not finite;
    /// [`Error::AllocationFailed`] where there is a copy to be made.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DenseCovariance, faer::mat};
    ///
    /// let sigma = DenseCovariance::new(mat![[1.0, 0.5], [0.5, 1.0]])?.add_diagonal(&[1.0, 2.0])?;
    /// assert_eq!(sigma.to_dense()?, mat![[2.0, 0.5], [0.5, 3.0]]);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn add_diagonal(self, d: impl AsCol<T>) -> Result<Self, Error> {
        let d = d.as_col();
        validate::dimension("diagonal to add", self.dim(), d.nrows())?;
        for &value in d.iter() {
            validate::non_negative("diagonal to add", value)?;
        }
        self.with_shifted_variances(|i| d[i])
    }

    fn with_shifted_variances(self, shift: impl Fn(usize) -> T) -> Result<Self, Error> {
        let mut matrix = self.into_matrix()?;
        for i in 0..matrix.nrows() {
            matrix[(i, i)] += shift(i);
        }
        validate::finite_matrix("covariance", matrix.as_ref())?;
        Ok(Self::from_checked(matrix)?)
    }

    /// The covariance matrix, without a copy where this was built from one of its own.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] where this was built from a factor, a precision or side by
    /// side with others.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{DenseCovariance, faer::mat};
    ///
    /// let matrix = mat![[1.0, 0.5], [0.5, 1.0]];
    /// assert_eq!(DenseCovariance::new(matrix.clone())?.into_matrix()?, matrix);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn into_matrix(self) -> Result<Mat<T>, Error> {
        if !self.has_entries {
            return self.to_dense();
        }
        let mut buffer = self.storage.into_own()?;
        factorize::restore(buffer.as_mut(), &self.variances);
        Ok(buffer)
    }
}
