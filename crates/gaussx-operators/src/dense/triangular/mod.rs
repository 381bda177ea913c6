//! Products and solves with a lower triangular matrix, in place.

mod multiply;
mod solve;
mod vector;

pub(super) use vector::half_solve;

use faer::{MatMut, MatRef};

use crate::columns::contiguous_mut;
use crate::factor::Action;
use crate::kernel::{self, Factor, Identity};
use crate::{Error, Scalar, Workspace};

/// Up to so many columns are solved for in the time that reading the factor takes.
const FEW: usize = 8;

/// Up to this size two columns are solved for one after the other.
const PAIR: usize = 128;

/// Below this size plain loops beat the set-up of a blocked kernel.
const SMALL: usize = 16;

/// Columns that go through a kernel together: as many as it needs to run at full speed, so
/// that the others can go to another thread.
const TOGETHER: usize = 128;

/// `X ← op(L) X` with `op` one of `L⁻¹`, `L⁻ᵀ`, `L`, `Lᵀ`.
pub(crate) fn act<T: Scalar>(
    l: MatRef<'_, T>,
    action: Action,
    mut x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    if l.nrows() <= SMALL {
        act_small(l, action, x);
        return Ok(());
    }
    if action.is_solve() && are_vectors(l, x.as_ref()) {
        for k in 0..x.ncols() {
            let x = contiguous_mut(x.as_mut().col_mut(k));
            match action {
                Action::HalfSolve => half_solve(l, x),
                _ => vector::half_solve_transpose(l, x),
            }
        }
        return Ok(());
    }
    match action {
        Action::HalfSolve if x.ncols() > FEW => {
            let deviation = T::one();
            kernel::half_solve(Factor { l, deviation }, x, workspace);
        }
        Action::HalfSolve => solve::half_solve_down_columns(l, x),
        Action::HalfSolveTranspose => solve::half_solve_transpose_columns(l, x),
        Action::Multiply => multiply::multiply_columns(l, x, workspace)?,
        Action::MultiplyTranspose => multiply::multiply_transpose_columns(l, x, workspace)?,
    }
    Ok(())
}

/// Whether columns, contiguous as those of `l`, are solved for one by one.
fn are_vectors<T: Scalar>(l: MatRef<'_, T>, x: MatRef<'_, T>) -> bool {
    let few = x.ncols() == 1 || (x.ncols() == 2 && l.nrows() <= PAIR);
    few && l.row_stride() == 1 && x.row_stride() == 1
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

/// `out_j = Σ_{i>j} (L⁻¹)_ij²`.
pub(crate) fn inverse_squares_below_by_column_into<T: Scalar>(
    l: MatRef<'_, T>,
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let deviation = T::one();
    kernel::squares_into(Factor { l, deviation }, &Identity, false, 0, out, workspace)
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
        for n in (17..=32).chain([63, 64, 65, 121, 127, 128, 129, 257]) {
            for k in [1, 2, 3, 8, 9, 130, 260] {
                let l = factor(n);
                let entry = |i, j| f64::of_count((i * 5 + j * 13) % 17) - 8.0;
                let x = Mat::from_fn(n, k, entry);
                let rows = Mat::from_fn(k, n, |j, i| entry(i, j));
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
                    let mut strided = rows.clone();
                    let columns = strided.as_mut().transpose_mut();
                    act(l.as_ref(), action, columns, &mut Workspace::new()).unwrap();
                    // Sums of n products, each of which an order of its own rounds.
                    let tolerance = f64::of_count(n) * f64::EPSILON * expected.norm_max();
                    for found in [found.as_ref(), strided.as_ref().transpose()] {
                        let error = (found - &expected).norm_max();
                        assert!(error <= tolerance, "{action:?}, n = {n}, {k}: {error:e}");
                    }
                }
            }
        }
    }
}
