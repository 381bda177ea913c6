//! The factor form: panels of `E = L_q⁻¹ (L_p - L_q)`, streamed.

use core::ops::Range;

use faer::MatMut;

use super::Form;
use super::part::Part;
use crate::columns::{PANEL, contiguous};
use crate::factor::Action;
use crate::parallel;
use crate::special::deviation_divergence;
use crate::sum::sum_of_squares;
use crate::{CompensatedSum, Error, FactorKind, Scalar, Workspace};

/// `Σ φ(e_i) + Σ_{i>j} M_ij²`.
pub(super) fn divergence<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let mut total = CompensatedSum::new();
    sum_over_panels(
        p,
        q,
        Form::Divergence { beside: T::zero() },
        &mut total,
        workspace,
    )?;
    let n = q.dim();
    workspace.with(n, 2, |diagonals, _| {
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
    let mut total = CompensatedSum::new();
    sum_over_panels(p, q, Form::Trace, &mut total, workspace)?;
    Ok(total.value())
}

/// Columns at a time: two panels where those of `L_q` are at hand, one where they are made.
fn width<T: Scalar>(q: Part<'_, T>) -> usize {
    match q.factor.kind() {
        FactorKind::Dense { .. } => 2 * PANEL,
        _ => PANEL,
    }
}

/// The squares of `L_q⁻¹ L_p`, or for the divergence those of `L_q⁻¹ (L_p - L_q)` below the
/// diagonal.
fn sum_over_panels<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    form: Form<T>,
    total: &mut CompensatedSum<T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let n = q.dim();
    workspace.with(n.div_ceil(width(q)), 1, |sums, workspace| {
        squares_of_panels(p, q, form, 0, sums, workspace)?;
        for &sum in &*sums {
            total.add(sum);
        }
        Ok(())
    })
}

/// The squares of each panel, of which the first is panel `first` of the whole.
fn squares_of_panels<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    form: Form<T>,
    first: usize,
    sums: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let (n, width) = (q.dim(), width(q));
    let rows = n - first * width;
    let operations = rows.saturating_mul(rows).saturating_mul(sums.len() * width);
    if sums.len() > 1 && parallel::pays(operations) {
        let (left, right) = sums.split_at_mut(sums.len() / 2);
        let middle = first + left.len();
        return workspace.join(
            operations,
            |workspace| squares_of_panels(p, q, form, first, left, workspace),
            |workspace| squares_of_panels(p, q, form, middle, right, workspace),
        );
    }
    workspace.with_columns(n, n.min(width), |mut panel, workspace| {
        for (k, sum) in sums.iter_mut().enumerate() {
            let start = (first + k) * width;
            let range = start..n.min(start + width);
            let panel = panel.as_mut().subcols_mut(0, range.len());
            *sum = squares(p, q, form, range, panel, workspace)?;
        }
        Ok(())
    })
}

/// The squares of the columns `range`, which `panel` is for.
fn squares<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    form: Form<T>,
    range: Range<usize>,
    mut panel: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    p.factor
        .columns_into(range.clone(), panel.as_mut(), workspace)?;
    if form.is_divergence() {
        q.factor
            .subtract_columns(range.clone(), panel.as_mut(), workspace)?;
    }
    q.factor
        .act(Action::HalfSolve, range.start, panel.as_mut(), workspace)?;
    let diagonal = usize::from(!form.is_divergence());
    let mut total = CompensatedSum::new();
    for (column, j) in panel.as_ref().col_iter().zip(range) {
        total.add(sum_of_squares(&contiguous(column)[j + 1 - diagonal..]));
    }
    Ok(total.value())
}
