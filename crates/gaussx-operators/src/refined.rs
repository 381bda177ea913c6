//! A covariance and its Cholesky factor once more, in twice the precision.

use crate::blocks::for_each_block;
use crate::double_word::DoubleWord;
use crate::factor::factor_of;
use crate::{CholeskyFactor, Error, FactorKind, Scalar};

/// A lower triangle of double words, column by column.
#[derive(Debug)]
pub(crate) struct Refined<T> {
    n: usize,
    entries: Vec<DoubleWord<T>>,
}

impl<T: Scalar> Refined<T> {
    fn zeros(n: usize) -> Result<Self, Error> {
        let failed = || Error::AllocationFailed {
            what: "covariance in twice the precision",
            rows: n,
            columns: n,
        };
        let len = n.checked_mul(n).ok_or_else(failed)?;
        let mut entries = Vec::new();
        entries.try_reserve_exact(len).map_err(|_| failed())?;
        entries.resize(len, DoubleWord::default());
        Ok(Self { n, entries })
    }

    /// `D Σ D` for `D` of powers of two, exactly as the operator holds it, where it
    /// [is known](Self::is_known).
    pub(crate) fn covariance(factor: CholeskyFactor<'_, T>, scales: &[T]) -> Result<Self, Error> {
        let mut sigma = Self::zeros(scales.len())?;
        sigma.fill(factor, 0, scales)?;
        Ok(sigma)
    }

    /// Whether every entry is known: no part of the factor is a user's own.
    pub(crate) fn is_known(factor: CholeskyFactor<'_, T>) -> bool {
        match factor.kind() {
            FactorKind::Custom { .. } => false,
            FactorKind::BlockDiagonal { blocks } => {
                let known = |b| factor_of(blocks.block(b)).is_ok_and(Self::is_known);
                (0..blocks.count()).all(known)
            }
            _ => true,
        }
    }

    /// Writes the block that begins at coordinate `start`.
    fn fill(
        &mut self,
        factor: CholeskyFactor<'_, T>,
        start: usize,
        scales: &[T],
    ) -> Result<(), Error> {
        let (n, scale) = (factor.dim(), factor.scale());
        let by = |i: usize| scales[start + i];
        let product =
            |value: T, i: usize, j: usize| DoubleWord::product(scale, value * by(i) * by(j));
        match factor.kind() {
            FactorKind::ScaledIdentity { variance, .. } => {
                for i in 0..n {
                    *self.at(start + i, start + i) = product(variance, i, i);
                }
            }
            FactorKind::Diagonal { variances } => {
                for i in 0..n {
                    *self.at(start + i, start + i) = product(variances[i], i, i);
                }
            }
            FactorKind::Dense { l } => match factor.entries() {
                Some(entries) => {
                    for j in 0..n {
                        *self.at(start + j, start + j) = product(entries.diag[j], j, j);
                        for i in j + 1..n {
                            *self.at(start + i, start + j) = product(entries.upper[(j, i)], i, j);
                        }
                    }
                }
                None => {
                    for k in 0..n {
                        for j in k..n {
                            let row = product(l[(j, k)], j, j);
                            for i in j..n {
                                // The scale of one row twice and of the other not at all.
                                let term = row * DoubleWord::of(l[(i, k)] * by(i) / by(j));
                                let place = self.at(start + i, start + j);
                                *place = *place + term;
                            }
                        }
                    }
                }
            },
            FactorKind::BlockDiagonal { blocks } => for_each_block(blocks, |block, range| {
                let inner = factor_of(block)?.scaled(scale);
                self.fill(inner, start + range.start, scales)
            })?,
            FactorKind::Custom { .. } => unreachable!("callers ask whether the entries are known"),
        }
        Ok(())
    }

    fn at(&mut self, i: usize, j: usize) -> &mut DoubleWord<T> {
        &mut self.entries[j * self.n + i]
    }

    pub(crate) fn get(&self, i: usize, j: usize) -> DoubleWord<T> {
        self.entries[j * self.n + i]
    }

    /// `A_j ← A_j - Σ_{k<j} L_jk L_k`, from the diagonal down, where the columns before `j`
    /// are those of the factor.
    pub(crate) fn reduce_column(&mut self, j: usize) {
        let n = self.n;
        let (before, rest) = self.entries.split_at_mut(j * n);
        for column in before.chunks_exact(n) {
            let factor = -column[j];
            for i in j..n {
                rest[i] = rest[i] + column[i] * factor;
            }
        }
    }

    /// Divides what is below the diagonal in column `j`, which it returns.
    pub(crate) fn divide_below(&mut self, j: usize, pivot: DoubleWord<T>) -> &[DoubleWord<T>] {
        let n = self.n;
        let below = &mut self.entries[j * n + j + 1..(j + 1) * n];
        for value in below.iter_mut() {
            *value = *value / pivot;
        }
        below
    }

    /// `A ← L` with `A = L Lᵀ`; `None` where a pivot is not positive.
    pub(crate) fn cholesky(mut self) -> Option<Self> {
        for j in 0..self.n {
            self.reduce_column(j);
            let pivot = self.get(j, j);
            if !(pivot.hi > T::zero()) {
                return None;
            }
            let root = pivot.sqrt();
            *self.at(j, j) = root;
            self.divide_below(j, root);
        }
        Some(self)
    }

    /// `x ← L⁻¹ x`, told that `x` is zero before `first`.
    pub(crate) fn half_solve(&self, first: usize, x: &mut [DoubleWord<T>]) {
        for j in first..self.n {
            x[j] = x[j] / self.get(j, j);
            let factor = -x[j];
            for i in j + 1..self.n {
                x[i] = x[i] + self.get(i, j) * factor;
            }
        }
    }

    pub(crate) fn dim(&self) -> usize {
        self.n
    }

    pub(crate) fn copied(&self) -> Result<Self, Error> {
        let mut copy = Self::zeros(self.n)?;
        copy.entries.copy_from_slice(&self.entries);
        Ok(copy)
    }

    /// `A - B`, of the same size.
    pub(crate) fn minus(mut self, other: &Self) -> Self {
        for (a, &b) in self.entries.iter_mut().zip(&other.entries) {
            *a = *a - b;
        }
        self
    }

    /// `L⁻¹ A L⁻ᵀ` for a symmetric `A` known by its lower triangle.
    pub(crate) fn whitened(mut self, l: &Self) -> Self {
        let n = self.n;
        for j in 0..n {
            for i in j + 1..n {
                *self.at(j, i) = self.get(i, j);
            }
        }
        for _ in 0..2 {
            for column in self.entries.chunks_exact_mut(n.max(1)) {
                l.half_solve(0, column);
            }
            for j in 0..n {
                for i in j + 1..n {
                    let (lower, upper) = (self.get(i, j), self.get(j, i));
                    *self.at(i, j) = upper;
                    *self.at(j, i) = lower;
                }
            }
        }
        self
    }

    /// `L⁻¹ A` for a lower triangular `A`.
    pub(crate) fn half_solved(mut self, l: &Self) -> Self {
        let n = self.n;
        for (j, column) in self.entries.chunks_exact_mut(n.max(1)).enumerate() {
            l.half_solve(j, column);
        }
        self
    }
}

/// Powers of two near `1 / √v_i`: multiplying by them rounds nothing.
pub(crate) fn scales<T: Scalar>(variances: &mut [T]) {
    for v in variances {
        let (mantissa, exponent, _) = num_traits::Float::integer_decode(v.sqrt());
        let power = i32::from(exponent) + 63 - i32::try_from(mantissa.leading_zeros()).unwrap_or(0);
        *v = num_traits::Float::powi(T::of(2.0), -power);
    }
}
