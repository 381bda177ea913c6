//! Products with a lower triangular matrix.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};

use super::TOGETHER;
use crate::columns::{PANEL, panels};
use crate::{Error, Scalar, Workspace};

/// `X ← L X`, some columns at a time.
pub(super) fn multiply_columns<T: Scalar>(
    l: MatRef<'_, T>,
    x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    by_columns(l, x, multiply, workspace)
}

/// `X ← Lᵀ X`, some columns at a time.
pub(super) fn multiply_transpose_columns<T: Scalar>(
    l: MatRef<'_, T>,
    x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    by_columns(l, x, multiply_transpose, workspace)
}

type Product<T> = fn(MatRef<'_, T>, MatMut<'_, T>, &mut Workspace<T>) -> Result<(), Error>;

/// One of the products, at most twice [`TOGETHER`] columns at a time.
fn by_columns<T: Scalar>(
    l: MatRef<'_, T>,
    x: MatMut<'_, T>,
    product: Product<T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let k = x.ncols();
    if k <= 2 * TOGETHER {
        return product(l, x, workspace);
    }
    let (left, right) = x.split_at_col_mut((k / 2).next_multiple_of(2 * TOGETHER));
    let operations = l.nrows().saturating_mul(l.nrows()).saturating_mul(k);
    workspace.join(
        operations,
        |workspace| by_columns(l, left, product, workspace),
        |workspace| by_columns(l, right, product, workspace),
    )
}

/// `X ← L X`, block rows from the last to the first, so that each is read before it is
/// written.
fn multiply<T: Scalar>(
    l: MatRef<'_, T>,
    mut x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let (n, k, par) = (l.nrows(), x.ncols(), Par::Seq);
    workspace.with_columns(PANEL, k, |mut buffer, _| {
        let mut end = n;
        while end > 0 {
            let start = end.saturating_sub(PANEL);
            let rows = end - start;
            let mut block = buffer.as_mut().subrows_mut(0, rows);
            let (before, from) = x.as_mut().split_at_row_mut(start);
            let mut target = from.subrows_mut(0, rows);
            block.copy_from(target.as_ref());
            triangular::matmul(
                target.as_mut(),
                BlockStructure::Rectangular,
                Accum::Replace,
                l.submatrix(start, start, rows, rows),
                BlockStructure::TriangularLower,
                block.as_ref(),
                BlockStructure::Rectangular,
                T::one(),
                par,
            );
            let left = l.submatrix(start, 0, rows, start);
            matmul(target, Accum::Add, left, before.as_ref(), T::one(), par);
            end = start;
        }
        Ok(())
    })
}

/// `X ← Lᵀ X`, block rows from the first to the last.
fn multiply_transpose<T: Scalar>(
    l: MatRef<'_, T>,
    mut x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let (n, k, par) = (l.nrows(), x.ncols(), Par::Seq);
    workspace.with_columns(PANEL, k, |mut buffer, _| {
        for range in panels(n) {
            let rows = range.len();
            let mut block = buffer.as_mut().subrows_mut(0, rows);
            let (upto, after) = x.as_mut().split_at_row_mut(range.end);
            let mut target = upto.subrows_mut(range.start, rows);
            block.copy_from(target.as_ref());
            triangular::matmul(
                target.as_mut(),
                BlockStructure::Rectangular,
                Accum::Replace,
                l.submatrix(range.start, range.start, rows, rows)
                    .transpose(),
                BlockStructure::TriangularUpper,
                block.as_ref(),
                BlockStructure::Rectangular,
                T::one(),
                par,
            );
            let below = l.submatrix(range.end, range.start, n - range.end, rows);
            matmul(
                target,
                Accum::Add,
                below.transpose(),
                after.as_ref(),
                T::one(),
                par,
            );
        }
        Ok(())
    })
}
