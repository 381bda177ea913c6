//! Columns into the lanes of strips, and back.

use core::ops::Range;
use core::slice::{from_mut, from_ref};

use faer::traits::IndexCore;
use faer::{MatMut, MatRef};
use pulp::Simd;
use pulp::bytemuck::{self, Pod};

use super::tile::Row;
use super::width;
use crate::Scalar;
use crate::columns::{contiguous, contiguous_mut, ranges};

/// Columns that are moved together, so that lines of the cache are read and written whole.
const TOGETHER: usize = 8;

/// Entries of four columns that change places together.
const FOUR: usize = 4;

/// Columns `first ..` of `x` into a strip, zeros beyond the last row and column.
#[inline(always)]
pub(super) fn load<T: Scalar, S: Simd>(strip: &mut [T], x: MatRef<'_, T>, first: usize) {
    let width = width::<T, S>();
    let columns = first..x.ncols().min(first + width);
    if x.row_stride() == 1 {
        load_columns::<T, S, 1>(strip, columns, 0..x.nrows(), [x], |[x]| x);
        return;
    }
    for (i, row) in strip.chunks_exact_mut(width).enumerate() {
        row.fill(T::zero());
        if i < x.nrows() {
            for (value, &entry) in row.iter_mut().zip(x.row(i).iter().skip(first)) {
                *value = entry;
            }
        }
    }
}

/// What [`load`] read, back where it came from.
#[inline(always)]
pub(super) fn store<T: Scalar, S: Simd>(strip: &[T], mut x: MatMut<'_, T>, first: usize) {
    let width = width::<T, S>();
    let (n, count) = (x.nrows(), width.min(x.ncols() - first));
    if x.row_stride() != 1 {
        for (i, row) in strip.chunks_exact(width).enumerate().take(n) {
            for (entry, &value) in x.as_mut().row_mut(i).iter_mut().skip(first).zip(row) {
                *entry = value;
            }
        }
        return;
    }
    for lane in (0..count).step_by(FOUR) {
        let some = x.as_mut().subcols_mut(first + lane, FOUR.min(count - lane));
        let mut columns = some.col_iter_mut().map(contiguous_mut);
        let mut columns: [_; FOUR] = core::array::from_fn(|_| columns.next().unwrap_or_default());
        for (i, rows) in strip.chunks(FOUR * width).enumerate() {
            let row = |r: usize| four(rows, r * width + lane);
            let entries = T::transpose(each_of_four(row));
            for (column, entries) in columns.iter_mut().zip(entries) {
                let to = column.get_mut(i * FOUR..).unwrap_or_default();
                if let Some(to) = to.first_chunk_mut() {
                    *to = entries;
                } else {
                    for (to, entry) in to.iter_mut().zip(entries) {
                        *to = entry;
                    }
                }
            }
        }
    }
}

/// Puts what `of` makes of entries of some matrices, whose columns are contiguous, into the lanes
/// of a strip, and zeros beyond the last row and column.
#[inline(always)]
pub(super) fn load_columns<T: Scalar, S: Simd, const K: usize>(
    strip: &mut [T],
    columns: Range<usize>,
    rows: Range<usize>,
    matrices: [MatRef<'_, T>; K],
    of: impl Fn([T; K]) -> T,
) {
    let width = width::<T, S>();
    if columns.len() < width {
        strip.fill(T::zero());
    }
    let column = |k: usize, j: usize| &contiguous(matrices[k].col(j))[rows.clone()];
    let whole = columns.len() - columns.len() % FOUR;
    for lane in (0..whole).step_by(FOUR) {
        let mut fours = [[[].as_slice(); FOUR]; K];
        for k in 0..K {
            fours[k] = each_of_four(|q| column(k, columns.start + lane + q));
        }
        // Asked of each column whether it has four entries, they would be read one by one.
        let mut squares = strip.chunks_exact_mut(FOUR * width).enumerate();
        for (i, to) in squares.by_ref().take(rows.len() / FOUR) {
            let of_column = |k: usize, q: usize| fours[k][q].as_chunks().0[i];
            set_square::<T, S, K>(to, lane, of_column, &of);
        }
        for (i, to) in squares {
            let of_column = |k: usize, q: usize| four(fours[k][q], i * FOUR);
            set_square::<T, S, K>(to, lane, of_column, &of);
        }
    }
    for lane in whole..columns.len() {
        for (i, row) in strip.chunks_exact_mut(width).enumerate() {
            let entry = |k| column(k, columns.start + lane)[i];
            row[lane] = if i < rows.len() {
                of(entries(entry))
            } else {
                T::zero()
            };
        }
    }
}

/// Puts what `of` makes of four entries of four columns of some matrices into the rows of a strip,
/// from a lane on.
#[inline(always)]
fn set_square<T: Scalar, S: Simd, const K: usize>(
    to: &mut [T],
    lane: usize,
    of_column: impl Fn(usize, usize) -> [T; FOUR],
    of: &impl Fn([T; K]) -> T,
) {
    let mut rows = [[[T::zero(); FOUR]; FOUR]; K];
    for k in 0..K {
        rows[k] = T::transpose(each_of_four(|q| of_column(k, q)));
    }
    for (r, to) in to.chunks_exact_mut(width::<T, S>()).enumerate() {
        if let Some(to) = to[lane..].first_chunk_mut() {
            *to = each_of_four(|q| of(entries(|k| rows[k][r][q])));
        }
    }
}

/// `[f(0), f(1), ..]`, always inlined.
#[inline(always)]
fn entries<T: Scalar, const K: usize>(f: impl Fn(usize) -> T) -> [T; K] {
    let mut entries = [T::zero(); K];
    for k in 0..K {
        entries[k] = f(k);
    }
    entries
}

/// Rows of a matrix from `first` on into strips of some `height`: column `k` is their row `k`, of
/// the strips from `skipped(k)` on.
#[inline(always)]
pub(super) fn load_rows<T: Scalar, V: Pod>(
    strips: &mut [Row<V>],
    height: usize,
    from: MatRef<'_, T>,
    first: usize,
    skipped: impl Fn(usize) -> usize,
) {
    let width = size_of::<Row<V>>() / size_of::<T>();
    for some in ranges(height, TOGETHER) {
        let mut columns = [[].as_slice(); TOGETHER];
        for (column, k) in columns.iter_mut().zip(some.start..from.ncols()) {
            *column = &contiguous(from.col(k))[first..];
        }
        let strips = strips.chunks_exact_mut(height).enumerate();
        for (s, strip) in strips.skip(skipped(some.start)) {
            for (row, column) in strip[some.clone()].iter_mut().zip(columns) {
                read_row(row, column.get(s * width..).unwrap_or_default());
            }
        }
    }
}

/// What [`load_rows`] read, back where it came from, but for the first `above(s, k)` numbers of row
/// `k` of strip `s`.
#[inline(always)]
pub(super) fn store_rows<T: Scalar, S: Simd>(
    simd: &T::SimdCtx<S>,
    strips: &[Row<T::SimdVec<S>>],
    height: usize,
    mut to: MatMut<'_, T>,
    first: usize,
    above: impl Fn(usize, usize) -> usize,
) {
    let width = width::<T, S>();
    for some in ranges(to.ncols(), TOGETHER) {
        let columns = to.as_mut().subcols_mut(some.start, some.len());
        let mut columns = columns.col_iter_mut().map(contiguous_mut);
        let mut columns: [&mut [T]; TOGETHER] =
            core::array::from_fn(|_| columns.next().unwrap_or_default());
        for (s, strip) in strips.chunks_exact(height).enumerate() {
            for (k, column) in some.clone().zip(&mut columns) {
                let column = column.get_mut(first + s * width..).unwrap_or_default();
                write_row::<T, S>(simd, &strip[k], above(s, k), column);
            }
        }
    }
}

/// `[f(0), f(1), f(2), f(3)]`, always inlined, which `core::array::from_fn` is not.
#[inline(always)]
pub(crate) fn each_of_four<V>(f: impl Fn(usize) -> V) -> [V; FOUR] {
    [f(0), f(1), f(2), f(3)]
}

/// Four entries of a column from a row on, zeros beyond the last.
#[inline(always)]
fn four<T: Scalar>(column: &[T], row: usize) -> [T; FOUR] {
    let rest = column.get(row..).unwrap_or_default();
    match rest.first_chunk() {
        Some(all) => *all,
        None => each_of_four(|k| rest.get(k).copied().unwrap_or_else(T::zero)),
    }
}

/// Reads a row from the first of some numbers, zeros beyond the last.
#[inline(always)]
fn read_row<T: Scalar, V: Pod>(row: &mut Row<V>, from: &[T]) {
    let values: &mut [T] = bytemuck::cast_slice_mut(row);
    if let Some(whole) = from.get(..values.len()) {
        values.copy_from_slice(whole);
        return;
    }
    let (some, rest) = values.split_at_mut(from.len());
    for (to, &value) in some.iter_mut().zip(from) {
        *to = value;
    }
    rest.fill(T::zero());
}

/// Writes a row, but for the first `above` numbers, to the first of some.
#[inline(always)]
fn write_row<T: Scalar, S: Simd>(
    simd: &T::SimdCtx<S>,
    row: &Row<T::SimdVec<S>>,
    above: usize,
    to: &mut [T],
) {
    let values: &[T] = bytemuck::cast_slice(row);
    let Some(whole) = to.get_mut(..values.len()) else {
        for (to, &value) in to.iter_mut().zip(values).skip(above) {
            *to = value;
        }
        return;
    };
    if above == 0 {
        whole.copy_from_slice(values);
        return;
    }
    let lanes = values.len() / 2;
    for (h, whole) in whole.chunks_exact_mut(lanes).enumerate() {
        let first = above.saturating_sub(h * lanes);
        if first >= lanes {
            continue;
        }
        let mut kept = T::simd_splat(simd, &T::zero());
        bytemuck::cast_slice_mut(from_mut(&mut kept)).copy_from_slice(whole);
        let (first, end) = (T::Index::truncate(first), T::Index::truncate(lanes));
        let written = T::simd_mask_between(simd, first, end);
        let chosen = T::simd_select(simd, written, row[h], kept);
        whole.copy_from_slice(bytemuck::cast_slice(from_ref(&chosen)));
    }
}
