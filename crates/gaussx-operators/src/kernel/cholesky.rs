//! Cholesky factorisation of a lower triangle in its place.
//!
//! Some columns of `L` at a time stand in strips as rows of `U = Lᵀ`: row `k` of a strip has
//! entries of column `k`, side by side as they are in memory. What earlier columns contribute is
//! taken from them, the corner is factored, and what is below it is half-solved.

use core::ops::Range;

use faer::{MatMut, MatRef};
use pulp::{Simd, bytemuck};

use super::half_solve::{solve_corner, take};
use super::panels::{self, corner_mut, entries_of, entries_of_mut, pack_below};
use super::strips::{load_rows, store_rows};
use super::tile::{Row, Tile, add_product, half_solve as half_solve_tile};
use super::{ALIGNMENT, BLOCK, Factor, Kernel, Shape, dispatch, rows_of, width};
use crate::columns::ranges;
use crate::fused::{mul_add, sqrt};
use crate::{Error, Scalar, Workspace, parallel};

/// What becomes the square of a pivot.
pub(crate) trait Pivots<T> {
    /// The square of pivot `index` where that is left on the diagonal, if it may be one.
    fn square(&mut self, index: usize, left: T) -> Option<T>;
}

/// What is left, where that is positive.
pub(crate) struct Positive;

impl<T: Scalar> Pivots<T> for Positive {
    #[inline(always)]
    fn square(&mut self, _: usize, left: T) -> Option<T> {
        (left > T::zero()).then_some(left)
    }
}

/// Something that cannot be a pivot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoPivot<T> {
    pub(crate) index: usize,
    pub(crate) value: T,
}

/// Rows of the corner from which what is above them is taken together: a strip is read once for
/// all of them.
const STEP: usize = 32;

/// Columns that are factored together: of a small matrix few, so that scratch is small.
const fn block_of(n: usize) -> usize {
    if n < 4 * BLOCK { BLOCK / 2 } else { BLOCK }
}

/// Rows below the corner that are solved together: the longer the runs of rows that are read, the
/// better where the columns are far apart.
const fn group_of(n: usize) -> usize {
    if n < 8 * BLOCK {
        block_of(n)
    } else {
        2 * BLOCK
    }
}

/// Replaces the lower triangle by its Cholesky factor; the strict upper one is neither read nor
/// written.
///
/// The outer error is that there is no scratch, of which some threads may notice late.
pub(crate) fn factor<T: Scalar>(
    mut a: MatMut<'_, T>,
    pivots: &mut (impl Pivots<T> + Send),
    workspace: &mut Workspace<T>,
) -> Result<Result<(), NoPivot<T>>, Error> {
    let n = a.nrows();
    let shape = Shape::of::<T>();
    let block = block_of(n);
    let corner = panels::numbers_of_corner(n.min(block), shape.rows);
    let group = group_of(n);
    let below = panels::numbers_below::<T>(block, shape.rows) * n.div_ceil(block).saturating_sub(1);
    let panels = corner + below;
    let scratch = panels + scratch_for(n, block, group, shape);
    workspace.with_some(scratch, |scratch, workspace| {
        let (panels, strips) = scratch.split_at_mut(panels);
        let (corner, below) = panels.split_at_mut(corner);
        for columns in ranges(n, block) {
            let (start, height) = (columns.start, columns.len());
            let (known, from) = a.as_mut().split_at_col_mut(start);
            let known = known.as_ref().subrows(start, n - start);
            let target = from.submatrix_mut(start, 0, n - start, height);
            let (known_beside, known_below) = known.split_at_row(height);
            let (target_beside, target_below) = target.split_at_row_mut(height);
            if start > 0 {
                dispatch(Pack {
                    known: known_beside,
                    block,
                    below,
                });
            }
            let factored = dispatch(Corner {
                rows: Rows {
                    known: known_beside,
                    target: target_beside,
                    are_corner: true,
                    block,
                    group,
                    below,
                },
                panels: corner,
                strips,
                pivots: &mut *pivots,
                start,
            });
            if factored.is_err() {
                return Ok(factored);
            }
            let rows = Rows {
                known: known_below,
                target: target_below,
                are_corner: false,
                block,
                group,
                below,
            };
            if rows.target.nrows() > 0 {
                solve_below(rows, corner, strips, workspace)?;
            }
        }
        Ok(Ok(()))
    })?
}

/// Numbers in the strips of a group of rows and, where there is more than one block, in what is
/// known of them.
fn scratch_for(n: usize, block: usize, group: usize, shape: Shape) -> usize {
    let rows = n.min(group).next_multiple_of(shape.width);
    let columns = n.min(block).next_multiple_of(shape.rows);
    rows * columns * n.div_ceil(block).min(2) + ALIGNMENT
}

/// Some rows of the columns that are factored, and of those before them.
pub(super) struct Rows<'a, T: Scalar> {
    pub(super) known: MatRef<'a, T>,
    pub(super) target: MatMut<'a, T>,
    /// Whether they are those on the diagonal.
    pub(super) are_corner: bool,
    /// Columns that are factored together.
    pub(super) block: usize,
    /// Rows that are solved together.
    pub(super) group: usize,
    /// Panels of what is left of the corner, block by block.
    pub(super) below: &'a [T],
}

/// Half-solves some rows below the corner.
fn solve_below<T: Scalar>(
    rows: Rows<'_, T>,
    corner: &[T],
    strips: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let Rows {
        known,
        target,
        are_corner,
        block,
        group,
        below,
    } = rows;
    let (count, height) = target.shape();
    let operations = (2 * known.ncols() + height).saturating_mul(height * count);
    if count > group && parallel::pays(operations) {
        let half = (count / 2).next_multiple_of(group);
        let (known_above, known_below) = known.split_at_row(half);
        let (target_above, target_below) = target.split_at_row_mut(half);
        let with = |known, target| Rows {
            known,
            target,
            are_corner,
            block,
            group,
            below,
        };
        let len = strips.len();
        let (first, second) = (
            with(known_above, target_above),
            with(known_below, target_below),
        );
        return workspace.join(
            operations,
            |workspace| solve_below(first, corner, strips, workspace),
            |workspace| {
                workspace.with_any(len, 1, |strips, workspace| {
                    solve_below(second, corner, strips, workspace)
                })
            },
        );
    }
    dispatch(Below {
        rows: Rows {
            known,
            target,
            are_corner,
            block,
            group,
            below,
        },
        corner,
        strips,
    });
    Ok(())
}

/// Packs what is left of the corner.
struct Pack<'a, T: Scalar> {
    known: MatRef<'a, T>,
    block: usize,
    below: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, _: &T::SimdCtx<S>) {
        let panels = panels::numbers_below::<T>(self.block, R);
        let blocks = ranges(self.known.ncols(), self.block);
        for (columns, panels) in blocks.zip(self.below.chunks_exact_mut(panels)) {
            let l = self.known.subcols(columns.start, columns.len());
            let deviation = T::one();
            pack_below::<T, R>(Factor { l, deviation }, entries_of_mut(panels));
        }
    }
}

/// Factors the corner, and packs it.
pub(super) struct Corner<'a, T: Scalar, P> {
    pub(super) rows: Rows<'a, T>,
    pub(super) panels: &'a mut [T],
    pub(super) strips: &'a mut [T],
    pub(super) pivots: &'a mut P,
    /// The index of the first pivot.
    pub(super) start: usize,
}

impl<T: Scalar, P: Pivots<T>> Kernel<T> for Corner<'_, T, P> {
    type Output = Result<(), NoPivot<T>>;

    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, simd: &T::SimdCtx<S>) -> Self::Output {
        let Self {
            mut rows,
            panels,
            strips,
            pivots,
            start,
        } = self;
        let m = rows.target.ncols();
        let strips = rows.load::<S, R>(simd, 0, strips);
        factor_corner::<T, S, R>(simd, m, strips, entries_of_mut(panels), |index, left| {
            let no_pivot = NoPivot {
                index: start + index,
                value: left,
            };
            pivots.square(start + index, left).ok_or(no_pivot)
        })?;
        rows.store::<S, R>(0, strips);
        Ok(())
    }
}

/// Half-solves what is below the corner.
struct Below<'a, T: Scalar> {
    rows: Rows<'a, T>,
    corner: &'a [T],
    strips: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Below<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, simd: &T::SimdCtx<S>) {
        let Self {
            mut rows,
            corner,
            strips,
        } = self;
        let height = rows.target.ncols().next_multiple_of(R);
        for first in (0..rows.target.nrows()).step_by(rows.group) {
            let strips = rows.load::<S, R>(simd, first, strips);
            for strip in strips.chunks_exact_mut(height) {
                solve_corner::<T, S, R>(simd, entries_of(corner), 0, strip);
            }
            rows.store::<S, R>(first, strips);
        }
    }
}

impl<T: Scalar> Rows<'_, T> {
    /// A group of rows from `first` on, in strips, without what earlier columns contribute.
    #[inline(always)]
    fn load<'s, S: Simd, const R: usize>(
        &self,
        simd: &T::SimdCtx<S>,
        first: usize,
        scratch: &'s mut [T],
    ) -> &'s mut [Row<T::SimdVec<S>>] {
        let width = width::<T, S>();
        let height = self.target.ncols().next_multiple_of(R);
        let count = (self.target.nrows() - first)
            .min(self.group)
            .div_ceil(width);
        let (strips, rest) = rows_of::<T, S>(scratch).split_at_mut(count * height);
        let are_corner = self.are_corner;
        // Of a corner not what is above the diagonal.
        load_rows(strips, height, self.target.as_ref(), first, |k| {
            if are_corner { k / width } else { 0 }
        });
        let panels = self
            .below
            .chunks_exact(panels::numbers_below::<T>(self.block, R));
        for (columns, panels) in ranges(self.known.ncols(), self.block).zip(panels) {
            let known = self.known.subcols(columns.start, columns.len());
            let solved = &mut rest[..count * columns.len()];
            load_rows(solved, columns.len(), known, first, |_| 0);
            let strips = strips.chunks_exact_mut(height);
            let solved = solved.chunks_exact(columns.len());
            for (s, (strip, solved)) in strips.zip(solved).enumerate() {
                let end = if self.are_corner {
                    height.min((s + 1) * width)
                } else {
                    height
                };
                take::<T, S, R>(simd, entries_of(panels), 0, solved, &mut strip[..end]);
            }
        }
        strips
    }

    /// Writes the rows from `first` on; of the corner what is on and below the diagonal.
    #[inline(always)]
    fn store<S: Simd, const R: usize>(&mut self, first: usize, strips: &[Row<T::SimdVec<S>>]) {
        let (height, width) = (self.target.ncols().next_multiple_of(R), width::<T, S>());
        let are_corner = self.are_corner;
        store_rows(strips, height, self.target.as_mut(), first, |s, k| {
            if are_corner {
                k.saturating_sub(s * width)
            } else {
                0
            }
        });
    }
}

/// Factors a block of `n` coordinates that stands in strips, and packs it.
#[inline(always)]
fn factor_corner<T: Scalar, S: Simd, const R: usize>(
    simd: &T::SimdCtx<S>,
    n: usize,
    strips: &mut [Row<T::SimdVec<S>>],
    corner: &mut [[T; R]],
    mut square_of: impl FnMut(usize, T) -> Result<T, NoPivot<T>>,
) -> Result<(), NoPivot<T>> {
    let (width, height) = (width::<T, S>(), n.next_multiple_of(R));
    for p in 0..height / R {
        let (first, lane) = (p * R / width, p * R % width);
        // What precedes these rows is taken from all of them, one strip after another.
        let start = p * R - p * R % STEP;
        if p * R == start {
            let rows = start..height.min(start + STEP);
            take_above::<T, S, R>(simd, rows, height, &mut strips[first * height..], corner);
        }
        let (before, pivots) = corner_mut(corner, p).split_at_mut(p * R);
        pack_rows::<T, S, R>(&strips[first * height..], start..p * R, lane, before);
        for strip in strips[first * height..].chunks_exact_mut(height) {
            let (solved, rest) = strip[start..].split_at_mut(p * R - start);
            let (tile, _) = rest.as_chunks_mut::<R>();
            tile[0] = add_product::<T, S, R>(simd, tile[0], &before[start..], solved);
        }
        let tile: &mut Tile<_, R> = &mut strips[first * height + p * R..].as_chunks_mut::<R>().0[0];
        let numbers: &mut [T] = bytemuck::cast_slice_mut(tile.as_flattened_mut());
        let mut square = [[T::zero(); R]; R];
        for r in 0..R {
            for s in r..R {
                square[r][s] = numbers[r * width + lane + s];
            }
        }
        let reciprocals = factor_square(&mut square, |r, left| match p * R + r {
            index if index < n => square_of(index, left),
            // Beyond the last row the identity goes on.
            _ => Ok(T::one()),
        })?;
        for r in 0..R {
            for s in 0..r {
                pivots[s][r] = -square[s][r];
            }
            pivots[r][r] = reciprocals[r];
        }
        for (s, strip) in strips[first * height..]
            .chunks_exact_mut(height)
            .enumerate()
        {
            let (tile, _) = strip[p * R..].as_chunks_mut::<R>();
            tile[0] = half_solve_tile::<T, S, R>(simd, tile[0], pivots);
            if s == 0 {
                let numbers: &mut [T] = bytemuck::cast_slice_mut(tile[0].as_flattened_mut());
                for r in 0..R {
                    numbers[r * width + lane..][..R].copy_from_slice(&square[r]);
                }
            }
        }
    }
    Ok(())
}

/// Takes from some `rows` of strips, of which the first has the columns of the same number, the
/// product with what is above them, and packs it.
#[inline(always)]
fn take_above<T: Scalar, S: Simd, const R: usize>(
    simd: &T::SimdCtx<S>,
    rows: Range<usize>,
    height: usize,
    strips: &mut [Row<T::SimdVec<S>>],
    corner: &mut [[T; R]],
) {
    let width = width::<T, S>();
    for p in rows.start / R..rows.end / R {
        let at = p * R - rows.start;
        let strip = &strips[at / width * height..];
        let panel = corner_mut(corner, p);
        pack_rows::<T, S, R>(strip, 0..rows.start, at % width, panel);
    }
    for (s, strip) in strips.chunks_exact_mut(height).enumerate() {
        let (solved, rest) = strip.split_at_mut(rows.start);
        let (tiles, _) = rest[..rows.len().min((s + 1) * width)].as_chunks_mut::<R>();
        for (p, tile) in (rows.start / R..).zip(tiles) {
            let panel = &panels::corner(corner, p)[..rows.start];
            *tile = add_product::<T, S, R>(simd, *tile, panel, solved);
        }
    }
}

/// Packs some rows of a strip, of which panels have the columns from `lane` on.
#[inline(always)]
fn pack_rows<T: Scalar, S: Simd, const R: usize>(
    strip: &[Row<T::SimdVec<S>>],
    rows: Range<usize>,
    lane: usize,
    panel: &mut [[T; R]],
) {
    let numbers: &[T] = bytemuck::cast_slice(strip[rows.clone()].as_flattened());
    let numbers = numbers.chunks_exact(width::<T, S>());
    for (entries, row) in panel[rows].iter_mut().zip(numbers) {
        for r in 0..R {
            entries[r] = -row[lane + r];
        }
    }
}

/// The upper factor of a symmetric square of which the upper triangle is given, and the
/// reciprocals of its diagonal.
///
/// Rows are scaled at the end, so that no pivot waits for the square root of another.
#[inline(always)]
fn factor_square<T: Scalar, const R: usize>(
    u: &mut [[T; R]; R],
    mut square_of: impl FnMut(usize, T) -> Result<T, NoPivot<T>>,
) -> Result<[T; R], NoPivot<T>> {
    for r in 0..R {
        u[r][r] = square_of(r, u[r][r])?;
        let row = u[r];
        let reciprocal = T::one() / row[r];
        for s in r + 1..R {
            let by = -(row[s] * reciprocal);
            for j in s..R {
                u[s][j] = mul_add(by, row[j], u[s][j]);
            }
        }
    }
    let mut reciprocals = [T::zero(); R];
    for r in 0..R {
        let deviation = sqrt(u[r][r]);
        reciprocals[r] = T::one() / deviation;
        for j in r + 1..R {
            u[r][j] *= reciprocals[r];
        }
        u[r][r] = deviation;
    }
    Ok(reciprocals)
}
