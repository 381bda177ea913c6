//! Matrices of some dozens of coordinates, in tiles that fill the registers.
//!
//! A factor is held as `U = Lᵀ`, rows contiguous, as the columns of `L` are where they come
//! from.

use faer::{MatMut, MatRef};

use crate::Scalar;
use crate::columns::{contiguous, contiguous_mut};
use crate::fused::{mul_add, sqrt};

/// Rows and columns of a tile.
pub(crate) const WIDTH: usize = 8;

pub(crate) type Tile<T> = [[T; WIDTH]; WIDTH];

/// Numbers in the scratch that holds `count` tiles.
pub(crate) const fn scratch_for(count: usize) -> usize {
    count * WIDTH * WIDTH + ALIGNMENT
}

/// Numbers that alignment may skip.
const ALIGNMENT: usize = 64;

/// The tiles in some scratch: aligned, since rows that straddle two lines of the cache take
/// twice as long to read.
#[inline(always)]
pub(crate) fn tiles_of<T: Scalar>(scratch: &mut [T]) -> &mut [Tile<T>] {
    let skip = scratch.as_ptr().align_offset(64).min(ALIGNMENT);
    let (rows, _) = scratch[skip..].as_chunks_mut::<WIDTH>();
    rows.as_chunks_mut::<WIDTH>().0
}

/// Replaces the lower triangle of a matrix by its Cholesky factor; `false`, with the matrix
/// as it was, where a pivot is not positive. The strict upper triangle is neither read nor
/// written.
///
/// The scratch has room for `m²` tiles, `m` being the number of tiles in a row; beyond the
/// last coordinate they are filled up with the identity.
pub(crate) fn factor<T: Scalar>(a: MatMut<'_, T>, scratch: &mut [T]) -> bool {
    let tiles = tiles_of(scratch);
    pulp::Arch::new().dispatch(Factor { a, tiles })
}

struct Factor<'a, T: Scalar> {
    a: MatMut<'a, T>,
    tiles: &'a mut [Tile<T>],
}

impl<T: Scalar> pulp::NullaryFnOnce for Factor<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let Self { a, tiles } = self;
        let m = a.nrows().div_ceil(WIDTH);
        load(a.as_ref(), tiles, m);
        for p in 0..m {
            let mut pivot = tiles[p * m + p];
            for k in 0..p {
                let above = &tiles[k * m + p];
                subtract_transposed_product(&mut pivot, above, above);
            }
            let Some(reciprocals) = factor_tile(&mut pivot) else {
                return false;
            };
            tiles[p * m + p] = pivot;
            for t in p + 1..m {
                let mut tile = tiles[p * m + t];
                for k in 0..p {
                    subtract_transposed_product(&mut tile, &tiles[k * m + p], &tiles[k * m + t]);
                }
                half_solve(&pivot, &reciprocals, &mut tile);
                tiles[p * m + t] = tile;
            }
        }
        store(a, tiles, m);
        true
    }
}

/// `C ← C - Aᵀ B`.
#[inline(always)]
pub(crate) fn subtract_transposed_product<T: Scalar>(c: &mut Tile<T>, a: &Tile<T>, b: &Tile<T>) {
    for k in 0..WIDTH {
        for r in 0..WIDTH {
            for j in 0..WIDTH {
                c[r][j] = mul_add(-a[k][r], b[k][j], c[r][j]);
            }
        }
    }
}

/// The upper factor of a tile, and the reciprocals of its diagonal.
///
/// Rows are scaled at the end, so that no pivot waits for the square root of another.
#[inline(always)]
fn factor_tile<T: Scalar>(u: &mut Tile<T>) -> Option<[T; WIDTH]> {
    for r in 0..WIDTH {
        let row = u[r];
        let reciprocal = T::one() / row[r];
        for s in r + 1..WIDTH {
            let by = -(row[s] * reciprocal);
            for j in 0..WIDTH {
                u[s][j] = mul_add(by, row[j], u[s][j]);
            }
        }
    }
    let (mut reciprocals, mut deviations) = ([T::zero(); WIDTH], [T::zero(); WIDTH]);
    let mut is_positive = true;
    for r in 0..WIDTH {
        is_positive &= u[r][r] > T::zero();
        deviations[r] = sqrt(u[r][r]);
        reciprocals[r] = T::one() / deviations[r];
    }
    for r in 0..WIDTH {
        for j in 0..WIDTH {
            u[r][j] *= reciprocals[r];
        }
        u[r][r] = deviations[r];
    }
    is_positive.then_some(reciprocals)
}

/// `X ← U⁻ᵀ X`.
#[inline(always)]
pub(crate) fn half_solve<T: Scalar>(u: &Tile<T>, reciprocals: &[T; WIDTH], x: &mut Tile<T>) {
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
            row[chunks.len()][r] = run(rest, 0);
        }
    }
}

/// The entries of a column from `first` on, zeros beyond its end.
#[inline(always)]
pub(crate) fn run<T: Scalar>(column: &[T], first: usize) -> [T; WIDTH] {
    let from = column.get(first..).unwrap_or_default();
    if let Some(whole) = from.first_chunk() {
        return *whole;
    }
    let mut entries = [T::zero(); WIDTH];
    entries[..from.len()].copy_from_slice(from);
    entries
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
