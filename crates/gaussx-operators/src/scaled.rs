//! A covariance times a number, seen through the covariance itself.

use core::marker::PhantomData;

use faer::{Col, ColRef, Mat, MatMut, MatRef};

use crate::adjust::Adjust;
use crate::columns::map_rows;
use crate::spectrum::PrincipalAxes;
use crate::{
    CholeskyFactor, CovarianceOperator, Error, FactorKind, Scalar, Workspace, memory, validate,
};

/// The covariance `c Σ`, for any operator, a user's own or a borrowed one included.
///
/// Nothing is factored or copied: every operation is the inner one and a multiplication,
/// so that structure, overrides and fast meetings of the inner operator all survive. The
/// four operators of this crate can also be scaled in place, by
/// [`Adjust::scale`](crate::Adjust::scale).
///
/// Each variance `c v` is rounded once when it is used: KL between this and a covariance at
/// the relative distance `t` has the relative error `ε / t` from that alone.
///
/// Cost: that of the inner operator, whatever its structure, and `n k` multiplications for
/// what returns `n × k` numbers.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{CovarianceOperator, ScaledIdentity, Scaled};
///
/// let sigma = ScaledIdentity::new(1_000_000, 1.0)?;
/// let wide = Scaled::new(&sigma, 4.0)?;
/// assert_eq!(wide.trace()?, 4e6);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled<T: Scalar, C> {
    inner: C,
    /// Finite and positive.
    factor: T,
    scalar: PhantomData<T>,
}

impl<T: Scalar, C: CovarianceOperator<T>> Scaled<T, C> {
    /// The covariance `factor · Σ`. Cost: `n`, to look at the variances.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if `factor` is not positive and finite;
    /// [`Error::NotRepresentable`] if it takes a variance or an entry of the factor's diagonal
    /// out of the range of the scalar; [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{Scaled, ScaledIdentity};
    ///
    /// assert!(Scaled::new(ScaledIdentity::new(2, 1.0)?, -1.0).is_err());
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn new(inner: C, factor: T) -> Result<Self, Error> {
        validate::positive("scale", factor)?;
        let scaled = Self {
            inner,
            factor,
            scalar: PhantomData,
        };
        let mut variances = memory::zero_vec("variances", scaled.dim())?;
        scaled.diag_into(&mut variances)?;
        let in_range = |v: &T| *v > T::zero() && v.is_finite();
        // The scale of a scaled operator may leave the range where the variances do not.
        let factor = scaled.cholesky();
        let scale = match factor.kind() {
            FactorKind::ScaledIdentity { variance, .. } => variance,
            _ => factor.scale(),
        };
        if !(variances.iter().all(in_range) && in_range(&scale)) {
            return Err(Error::not_representable("variance"));
        }
        let mut deviations = variances;
        factor.diag_into(&mut deviations)?;
        // The reciprocal of a subnormal deviation may be infinite.
        if deviations.iter().any(|&l| l < T::min_positive_value()) {
            return Err(Error::not_representable("deviation"));
        }
        Ok(scaled)
    }

    /// The covariance that is scaled.
    pub fn inner(&self) -> &C {
        &self.inner
    }

    /// The number that it is scaled by.
    pub fn factor(&self) -> T {
        self.factor
    }
}

impl<T: Scalar, C: CovarianceOperator<T>> CovarianceOperator<T> for Scaled<T, C> {
    fn dim(&self) -> usize {
        self.inner.dim()
    }

    fn diag_into(&self, out: &mut [T]) -> Result<(), Error> {
        self.inner.diag_into(out)?;
        for v in out.iter_mut() {
            *v *= self.factor;
        }
        Ok(())
    }

    fn cholesky(&self) -> CholeskyFactor<'_, T> {
        self.inner.cholesky().scaled(self.factor)
    }

    fn quadratic_forms_into(
        &self,
        points: MatRef<'_, T>,
        center: Option<ColRef<'_, T>>,
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.inner
            .quadratic_forms_into(points, center, out, workspace)?;
        for form in out.iter_mut() {
            *form /= self.factor;
        }
        Ok(())
    }

    fn solve_in_place(
        &self,
        mut x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.inner.solve_in_place(x.as_mut(), workspace)?;
        map_rows(x, |_, value| value / self.factor);
        Ok(())
    }

    fn apply_in_place(
        &self,
        mut x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.inner.apply_in_place(x.as_mut(), workspace)?;
        map_rows(x, |_, value| value * self.factor);
        Ok(())
    }

    fn trace(&self) -> Result<T, Error> {
        Ok(self.inner.trace()? * self.factor)
    }

    fn columns_into(
        &self,
        columns: &[usize],
        mut out: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.inner.columns_into(columns, out.as_mut(), workspace)?;
        map_rows(out, |_, value| value * self.factor);
        Ok(())
    }

    fn sub_block_into(
        &self,
        rows: &[usize],
        columns: &[usize],
        mut out: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.inner
            .sub_block_into(rows, columns, out.as_mut(), workspace)?;
        map_rows(out, |_, value| value * self.factor);
        Ok(())
    }

    fn diag_inverse(&self) -> Result<Col<T>, Error> {
        let mut diag = self.inner.diag_inverse()?;
        map_rows(diag.as_mut().as_mat_mut(), |_, value| value / self.factor);
        Ok(diag)
    }

    fn trace_inverse(&self) -> Result<T, Error> {
        Ok(self.inner.trace_inverse()? / self.factor)
    }

    fn frobenius_norm(&self) -> Result<T, Error> {
        Ok(self.inner.frobenius_norm()? * self.factor)
    }

    fn extreme_eigenvalues(&self) -> Result<(T, T), Error> {
        if self.dim() == 0 {
            return self.inner.extreme_eigenvalues();
        }
        let (low, high) = self.inner.extreme_eigenvalues()?;
        Ok((low * self.factor, high * self.factor))
    }

    fn principal_axes(&self, count: usize) -> Result<PrincipalAxes<T>, Error> {
        let mut axes = self.inner.principal_axes(count)?;
        let variances = axes.variances.as_mut().as_mat_mut();
        map_rows(variances, |_, value| value * self.factor);
        Ok(axes)
    }

    fn to_dense(&self) -> Result<Mat<T>, Error> {
        let mut sigma = self.inner.to_dense()?;
        map_rows(sigma.as_mut(), |_, value| value * self.factor);
        Ok(sigma)
    }
}

impl<T: Scalar, C: Adjust<T>> Adjust<T> for Scaled<T, C> {
    fn scale(self, factor: T) -> Result<Self, Error> {
        validate::positive("scale", factor)?;
        Self::new(self.inner, self.factor * factor)
    }

    /// `c Σ + j I = c (Σ + j/c I)`.
    fn add_jitter(self, jitter: T) -> Result<Self, Error> {
        validate::non_negative("jitter", jitter)?;
        Self::new(self.inner.add_jitter(jitter / self.factor)?, self.factor)
    }
}
