//! The factor form: panels of `E = L_q⁻¹ (L_p - L_q)`, streamed.

use faer::MatMut;

use super::part::Part;
use crate::columns::{PANEL, panels};
use crate::factor::Action;
use crate::special::deviation_divergence;
use crate::sum::sum_of_squares;
use crate::{CompensatedSum, Error, Scalar, Workspace};

/// `Σ φ(e_i) + Σ_{i>j} M_ij²`.
pub(super) fn divergence<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let n = q.dim();
    let mut total = CompensatedSum::new();
    let width = n.min(PANEL);
    workspace.with(n, 2 * width + 2, |buffer, workspace| {
        let (panels_of, diagonals) = buffer.split_at_mut(2 * n * width);
        let (l_p, l_q) = panels_of.split_at_mut(n * width);
        for range in panels(n) {
            let l_p = &mut l_p[..n * range.len()];
            let l_q = &mut l_q[..n * range.len()];
            columns_of(p, range.clone(), l_p, workspace)?;
            columns_of(q, range.clone(), l_q, workspace)?;
            for (e, &l) in l_p.iter_mut().zip(&*l_q) {
                *e -= l;
            }
            let mut e = MatMut::from_column_major_slice_mut(l_p, n, range.len());
            q.factor
                .act(Action::HalfSolve, range.start, e.as_mut(), workspace)?;
            for (k, j) in range.enumerate() {
                total.add(sum_of_squares(&l_p[k * n + j + 1..(k + 1) * n]));
            }
        }
        let (pivots_p, pivots_q) = diagonals.split_at_mut(n);
        p.factor.diag_into(pivots_p)?;
        q.factor.diag_into(pivots_q)?;
        for (&a, &b) in pivots_p.iter().zip(&*pivots_q) {
            total.add(deviation_divergence(a, b));
        }
        Ok(total.value())
    })
}

/// `‖L_q⁻¹ L_p‖_F²`.
pub(super) fn trace<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let n = q.dim();
    let mut total = CompensatedSum::new();
    workspace.with(n, n.min(PANEL), |buffer, workspace| {
        for range in panels(n) {
            let buffer = &mut buffer[..n * range.len()];
            columns_of(p, range.clone(), buffer, workspace)?;
            let mut m = MatMut::from_column_major_slice_mut(buffer, n, range.len());
            q.factor
                .act(Action::HalfSolve, range.start, m.as_mut(), workspace)?;
            for (k, j) in range.enumerate() {
                total.add(sum_of_squares(&buffer[k * n + j..(k + 1) * n]));
            }
        }
        Ok(total.value())
    })
}

fn columns_of<T: Scalar>(
    part: Part<'_, T>,
    range: core::ops::Range<usize>,
    buffer: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let out = MatMut::from_column_major_slice_mut(buffer, part.dim(), range.len());
    part.factor.columns_into(range, out, workspace)
}
