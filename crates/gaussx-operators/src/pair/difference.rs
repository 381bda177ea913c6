//! The difference form, for two covariances that are close: the matrices are subtracted
//! before anything is rounded.
//!
//! With `F = L_q⁻¹ (Σ_p - Σ_q) L_q⁻ᵀ` and `l` the Cholesky factor of `I + F`,
//! `tr F - ln det(I + F) = Σ [φ(g_i) + s_i]`, where `s_i = Σ_{k<i} l_ik²` and
//! `g_i = F_ii - s_i` is what pivot `i` exceeds 1 by.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, Par};

use super::part::Part;
use crate::columns::{PANEL, panels};
use crate::factor::Action;
use crate::special::x_minus_ln_1p;
use crate::{CompensatedSum, Error, FactorKind, Scalar, Workspace};

/// Above this largest relative difference of two entries the factor form keeps its digits:
/// it loses the reciprocal of `‖F‖`, which is no smaller.
const NEAR: f64 = 0.5;

/// The divergence by differences, or `None` where the form does not apply: an entry-wise
/// unknown matrix, covariances far apart, or a pivot far from 1.
pub(super) fn divergence<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<Option<T>, Error> {
    if !knows_entries(p) || !knows_entries(q) {
        return Ok(None);
    }
    let n = q.dim();
    let near = workspace.with(n, 1, |variances, workspace| {
        q.diag_into(variances)?;
        is_near(p, q, variances, workspace)
    })?;
    if !near {
        return Ok(None);
    }
    // Where `n²` numbers cannot be had, panels of the factor form still can.
    let Ok(mut buffer) = workspace.take(n, n) else {
        return Ok(None);
    };
    let value = by_differences(p, q, &mut buffer, workspace);
    workspace.give(buffer);
    value
}

fn by_differences<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    buffer: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<Option<T>, Error> {
    let n = q.dim();
    for range in panels(n) {
        let columns = &mut buffer[n * range.start..n * range.end];
        difference_into(p, q, range, columns)?;
    }
    let mut f = MatMut::from_column_major_slice_mut(buffer, n, n);
    mirror_lower(f.as_mut());
    let l_q = q.factor;
    l_q.act(Action::HalfSolve, 0, f.as_mut(), workspace)?;
    l_q.act(Action::HalfSolve, 0, f.as_mut().transpose_mut(), workspace)?;
    Ok(sum_of_pivots(f, workspace.parallelism()))
}

/// Whether the matrix was given by its entries, not by its factor.
fn knows_entries<T: Scalar>(part: Part<'_, T>) -> bool {
    match part.factor.kind() {
        FactorKind::ScaledIdentity { .. } | FactorKind::Diagonal { .. } => true,
        FactorKind::Dense { .. } => part.factor.entries().is_some(),
        FactorKind::BlockDiagonal { blocks } => (0..blocks.count())
            .all(|index| part.block(blocks, index).is_ok_and(|b| knows_entries(b))),
        FactorKind::Custom { .. } => false,
    }
}

/// `|Σ_p - Σ_q|_ij <= NEAR √(q_ii q_jj)` everywhere.
fn is_near<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    variances: &[T],
    workspace: &mut Workspace<T>,
) -> Result<bool, Error> {
    let n = q.dim();
    let bound = T::of(NEAR);
    workspace.with(n, n.min(PANEL), |buffer, _| {
        for range in panels(n) {
            let buffer = &mut buffer[..n * range.len()];
            difference_into(p, q, range.clone(), buffer)?;
            for (k, j) in range.enumerate() {
                let deviation = variances[j].sqrt();
                for i in j..n {
                    let relative = (buffer[k * n + i] / deviation).abs();
                    if !(relative <= bound * variances[i].sqrt()) {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    })
}

/// Columns `range` of `Σ_p - Σ_q`, from the diagonal down.
fn difference_into<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    range: core::ops::Range<usize>,
    out: &mut [T],
) -> Result<(), Error> {
    out.fill(T::zero());
    add_lower_columns(p, T::one(), 0, range.clone(), q.dim(), out)?;
    add_lower_columns(q, -T::one(), 0, range, q.dim(), out)
}

/// Adds `sign · Σ` of a part that begins at coordinate `start` to those of the columns
/// `range` (of length `n` each) that it covers.
fn add_lower_columns<T: Scalar>(
    part: Part<'_, T>,
    sign: T,
    start: usize,
    range: core::ops::Range<usize>,
    n: usize,
    out: &mut [T],
) -> Result<(), Error> {
    let end = start + part.dim();
    let covered = range.start.max(start)..range.end.min(end);
    if covered.is_empty() {
        return Ok(());
    }
    let mut add = |i: usize, j: usize, value: T| {
        let place = &mut out[(j - range.start) * n + i];
        *place += sign * value;
    };
    if let Some(variances) = part.as_diagonal() {
        for j in covered {
            add(j, j, variances.at(j - start));
        }
    } else if let Some(blocks) = part.as_blocks() {
        let mut start = start;
        for index in 0..blocks.count() {
            let block = part.block(blocks, index)?;
            add_lower_columns(block, sign, start, range.clone(), n, out)?;
            start += block.dim();
        }
    } else if let Some(entries) = part.factor.entries() {
        let scale = part.factor.scale();
        for j in covered {
            add(j, j, scale * entries.diag[j - start]);
            for i in j + 1..end {
                add(i, j, scale * entries.upper[(j - start, i - start)]);
            }
        }
    }
    Ok(())
}

fn mirror_lower<T: Scalar>(mut a: MatMut<'_, T>) {
    for j in 0..a.nrows() {
        for i in j + 1..a.nrows() {
            a[(j, i)] = a[(i, j)];
        }
    }
}

/// `Σ [φ(g_i) + s_i]` for `F` in the lower triangle, or `None` if some `g_i` leaves
/// `[-½, 1]`: beyond, `1 + g_i` carries an absolute rounding error that the factor form
/// has not.
fn sum_of_pivots<T: Scalar>(mut f: MatMut<'_, T>, par: Par) -> Option<T> {
    let n = f.nrows();
    let (mut total, mut below) = (CompensatedSum::new(), CompensatedSum::new());
    for range in panels(n) {
        let width = range.len();
        let rest = n - range.start;
        let mut trailing = f
            .as_mut()
            .submatrix_mut(range.start, range.start, rest, rest);
        // The panel, column by column.
        for k in 0..width {
            let excess = trailing[(k, k)];
            if !(excess >= T::of(-0.5) && excess <= T::one()) {
                return None;
            }
            total.add(x_minus_ln_1p(excess));
            let pivot = (T::one() + excess).sqrt();
            for i in k + 1..rest {
                trailing[(i, k)] /= pivot;
            }
            for c in k + 1..width {
                let factor = trailing[(c, k)];
                for i in c..rest {
                    trailing[(i, c)] = trailing[(i, c)] - trailing[(i, k)] * factor;
                }
            }
            for i in k + 1..rest {
                below.add(trailing[(i, k)] * trailing[(i, k)]);
            }
        }
        // What lies to the right of the panel.
        let (_, _, panel, trailing) = trailing.split_at_mut(width, width);
        let panel = panel.as_ref();
        triangular::matmul(
            trailing,
            BlockStructure::TriangularLower,
            Accum::Add,
            panel,
            BlockStructure::Rectangular,
            panel.transpose(),
            BlockStructure::Rectangular,
            -T::one(),
            par,
        );
    }
    total.add(below.value());
    Some(total.value())
}
