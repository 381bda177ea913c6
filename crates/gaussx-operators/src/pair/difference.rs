//! The difference form, for two covariances that are close: the matrices are subtracted
//! before anything is rounded.
//!
//! With `F = L_q⁻¹ (Σ_p - Σ_q) L_q⁻ᵀ` and `l` the Cholesky factor of `I + F`,
//! `tr F - ln det(I + F) = Σ [φ(g_i) + s_i]`, where `s_i = Σ_{k<i} l_ik²` and
//! `g_i = F_ii - s_i` is what pivot `i` exceeds 1 by.

use core::ops::Range;

use faer::{MatMut, MatRef};

use super::part::Part;
use crate::columns::{contiguous, contiguous_mut, map_rows, mirror_lower, panels};
use crate::dense::triangular::{half_solve_rows, subtract_lower, subtract_product};
use crate::factor::Action;
use crate::parallel;
use crate::special::{is_near_one, x_minus_ln_1p};
use crate::sum::{sum_of_squares, sum_slices};
use crate::{CholeskyFactor, CompensatedSum, Error, FactorKind, Scalar, Workspace};

/// Columns that are reduced one by one, below which a matrix product is set up in vain.
const COLUMNS: usize = 16;

/// The sum over entries below which two matrices look close: it is twice the divergence where
/// no coordinates are correlated, and some eight times where all are with their neighbours.
const ALIKE: f64 = 4.0;

/// Rows that are solved together: wide enough for the matrix product inside.
const ROWS: usize = 256;

/// The divergence by differences, or `None` where the form does not apply: an entry-wise
/// unknown matrix, or a pivot far from 1.
pub(super) fn divergence<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<Option<T>, Error> {
    if !knows_entries(p) || !knows_entries(q) {
        return Ok(None);
    }
    let n = q.dim();
    let operations = n.saturating_mul(n).saturating_mul(n);
    let value = workspace.with_columns(n, n, |f, workspace| {
        parallel::inside(operations, || by_differences(p, q, f, workspace))
    });
    match value {
        // Where `n²` numbers cannot be had, panels of the factor form still can.
        Err(Error::AllocationFailed { .. }) => Ok(None),
        other => other,
    }
}

/// Whether `Σ_ij d_ij² / (v_i v_j)` is below [`ALIKE`] for the entries of the difference of two
/// dense matrices and the variances of `q`: then the divergence is likely to be below 1, and the
/// difference form need not wait for the factor form to tell.
pub(super) fn looks_close<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> bool {
    let (Some(of_p), Some(of_q)) = (p.factor.entries(), q.factor.entries()) else {
        return false;
    };
    let (scale_p, scale_q) = (p.factor.scale(), q.factor.scale());
    let close = workspace.with_any(q.dim(), 1, |inverse, _| {
        let mut total = T::zero();
        for j in 0..inverse.len() {
            inverse[j] = T::one() / (scale_q * of_q.diag[j]);
            let above_p = &contiguous(of_p.upper.col(j))[..j];
            let above_q = &contiguous(of_q.upper.col(j))[..j];
            let above = sum_slices([above_p, above_q, &inverse[..j]], |[a, b, w]| {
                let d = scale_p * a - scale_q * b;
                d * d * w
            });
            let d = scale_p * of_p.diag[j] - scale_q * of_q.diag[j];
            total += (T::of(2.0) * above + d * d * inverse[j]) * inverse[j];
            if !(total < T::of(ALIKE)) {
                return Ok(false);
            }
        }
        Ok(true)
    });
    close.unwrap_or(false)
}

fn by_differences<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    mut f: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<Option<T>, Error> {
    for range in panels(q.dim()) {
        let columns = f.as_mut().subcols_mut(range.start, range.len());
        difference_into(p, q, range, columns)?;
    }
    mirror_lower(f.as_mut().transpose_mut());
    let l_q = q.factor;
    l_q.act(Action::HalfSolve, 0, f.as_mut(), workspace)?;
    half_solve_lower(l_q, f.as_mut(), workspace)?;
    Ok(sum_of_pivots(f))
}

/// The lower triangle of `X L⁻ᵀ`, where the product is symmetric: of row `j` only what is
/// left of the diagonal, for which the leading part of `L` suffices. A third of the whole.
fn half_solve_lower<T: Scalar>(
    l: CholeskyFactor<'_, T>,
    x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let FactorKind::Dense { l: matrix } = l.kind() else {
        return l.act(Action::HalfSolve, 0, x.transpose_mut(), workspace);
    };
    let deviation = l.scale().sqrt();
    solve_rows_lower(matrix, 0, x, deviation);
    Ok(())
}

/// [`half_solve_lower`] for the rows of `x`, of which the first is row `first` of the whole.
fn solve_rows_lower<T: Scalar>(l: MatRef<'_, T>, first: usize, x: MatMut<'_, T>, deviation: T) {
    let rows = x.nrows();
    if rows <= ROWS {
        let end = first + rows;
        let mut x = x.subcols_mut(0, end);
        half_solve_rows(l.submatrix(0, 0, end, end), x.as_mut());
        if deviation != T::one() {
            map_rows(x, |_, value| value / deviation);
        }
        return;
    }
    let half = (rows / 2).next_multiple_of(ROWS);
    let (top, bottom) = x.split_at_row_mut(half);
    let end = first + rows;
    parallel::join(
        rows.saturating_mul(end).saturating_mul(end),
        || solve_rows_lower(l, first, top, deviation),
        || solve_rows_lower(l, first + half, bottom, deviation),
    );
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

/// Columns `range` of `Σ_p - Σ_q`, down to the diagonal.
fn difference_into<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    range: Range<usize>,
    mut out: MatMut<'_, T>,
) -> Result<(), Error> {
    out.fill(T::zero());
    add_upper_columns(p, T::one(), 0, range.clone(), out.as_mut())?;
    add_upper_columns(q, -T::one(), 0, range, out)
}

/// Adds `sign · Σ` of a part that begins at coordinate `start` to those of the columns
/// `range` that it covers.
fn add_upper_columns<T: Scalar>(
    part: Part<'_, T>,
    sign: T,
    start: usize,
    range: Range<usize>,
    mut out: MatMut<'_, T>,
) -> Result<(), Error> {
    let end = start + part.dim();
    let covered = range.start.max(start)..range.end.min(end);
    if covered.is_empty() {
        return Ok(());
    }
    let mut add = |i: usize, j: usize, value: T| {
        out[(i, j - range.start)] += sign * value;
    };
    if let Some(variances) = part.as_diagonal() {
        for j in covered {
            add(j, j, variances.at(j - start));
        }
    } else if let Some(blocks) = part.as_blocks() {
        let mut start = start;
        for index in 0..blocks.count() {
            let block = part.block(blocks, index)?;
            add_upper_columns(block, sign, start, range.clone(), out.as_mut())?;
            start += block.dim();
        }
    } else if let Some(entries) = part.factor.entries() {
        let scale = part.factor.scale();
        for j in covered {
            add(j, j, scale * entries.diag[j - start]);
            for (i, &entry) in entries
                .upper
                .col(j - start)
                .iter()
                .take(j - start)
                .enumerate()
            {
                add(start + i, j, scale * entry);
            }
        }
    }
    Ok(())
}

/// `Σ [φ(g_i) + s_i]` for `F` in the lower triangle, or `None` if some `g_i` leaves
/// `[-½, 1]`: beyond, `1 + g_i` carries an absolute rounding error that the factor form
/// has not.
fn sum_of_pivots<T: Scalar>(f: MatMut<'_, T>) -> Option<T> {
    let mut total = CompensatedSum::new();
    reduce(f, &mut total)?;
    Some(total.value())
}

/// Columns of the Cholesky factor of `I + F`, the first row of the panel being that of its
/// first pivot: the left half, its product taken from the right half, the right half.
fn reduce<T: Scalar>(panel: MatMut<'_, T>, total: &mut CompensatedSum<T>) -> Option<()> {
    let (rows, width) = (panel.nrows(), panel.ncols());
    if width <= COLUMNS {
        return reduce_columns(panel, total);
    }
    let half = (width / 2).next_multiple_of(COLUMNS);
    let (mut left, right) = panel.split_at_col_mut(half);
    reduce(left.as_mut(), total)?;
    let left = left.as_ref();
    let pivot_rows = left.subrows(half, width - half);
    let mut right = right.subrows_mut(half, rows - half);
    let (square, below) = right.as_mut().split_at_row_mut(width - half);
    subtract_lower(square, pivot_rows, pivot_rows);
    subtract_product(below, left.subrows(width, rows - width), pivot_rows);
    reduce(right, total)
}

/// A few columns, one by one.
fn reduce_columns<T: Scalar>(
    mut panel: MatMut<'_, T>,
    total: &mut CompensatedSum<T>,
) -> Option<()> {
    for k in 0..panel.ncols() {
        let excess = panel[(k, k)];
        if !is_near_one(excess) {
            return None;
        }
        total.add(x_minus_ln_1p(excess));
        let pivot = (T::one() + excess).sqrt();
        let (mut done, mut rest) = panel.as_mut().split_at_col_mut(k + 1);
        let below = &mut contiguous_mut(done.as_mut().col_mut(k))[k + 1..];
        for value in below.iter_mut() {
            *value /= pivot;
        }
        total.add(sum_of_squares(below));
        for c in 0..rest.ncols() {
            let factor = below[c];
            let column = &mut contiguous_mut(rest.as_mut().col_mut(c))[k + 1 + c..];
            for (value, &l) in column.iter_mut().zip(&below[c..]) {
                *value -= l * factor;
            }
        }
    }
    Some(())
}
