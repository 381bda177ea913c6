//! One variance for every coordinate.

use faer::{Col, ColRef, Mat, MatMut, MatRef};

use crate::adjust::Adjust;
use crate::columns::{as_slice, map_rows};
use crate::diagonal::diagonal_sub_block;
use crate::memory::{filled_col, zero_mat};
use crate::operator::{check_columns, check_quadratic_forms, check_sub_block};
use crate::spectrum::PrincipalAxes;
use crate::sum::{sum_map, sum_slices};
use crate::{CholeskyFactor, CovarianceOperator, Error, Scalar, Workspace, validate};

/// The covariance `v I`. Two numbers of memory whatever the dimension; everything that
/// touches no vector costs 1.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{CovarianceOperator, ScaledIdentity};
///
/// let sigma = ScaledIdentity::new(1_000_000, 2.0)?;
/// assert_eq!(sigma.trace()?, 2e6);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaledIdentity<T: Scalar> {
    dim: usize,
    /// Finite and positive.
    variance: T,
}

impl<T: Scalar> ScaledIdentity<T> {
    /// The covariance `variance · I` in `dim` dimensions.
    ///
    /// # Errors
    ///
    /// [`Error::NonFinite`]; [`Error::NotPositiveDefinite`] if the variance is zero or
    /// negative, also in dimension zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, ScaledIdentity};
    ///
    /// assert_eq!(ScaledIdentity::new(3, 2.0)?.trace()?, 6.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn new(dim: usize, variance: T) -> Result<Self, Error> {
        validate::finite("variance", ColRef::from_slice(&[variance]))?;
        if variance > T::zero() {
            Ok(Self { dim, variance })
        } else {
            Err(Error::not_positive_definite(0, variance))
        }
    }

    /// The covariance `std_dev² · I`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); [`Error::NotRepresentable`] if the square overflows or is no
    /// normal number.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::ScaledIdentity;
    ///
    /// assert_eq!(ScaledIdentity::from_std_dev(3, 2.0)?.variance(), 4.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn from_std_dev(dim: usize, std_dev: T) -> Result<Self, Error> {
        Self::new(dim, std_dev)?.with_variance(std_dev * std_dev)
    }

    /// The covariance `I / precision`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); [`Error::NotRepresentable`] if the reciprocal overflows
    /// or is no normal number.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::ScaledIdentity;
    ///
    /// assert_eq!(ScaledIdentity::from_precision(3, 4.0)?.variance(), 0.25);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn from_precision(dim: usize, precision: T) -> Result<Self, Error> {
        Self::new(dim, precision)?.with_variance(T::one() / precision)
    }

    /// A variance that arithmetic on a valid one led to: below the normal numbers it would
    /// have lost digits.
    fn with_variance(self, variance: T) -> Result<Self, Error> {
        if variance == self.variance || num_traits::Float::is_normal(variance) {
            Ok(Self { variance, ..self })
        } else {
            Err(Error::NotRepresentable { what: "variance" })
        }
    }

    /// The common variance.
    #[must_use]
    pub fn variance(&self) -> T {
        self.variance
    }
}

impl<T: Scalar> CovarianceOperator<T> for ScaledIdentity<T> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn diag_into(&self, out: &mut [T]) -> Result<(), Error> {
        validate::dimension("diagonal", self.dim, out.len())?;
        out.fill(self.variance);
        Ok(())
    }

    fn cholesky(&self) -> CholeskyFactor<'_, T> {
        CholeskyFactor::scaled_identity(self.dim, self.variance)
    }

    fn quadratic_forms_into(
        &self,
        points: MatRef<'_, T>,
        center: Option<ColRef<'_, T>>,
        out: &mut [T],
        _: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_quadratic_forms(self.dim, points, center, out)?;
        // One division, after the sum: in units in which that does not exceed the form.
        let unit = self.variance.sqrt().power_to_one().0 / T::of(2.0);
        let variance_in_units = unit * self.variance * unit;
        let term = |residual: T| (unit * residual) * (unit * residual);
        let center_slice = center.map(as_slice);
        for (j, value) in out.iter_mut().enumerate() {
            let x = points.col(j);
            let sum = match (as_slice(x), center_slice, center) {
                (Some(x), None, _) => sum_slices([x], |[x]| term(x)),
                (Some(x), Some(Some(c)), _) => sum_slices([x, c], |[x, c]| term(x - c)),
                (_, _, Some(c)) => sum_map(x.nrows(), |i| term(x[i] - c[i])),
                (_, _, None) => sum_map(x.nrows(), |i| term(x[i])),
            };
            *value = sum / variance_in_units;
        }
        Ok(())
    }

    fn solve_in_place(&self, x: MatMut<'_, T>, _: &mut Workspace<T>) -> Result<(), Error> {
        validate::dimension("matrix (rows)", self.dim, x.nrows())?;
        map_rows(x, |_, value| value / self.variance);
        Ok(())
    }

    fn apply_in_place(&self, x: MatMut<'_, T>, _: &mut Workspace<T>) -> Result<(), Error> {
        validate::dimension("matrix (rows)", self.dim, x.nrows())?;
        map_rows(x, |_, value| value * self.variance);
        Ok(())
    }

    fn trace(&self) -> Result<T, Error> {
        Ok(T::of_count(self.dim) * self.variance)
    }

    fn columns_into(
        &self,
        columns: &[usize],
        mut out: MatMut<'_, T>,
        _: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_columns(self.dim, columns, out.as_ref())?;
        out.fill(T::zero());
        for (k, &j) in columns.iter().enumerate() {
            out[(j, k)] = self.variance;
        }
        Ok(())
    }

    fn sub_block_into(
        &self,
        rows: &[usize],
        columns: &[usize],
        out: MatMut<'_, T>,
        _: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_sub_block(self.dim, rows, columns, out.as_ref())?;
        diagonal_sub_block(rows, columns, out, |_| self.variance);
        Ok(())
    }

    fn diag_inverse(&self) -> Result<Col<T>, Error> {
        filled_col("diagonal of the inverse", self.dim, |out| {
            out.fill(T::one() / self.variance);
            Ok(())
        })
    }

    fn trace_inverse(&self) -> Result<T, Error> {
        Ok(T::of_count(self.dim) / self.variance)
    }

    fn frobenius_norm(&self) -> Result<T, Error> {
        Ok(T::of_count(self.dim).sqrt() * self.variance)
    }

    fn extreme_eigenvalues(&self) -> Result<(T, T), Error> {
        Ok(if self.dim == 0 {
            (T::one(), T::one())
        } else {
            (self.variance, self.variance)
        })
    }

    fn principal_axes(&self, count: usize) -> Result<PrincipalAxes<T>, Error> {
        // Every basis serves: the first coordinates.
        let mut axes = PrincipalAxes::zeros(self.dim, count)?;
        for k in 0..count {
            axes.variances[k] = self.variance;
            axes.directions[(k, k)] = T::one();
        }
        Ok(axes)
    }

    fn to_dense(&self) -> Result<Mat<T>, Error> {
        let mut sigma = zero_mat("dense covariance", self.dim, self.dim)?;
        for i in 0..self.dim {
            sigma[(i, i)] = self.variance;
        }
        Ok(sigma)
    }
}

impl<T: Scalar> Adjust<T> for ScaledIdentity<T> {
    fn scale(self, factor: T) -> Result<Self, Error> {
        validate::positive("scale", factor)?;
        self.with_variance(self.variance * factor)
    }

    fn add_jitter(self, jitter: T) -> Result<Self, Error> {
        validate::non_negative("jitter", jitter)?;
        self.with_variance(self.variance + jitter)
    }
}
