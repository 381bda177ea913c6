//! Half-solves with a lower triangular matrix, and the products that they are made of.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve;
use faer::{Accum, MatMut, MatRef, Par};

use super::TOGETHER;
use crate::columns::ranges;
use crate::{Scalar, parallel};

/// Up to so many columns are solved for in the time that reading the factor takes.
const FEW: usize = 8;

/// Columns whose products are added at a time. Deeper products with a transposed factor read
/// it at strides that fall on one line of the cache where the dimension is a power of two.
const DEPTH: usize = 128;

/// Rows that are solved for together.
const ROWS: usize = 128;

/// `X ← L⁻¹ X`, some columns at a time.
pub(super) fn half_solve_columns<T: Scalar>(l: MatRef<'_, T>, x: MatMut<'_, T>) {
    for_column_groups(l.nrows() * l.nrows(), x, &|x| {
        if x.ncols() <= FEW {
            half_solve_down_columns(l, x);
        } else {
            half_solve_by_rows(l, x);
        }
    });
}

/// Block rows from the first to the last: what is solved is taken from the rows that are next,
/// so that each is written once.
fn half_solve_by_rows<T: Scalar>(l: MatRef<'_, T>, mut x: MatMut<'_, T>) {
    for rows in ranges(l.nrows(), ROWS) {
        let (solved, from) = x.as_mut().split_at_row_mut(rows.start);
        let mut target = from.subrows_mut(0, rows.len());
        let left = l.submatrix(rows.start, 0, rows.len(), rows.start);
        subtract(target.as_mut(), left, solved.as_ref());
        let corner = l.submatrix(rows.start, rows.start, rows.len(), rows.len());
        triangular_solve::solve_lower_triangular_in_place(corner, target, Par::Seq);
    }
}

/// What is solved is taken from all rows that follow: reading `L` takes longest where there are
/// few columns, and its own are long.
fn half_solve_down_columns<T: Scalar>(l: MatRef<'_, T>, mut x: MatMut<'_, T>) {
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

/// `B ← B L⁻ᵀ`, some rows at a time.
pub(crate) fn half_solve_rows<T: Scalar>(l: MatRef<'_, T>, b: MatMut<'_, T>) {
    let (m, n) = (b.nrows(), b.ncols());
    if m > TOGETHER {
        let (top, bottom) = b.split_at_row_mut((m / 2).next_multiple_of(TOGETHER));
        parallel::join(
            m.saturating_mul(n).saturating_mul(n),
            || half_solve_rows(l, top),
            || half_solve_rows(l, bottom),
        );
    } else if n > DEPTH {
        let half = (n / 2).next_multiple_of(DEPTH);
        let (l_11, _, l_21, l_22) = l.split_at(half, half);
        let (mut left, mut right) = b.split_at_col_mut(half);
        half_solve_rows(l_11, left.as_mut());
        subtract_product(right.as_mut(), left.as_ref(), l_21);
        half_solve_rows(l_22, right);
    } else {
        triangular_solve::solve_lower_triangular_in_place(l, b.transpose_mut(), Par::Seq);
    }
}

/// The lower triangle of `C ← C - A Bᵀ`.
pub(crate) fn subtract_lower<T: Scalar>(mut c: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>) {
    let (n, k) = (a.nrows(), a.ncols());
    if n <= TOGETHER {
        for (a, b) in by_depth(a, b) {
            triangular::matmul(
                c.as_mut(),
                BlockStructure::TriangularLower,
                Accum::Add,
                a,
                BlockStructure::Rectangular,
                b.transpose(),
                BlockStructure::Rectangular,
                -T::one(),
                Par::Seq,
            );
        }
        return;
    }
    let half = (n / 2).next_multiple_of(TOGETHER);
    let (c_11, _, c_21, c_22) = c.split_at_mut(half, half);
    let (a_1, a_2) = a.split_at_row(half);
    let (b_1, b_2) = b.split_at_row(half);
    let operations = n.saturating_mul(n).saturating_mul(k);
    parallel::join(
        operations,
        || subtract_product(c_21, a_2, b_1),
        || {
            parallel::join(
                operations / 2,
                || subtract_lower(c_11, a_1, b_1),
                || subtract_lower(c_22, a_2, b_2),
            )
        },
    );
}

/// `C ← C - A Bᵀ`.
pub(crate) fn subtract_product<T: Scalar>(
    mut c: MatMut<'_, T>,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
) {
    let (m, n) = (c.nrows(), c.ncols());
    let operations = (2 * m).saturating_mul(n).saturating_mul(a.ncols());
    if m.max(n) <= 2 * TOGETHER {
        for (a, b) in by_depth(a, b) {
            subtract(c.as_mut(), a, b.transpose());
        }
    } else if m >= n {
        let half = (m / 2).next_multiple_of(TOGETHER);
        let (top, bottom) = c.split_at_row_mut(half);
        let (a_1, a_2) = a.split_at_row(half);
        parallel::join(
            operations,
            || subtract_product(top, a_1, b),
            || subtract_product(bottom, a_2, b),
        );
    } else {
        let half = (n / 2).next_multiple_of(TOGETHER);
        let (left, right) = c.split_at_col_mut(half);
        let (b_1, b_2) = b.split_at_row(half);
        parallel::join(
            operations,
            || subtract_product(left, a, b_1),
            || subtract_product(right, a, b_2),
        );
    }
}

/// The columns of both, [`DEPTH`] at a time.
fn by_depth<'a, T: Scalar>(
    a: MatRef<'a, T>,
    b: MatRef<'a, T>,
) -> impl Iterator<Item = (MatRef<'a, T>, MatRef<'a, T>)> {
    ranges(a.ncols(), DEPTH).map(move |range| {
        let columns = |x: MatRef<'a, T>| x.subcols(range.start, range.len());
        (columns(a), columns(b))
    })
}
