//! A covariance that the library does not know, as an outside user writes it.

use std::any::Any;

use gaussx::faer::MatMut;
use gaussx::pair::PairTerms;
use gaussx::{CholeskyFactor, CovarianceOperator, Error, LowerTriangular, Scalar, Workspace};

/// A stationary AR(1) process: `Σ_ij = v ρ^|i-j|`, everything in `O(n)`.
///
/// `L_i0 = √v ρ^i` and `L_ij = √(v (1 - ρ²)) ρ^(i-j)` for `j >= 1`.
#[derive(Clone, Debug)]
pub struct Ar1<T> {
    n: usize,
    rho: T,
    variance: T,
}

impl<T: Scalar> Ar1<T> {
    pub fn new(n: usize, rho: T, variance: T) -> Result<Self, Error> {
        if rho.is_nan() || rho.abs() >= T::one() {
            return Err(Error::invalid_parameter("rho", rho, "between -1 and 1"));
        }
        gaussx::validate::positive("variance", variance)?;
        Ok(Self { n, rho, variance })
    }

    /// `1 - ρ²`, the share of the variance that is new at each step.
    fn innovation(&self) -> T {
        (T::one() - self.rho) * (T::one() + self.rho)
    }

    /// `L_jj`.
    fn pivot(&self, j: usize) -> T {
        if j == 0 {
            self.variance.sqrt()
        } else {
            (self.variance * self.innovation()).sqrt()
        }
    }
}

impl<T: Scalar> LowerTriangular<T> for Ar1<T> {
    fn factor_dim(&self) -> usize {
        self.n
    }

    fn factor_diag_into(&self, out: &mut [T]) -> Result<(), Error> {
        for (j, value) in out.iter_mut().enumerate() {
            *value = self.pivot(j);
        }
        Ok(())
    }

    fn half_solve_in_place(&self, mut x: MatMut<'_, T>, _: &mut Workspace<T>) -> Result<(), Error> {
        for k in 0..x.ncols() {
            for i in (0..self.n).rev() {
                let before = if i == 0 { T::zero() } else { x[(i - 1, k)] };
                x[(i, k)] = (x[(i, k)] - self.rho * before) / self.pivot(i);
            }
        }
        Ok(())
    }

    fn half_solve_transpose_in_place(
        &self,
        mut x: MatMut<'_, T>,
        _: &mut Workspace<T>,
    ) -> Result<(), Error> {
        for k in 0..x.ncols() {
            for i in 0..self.n {
                let after = if i + 1 == self.n {
                    T::zero()
                } else {
                    x[(i + 1, k)] / self.pivot(i + 1)
                };
                x[(i, k)] = x[(i, k)] / self.pivot(i) - self.rho * after;
            }
        }
        Ok(())
    }

    fn multiply_in_place(&self, mut x: MatMut<'_, T>, _: &mut Workspace<T>) -> Result<(), Error> {
        for k in 0..x.ncols() {
            for i in 0..self.n {
                let before = if i == 0 { T::zero() } else { x[(i - 1, k)] };
                x[(i, k)] = self.rho * before + self.pivot(i) * x[(i, k)];
            }
        }
        Ok(())
    }

    fn multiply_transpose_in_place(
        &self,
        mut x: MatMut<'_, T>,
        _: &mut Workspace<T>,
    ) -> Result<(), Error> {
        for k in 0..x.ncols() {
            let mut carry = T::zero();
            for i in (0..self.n).rev() {
                carry = x[(i, k)] + self.rho * carry;
                x[(i, k)] = self.pivot(i) * carry;
            }
        }
        Ok(())
    }

    fn factor_logdet(&self) -> Result<T, Error> {
        if self.n == 0 {
            return Ok(T::zero());
        }
        let n = T::of_count(self.n);
        let innovation = (-self.rho * self.rho).ln_1p();
        Ok(n * self.variance.ln() + (n - T::one()) * innovation)
    }

    fn squares_below_by_row_into(&self, out: &mut [T], _: &mut Workspace<T>) -> Result<(), Error> {
        // Row i is ρ times row i - 1, pivot included.
        let mut sum = T::zero();
        for (i, value) in out.iter_mut().enumerate() {
            if i > 0 {
                let pivot = self.pivot(i - 1);
                sum = self.rho * self.rho * (sum + pivot * pivot);
            }
            *value = sum;
        }
        Ok(())
    }

    fn inverse_squares_below_by_column_into(
        &self,
        out: &mut [T],
        _: &mut Workspace<T>,
    ) -> Result<(), Error> {
        // L⁻¹ is bidiagonal.
        for (j, value) in out.iter_mut().enumerate() {
            *value = if j + 1 == self.n {
                T::zero()
            } else {
                let entry = self.rho / self.pivot(j + 1);
                entry * entry
            };
        }
        Ok(())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    /// `M = √ratio L⁻¹ L_p`: column `j` is `c_j (ρ_p - ρ_q) ρ_p^(i-j-1) / d_i` below the
    /// diagonal, `c` and `d` the pivots of `p` and of this factor.
    fn meet(
        &self,
        p: &dyn LowerTriangular<T>,
        ratio: T,
        _: &mut Workspace<T>,
    ) -> Result<Option<PairTerms<T>>, Error> {
        let Some(p) = p.as_any().and_then(|any| any.downcast_ref::<Self>()) else {
            return Ok(None);
        };
        let mut terms = PairTerms::new();
        let difference = p.rho - self.rho;
        // Σ_{j<i} c_j² ρ_p^(2 (i-j-1)), row by row.
        let mut sum = T::zero();
        for i in 0..self.n {
            let (c, d) = (p.pivot(i), self.pivot(i));
            terms.add_pivot(ratio.sqrt() * c, d);
            terms.add_squares_below(ratio * sum * (difference / d) * (difference / d));
            sum = p.rho * p.rho * sum + c * c;
        }
        Ok(Some(terms))
    }
}

impl<T: Scalar> CovarianceOperator<T> for Ar1<T> {
    fn dim(&self) -> usize {
        self.n
    }

    fn diag_into(&self, out: &mut [T]) -> Result<(), Error> {
        gaussx::validate::dimension("diagonal", self.n, out.len())?;
        out.fill(self.variance);
        Ok(())
    }

    fn cholesky(&self) -> CholeskyFactor<'_, T> {
        CholeskyFactor::custom(self)
    }
}
