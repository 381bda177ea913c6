//! Half-solves of lower triangular matrices, of which only the squares are asked.

use core::ops::Range;

use faer::MatRef;
use pulp::{Simd, bytemuck};

use super::half_solve::{half_solve_strips, solve_corner};
use super::panels::{self, entries_of_mut, pack_corner};
use super::tile::{Row, add_squares};
use super::{ALIGNMENT, BLOCK, Factor, Kernel, Shape, dispatch, rows_of, strips, width};
use crate::{Error, Scalar, Workspace, parallel};

/// The columns of a lower triangular matrix `B`.
pub(crate) trait LowerColumns<T: Scalar>: Sync {
    /// Puts some rows of some columns into the lanes of a strip, and zeros beyond the last of
    /// both. Nothing is meant that is above the diagonal.
    fn load<S: Simd>(&self, strip: &mut [T], columns: Range<usize>, rows: Range<usize>);
}

/// What `of` makes of the entries of lower triangular matrices whose columns are contiguous.
pub(crate) struct OfEntries<'a, T, F, const K: usize> {
    pub(crate) matrices: [MatRef<'a, T>; K],
    pub(crate) of: F,
}

impl<T: Scalar, F: Fn([T; K]) -> T + Copy + Sync, const K: usize> LowerColumns<T>
    for OfEntries<'_, T, F, K>
{
    #[inline(always)]
    fn load<S: Simd>(&self, strip: &mut [T], columns: Range<usize>, rows: Range<usize>) {
        strips::load_columns::<T, S, K>(strip, columns, rows, self.matrices, self.of);
    }
}

/// The identity.
pub(crate) struct Identity;

impl<T: Scalar> LowerColumns<T> for Identity {
    #[inline(always)]
    fn load<S: Simd>(&self, strip: &mut [T], columns: Range<usize>, rows: Range<usize>) {
        strip.fill(T::zero());
        let width = width::<T, S>();
        for (lane, j) in columns.enumerate() {
            if let Some(i) = j.checked_sub(rows.start) {
                strip[i * width + lane] = T::one();
            }
        }
    }
}

/// `out_j = Σ_{i>j} (L⁻¹ B)_ij²` for the columns from `first` on, or with what is on the diagonal.
pub(crate) fn squares_into<T: Scalar>(
    factor: Factor<'_, T>,
    lower: &impl LowerColumns<T>,
    with_diagonal: bool,
    first: usize,
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let (rows, count) = (factor.l.nrows() - first, out.len());
    let operations = rows.saturating_mul(rows).saturating_mul(count);
    if count > BLOCK && parallel::pays(operations) {
        let (left, right) = out.split_at_mut((count / 2).next_multiple_of(BLOCK));
        let middle = first + left.len();
        return workspace.join(
            operations,
            |workspace| squares_into(factor, lower, with_diagonal, first, left, workspace),
            |workspace| squares_into(factor, lower, with_diagonal, middle, right, workspace),
        );
    }
    let shape = Shape::of::<T>();
    let panels = panels::numbers_for::<T>(rows, shape.rows);
    let together = if rows <= BLOCK { shape.width } else { BLOCK };
    let strips = rows.next_multiple_of(shape.rows) * together + ALIGNMENT;
    workspace.with_some(panels + strips, |scratch, _| {
        for (group, out) in out.chunks_mut(BLOCK).enumerate() {
            let (panels, strips) = scratch.split_at_mut(panels);
            dispatch(Squares {
                factor,
                lower,
                with_diagonal,
                first: first + group * BLOCK,
                panels,
                strips,
                out,
            });
        }
    })
}

/// At most [`BLOCK`] columns.
pub(super) struct Squares<'a, T: Scalar, B> {
    pub(super) factor: Factor<'a, T>,
    pub(super) lower: &'a B,
    pub(super) with_diagonal: bool,
    pub(super) first: usize,
    pub(super) panels: &'a mut [T],
    pub(super) strips: &'a mut [T],
    pub(super) out: &'a mut [T],
}

impl<T: Scalar, B: LowerColumns<T>> Squares<'_, T, B> {
    /// The strip whose first column is `start` columns after the first.
    #[inline(always)]
    fn load<S: Simd>(&self, strip: &mut [Row<T::SimdVec<S>>], start: usize) {
        let width = width::<T, S>();
        let count = width.min(self.out.len() - start);
        let numbers: &mut [T] = bytemuck::cast_slice_mut(strip[start..].as_flattened_mut());
        let first = self.first + start;
        let rows = first..self.factor.l.nrows();
        self.lower.load::<S>(numbers, first..first + count, rows);
        for (i, row) in numbers.chunks_exact_mut(width).enumerate().take(width) {
            row[i + 1..].fill(T::zero());
        }
    }

    /// The sums of the squares of what [`load`](Self::load) loaded, when it is solved for.
    #[inline(always)]
    fn sum<S: Simd, const R: usize>(
        &mut self,
        simd: &T::SimdCtx<S>,
        strip: &mut [Row<T::SimdVec<S>>],
        start: usize,
    ) {
        let width = width::<T, S>();
        let strip = &mut strip[start..];
        if !self.with_diagonal {
            let numbers: &mut [T] = bytemuck::cast_slice_mut(strip.as_flattened_mut());
            for (i, row) in numbers.chunks_exact_mut(width).enumerate().take(width) {
                row[i] = T::zero();
            }
        }
        let mut sums = [T::simd_splat(simd, &T::zero()); 2];
        for tile in strip.chunks_exact(R) {
            add_squares::<T, S>(simd, &mut sums, tile);
        }
        let out = &mut self.out[start..];
        let count = out.len().min(width);
        out[..count].copy_from_slice(&bytemuck::cast_slice(&sums)[..count]);
    }
}

impl<T: Scalar, B: LowerColumns<T>> Kernel<T> for Squares<'_, T, B> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const R: usize>(mut self, simd: &T::SimdCtx<S>) {
        let Factor { l, deviation } = self.factor;
        let (first, width) = (self.first, width::<T, S>());
        let n = l.nrows() - first;
        let rows = n.next_multiple_of(R);
        let factor = Factor {
            l: l.submatrix(first, first, n, n),
            deviation,
        };
        let panels = entries_of_mut::<T, R>(core::mem::take(&mut self.panels));
        let strips = rows_of::<T, S>(core::mem::take(&mut self.strips));
        if n <= BLOCK {
            pack_corner(factor, panels);
            let strip = &mut strips[..rows];
            for start in (0..n).step_by(width) {
                self.load::<S>(strip, start);
                solve_corner::<T, S, R>(simd, panels, start, strip);
                self.sum::<S, R>(simd, strip, start);
            }
            return;
        }
        let count = self.out.len().div_ceil(width);
        let strips = &mut strips[..count * rows];
        for (s, strip) in strips.chunks_exact_mut(rows).enumerate() {
            self.load::<S>(strip, s * width);
        }
        half_solve_strips::<T, S, R>(simd, factor, strips, panels, |s| s * width..n);
        for (s, strip) in strips.chunks_exact_mut(rows).enumerate() {
            self.sum::<S, R>(simd, strip, s * width);
        }
    }
}
