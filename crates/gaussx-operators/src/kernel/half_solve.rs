//! Half-solves of strips, and of the columns of a matrix.

use core::ops::Range;

use faer::linalg::triangular_solve;
use faer::{MatMut, Par};
use pulp::{Simd, bytemuck};

use super::panels::{self, entries_of_mut, pack_below, pack_corner};
use super::tile::{Row, add_product, half_solve as half_solve_tile};
use super::{ALIGNMENT, BLOCK, Factor, Kernel, Shape, TOGETHER, dispatch, rows_of, strips, width};
use crate::columns::{map_rows, ranges};
use crate::{Scalar, Workspace, parallel};

/// `X ← L⁻¹ X`.
pub(crate) fn half_solve<T: Scalar>(
    factor: Factor<'_, T>,
    mut x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) {
    let (n, count) = (x.nrows(), x.ncols());
    if n == 0 || count == 0 {
        return;
    }
    let operations = n.saturating_mul(n).saturating_mul(count);
    if count > TOGETHER / 2 && parallel::pays(operations) {
        let (left, right) = x.split_at_col_mut((count / 2).next_multiple_of(TOGETHER / 2));
        workspace.both(
            operations,
            |workspace| half_solve(factor, left, workspace),
            |workspace| half_solve(factor, right, workspace),
        );
        return;
    }
    let Shape { width, rows } = Shape::of::<T>();
    let panels = panels::numbers_for::<T>(n, rows);
    let strips = n.next_multiple_of(rows) * together(n, count, width) + ALIGNMENT;
    let solved = workspace.with_some(panels + strips, |scratch, _| {
        let (panels, strips) = scratch.split_at_mut(panels);
        dispatch(HalfSolve {
            factor,
            x: x.as_mut(),
            panels,
            strips,
        });
    });
    if solved.is_err() {
        half_solve_in_place(factor, x);
    }
}

/// Columns that are solved for together, of `count` of `n` numbers in strips of some `width`: one
/// strip where a block is the whole factor, which then is packed once.
pub(super) fn together(n: usize, count: usize, width: usize) -> usize {
    if n <= BLOCK {
        width
    } else {
        TOGETHER.min(count.next_multiple_of(width))
    }
}

/// [`half_solve`] without scratch.
fn half_solve_in_place<T: Scalar>(factor: Factor<'_, T>, mut x: MatMut<'_, T>) {
    triangular_solve::solve_lower_triangular_in_place(factor.l, x.as_mut(), Par::Seq);
    if factor.deviation != T::one() {
        map_rows(x, |_, value| value / factor.deviation);
    }
}

pub(super) struct HalfSolve<'a, T: Scalar> {
    pub(super) factor: Factor<'a, T>,
    pub(super) x: MatMut<'a, T>,
    pub(super) panels: &'a mut [T],
    pub(super) strips: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for HalfSolve<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, simd: &T::SimdCtx<S>) {
        let Self {
            factor,
            mut x,
            panels,
            strips,
        } = self;
        let (n, width) = (x.nrows(), width::<T, S>());
        let rows = n.next_multiple_of(R);
        let panels = entries_of_mut::<T, R>(panels);
        let strips = rows_of::<T, S>(strips);
        if n <= BLOCK {
            pack_corner(factor, panels);
        }
        for columns in ranges(x.ncols(), together(n, x.ncols(), width)) {
            let strips = &mut strips[..columns.len().div_ceil(width) * rows];
            for (s, strip) in strips.chunks_exact_mut(rows).enumerate() {
                let numbers = bytemuck::cast_slice_mut(strip.as_flattened_mut());
                strips::load::<T, S>(numbers, x.as_ref(), columns.start + s * width);
            }
            if n <= BLOCK {
                solve_corner::<T, S, R>(simd, panels, 0, strips);
            } else {
                half_solve_strips::<T, S, R>(simd, factor, strips, panels, |_| 0..n);
            }
            for (s, strip) in strips.chunks_exact(rows).enumerate() {
                let numbers = bytemuck::cast_slice(strip.as_flattened());
                strips::store::<T, S>(numbers, x.as_mut(), columns.start + s * width);
            }
        }
    }
}

/// The lower triangle of `X L⁻ᵀ`, where that is symmetric: of row `i` what is left of the
/// diagonal, for which the leading part of `L` suffices. What is above is lost.
pub(crate) fn half_solve_lower_rows<T: Scalar>(
    factor: Factor<'_, T>,
    x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) {
    lower_rows_from(0, factor, x, workspace);
}

/// [`half_solve_lower_rows`] of rows of which the first is row `first` of the whole.
fn lower_rows_from<T: Scalar>(
    first: usize,
    factor: Factor<'_, T>,
    x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) {
    let count = x.nrows();
    let end = first + count;
    if count == 0 {
        return;
    }
    if count > BLOCK {
        let (top, bottom) = x.split_at_row_mut((count / 2).next_multiple_of(BLOCK));
        let middle = first + top.nrows();
        workspace.both(
            count.saturating_mul(end).saturating_mul(end),
            |workspace| lower_rows_from(first, factor, top, workspace),
            |workspace| lower_rows_from(middle, factor, bottom, workspace),
        );
        return;
    }
    let Shape { width, rows } = Shape::of::<T>();
    let panels = panels::numbers_for::<T>(end, rows);
    let strips = end.next_multiple_of(rows) * count.next_multiple_of(width) + ALIGNMENT;
    let factor = Factor {
        l: factor.l.submatrix(0, 0, end, end),
        ..factor
    };
    let mut x = x.subcols_mut(0, end);
    let solved = workspace.with_some(panels + strips, |scratch, _| {
        let (panels, strips) = scratch.split_at_mut(panels);
        dispatch(LowerRows {
            factor,
            x: x.as_mut(),
            panels,
            strips,
        });
    });
    if solved.is_err() {
        half_solve_in_place(factor, x.transpose_mut());
    }
}

struct LowerRows<'a, T: Scalar> {
    factor: Factor<'a, T>,
    x: MatMut<'a, T>,
    panels: &'a mut [T],
    strips: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for LowerRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, simd: &T::SimdCtx<S>) {
        let Self {
            factor,
            mut x,
            panels,
            strips,
        } = self;
        let (n, width) = (factor.l.nrows(), width::<T, S>());
        let (height, first) = (n.next_multiple_of(R), n - x.nrows());
        let strips = &mut rows_of::<T, S>(strips)[..x.nrows().div_ceil(width) * height];
        let panels = entries_of_mut::<T, R>(panels);
        strips::load_rows(strips, height, x.as_ref(), 0, |_| 0);
        half_solve_strips::<T, S, R>(simd, factor, strips, panels, |s| {
            0..n.min(first + (s + 1) * width)
        });
        strips::store_rows::<T, S>(simd, strips, height, x.as_mut(), 0, |_, _| 0);
    }
}

/// `X ← L⁻¹ X` for strips side by side, of each of which only the `needed` rows: those before
/// them are zero, those after them are left as they are.
#[inline(always)]
pub(super) fn half_solve_strips<T: Scalar, S: Simd, const R: usize>(
    simd: &T::SimdCtx<S>,
    factor: Factor<'_, T>,
    strips: &mut [Row<T::SimdVec<S>>],
    panels: &mut [[T; R]],
    needed: impl Fn(usize) -> Range<usize>,
) {
    let Factor { l, deviation } = factor;
    let n = l.nrows();
    let height = n.next_multiple_of(R);
    for block in ranges(n, BLOCK) {
        for known in ranges(block.start, BLOCK) {
            let l = l.submatrix(block.start, known.start, block.len(), known.len());
            pack_below(Factor { l, deviation }, panels);
            for (s, strip) in strips.chunks_exact_mut(height).enumerate() {
                let (skipped, rows) = within(needed(s), known.clone(), &block, R);
                let (solved, rest) = strip.split_at_mut(block.start);
                take::<T, S, R>(
                    simd,
                    panels,
                    skipped,
                    &solved[known.clone()],
                    &mut rest[..rows],
                );
            }
        }
        let l = l.submatrix(block.start, block.start, block.len(), block.len());
        pack_corner(Factor { l, deviation }, panels);
        for (s, strip) in strips.chunks_exact_mut(height).enumerate() {
            let (skipped, rows) = within(needed(s), block.clone(), &block, R);
            let rows = &mut strip[block.start..][..rows];
            solve_corner::<T, S, R>(simd, panels, skipped, rows);
        }
    }
}

/// Of the rows that are needed: how many of the known ones are zero, and how many there are in a
/// block, in whole tiles.
#[inline(always)]
fn within(
    needed: Range<usize>,
    known: Range<usize>,
    block: &Range<usize>,
    tile: usize,
) -> (usize, usize) {
    let skipped = needed.start.saturating_sub(known.start).min(known.len());
    let rows = needed.end.min(block.end).saturating_sub(block.start);
    (skipped, rows.next_multiple_of(tile))
}

/// Takes from some rows of a strip the product of panels and the rows that are solved, of which
/// some are skipped.
#[inline(always)]
pub(super) fn take<T: Scalar, S: Simd, const R: usize>(
    simd: &T::SimdCtx<S>,
    panels: &[[T; R]],
    skipped: usize,
    solved: &[Row<T::SimdVec<S>>],
    rows: &mut [Row<T::SimdVec<S>>],
) {
    let (tiles, _) = rows.as_chunks_mut::<R>();
    for (tile, panel) in tiles.iter_mut().zip(panels::below(panels, solved.len())) {
        *tile = add_product::<T, S, R>(simd, *tile, &panel[skipped..], &solved[skipped..]);
    }
}

/// `X ← L⁻¹ X` for some rows of strips and a block on the diagonal; `skipped` rows are zero.
#[inline(always)]
pub(super) fn solve_corner<T: Scalar, S: Simd, const R: usize>(
    simd: &T::SimdCtx<S>,
    panels: &[[T; R]],
    skipped: usize,
    rows: &mut [Row<T::SimdVec<S>>],
) {
    let (tiles, _) = rows.as_chunks_mut::<R>();
    for p in skipped / R..tiles.len() {
        let (solved, rest) = tiles.split_at_mut(p);
        let solved = &solved.as_flattened()[skipped..];
        let (before, corner) = panels::corner(panels, p).split_at(p * R);
        let tile = add_product::<T, S, R>(simd, rest[0], &before[skipped..], solved);
        rest[0] = half_solve_tile::<T, S, R>(simd, tile, corner);
    }
}
