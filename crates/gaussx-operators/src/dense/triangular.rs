//! Products and solves with a lower triangular matrix, in place.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve;
use faer::{Accum, MatMut, MatRef, Par};

use crate::columns::{PANEL, contiguous, panels, unit_columns_into};
use crate::factor::Action;
use crate::parallel;
use crate::sum::sum_of_squares;
use crate::{Error, Scalar, Workspace};

/// Below this size plain loops beat the set-up of a blocked kernel.
const SMALL: usize = 16;

/// Columns that go through a kernel together: as many as it needs to run at full speed, so
/// that the others can go to another thread.
const TOGETHER: usize = 128;

/// Up to so many columns are solved for in the time that reading the factor takes.
const FEW: usize = 8;

/// Columns whose products are added at a time, and rows that are solved for together. Deeper
/// products with a transposed factor read it at strides that fall on one line of the cache
/// where the dimension is a power of two.
const DEPTH: usize = 128;

/// `X ← op(L) X` with `op` one of `L⁻¹`, `L⁻ᵀ`, `L`, `Lᵀ`.
pub(crate) fn act<T: Scalar>(
    l: MatRef<'_, T>,
    action: Action,
    x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    if l.nrows() <= SMALL {
        act_small(l, action, x);
        return Ok(());
    }
    match action {
        Action::HalfSolve => half_solve_columns(l, x),
        Action::HalfSolveTranspose => half_solve_transpose_columns(l, x),
        Action::Multiply => multiply_columns(l, x, multiply, workspace)?,
        Action::MultiplyTranspose => multiply_columns(l, x, multiply_transpose, workspace)?,
    }
    Ok(())
}

type Product<T> = fn(MatRef<'_, T>, MatMut<'_, T>, &mut Workspace<T>) -> Result<(), Error>;

/// One of the products, at most twice [`TOGETHER`] columns at a time.
fn multiply_columns<T: Scalar>(
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
        |workspace| multiply_columns(l, left, product, workspace),
        |workspace| multiply_columns(l, right, product, workspace),
    )
}

/// `X ← L⁻¹ X`, some columns at a time, block rows from the first to the last.
///
/// What is solved is taken from the rows that are next, so that each is written once; where
/// there are few columns, from all that follow: reading `L` takes longest then, and its columns
/// are long.
fn half_solve_columns<T: Scalar>(l: MatRef<'_, T>, x: MatMut<'_, T>) {
    let (n, by) = (l.nrows(), -T::one());
    for_column_groups(n * n, x, &|mut x| {
        let few = x.ncols() <= FEW;
        for start in (0..n).step_by(DEPTH) {
            let rows = DEPTH.min(n - start);
            let (before, from) = x.as_mut().split_at_row_mut(start);
            let (mut solved, after) = from.split_at_row_mut(rows);
            if !few {
                let left = l.submatrix(start, 0, rows, start);
                matmul(solved.as_mut(), Accum::Add, left, before, by, Par::Seq);
            }
            let corner = l.submatrix(start, start, rows, rows);
            triangular_solve::solve_lower_triangular_in_place(corner, solved.as_mut(), Par::Seq);
            if few {
                let below = l.submatrix(start + rows, start, n - start - rows, rows);
                matmul(after, Accum::Add, below, solved, by, Par::Seq);
            }
        }
    });
}

/// `X ← L⁻ᵀ X`, some columns at a time, block rows from the last to the first.
fn half_solve_transpose_columns<T: Scalar>(l: MatRef<'_, T>, x: MatMut<'_, T>) {
    let n = l.nrows();
    for_column_groups(n * n, x, &|mut x| {
        for start in (0..n).step_by(DEPTH).rev() {
            let rows = DEPTH.min(n - start);
            let end = start + rows;
            let (upto, after) = x.as_mut().split_at_row_mut(end);
            let mut target = upto.subrows_mut(start, rows);
            let below = l.submatrix(end, start, n - end, rows).transpose();
            let by = -T::one();
            matmul(target.as_mut(), Accum::Add, below, after, by, Par::Seq);
            let corner = l.submatrix(start, start, rows, rows).transpose();
            triangular_solve::solve_upper_triangular_in_place(corner, target, Par::Seq);
        }
    });
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
            matmul(
                c.as_mut(),
                Accum::Add,
                a,
                b.transpose(),
                -T::one(),
                Par::Seq,
            );
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
    let k = a.ncols();
    (0..k).step_by(DEPTH).map(move |start| {
        let width = DEPTH.min(k - start);
        (a.subcols(start, width), b.subcols(start, width))
    })
}

fn act_small<T: Scalar>(l: MatRef<'_, T>, action: Action, mut x: MatMut<'_, T>) {
    let n = l.nrows();
    for k in 0..x.ncols() {
        let mut x = x.as_mut().col_mut(k);
        match action {
            Action::HalfSolve => {
                for j in 0..n {
                    let pivot = x[j] / l[(j, j)];
                    x[j] = pivot;
                    for i in j + 1..n {
                        x[i] -= l[(i, j)] * pivot;
                    }
                }
            }
            Action::HalfSolveTranspose => {
                for j in (0..n).rev() {
                    let mut sum = x[j];
                    for i in j + 1..n {
                        sum -= l[(i, j)] * x[i];
                    }
                    x[j] = sum / l[(j, j)];
                }
            }
            Action::Multiply => {
                for j in (0..n).rev() {
                    let value = x[j];
                    x[j] = l[(j, j)] * value;
                    for i in j + 1..n {
                        x[i] += l[(i, j)] * value;
                    }
                }
            }
            Action::MultiplyTranspose => {
                for j in 0..n {
                    let mut sum = l[(j, j)] * x[j];
                    for i in j + 1..n {
                        sum += l[(i, j)] * x[i];
                    }
                    x[j] = sum;
                }
            }
        }
    }
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

/// `out_j = Σ_{i>j} (L⁻¹)_ij²`, by panels of `L⁻¹` that start at their first nonzero row.
pub(crate) fn inverse_squares_below_by_column_into<T: Scalar>(
    l: MatRef<'_, T>,
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let (n, count) = (l.nrows(), out.len());
    let operations = n.saturating_mul(n).saturating_mul(count);
    if count > PANEL && parallel::pays(operations) {
        let half = (count / 2).next_multiple_of(PANEL);
        let (left, right) = out.split_at_mut(half);
        // Column `half` of the inverse is the first of the inverse of what is below.
        let below = l.submatrix(half, half, n - half, n - half);
        return workspace.join(
            operations,
            |workspace| inverse_squares_below_by_column_into(l, left, workspace),
            |workspace| inverse_squares_below_by_column_into(below, right, workspace),
        );
    }
    workspace.with_columns(n, count.min(PANEL), |mut panel, workspace| {
        for range in panels(count) {
            let (rows, width) = (n - range.start, range.len());
            let mut x = panel.as_mut().submatrix_mut(0, 0, rows, width);
            unit_columns_into(0, x.as_mut());
            let l = l.submatrix(range.start, range.start, rows, rows);
            act(l, Action::HalfSolve, x.as_mut(), workspace)?;
            for (k, column) in x.as_ref().col_iter().enumerate() {
                out[range.start + k] = sum_of_squares(&contiguous(column)[k + 1..]);
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    /// A well-conditioned factor with entries that no symmetry hides.
    fn factor(n: usize) -> Mat<f64> {
        Mat::from_fn(n, n, |i, j| match i.cmp(&j) {
            core::cmp::Ordering::Less => f64::NAN,
            core::cmp::Ordering::Equal => 1.0 + 0.25 * f64::of_count(i % 3),
            core::cmp::Ordering::Greater => {
                f64::of_count((i * 7 + j * 3) % 11) / f64::of_count(11 * n)
            }
        })
    }

    #[test]
    fn every_action_matches_the_plain_loops() {
        // Sizes on both sides of each block edge.
        for n in [17, 63, 64, 65, 130, 300] {
            for k in [1, 3, 12] {
                let l = factor(n);
                let x = Mat::from_fn(n, k, |i, j| f64::of_count((i * 5 + j * 13) % 17) - 8.0);
                for action in [
                    Action::HalfSolve,
                    Action::HalfSolveTranspose,
                    Action::Multiply,
                    Action::MultiplyTranspose,
                ] {
                    let mut expected = x.clone();
                    act_small(l.as_ref(), action, expected.as_mut());
                    let mut found = x.clone();
                    act(l.as_ref(), action, found.as_mut(), &mut Workspace::new()).unwrap();
                    let error = (&found - &expected).norm_max();
                    assert!(error < 1e-12, "{action:?}, n = {n}: {error:e}");
                }
            }
        }
    }
}
