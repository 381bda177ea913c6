//! Products and solves with a lower triangular matrix, in place.

use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve;
use faer::{Accum, MatMut, MatRef};

use crate::columns::{PANEL, panels, unit_columns_into};
use crate::factor::Action;
use crate::sum::sum_of_squares;
use crate::{Error, Scalar, Workspace};

/// Below this size plain loops beat the set-up of a blocked kernel.
const SMALL: usize = 16;

/// `X ← op(L) X` with `op` one of `L⁻¹`, `L⁻ᵀ`, `L`, `Lᵀ`.
pub(crate) fn act<T: Scalar>(
    l: MatRef<'_, T>,
    action: Action,
    x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let par = workspace.parallelism();
    if l.nrows() <= SMALL {
        act_small(l, action, x);
        return Ok(());
    }
    match action {
        Action::HalfSolve => triangular_solve::solve_lower_triangular_in_place(l, x, par),
        Action::HalfSolveTranspose => {
            triangular_solve::solve_upper_triangular_in_place(l.transpose(), x, par);
        }
        Action::Multiply => multiply(l, x, workspace)?,
        Action::MultiplyTranspose => multiply_transpose(l, x, workspace)?,
    }
    Ok(())
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
    let (n, k, par) = (l.nrows(), x.ncols(), workspace.parallelism());
    workspace.with(PANEL, k, |buffer, _| {
        let mut end = n;
        while end > 0 {
            let start = end.saturating_sub(PANEL);
            let rows = end - start;
            let mut block = MatMut::from_column_major_slice_mut(&mut buffer[..rows * k], rows, k);
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
    let (n, k, par) = (l.nrows(), x.ncols(), workspace.parallelism());
    workspace.with(PANEL, k, |buffer, _| {
        for range in panels(n) {
            let rows = range.len();
            let mut block = MatMut::from_column_major_slice_mut(&mut buffer[..rows * k], rows, k);
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
    let n = l.nrows();
    workspace.with(n, n.min(PANEL), |buffer, workspace| {
        for range in panels(n) {
            let (rows, width) = (n - range.start, range.len());
            let buffer = &mut buffer[..rows * width];
            let mut x = MatMut::from_column_major_slice_mut(buffer, rows, width);
            unit_columns_into(0, x.as_mut());
            let l = l.submatrix(range.start, range.start, rows, rows);
            act(l, Action::HalfSolve, x, workspace)?;
            for (k, j) in range.enumerate() {
                out[j] = sum_of_squares(&buffer[k * rows + k + 1..(k + 1) * rows]);
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
        for n in [17, 63, 64, 65, 130] {
            for k in [1, 3] {
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
