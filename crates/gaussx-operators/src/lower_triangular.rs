//! The trait by which a factor that this library does not know joins in.

use core::any::Any;
use core::fmt::Debug;

use faer::MatMut;

use crate::columns::{panels, unit_columns_into};
use crate::memory::zero_vec;
use crate::pair::PairTerms;
use crate::products::sum_ln;
use crate::sum::sum_map;
use crate::{Error, Scalar, Workspace};

/// A lower triangular matrix `L` with a positive diagonal, known only by what it does.
///
/// The trait by which a factor that this library does not know joins in, through
/// [`CholeskyFactor::custom`](crate::CholeskyFactor::custom). The matrix must be *the* Cholesky factor of its
/// covariance: lower triangular with a positive diagonal, hence unique. Every closed
/// form asks the factor only for the operations below.
///
/// All methods are called with the sizes that [`factor_dim`](Self::factor_dim) promises:
/// sizes are checked before, and need no check here (those of
/// [`CovarianceOperator`](crate::CovarianceOperator) do). Products and solves work in place
/// on any number of columns, which need not be contiguous; scratch comes from the
/// [`Workspace`], which may be ignored.
///
/// # Examples
///
/// The factor of a stationary AR(1) process, `Σ_ij = ρ^|i-j|`, has `L_ij = ρ^(i-j) c_j`
/// with `c_0 = 1` and `c_j = √(1 - ρ²)`, and all its operations are recursions:
///
/// ```
/// use gaussx_operators::{CholeskyFactor, CovarianceOperator, Error, LowerTriangular, Workspace};
/// use gaussx_operators::faer::MatMut;
///
/// #[derive(Debug)]
/// struct Ar1 {
///     n: usize,
///     rho: f64,
/// }
///
/// impl Ar1 {
///     fn c(&self, j: usize) -> f64 {
///         if j == 0 { 1.0 } else { (1.0 - self.rho * self.rho).sqrt() }
///     }
/// }
///
/// impl LowerTriangular<f64> for Ar1 {
///     fn factor_dim(&self) -> usize {
///         self.n
///     }
///     fn factor_diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
///         for (j, value) in out.iter_mut().enumerate() {
///             *value = self.c(j);
///         }
///         Ok(())
///     }
///     fn half_solve_in_place(&self, mut x: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Result<(), Error> {
///         for k in 0..x.ncols() {
///             for i in (0..self.n).rev() {
///                 let before = if i == 0 { 0.0 } else { x[(i - 1, k)] };
///                 x[(i, k)] = (x[(i, k)] - self.rho * before) / self.c(i);
///             }
///         }
///         Ok(())
///     }
///     fn half_solve_transpose_in_place(&self, mut x: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Result<(), Error> {
///         for k in 0..x.ncols() {
///             for i in 0..self.n {
///                 let after = if i + 1 == self.n { 0.0 } else { x[(i + 1, k)] / self.c(i + 1) };
///                 x[(i, k)] = x[(i, k)] / self.c(i) - self.rho * after;
///             }
///         }
///         Ok(())
///     }
///     fn multiply_in_place(&self, mut x: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Result<(), Error> {
///         for k in 0..x.ncols() {
///             for i in 0..self.n {
///                 let before = if i == 0 { 0.0 } else { x[(i - 1, k)] };
///                 x[(i, k)] = self.rho * before + self.c(i) * x[(i, k)];
///             }
///         }
///         Ok(())
///     }
///     fn multiply_transpose_in_place(&self, mut x: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Result<(), Error> {
///         for k in 0..x.ncols() {
///             let mut carry = 0.0;
///             for i in (0..self.n).rev() {
///                 carry = x[(i, k)] + self.rho * carry;
///                 x[(i, k)] = self.c(i) * carry;
///             }
///         }
///         Ok(())
///     }
/// }
///
/// impl CovarianceOperator<f64> for Ar1 {
///     fn dim(&self) -> usize {
///         self.n
///     }
///     fn diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
///         gaussx_operators::validate::dimension("diagonal", self.n, out.len())?;
///         out.fill(1.0);
///         Ok(())
///     }
///     fn cholesky(&self) -> CholeskyFactor<'_, f64> {
///         CholeskyFactor::custom(self)
///     }
/// }
///
/// let sigma = Ar1 { n: 5, rho: 0.5 };
/// assert!((sigma.logdet()? - 4.0 * 0.75_f64.ln()).abs() < 1e-14);
/// # Ok::<(), Error>(())
/// ```
///
/// Meetings with diagonals and with its own kind still take quadratic time: the sums of
/// squares and [`meet`](Self::meet) are what to override for them.
pub trait LowerTriangular<T: Scalar>: Debug + Send + Sync {
    /// The number `n` of rows and columns.
    fn factor_dim(&self) -> usize;

    /// The diagonal of `L`, all positive, into a slice of length `n`.
    ///
    /// # Errors
    ///
    /// Whatever the implementation finds wrong.
    fn factor_diag_into(&self, out: &mut [T]) -> Result<(), Error>;

    /// `X ← L⁻¹ X`, `X` of size `n × k`.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] if scratch cannot be had.
    fn half_solve_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error>;

    /// `X ← L⁻ᵀ X`, `X` of size `n × k`.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] if scratch cannot be had.
    fn half_solve_transpose_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error>;

    /// `X ← L X`, `X` of size `n × k`.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] if scratch cannot be had.
    fn multiply_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error>;

    /// `X ← Lᵀ X`, `X` of size `n × k`.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] if scratch cannot be had.
    fn multiply_transpose_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error>;

    /// `ln det(L Lᵀ) = 2 Σ ln L_ii`. Provided: `O(n)` time and memory; write it where a loop
    /// must not allocate.
    ///
    /// # Errors
    ///
    /// What [`factor_diag_into`](Self::factor_diag_into) returns; [`Error::AllocationFailed`].
    fn factor_logdet(&self) -> Result<T, Error> {
        let mut diag = zero_vec("diagonal of the factor", self.factor_dim())?;
        self.factor_diag_into(&mut diag)?;
        Ok(T::of(2.0) * sum_ln(&diag, |l| l))
    }

    /// `out_i = Σ_{j<i} L_ij²`: the squares below the diagonal, summed along each row.
    ///
    /// What meetings with a diagonal `q` need. Provided: products with panels of the
    /// identity, `n` columns in all; `O(n)` where a closed form of the sums is known.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] if scratch cannot be had.
    fn squares_below_by_row_into(
        &self,
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        let n = self.factor_dim();
        out.fill(T::zero());
        for panel in panels(n) {
            workspace.with_columns(n, panel.len(), |mut x, workspace| {
                unit_columns_into(panel.start, x.as_mut());
                self.multiply_in_place(x.as_mut(), workspace)?;
                for (k, j) in panel.clone().enumerate() {
                    for i in j + 1..n {
                        out[i] += x[(i, k)] * x[(i, k)];
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// `out_j = Σ_{i>j} (L⁻¹)_ij²`: the squares below the diagonal of the inverse, summed
    /// down each column.
    ///
    /// What meetings with a diagonal `p` need, and the diagonal of `Σ⁻¹`. Provided:
    /// half-solves of panels of the identity, `n` columns in all; `O(n)` where a closed
    /// form of the sums is known.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] if scratch cannot be had.
    fn inverse_squares_below_by_column_into(
        &self,
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        let n = self.factor_dim();
        for panel in panels(n) {
            workspace.with_columns(n, panel.len(), |mut x, workspace| {
                unit_columns_into(panel.start, x.as_mut());
                self.half_solve_in_place(x.as_mut(), workspace)?;
                for (k, j) in panel.clone().enumerate() {
                    out[j] = sum_map(n - j - 1, |i| x[(j + 1 + i, k)] * x[(j + 1 + i, k)]);
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// This factor as [`Any`], so that another of its kind can recognise it in
    /// [`meet`](Self::meet). A type without borrowed parts answers `Some(self)`.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }

    /// The terms of `M = √ratio · L⁻¹ L_p` where `p` is of this factor's own kind and the
    /// meeting is cheaper than half-solves of panels; `None` for every other `p`.
    ///
    /// This factor is the one of `q`, as in KL(p‖q). `Some(terms)` must hold every pivot and
    /// every square below the diagonal of `M`: `√ratio` multiplies the pivots, `ratio` the
    /// squares. It is 1 unless one of the two covariances is seen through
    /// [`Scaled`](crate::Scaled). Without a meeting of its own, a pair of one kind costs the
    /// half-solves of all `n` columns.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] if scratch cannot be had.
    fn meet(
        &self,
        p: &dyn LowerTriangular<T>,
        ratio: T,
        workspace: &mut Workspace<T>,
    ) -> Result<Option<PairTerms<T>>, Error> {
        let _ = (p, ratio, workspace);
        Ok(None)
    }
}
