//! Loops over the columns of a matrix view, contiguous or strided.

use core::hint::black_box;
use core::ops::Range;

use faer::{ColMut, ColRef, MatMut, MatRef};

use crate::Scalar;

/// Width of the panels in which matrices that must not be formed whole are streamed.
pub(crate) const PANEL: usize = 64;

/// Numbers from the start of one column of scratch to that of the next: an odd number of
/// lines of the cache. Columns that are a power of two apart fall on the same few lines, and
/// push each other out.
pub(crate) fn stride_for<T: Scalar>(rows: usize) -> usize {
    let line = 64 / size_of::<T>();
    (rows.div_ceil(line) | 1) * line
}

/// `x_ij ← f(i, x_ij)`, column by column.
#[inline]
pub(crate) fn map_rows<T: Scalar>(mut x: MatMut<'_, T>, f: impl Fn(usize, T) -> T) {
    for j in 0..x.ncols() {
        let mut column = x.as_mut().col_mut(j);
        if let Some(slice) = column.as_mut().try_as_col_major_mut() {
            for (i, value) in slice.as_slice_mut().iter_mut().enumerate() {
                *value = f(i, *value);
            }
        } else {
            for (i, value) in column.iter_mut().enumerate() {
                *value = f(i, *value);
            }
        }
    }
}

/// `panel_j = x_j - center` for the columns of `x`.
pub(crate) fn residuals_into<T: Scalar>(
    mut panel: MatMut<'_, T>,
    x: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
) {
    panel.copy_from(x);
    if let Some(center) = center {
        for j in 0..panel.ncols() {
            let column = panel.as_mut().col_mut(j);
            for (value, &c) in column.iter_mut().zip(center.iter()) {
                *value -= c;
            }
        }
    }
}

/// Columns `first ..` of the identity, as many as `out` has.
pub(crate) fn unit_columns_into<T: Scalar>(first: usize, mut out: MatMut<'_, T>) {
    out.fill(T::zero());
    for j in 0..out.ncols() {
        out[(first + j, j)] = T::one();
    }
}

/// Side of the tiles in which a matrix meets its transpose.
pub(crate) const TILE: usize = 8;

/// Rows and columns of the tiles that cover some columns of the lower triangle of an `n × n`
/// matrix: a tile and its mirror image both stay in the fastest memory, whatever the stride.
pub(crate) fn tiles_below(
    n: usize,
    columns: Range<usize>,
) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let tile = move |start: usize| start..n.min(start + TILE);
    let columns = columns.step_by(TILE).map(tile);
    columns.flat_map(move |columns| {
        let rows = (columns.start..n).step_by(TILE).map(tile);
        rows.map(move |rows| (rows, columns.clone()))
    })
}

/// A triangle of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Triangle {
    Lower,
    Upper,
}

/// Makes a matrix whose columns are contiguous symmetric, by the entries of one triangle.
pub(crate) fn mirror<T: Scalar>(a: MatMut<'_, T>, from: Triangle) {
    pulp::Arch::new().dispatch(Mirror { a, from });
}

struct Mirror<'a, T: Scalar> {
    a: MatMut<'a, T>,
    from: Triangle,
}

impl<T: Scalar> pulp::NullaryFnOnce for Mirror<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { mut a, from } = self;
        for (below, above) in tiles_below(a.nrows(), 0..a.nrows()) {
            let (rows, columns) = match from {
                Triangle::Lower => (below, above),
                Triangle::Upper => (above, below),
            };
            if rows == columns {
                for j in columns {
                    for i in rows.start..j {
                        match from {
                            Triangle::Lower => a[(i, j)] = a[(j, i)],
                            Triangle::Upper => a[(j, i)] = a[(i, j)],
                        }
                    }
                }
            } else if rows.len() == TILE && columns.len() == TILE {
                move_tile(a.as_mut(), rows.start, columns.start);
            } else {
                for j in columns {
                    for i in rows.clone() {
                        a[(j, i)] = a[(i, j)];
                    }
                }
            }
        }
    }
}

/// Transposes the tile that begins at a row and a column to the other side of the diagonal.
#[inline(always)]
fn move_tile<T: Scalar>(mut a: MatMut<'_, T>, row: usize, column: usize) {
    for half in (0..TILE).step_by(4) {
        let mut squares = [[[T::zero(); 4]; 4]; 2];
        for k in 0..4 {
            let from = &contiguous(a.as_ref().col(column + half + k))[row..];
            let (quarters, _) = from[..TILE].as_chunks();
            squares[0][k] = quarters[0];
            squares[1][k] = quarters[1];
        }
        for (q, square) in squares.into_iter().enumerate() {
            let square = T::transpose(square);
            for (k, entries) in square.iter().enumerate() {
                let to = contiguous_mut(a.as_mut().col_mut(row + 4 * q + k));
                to[column + half..][..4].copy_from_slice(entries);
            }
        }
    }
}

/// The column ranges, at most [`PANEL`] wide, that cover `0..columns`.
pub(crate) fn panels(columns: usize) -> impl Iterator<Item = Range<usize>> {
    ranges(columns, PANEL)
}

/// The ranges, at most `width` wide, that cover `0..n`.
pub(crate) fn ranges(n: usize, width: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    (0..n)
        .step_by(width)
        .map(move |start| start..n.min(start + width))
}

/// The columns of an `N × N` matrix, where they are contiguous.
#[inline(always)]
pub(crate) fn columns_of<T: Scalar, const N: usize>(a: MatRef<'_, T>) -> Option<[&[T; N]; N]> {
    if a.nrows() != N || a.ncols() != N {
        return None;
    }
    let mut columns = a.col_iter();
    let mut next = || columns.next()?.try_as_col_major()?.as_slice().first_chunk();
    let mut all = [next()?; N];
    for column in &mut all[1..] {
        *column = next()?;
    }
    Some(all)
}

/// A column as a slice, where it is one.
#[inline(always)]
pub(crate) fn as_slice<T: Scalar>(column: ColRef<'_, T>) -> Option<&[T]> {
    Some(column.try_as_col_major()?.as_slice())
}

/// At most `N` numbers, filled up with zeros.
#[inline(always)]
pub(crate) fn numbers_within<T: Scalar, const N: usize>(x: &[T]) -> [T; N] {
    if let Some(whole) = x.first_chunk() {
        return *whole;
    }
    let mut numbers = [T::zero(); N];
    numbers[..x.len()].copy_from_slice(x);
    numbers
}

/// Reads a matrix of up to 256 kB in the order of memory, a number of each line of the cache:
/// kernels go through it by tiles, which the processor does not foresee.
#[inline]
pub(crate) fn read_ahead<T: Scalar>(a: MatRef<'_, T>) {
    // More would not stay in the cache.
    const MOST: usize = 256 << 10;
    const LINE: usize = 64;
    if size_of::<T>()
        .saturating_mul(a.nrows())
        .saturating_mul(a.ncols())
        > MOST
    {
        return;
    }
    let mut sum = T::zero();
    for j in 0..a.ncols() {
        for &entry in contiguous(a.col(j)).iter().step_by(LINE / size_of::<T>()) {
            sum += entry;
        }
    }
    // What nobody uses would not be read.
    black_box(sum);
}

/// A column of a matrix whose columns are contiguous.
#[inline(always)]
pub(crate) fn contiguous<T: Scalar>(column: ColRef<'_, T>) -> &[T] {
    match as_slice(column) {
        Some(column) => column,
        None => unreachable!("callers hand matrices of contiguous columns"),
    }
}

/// A column of a matrix whose columns are contiguous.
#[inline(always)]
pub(crate) fn contiguous_mut<T: Scalar>(column: ColMut<'_, T>) -> &mut [T] {
    match column.try_as_col_major_mut() {
        Some(column) => column.as_slice_mut(),
        None => unreachable!("callers hand matrices of contiguous columns"),
    }
}
