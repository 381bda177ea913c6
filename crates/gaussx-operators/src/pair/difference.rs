//! The difference form, for two covariances that are close: the matrices are subtracted
//! before anything is rounded.
//!
//! With `F = L_q⁻¹ (Σ_p - Σ_q) L_q⁻ᵀ` and `l` the Cholesky factor of `I + F`,
//! `tr F - ln det(I + F) = Σ [φ(g_i) + s_i]`, where `s_i = Σ_{k<i} l_ik²` and
//! `g_i = F_ii - s_i` is what pivot `i` exceeds 1 by.

use core::ops::Range;

use faer::MatMut;

use super::near;
use super::part::Part;
use crate::columns::{Triangle, contiguous, contiguous_mut, mirror, panels};
use crate::factor::Action;
use crate::kernel::{self, Factor, Pivots};
use crate::parallel;
use crate::special::{is_near_one, x_minus_ln_1p_or_nan};
use crate::sum::{Term, sum_of_squares, sum_slices, sum_terms};
use crate::{CompensatedSum, Error, FactorKind, Scalar, Workspace};

/// How many times [`near`] the sum over entries may be of two matrices that look close: it is
/// twice the divergence where no coordinates are correlated, and some eight times where all are
/// with their neighbours.
const ALIKE: f64 = 4.0;

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
    let value = workspace.with(n, 1, |excesses, workspace| {
        workspace.with_columns(n, n, |f, workspace| {
            parallel::inside(operations, || by_differences(p, q, f, excesses, workspace))
        })
    });
    match value {
        // Where `n²` numbers cannot be had, panels of the factor form still can.
        Err(Error::AllocationFailed { .. }) => Ok(None),
        other => other,
    }
}

/// Whether `Σ_ij d_ij² / (v_i v_j)` is below [`ALIKE`] times [`near`] for the entries of the
/// difference of two dense matrices and the variances of `q`: then the divergence is likely to be
/// below it, and the difference form need not wait for the factor form to tell.
pub(super) fn looks_close<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> bool {
    let (Some(of_p), Some(of_q)) = (p.factor.entries(), q.factor.entries()) else {
        return false;
    };
    let (scale_p, scale_q) = (p.factor.scale(), q.factor.scale());
    let alike = T::of(ALIKE) * near::<T>(q.dim());
    let close = workspace.with_any(q.dim(), 1, |inverse, _| {
        let mut total = T::zero();
        for j in 0..inverse.len() {
            let of_column = T::one() / (scale_q * of_q.diag[j]);
            inverse[j] = of_column;
            let above_p = &contiguous(of_p.upper.col(j))[..j];
            let above_q = &contiguous(of_q.upper.col(j))[..j];
            let above = sum_slices([above_p, above_q, &inverse[..j]], |[a, b, w]| {
                let d = scale_p * a - scale_q * b;
                // The square of a difference may underflow, in some units.
                (d * w) * (d * of_column)
            });
            let share = (scale_p * of_p.diag[j] - scale_q * of_q.diag[j]) * of_column;
            total += T::of(2.0) * above + share * share;
            if !(total < alike) {
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
    excesses: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<Option<T>, Error> {
    for range in panels(q.dim()) {
        let columns = f.as_mut().subcols_mut(range.start, range.len());
        difference_into(p, q, range, columns)?;
    }
    mirror(f.as_mut(), Triangle::Upper);
    let l_q = q.factor;
    if let Some((l, deviation)) = l_q.contiguous_dense() {
        let factor = Factor { l, deviation };
        kernel::half_solve(factor, f.as_mut(), workspace);
        kernel::half_solve_lower_rows(factor, f.as_mut(), workspace);
    } else {
        l_q.act(Action::HalfSolve, 0, f.as_mut(), workspace)?;
        l_q.act(Action::HalfSolve, 0, f.as_mut().transpose_mut(), workspace)?;
    }
    sum_of_pivots(f, excesses, workspace)
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
    if let (Some(of_p), Some(of_q)) = (p.factor.entries(), q.factor.entries()) {
        let (scale_p, scale_q) = (p.factor.scale(), q.factor.scale());
        for (k, j) in range.enumerate() {
            let column = &mut contiguous_mut(out.as_mut().col_mut(k))[..=j];
            let above_p = &contiguous(of_p.upper.col(j))[..j];
            let above_q = &contiguous(of_q.upper.col(j))[..j];
            column[j] = scale_p * of_p.diag[j] - scale_q * of_q.diag[j];
            for (d, (&a, &b)) in column.iter_mut().zip(above_p.iter().zip(above_q)) {
                *d = scale_p * a - scale_q * b;
            }
        }
        return Ok(());
    }
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
fn sum_of_pivots<T: Scalar>(
    mut f: MatMut<'_, T>,
    excesses: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<Option<T>, Error> {
    let mut pivots = NearOne(&mut *excesses);
    if kernel::factor(f.as_mut(), &mut pivots, workspace)?.is_err() {
        return Ok(None);
    }
    let mut total = CompensatedSum::new();
    total.add(sum_terms([&*excesses], &XMinusLn1p));
    for (j, column) in f.as_ref().col_iter().enumerate() {
        total.add(sum_of_squares(&contiguous(column)[j + 1..]));
    }
    Ok(Some(total.value()))
}

/// `φ(g)`, for a pivot near 1.
struct XMinusLn1p;

impl<T: Scalar> Term<T, 1> for XMinusLn1p {
    #[inline(always)]
    fn at<const FUSED: bool>(&self, [excess]: [T; 1]) -> T {
        x_minus_ln_1p_or_nan::<T, FUSED>(excess)
    }
}

/// Squares of pivots that are told by what they exceed 1 by, which is kept.
struct NearOne<'a, T>(&'a mut [T]);

impl<T: Scalar> Pivots<T> for NearOne<'_, T> {
    #[inline(always)]
    fn square(left: T) -> T {
        T::one() + left
    }

    #[inline(always)]
    fn accept(&mut self, index: usize, left: T) -> bool {
        self.0[index] = left;
        is_near_one(left)
    }
}
