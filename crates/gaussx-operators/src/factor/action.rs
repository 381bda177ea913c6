//! Products and half-solves with the factor of any structure.

use faer::{MatMut, MatRef};

use super::{CholeskyFactor, FactorKind, factor_of};
use crate::columns::map_rows;
use crate::{Error, Scalar, Workspace, dense, validate};

/// What is done to the columns of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    HalfSolve,
    HalfSolveTranspose,
    Multiply,
    MultiplyTranspose,
}

impl Action {
    pub(crate) fn is_solve(self) -> bool {
        matches!(self, Self::HalfSolve | Self::HalfSolveTranspose)
    }
}

impl<T: Scalar> CholeskyFactor<'_, T> {
    /// `X ← L⁻¹ X` for an `n × k` matrix: whitens `k` columns.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `x` has not `n` rows; [`Error::AllocationFailed`].
    pub fn half_solve_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.checked(Action::HalfSolve, x, workspace)
    }

    /// `X ← L⁻ᵀ X` for an `n × k` matrix.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `x` has not `n` rows; [`Error::AllocationFailed`].
    pub fn half_solve_transpose_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.checked(Action::HalfSolveTranspose, x, workspace)
    }

    /// `X ← L X` for an `n × k` matrix: colours `k` columns of white noise.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `x` has not `n` rows; [`Error::AllocationFailed`].
    pub fn multiply_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.checked(Action::Multiply, x, workspace)
    }

    /// `X ← Lᵀ X` for an `n × k` matrix.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `x` has not `n` rows; [`Error::AllocationFailed`].
    pub fn multiply_transpose_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.checked(Action::MultiplyTranspose, x, workspace)
    }

    fn checked(
        &self,
        action: Action,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        validate::dimension("matrix (rows)", self.dim(), x.nrows())?;
        self.act(action, 0, x, workspace)
    }

    /// Performs `action`, told that the rows of `x` before `first` are zero (for actions
    /// that keep them so: products with `L` and `L⁻¹`).
    pub(crate) fn act(
        &self,
        action: Action,
        first: usize,
        mut x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        debug_assert_eq!(x.nrows(), self.dim(), "callers hand matrices of n rows");
        debug_assert!(
            first == 0 || matches!(action, Action::HalfSolve | Action::Multiply),
            "transposes fill the leading rows"
        );
        match self.kind {
            FactorKind::ScaledIdentity { variance, .. } => {
                let deviation = variance.sqrt();
                if action.is_solve() {
                    map_rows(x, |_, value| value / deviation);
                } else {
                    map_rows(x, |_, value| value * deviation);
                }
                return Ok(());
            }
            FactorKind::Diagonal { variances } => {
                return scale_by_deviations(action, variances, self.scale, x, workspace);
            }
            FactorKind::Dense { l } => {
                let rest = l.nrows() - first;
                let l = l.submatrix(first, first, rest, rest);
                let x = x.as_mut().subrows_mut(first, rest);
                dense::triangular::act(l, action, x, workspace)?;
            }
            FactorKind::BlockDiagonal { blocks } => {
                let mut start = 0;
                for b in 0..blocks.count() {
                    let factor = factor_of(blocks.block(b))?;
                    let n = factor.dim();
                    let rows = x.as_mut().subrows_mut(start, n);
                    if start + n > first && !is_zero(rows.as_ref()) {
                        factor.act(action, first.saturating_sub(start), rows, workspace)?;
                    }
                    start += n;
                }
            }
            FactorKind::Custom { factor } => match action {
                Action::HalfSolve => factor.half_solve_in_place(x.as_mut(), workspace)?,
                Action::HalfSolveTranspose => {
                    factor.half_solve_transpose_in_place(x.as_mut(), workspace)?;
                }
                Action::Multiply => factor.multiply_in_place(x.as_mut(), workspace)?,
                Action::MultiplyTranspose => {
                    factor.multiply_transpose_in_place(x.as_mut(), workspace)?;
                }
            },
        }
        if self.scale != T::one() {
            let deviation = self.scale.sqrt();
            if action.is_solve() {
                map_rows(x, |_, value| value / deviation);
            } else {
                map_rows(x, |_, value| value * deviation);
            }
        }
        Ok(())
    }
}

fn scale_by_deviations<T: Scalar>(
    action: Action,
    variances: &[T],
    scale: T,
    x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let deviation = |i: usize| (scale * variances[i]).sqrt();
    match (x.ncols(), action.is_solve()) {
        (0 | 1, true) => map_rows(x, |i, value| value / deviation(i)),
        (0 | 1, false) => map_rows(x, |i, value| value * deviation(i)),
        (_, solve) => workspace.with(variances.len(), 1, |buffer, _| {
            for (i, value) in buffer.iter_mut().enumerate() {
                *value = deviation(i);
            }
            if solve {
                map_rows(x, |i, value| value / buffer[i]);
            } else {
                map_rows(x, |i, value| value * buffer[i]);
            }
            Ok(())
        })?,
    }
    Ok(())
}

fn is_zero<T: Scalar>(x: MatRef<'_, T>) -> bool {
    (0..x.ncols()).all(|j| x.col(j).iter().all(|&value| value == T::zero()))
}
