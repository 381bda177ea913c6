//! Cholesky factorisation of a lower triangle in its place.
//!
//! Some columns of `L` at a time stand in strips as rows of `U = Lᵀ`: row `k` of a strip has
//! entries of column `k`, side by side as they are in memory. What earlier columns contribute is
//! taken from them, the corner is factored, and what is below it is half-solved.

use faer::{MatMut, MatRef};
use pulp::Simd;

use super::corner::{self, Corner};
use super::half_solve::{solve_corner, take};
use super::panels::{self, entries_of, entries_of_mut, pack_below};
use super::pivots::{NoPivot, Pivots};
use super::strips::{load_rows, store_rows};
use super::tile::Row;
use super::{ALIGNMENT, BLOCK, Factor, Kernel, Shape, dispatch, rows_of, width};
use crate::columns::ranges;
use crate::{Error, Scalar, Workspace, parallel};

/// Up to this size a matrix is a corner and nothing more.
const ALONE: usize = 2 * BLOCK;

/// Rows that are shared among threads by so many: strips of any width are whole.
const ROWS: usize = 32;

/// Rows that are solved together: the longer the runs of rows that are read, the better where the
/// columns are far apart.
const fn group_of(n: usize) -> usize {
    if n < 8 * BLOCK { BLOCK } else { 2 * BLOCK }
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
    if n <= ALONE {
        return workspace.with_some(corner::scratch_for(n), |scratch, _| {
            dispatch(Corner {
                a,
                first: 0,
                pivots,
                panels: &mut [],
                scratch,
            })
        });
    }
    let shape = Shape::of::<T>();
    let corner = panels::numbers_of_corner(BLOCK, shape.rows);
    let group = group_of(n);
    let of_block = panels::numbers_below::<T>(BLOCK, shape.rows);
    let below = of_block * (n.div_ceil(BLOCK) - 1);
    let strips = strips_for(group, group).max(corner::scratch_for(BLOCK));
    workspace.with_some(corner + below + strips, |scratch, workspace| {
        let (corner, scratch) = scratch.split_at_mut(corner);
        let (below, strips) = scratch.split_at_mut(below);
        for columns in ranges(n, BLOCK) {
            let (start, height) = (columns.start, columns.len());
            let (known, from) = a.as_mut().split_at_col_mut(start);
            let known = known.as_ref().subrows(start, n - start);
            let target = from.submatrix_mut(start, 0, n - start, height);
            let (known_beside, known_below) = known.split_at_row(height);
            let (mut target_beside, target_below) = target.split_at_row_mut(height);
            if start > 0 {
                let known = known_beside;
                pack_left(known, below, of_block);
                let rows = Rows {
                    known,
                    target: target_beside.as_mut(),
                    first: 0,
                    below,
                    group,
                };
                update(rows, None, strips, workspace)?;
            }
            let has_below = target_below.nrows() > 0;
            let factored = dispatch(Corner {
                a: target_beside,
                first: start,
                pivots: &mut *pivots,
                panels: if has_below { corner } else { &mut [] },
                scratch: strips,
            });
            if factored.is_err() {
                return Ok(factored);
            }
            if has_below {
                let rows = Rows {
                    known: known_below,
                    target: target_below,
                    first: height,
                    below,
                    group,
                };
                update(rows, Some(corner), strips, workspace)?;
            }
        }
        Ok(Ok(()))
    })?
}

/// Some rows of the columns that are factored, and of those before them.
struct Rows<'a, T: Scalar> {
    known: MatRef<'a, T>,
    target: MatMut<'a, T>,
    /// How far the first of them is below the first of the corner.
    first: usize,
    /// Panels of what is left of the corner, block by block.
    below: &'a [T],
    /// Rows that are loaded together.
    group: usize,
}

/// Numbers in the strips of some rows that are loaded together, and of what is known of them.
fn strips_for(rows: usize, group: usize) -> usize {
    2 * rows.next_multiple_of(ROWS).min(group) * BLOCK + ALIGNMENT
}

/// [`Update`] by as many threads as pays; those that are not lent strips take their own.
fn update<T: Scalar>(
    rows: Rows<'_, T>,
    corner: Option<&[T]>,
    strips: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let (count, height) = rows.target.shape();
    let operations = (2 * rows.known.ncols() + height).saturating_mul(height * count);
    if count > ROWS && parallel::pays(operations) {
        let (first, second) = rows.halves();
        return workspace.join(
            operations,
            |workspace| update(first, corner, strips, workspace),
            |workspace| update(second, corner, &mut [], workspace),
        );
    }
    let needed = strips_for(count, rows.group);
    let run = |strips: &mut [T]| {
        dispatch(Update {
            rows,
            corner,
            strips,
        });
    };
    if strips.len() >= needed {
        run(strips);
        return Ok(());
    }
    workspace.with_some(needed, |strips, _| run(strips))
}

/// [`Pack`] by as many threads as pays, with `of_block` numbers for each block of columns.
fn pack_left<T: Scalar>(known: MatRef<'_, T>, below: &mut [T], of_block: usize) {
    let operations = parallel::PER_NUMBER * known.nrows() * known.ncols();
    if known.ncols() > BLOCK && parallel::pays(operations) {
        let blocks = known.ncols().div_ceil(BLOCK) / 2;
        let (first, second) = known.split_at_col(blocks * BLOCK);
        let (to_first, to_second) = below.split_at_mut(blocks * of_block);
        parallel::join(
            operations,
            || pack_left(first, to_first, of_block),
            || pack_left(second, to_second, of_block),
        );
        return;
    }
    dispatch(Pack { known, below });
}

/// Packs what is left of the corner.
struct Pack<'a, T: Scalar> {
    known: MatRef<'a, T>,
    below: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Pack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, _: &T::SimdCtx<S>) {
        let panels = self
            .below
            .chunks_exact_mut(panels::numbers_below::<T>(BLOCK, R));
        for (columns, panels) in ranges(self.known.ncols(), BLOCK).zip(panels) {
            let l = self.known.subcols(columns.start, columns.len());
            let deviation = T::one();
            pack_below::<T, R>(Factor { l, deviation }, entries_of_mut(panels));
        }
    }
}

/// Takes from some rows what earlier columns contribute, and half-solves those below the corner.
struct Update<'a, T: Scalar> {
    rows: Rows<'a, T>,
    /// The panels of the corner, or `None` where the rows are that.
    corner: Option<&'a [T]>,
    strips: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Update<'_, T> {
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
            if let Some(corner) = corner {
                for strip in strips.chunks_exact_mut(height) {
                    solve_corner::<T, S, R>(simd, entries_of(corner), 0, strip);
                }
            }
            rows.store::<S, R>(simd, first, strips);
        }
    }
}

impl<T: Scalar> Rows<'_, T> {
    fn halves(self) -> (Self, Self) {
        let half = (self.target.nrows() / 2).next_multiple_of(ROWS);
        let (known_above, known_below) = self.known.split_at_row(half);
        let (target_above, target_below) = self.target.split_at_row_mut(half);
        let with = |known, target, first| Rows {
            known,
            target,
            first,
            below: self.below,
            group: self.group,
        };
        (
            with(known_above, target_above, self.first),
            with(known_below, target_below, self.first + half),
        )
    }

    /// A group of rows from `first` on, in strips, without what earlier columns contribute. What
    /// is above the diagonal of the corner is left as it is.
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
        let offset = self.first + first;
        load_rows(strips, height, self.target.as_ref(), first, |k| {
            k.saturating_sub(offset) / width
        });
        let panels = self
            .below
            .chunks_exact(panels::numbers_below::<T>(BLOCK, R));
        for (columns, panels) in ranges(self.known.ncols(), BLOCK).zip(panels) {
            let known = self.known.subcols(columns.start, columns.len());
            let solved = &mut rest[..count * columns.len()];
            load_rows(solved, columns.len(), known, first, |_| 0);
            let strips = strips.chunks_exact_mut(height);
            let solved = solved.chunks_exact(columns.len());
            for (s, (strip, solved)) in strips.zip(solved).enumerate() {
                let end = height.min(offset + (s + 1) * width);
                take::<T, S, R>(simd, entries_of(panels), 0, solved, &mut strip[..end]);
            }
        }
        strips
    }

    /// Writes the rows from `first` on, what is on and below the diagonal of the corner.
    #[inline(always)]
    fn store<S: Simd, const R: usize>(
        &mut self,
        simd: &T::SimdCtx<S>,
        first: usize,
        strips: &[Row<T::SimdVec<S>>],
    ) {
        let (height, width) = (self.target.ncols().next_multiple_of(R), width::<T, S>());
        let (offset, target) = (self.first + first, self.target.as_mut());
        store_rows::<T, S>(simd, strips, height, target, first, |s, k| {
            k.saturating_sub(offset + s * width)
        });
    }
}
