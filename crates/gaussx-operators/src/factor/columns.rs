//! The columns of the factor: its diagonal, some of them, and sums of squares of what is below the
//! diagonal of it or of its inverse.

use core::ops::Range;

use faer::MatMut;

use super::{Action, CholeskyFactor, FactorKind, factor_of};
use crate::blocks::for_each_block;
use crate::columns::unit_columns_into;
use crate::{Error, Scalar, Workspace, dense, validate};

impl<T: Scalar> CholeskyFactor<'_, T> {
    /// The diagonal of the factor, `√c L_ii`, into a slice of length `n`.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `out` has not length `n`; what a custom factor
    /// returns.
    pub fn diag_into(&self, out: &mut [T]) -> Result<(), Error> {
        validate::dimension("diagonal", self.dim(), out.len())?;
        match self.kind {
            FactorKind::ScaledIdentity { variance, .. } => {
                out.fill(variance.sqrt());
                return Ok(());
            }
            FactorKind::Diagonal { variances } => {
                for (value, &v) in out.iter_mut().zip(variances) {
                    *value = (self.scale * v).sqrt();
                }
                return Ok(());
            }
            FactorKind::Dense { l } => {
                for (i, value) in out.iter_mut().enumerate() {
                    *value = l[(i, i)];
                }
            }
            FactorKind::BlockDiagonal { blocks } => for_each_block(blocks, |block, range| {
                factor_of(block)?.diag_into(&mut out[range])
            })?,
            FactorKind::Custom { factor } => factor.factor_diag_into(out)?,
        }
        rescale(out, self.scale.sqrt());
        Ok(())
    }

    /// Columns `range` of the factor itself, into an `n × range.len()` matrix.
    pub(crate) fn columns_into(
        &self,
        range: Range<usize>,
        mut out: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        if let FactorKind::Dense { l } = self.kind {
            let deviation = self.scale.sqrt();
            for (k, j) in range.enumerate() {
                let (mut above, below) = out.as_mut().col_mut(k).split_at_row_mut(j);
                above.fill(T::zero());
                let column = l.col(j).subrows(j, l.nrows() - j);
                for (value, &entry) in below.iter_mut().zip(column.iter()) {
                    *value = deviation * entry;
                }
            }
            Ok(())
        } else {
            unit_columns_into(range.start, out.as_mut());
            self.act(Action::Multiply, range.start, out, workspace)
        }
    }

    /// Subtracts columns `range` of the factor from an `n × range.len()` matrix.
    pub(crate) fn subtract_columns(
        &self,
        range: Range<usize>,
        mut from: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        if let FactorKind::Dense { l } = self.kind {
            let deviation = self.scale.sqrt();
            for (k, j) in range.enumerate() {
                let below = from.as_mut().col_mut(k).subrows_mut(j, l.nrows() - j);
                let column = l.col(j).subrows(j, l.nrows() - j);
                for (value, &entry) in below.iter_mut().zip(column.iter()) {
                    *value -= deviation * entry;
                }
            }
            return Ok(());
        }
        let (n, width) = (from.nrows(), range.len());
        workspace.with_columns(n, width, |mut columns, workspace| {
            self.columns_into(range, columns.as_mut(), workspace)?;
            from -= columns.as_ref();
            Ok(())
        })
    }

    /// `out_i = Σ_{j<i} L_ij²`: the squares below the diagonal, summed along each row.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `out` has not length `n`; [`Error::AllocationFailed`].
    pub fn squares_below_by_row_into(
        &self,
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        validate::dimension("sums of squares", self.dim(), out.len())?;
        match self.kind {
            FactorKind::ScaledIdentity { .. } | FactorKind::Diagonal { .. } => {
                out.fill(T::zero());
            }
            FactorKind::Dense { l } => {
                out.fill(T::zero());
                for j in 0..l.ncols() {
                    let below = l.col(j).subrows(j + 1, l.nrows() - j - 1);
                    for (value, &entry) in out[j + 1..].iter_mut().zip(below.iter()) {
                        *value += entry * entry;
                    }
                }
            }
            FactorKind::BlockDiagonal { blocks } => for_each_block(blocks, |block, range| {
                factor_of(block)?.squares_below_by_row_into(&mut out[range], workspace)
            })?,
            FactorKind::Custom { factor } => factor.squares_below_by_row_into(out, workspace)?,
        }
        rescale(out, self.scale);
        Ok(())
    }

    /// `out_j = Σ_{i>j} (L⁻¹)_ij²`: the squares below the diagonal of the inverse, summed
    /// down each column.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `out` has not length `n`; [`Error::AllocationFailed`];
    /// [`Error::NotRepresentable`] where an entry of the inverse overflows.
    pub fn inverse_squares_below_by_column_into(
        &self,
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        validate::dimension("sums of squares", self.dim(), out.len())?;
        match self.kind {
            FactorKind::ScaledIdentity { .. } | FactorKind::Diagonal { .. } => {
                out.fill(T::zero());
            }
            FactorKind::Dense { l } => {
                dense::triangular::inverse_squares_below_by_column_into(l, out, workspace)?;
            }
            FactorKind::BlockDiagonal { blocks } => for_each_block(blocks, |block, range| {
                factor_of(block)?.inverse_squares_below_by_column_into(&mut out[range], workspace)
            })?,
            FactorKind::Custom { factor } => {
                factor.inverse_squares_below_by_column_into(out, workspace)?;
            }
        }
        if self.scale != T::one() {
            for value in out.iter_mut() {
                *value /= self.scale;
            }
        }
        // An entry of the inverse that overflowed has met its opposite.
        if out.iter().any(|value| value.is_nan()) {
            return Err(Error::not_representable("inverse of the factor"));
        }
        Ok(())
    }
}

/// `x ← by · x`, nothing at all where `by` is 1.
pub(crate) fn rescale<T: Scalar>(x: &mut [T], by: T) {
    if by != T::one() {
        for value in x {
            *value *= by;
        }
    }
}
