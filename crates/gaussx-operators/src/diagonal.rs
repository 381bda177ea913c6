//! Independent coordinates, each with its own variance.

use faer::{Col, ColRef, Mat, MatMut, MatRef};

use crate::adjust::Adjust;
use crate::columns::{as_slice, map_rows};
use crate::memory::{filled_col, zero_mat};
use crate::operator::{check_columns, check_quadratic_forms, check_sub_block};
use crate::point::{AsCol, copy_into};
use crate::products::{Logarithm, ln_of_product};
use crate::spectrum::{PrincipalAxes, coordinate_axes};
use crate::sum::{root_of_squares, sum_map, sum_slices};
use crate::{CholeskyFactor, CovarianceOperator, Error, Scalar, Workspace, validate};

/// What errors call them, and one of them.
const VARIANCES: &str = "variances";
const VARIANCE: &str = "variance";

/// The covariance `diag(v_1, .., v_n)`. Everything costs `n`; the log-determinant is found
/// when it is built.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{CovarianceOperator, DiagonalCovariance};
///
/// let sigma = DiagonalCovariance::new(&[1.0, 4.0])?;
/// assert_eq!(sigma.logdet()?, 4.0_f64.ln());
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DiagonalCovariance<T: Scalar> {
    /// Finite and positive.
    variances: Vec<T>,
    logdet: Logarithm<T>,
}

impl<T: Scalar> DiagonalCovariance<T> {
    /// The covariance with the given variances; a `Vec` is taken over without a copy.
    ///
    /// # Errors
    ///
    /// [`Error::NonFinite`]; [`Error::NotPositiveDefinite`] if a variance is zero or
    /// negative; [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DiagonalCovariance};
    ///
    /// assert_eq!(DiagonalCovariance::new(&[1.0, 4.0])?.trace()?, 5.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn new(variances: impl AsCol<T>) -> Result<Self, Error> {
        Self::of_given(variances.into_vec(VARIANCES)?)
    }

    /// The covariance with the given standard deviations, `v_i = s_i²`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); [`Error::NotRepresentable`] if a square overflows or
    /// is no normal number.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DiagonalCovariance};
    ///
    /// assert_eq!(DiagonalCovariance::from_std_devs(&[1.0, 2.0])?.trace()?, 5.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn from_std_devs(std_devs: impl AsCol<T>) -> Result<Self, Error> {
        Self::from_map("standard deviations", std_devs, |s| s * s)
    }

    /// The covariance with the given precisions, `v_i = 1 / p_i`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); [`Error::NotRepresentable`] if a reciprocal overflows or
    /// is no normal number.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DiagonalCovariance};
    ///
    /// assert_eq!(DiagonalCovariance::from_precisions(&[1.0, 4.0])?.trace()?, 1.25);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn from_precisions(precisions: impl AsCol<T>) -> Result<Self, Error> {
        Self::from_map("precisions", precisions, |p| T::one() / p)
    }

    /// The covariance with the given variances in the storage of this one, for loops in
    /// which the numbers change and the size does not: nothing is allocated.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DiagonalCovariance};
    ///
    /// let mut sigma = DiagonalCovariance::new([1.0, 2.0])?;
    /// for step in [1.0, 2.0] {
    ///     sigma = sigma.rebuilt([1.0 + step, 2.0])?;
    ///     assert_eq!(sigma.trace()?, 3.0 + step);
    /// }
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn rebuilt(self, variances: impl AsCol<T>) -> Result<Self, Error> {
        let mut storage = self.variances;
        copy_into(VARIANCES, variances.as_col(), &mut storage)?;
        Self::of_given(storage)
    }

    fn of_given(variances: Vec<T>) -> Result<Self, Error> {
        Self::with_logdet(variances).or_else(|variances| {
            check_positive(VARIANCES, &variances)?;
            Err(Error::not_representable(VARIANCE))
        })
    }

    fn from_map(
        what: &'static str,
        given: impl AsCol<T>,
        variance: impl Fn(T) -> T,
    ) -> Result<Self, Error> {
        let numbers = given.into_vec(what)?;
        check_positive(what, &numbers)?;
        Self::mapped(numbers, variance)
    }

    /// The variances that a product or a quotient makes of positive finite numbers.
    fn mapped(mut numbers: Vec<T>, variance: impl Fn(T) -> T) -> Result<Self, Error> {
        let mut are_normal = true;
        for x in &mut numbers {
            *x = variance(*x);
            // Below the normal numbers it would have lost digits.
            are_normal &= *x >= T::min_positive_value();
        }
        if are_normal {
            Self::checked(numbers)
        } else {
            Err(Error::not_representable(VARIANCE))
        }
    }

    /// Positive variances that arithmetic on finite ones led to.
    fn checked(variances: Vec<T>) -> Result<Self, Error> {
        Self::with_logdet(variances).map_err(|_| Error::not_representable(VARIANCE))
    }

    /// The covariance, or what was given where a variance is not finite or not positive:
    /// then, and only then, the sum of the logarithms is not finite.
    fn with_logdet(variances: Vec<T>) -> Result<Self, Vec<T>> {
        let logdet = ln_of_product(&variances, |v| v);
        if logdet.value().is_finite() {
            Ok(Self { variances, logdet })
        } else {
            Err(variances)
        }
    }

    /// The variances.
    #[must_use]
    pub fn variances(&self) -> &[T] {
        &self.variances
    }

    /// `Σ + diag(d)`, `d >= 0`.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `d` has not length `n`;
    /// [`Error::InvalidParameter`] if an entry is negative or not finite;
    /// [`Error::NotRepresentable`] if a sum overflows.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::DiagonalCovariance;
    ///
    /// let sigma = DiagonalCovariance::new(&[1.0, 4.0])?.add_diagonal(&[0.5, 0.0])?;
    /// assert_eq!(sigma.variances(), [1.5, 4.0]);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn add_diagonal(mut self, d: impl AsCol<T>) -> Result<Self, Error> {
        let d = d.as_col();
        validate::dimension("diagonal to add", self.dim(), d.nrows())?;
        for (v, &value) in self.variances.iter_mut().zip(d.iter()) {
            validate::non_negative("diagonal to add", value)?;
            *v += value;
        }
        Self::checked(self.variances)
    }
}

impl<T: Scalar> CovarianceOperator<T> for DiagonalCovariance<T> {
    fn dim(&self) -> usize {
        self.variances.len()
    }

    fn diag_into(&self, out: &mut [T]) -> Result<(), Error> {
        validate::dimension("diagonal", self.dim(), out.len())?;
        out.copy_from_slice(&self.variances);
        Ok(())
    }

    fn cholesky(&self) -> CholeskyFactor<'_, T> {
        CholeskyFactor::diagonal_with_logarithm(&self.variances, &self.logdet)
    }

    fn logdet(&self) -> Result<T, Error> {
        Ok(self.logdet.value())
    }

    fn quadratic_forms_into(
        &self,
        points: MatRef<'_, T>,
        center: Option<ColRef<'_, T>>,
        out: &mut [T],
        _: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_quadratic_forms(self.dim(), points, center, out)?;
        weighted_squares_into(points, center, &self.variances, out);
        Ok(())
    }

    fn solve_in_place(&self, x: MatMut<'_, T>, _: &mut Workspace<T>) -> Result<(), Error> {
        validate::dimension("matrix (rows)", self.dim(), x.nrows())?;
        map_rows(x, |i, value| value / self.variances[i]);
        Ok(())
    }

    fn apply_in_place(&self, x: MatMut<'_, T>, _: &mut Workspace<T>) -> Result<(), Error> {
        validate::dimension("matrix (rows)", self.dim(), x.nrows())?;
        map_rows(x, |i, value| value * self.variances[i]);
        Ok(())
    }

    fn trace(&self) -> Result<T, Error> {
        Ok(sum_slices([&self.variances], |[v]| v))
    }

    fn columns_into(
        &self,
        columns: &[usize],
        mut out: MatMut<'_, T>,
        _: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_columns(self.dim(), columns, out.as_ref())?;
        out.fill(T::zero());
        for (k, &j) in columns.iter().enumerate() {
            out[(j, k)] = self.variances[j];
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
        check_sub_block(self.dim(), rows, columns, out.as_ref())?;
        diagonal_sub_block(rows, columns, out, |i| self.variances[i]);
        Ok(())
    }

    fn diag_inverse(&self) -> Result<Col<T>, Error> {
        filled_col("diagonal of the inverse", self.dim(), |out| {
            for (value, &v) in out.iter_mut().zip(&self.variances) {
                *value = T::one() / v;
            }
            Ok(())
        })
    }

    fn trace_inverse(&self) -> Result<T, Error> {
        Ok(sum_slices([&self.variances], |[v]| T::one() / v))
    }

    fn frobenius_norm(&self) -> Result<T, Error> {
        root_of_squares(|scale| {
            let square = |[v]: [T; 1]| (scale * v) * (scale * v);
            Ok(sum_slices([&self.variances], square))
        })
    }

    fn extreme_eigenvalues(&self) -> Result<(T, T), Error> {
        let Some(&first) = self.variances.first() else {
            return Ok((T::one(), T::one()));
        };
        let bounds = |(low, high): (T, T), &v: &T| (low.min(v), high.max(v));
        Ok(self.variances.iter().fold((first, first), bounds))
    }

    fn principal_axes(&self, count: usize) -> Result<PrincipalAxes<T>, Error> {
        coordinate_axes(self.dim(), count, |i| self.variances[i])
    }

    fn to_dense(&self) -> Result<Mat<T>, Error> {
        let mut sigma = zero_mat("dense covariance", self.dim(), self.dim())?;
        for (i, &v) in self.variances.iter().enumerate() {
            sigma[(i, i)] = v;
        }
        Ok(sigma)
    }
}

impl<T: Scalar> Adjust<T> for DiagonalCovariance<T> {
    fn scale(self, factor: T) -> Result<Self, Error> {
        validate::positive("scale", factor)?;
        Self::mapped(self.variances, |v| v * factor)
    }

    fn add_jitter(mut self, jitter: T) -> Result<Self, Error> {
        validate::non_negative("jitter", jitter)?;
        for v in &mut self.variances {
            *v += jitter;
        }
        Self::checked(self.variances)
    }
}

/// Refuses numbers of which the first that is not finite, or else not positive, is named.
fn check_positive<T: Scalar>(what: &'static str, x: &[T]) -> Result<(), Error> {
    // Without a branch the loop vectorises.
    let are_positive = |all, &x: &T| all & (x > T::zero()) & (x <= T::max_value());
    if x.iter().fold(true, are_positive) {
        return Ok(());
    }
    validate::finite(what, ColRef::from_slice(x))?;
    match x.iter().position(|&x| !(x > T::zero())) {
        Some(i) => Err(Error::not_positive_definite(i, x[i])),
        None => Ok(()),
    }
}

/// `out_j = Σ_i (x_ij - center_i)² / v_i`.
fn weighted_squares_into<T: Scalar>(
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    variances: &[T],
    out: &mut [T],
) {
    let term = |residual: T, v: T| residual * (residual / v);
    let center_slice = center.map(as_slice);
    for (j, value) in out.iter_mut().enumerate() {
        let x = points.col(j);
        *value = match (as_slice(x), center_slice, center) {
            (Some(x), None, _) => sum_slices([x, variances], |[x, v]| term(x, v)),
            (Some(x), Some(Some(c)), _) => {
                sum_slices([x, c, variances], |[x, c, v]| term(x - c, v))
            }
            (_, _, Some(c)) => sum_map(x.nrows(), |i| term(x[i] - c[i], variances[i])),
            (_, _, None) => sum_map(x.nrows(), |i| term(x[i], variances[i])),
        };
    }
}

/// `out_ij = [rows_i = columns_j] v(rows_i)`.
pub(crate) fn diagonal_sub_block<T: Scalar>(
    rows: &[usize],
    columns: &[usize],
    mut out: MatMut<'_, T>,
    variance: impl Fn(usize) -> T,
) {
    for (k, &j) in columns.iter().enumerate() {
        for (m, &i) in rows.iter().enumerate() {
            out[(m, k)] = if i == j { variance(i) } else { T::zero() };
        }
    }
}
