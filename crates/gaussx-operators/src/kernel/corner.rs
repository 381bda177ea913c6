//! Cholesky factorisation of up to some hundred coordinates, in tiles that fill the registers.
//!
//! The factor is held as `U = Lᵀ`, rows contiguous, as the columns of `L` are where they come
//! from. Beyond the last coordinate tiles are filled up with the identity.

use core::array;

use faer::{MatMut, MatRef};
use pulp::Simd;

use super::panels::{corner_mut, entries_of_mut};
use super::pivots::{NoPivot, Pivots};
use super::{ALIGNMENT, Kernel};
use crate::Scalar;
use crate::columns::{contiguous, contiguous_mut};
use crate::fused::{mul_add, sqrt};

/// Rows and columns of a tile.
const WIDTH: usize = 8;

/// Rows of a tile that are worked on together where the registers do not hold all of them.
const HALF: usize = WIDTH / 2;

type Tile<T> = [[T; WIDTH]; WIDTH];

/// Numbers in the scratch for the factor of `n` coordinates.
pub(super) const fn scratch_for(n: usize) -> usize {
    n.next_multiple_of(WIDTH).pow(2) + ALIGNMENT
}

/// Replaces the lower triangle of a matrix by its Cholesky factor, and packs that; the strict upper
/// triangle is neither read nor written. Where there is no pivot, the matrix is left as it was.
pub(super) struct Corner<'a, T: Scalar, P> {
    pub(super) a: MatMut<'a, T>,
    /// The index of the first pivot.
    pub(super) first: usize,
    pub(super) pivots: &'a mut P,
    /// Where the factor is packed, or nothing.
    pub(super) panels: &'a mut [T],
    pub(super) scratch: &'a mut [T],
}

impl<T: Scalar, P: Pivots<T>> Kernel<T> for Corner<'_, T, P> {
    type Output = Result<(), NoPivot<T>>;

    #[inline(always)]
    fn run<S: Simd, const R: usize>(mut self, _: &T::SimdCtx<S>) -> Self::Output {
        let rows = size_of::<[T; WIDTH]>().div_ceil(size_of::<T::SimdVec<S>>());
        if rows * WIDTH < S::REGISTER_COUNT {
            self.factor::<R, true>()
        } else {
            self.factor::<R, false>()
        }
    }
}

impl<T: Scalar, P: Pivots<T>> Corner<'_, T, P> {
    /// `WHOLE` says whether the registers hold a tile.
    #[inline(always)]
    fn factor<const R: usize, const WHOLE: bool>(&mut self) -> Result<(), NoPivot<T>> {
        let n = self.a.nrows();
        let m = n.div_ceil(WIDTH);
        let tiles = tiles_of(self.scratch);
        load(self.a.as_ref(), tiles, m);
        for p in 0..m {
            let mut pivot = tiles[p * m + p];
            subtract_above::<T, WHOLE>(&mut pivot, tiles, m, p, p);
            let (lefts, reciprocals) = factor_tile(&mut pivot, P::square);
            for (&value, index) in lefts.iter().zip(p * WIDTH..n) {
                let index = self.first + index;
                if !self.pivots.accept(index, value) {
                    return Err(NoPivot { index, value });
                }
            }
            tiles[p * m + p] = pivot;
            for t in p + 1..m {
                let mut tile = tiles[p * m + t];
                subtract_above::<T, WHOLE>(&mut tile, tiles, m, p, t);
                half_solve(&pivot, &reciprocals, &mut tile);
                tiles[p * m + t] = tile;
            }
        }
        store(self.a.as_mut(), tiles, m);
        if !self.panels.is_empty() {
            pack::<T, R>(tiles, n, entries_of_mut(self.panels));
        }
        Ok(())
    }
}

/// The tiles in some scratch: aligned, since rows that straddle two lines of the cache take
/// twice as long to read.
#[inline(always)]
fn tiles_of<T: Scalar>(scratch: &mut [T]) -> &mut [Tile<T>] {
    let skip = scratch.as_ptr().align_offset(64).min(ALIGNMENT);
    let (rows, _) = scratch[skip..].as_chunks_mut::<WIDTH>();
    rows.as_chunks_mut::<WIDTH>().0
}

/// Takes from tile `(p, t)` what the rows of tiles above it contribute.
#[inline(always)]
fn subtract_above<T: Scalar, const WHOLE: bool>(
    tile: &mut Tile<T>,
    tiles: &[Tile<T>],
    m: usize,
    p: usize,
    t: usize,
) {
    if WHOLE {
        for k in 0..p {
            subtract_product::<T, WIDTH>(tile, 0, &tiles[k * m + p], &tiles[k * m + t]);
        }
        return;
    }
    for first in [0, HALF] {
        let mut rows: [_; HALF] = array::from_fn(|r| tile[first + r]);
        for k in 0..p {
            subtract_product(&mut rows, first, &tiles[k * m + p], &tiles[k * m + t]);
        }
        tile[first..][..HALF].copy_from_slice(&rows);
    }
}

/// The rows of `C - Aᵀ B` from `first` on.
#[inline(always)]
fn subtract_product<T: Scalar, const ROWS: usize>(
    c: &mut [[T; WIDTH]; ROWS],
    first: usize,
    a: &Tile<T>,
    b: &Tile<T>,
) {
    for k in 0..WIDTH {
        for r in 0..ROWS {
            for j in 0..WIDTH {
                c[r][j] = mul_add(-a[k][first + r], b[k][j], c[r][j]);
            }
        }
    }
}

/// The upper factor of a tile, of which what is left for the pivots and their reciprocals.
///
/// Rows are scaled at the end, so that no pivot waits for the square root of another.
#[inline(always)]
fn factor_tile<T: Scalar>(u: &mut Tile<T>, square: impl Fn(T) -> T) -> ([T; WIDTH], [T; WIDTH]) {
    let (mut lefts, mut reciprocals) = ([T::zero(); WIDTH], [T::zero(); WIDTH]);
    for r in 0..WIDTH {
        let (rows, below) = u.split_at_mut(r + 1);
        let row = &rows[r];
        lefts[r] = row[r];
        let reciprocal = T::one() / square(lefts[r]);
        for (other, &entry) in below.iter_mut().zip(&row[r + 1..]) {
            let by = -(entry * reciprocal);
            for j in 0..WIDTH {
                other[j] = mul_add(by, row[j], other[j]);
            }
        }
    }
    for r in 0..WIDTH {
        let deviation = sqrt(square(lefts[r]));
        reciprocals[r] = T::one() / deviation;
        for j in 0..WIDTH {
            u[r][j] *= reciprocals[r];
        }
        u[r][r] = deviation;
    }
    (lefts, reciprocals)
}

/// `X ← U⁻ᵀ X`.
#[inline(always)]
fn half_solve<T: Scalar>(u: &Tile<T>, reciprocals: &[T; WIDTH], x: &mut Tile<T>) {
    solve_row::<T, 0>(u, reciprocals, x);
    solve_row::<T, 1>(u, reciprocals, x);
    solve_row::<T, 2>(u, reciprocals, x);
    solve_row::<T, 3>(u, reciprocals, x);
    solve_row::<T, 4>(u, reciprocals, x);
    solve_row::<T, 5>(u, reciprocals, x);
    solve_row::<T, 6>(u, reciprocals, x);
    solve_row::<T, 7>(u, reciprocals, x);
}

/// Solves for row `R`, and subtracts it from those below. In a loop over rows, whose inner one
/// has no fixed length, the tile would not stay in the registers.
#[inline(always)]
fn solve_row<T: Scalar, const R: usize>(u: &Tile<T>, reciprocals: &[T; WIDTH], x: &mut Tile<T>) {
    for j in 0..WIDTH {
        x[R][j] *= reciprocals[R];
    }
    let row = x[R];
    for s in R + 1..WIDTH {
        for j in 0..WIDTH {
            x[s][j] = mul_add(-u[R][s], row[j], x[s][j]);
        }
    }
}

/// The tiles on and above the diagonal, `m` in a row, from the lower triangle of `a`. What is
/// left of the diagonal within a tile is never read.
#[inline(always)]
fn load<T: Scalar>(a: MatRef<'_, T>, tiles: &mut [Tile<T>], m: usize) {
    let n = a.nrows();
    for j in 0..m * WIDTH {
        let (p, r) = (j / WIDTH, j % WIDTH);
        if j >= n {
            tiles[p * m + p][r] = [T::zero(); WIDTH];
            tiles[p * m + p][r][r] = T::one();
            continue;
        }
        let (chunks, rest) = contiguous(a.col(j))[p * WIDTH..].as_chunks();
        let row = &mut tiles[p * m + p..p * m + m];
        for (tile, chunk) in row.iter_mut().zip(chunks) {
            tile[r] = *chunk;
        }
        if !rest.is_empty() {
            let last = &mut row[chunks.len()][r];
            *last = [T::zero(); WIDTH];
            last[..rest.len()].copy_from_slice(rest);
        }
    }
}

/// What [`load`] read, back where it came from.
#[inline(always)]
fn store<T: Scalar>(mut a: MatMut<'_, T>, tiles: &[Tile<T>], m: usize) {
    let n = a.nrows();
    for j in 0..n {
        let (p, r) = (j / WIDTH, j % WIDTH);
        let column = contiguous_mut(a.as_mut().col_mut(j));
        for (i, value) in column
            .iter_mut()
            .enumerate()
            .take(p * WIDTH + WIDTH)
            .skip(j)
        {
            *value = tiles[p * m + p][r][i - p * WIDTH];
        }
        for t in p + 1..m {
            let to = &mut column[t * WIDTH..];
            let row = &tiles[p * m + t][r];
            if let Some(whole) = to.first_chunk_mut() {
                *whole = *row;
            } else {
                to.copy_from_slice(&row[..to.len()]);
            }
        }
    }
}

/// Packs the factor of `n` coordinates.
#[inline(always)]
fn pack<T: Scalar, const R: usize>(tiles: &[Tile<T>], n: usize, panels: &mut [[T; R]]) {
    let m = n.div_ceil(WIDTH);
    for p in 0..n.div_ceil(R) {
        let (t, lane) = (p * R / WIDTH, p * R % WIDTH);
        let panel = corner_mut(panels, p);
        let above = tiles.chunks(m).flat_map(|row| &row[t]);
        for (entries, row) in panel.iter_mut().zip(above) {
            *entries = array::from_fn(|r| -row[lane + r]);
        }
        for r in 0..R {
            let pivot = &mut panel[p * R + r][r];
            *pivot = -T::one() / *pivot;
        }
    }
}
