//! Half-solves with a lower triangular matrix, and the products that they are made of.

use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve;
use faer::{Accum, MatMut, MatRef, Par};

use super::TOGETHER;
use crate::columns::ranges;
use crate::{Scalar, parallel};

/// Rows that are solved for together.
const ROWS: usize = 128;

/// `X ← L⁻¹ X`: what is solved is taken from all rows that follow, for reading `L` takes longest where
/// there are few columns, and its own are long.
pub(super) fn half_solve_down_columns<T: Scalar>(l: MatRef<'_, T>, mut x: MatMut<'_, T>) {
    for rows in ranges(l.nrows(), ROWS) {
        let from = x.as_mut().subrows_mut(rows.start, l.nrows() - rows.start);
        let (mut solved, after) = from.split_at_row_mut(rows.len());
        let (corner, below) = l
            .submatrix(rows.start, rows.start, l.nrows() - rows.start, rows.len())
            .split_at_row(rows.len());
        triangular_solve::solve_lower_triangular_in_place(corner, solved.as_mut(), Par::Seq);
        subtract(after, below, solved.as_ref());
    }
}

/// `X ← L⁻ᵀ X`, some columns at a time, block rows from the last to the first.
pub(super) fn half_solve_transpose_columns<T: Scalar>(l: MatRef<'_, T>, x: MatMut<'_, T>) {
    let n = l.nrows();
    for_column_groups(n * n, x, &|mut x| {
        for rows in ranges(n, ROWS).rev() {
            let (upto, solved) = x.as_mut().split_at_row_mut(rows.end);
            let mut target = upto.subrows_mut(rows.start, rows.len());
            let below = l.submatrix(rows.end, rows.start, n - rows.end, rows.len());
            subtract(target.as_mut(), below.transpose(), solved.as_ref());
            let corner = l.submatrix(rows.start, rows.start, rows.len(), rows.len());
            let corner = corner.transpose();
            triangular_solve::solve_upper_triangular_in_place(corner, target, Par::Seq);
        }
    });
}

/// `C ← C - A B`.
fn subtract<T: Scalar>(c: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>) {
    matmul(c, Accum::Add, a, b, -T::one(), Par::Seq);
}

/// Calls `f` with at most [`TOGETHER`] columns at a time; `operations` is what one column
/// costs.
fn for_column_groups<T: Scalar>(
    operations: usize,
    x: MatMut<'_, T>,
    f: &(impl Fn(MatMut<'_, T>) + Sync),
) {
    let k = x.ncols();
    if k <= TOGETHER {
        return f(x);
    }
    let (left, right) = x.split_at_col_mut((k / 2).next_multiple_of(TOGETHER));
    parallel::join(
        operations.saturating_mul(k),
        || for_column_groups(operations, left, f),
        || for_column_groups(operations, right, f),
    );
}
