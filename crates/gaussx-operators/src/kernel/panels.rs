//! The factor, packed in the order in which tiles read it.
//!
//! A panel has `R` rows of a block of the factor: column by column, `R` entries of each. Entries
//! have the opposite sign and pivots are inverted. Beyond the last row come those of the
//! identity; right of a pivot nothing is meant.

use core::ops::Range;

use faer::MatRef;

use super::{BLOCK, Factor};
use crate::Scalar;
use crate::columns::{as_slice, ranges};

/// Columns that are packed together: no more than the ways of the fastest cache, in which those
/// of a matrix whose size is a power of two meet.
const TOGETHER: usize = 8;

/// Numbers in the panels, of so many `rows`, of a block of `n` rows and columns below the diagonal.
pub(super) fn numbers_below<T>(n: usize, rows: usize) -> usize {
    n.next_multiple_of(rows) * stride::<T>(n, rows)
}

/// Numbers in the panels of a block of `n` rows and columns on the diagonal.
pub(super) fn numbers_of_corner(n: usize, rows: usize) -> usize {
    let n = n.next_multiple_of(rows);
    n * (n + rows) / 2
}

/// Numbers in the panels of one block after another of a factor of `n` coordinates.
pub(super) fn numbers_for<T>(n: usize, rows: usize) -> usize {
    if n <= BLOCK {
        numbers_of_corner(n, rows)
    } else {
        numbers_below::<T>(BLOCK, rows)
    }
}

/// Entries from one panel to the next in a block of some `columns`: an odd number of lines of the
/// cache, or writing a column of a large block would fall on the same few.
fn stride<T>(columns: usize, rows: usize) -> usize {
    let line = (64 / (rows * size_of::<T>())).max(1);
    (columns.div_ceil(line) | 1) * line
}

/// Where panel `p` of a block on the diagonal is: it has `(p + 1) R` columns, and no gap before the
/// next, so that they are fetched ahead.
const fn of_corner<const R: usize>(p: usize) -> Range<usize> {
    let start = R * p * (p + 1) / 2;
    start..start + R * (p + 1)
}

/// The panels of a block of some `columns` below the diagonal.
#[inline(always)]
pub(super) fn below<T, const R: usize>(
    panels: &[[T; R]],
    columns: usize,
) -> impl Iterator<Item = &[[T; R]]> {
    let panels = panels.chunks_exact(stride::<T>(columns, R));
    panels.map(move |panel| &panel[..columns])
}

/// Panel `p` of a block on the diagonal.
#[inline(always)]
pub(super) fn corner<T, const R: usize>(panels: &[[T; R]], p: usize) -> &[[T; R]] {
    &panels[of_corner::<R>(p)]
}

/// Panel `p` of a block on the diagonal.
#[inline(always)]
pub(super) fn corner_mut<T, const R: usize>(panels: &mut [[T; R]], p: usize) -> &mut [[T; R]] {
    &mut panels[of_corner::<R>(p)]
}

/// Packs a block below the diagonal.
#[inline(always)]
pub(super) fn pack_below<T: Scalar, const R: usize>(block: Factor<'_, T>, panels: &mut [[T; R]]) {
    let Factor { l, deviation } = block;
    for columns in ranges(l.ncols(), TOGETHER) {
        let mut slices = [[].as_slice(); TOGETHER];
        for (slice, j) in slices.iter_mut().zip(columns.clone()) {
            *slice = as_slice(l.col(j)).unwrap_or_default();
        }
        let panels = panels.chunks_exact_mut(stride::<T>(l.ncols(), R));
        for (p, panel) in panels.take(l.nrows().div_ceil(R)).enumerate() {
            let to = &mut panel[columns.clone()];
            for (to, (slice, j)) in to.iter_mut().zip(slices.iter().zip(columns.clone())) {
                let whole = slice.get(p * R..).and_then(|from| from.first_chunk::<R>());
                *to = match whole {
                    Some(entries) => entries.map(|entry| -deviation * entry),
                    None => entries(l, p * R, j, -deviation),
                };
            }
        }
    }
}

/// Packs a block on the diagonal.
#[inline(always)]
pub(super) fn pack_corner<T: Scalar, const R: usize>(block: Factor<'_, T>, panels: &mut [[T; R]]) {
    let Factor { l, deviation } = block;
    let n = l.nrows();
    for p in 0..n.div_ceil(R) {
        let panel = corner_mut(panels, p);
        for (j, to) in panel.iter_mut().enumerate().take(n) {
            *to = entries(l, p * R, j, -deviation);
        }
        for r in 0..R {
            let j = p * R + r;
            if j < n {
                panel[j][r] = T::one() / (deviation * l[(j, j)]);
            } else {
                panel[j] = [T::zero(); R];
                panel[j][r] = T::one();
            }
        }
    }
}

/// Entries of column `j` from a row on, multiplied; zeros beyond the last.
#[inline(always)]
fn entries<T: Scalar, const R: usize>(l: MatRef<'_, T>, row: usize, j: usize, by: T) -> [T; R] {
    if let Some(entries) = as_slice(l.col(j)).and_then(|column| column[row..].first_chunk::<R>()) {
        return entries.map(|entry| by * entry);
    }
    core::array::from_fn(|r| {
        if row + r < l.nrows() {
            by * l[(row + r, j)]
        } else {
            T::zero()
        }
    })
}

/// Numbers as entries of panels.
#[inline(always)]
pub(super) fn entries_of<T, const R: usize>(numbers: &[T]) -> &[[T; R]] {
    numbers.as_chunks().0
}

/// Numbers as entries of panels.
#[inline(always)]
pub(super) fn entries_of_mut<T, const R: usize>(numbers: &mut [T]) -> &mut [[T; R]] {
    numbers.as_chunks_mut().0
}
