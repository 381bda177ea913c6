//! Matrices of few coordinates as arrays, in registers.

use crate::Scalar;
use crate::fused::mul_add;
use crate::special::is_near_one;

/// Rows of a matrix of `N` coordinates.
pub(super) type Square<T, const N: usize> = [[T; N]; N];

/// Whether matrices of `N` coordinates are whole squares of four.
pub(super) const fn has_tiles(n: usize) -> bool {
    n.is_multiple_of(4)
}

/// The transpose of what is on and above the diagonal.
#[inline(always)]
pub(super) fn transpose_upper<T: Scalar, const N: usize>(a: &Square<T, N>) -> Square<T, N> {
    let mut lower = [[T::zero(); N]; N];
    if !has_tiles(N) {
        for i in 0..N {
            for j in 0..=i {
                lower[i][j] = a[j][i];
            }
        }
        return lower;
    }
    for i in 0..N / 4 {
        for j in i..N / 4 {
            let mut rows = tile(a, i, j);
            if i == j {
                for r in 1..4 {
                    rows[r][..r].fill(T::zero());
                }
            }
            set_tile(&mut lower, j, i, T::transpose(rows));
        }
    }
    lower
}

#[inline(always)]
pub(super) fn transpose<T: Scalar, const N: usize>(a: &Square<T, N>) -> Square<T, N> {
    let mut transposed = [[T::zero(); N]; N];
    if !has_tiles(N) {
        for i in 0..N {
            for j in 0..N {
                transposed[j][i] = a[i][j];
            }
        }
        return transposed;
    }
    for i in 0..N / 4 {
        for j in 0..N / 4 {
            set_tile(&mut transposed, j, i, T::transpose(tile(a, i, j)));
        }
    }
    transposed
}

/// Four rows of four numbers.
#[inline(always)]
fn tile<T: Scalar, const N: usize>(a: &Square<T, N>, i: usize, j: usize) -> Square<T, 4> {
    let mut rows = [[T::zero(); 4]; 4];
    for k in 0..4 {
        rows[k] = a[4 * i + k].as_chunks().0[j];
    }
    rows
}

#[inline(always)]
fn set_tile<T: Scalar, const N: usize>(
    a: &mut Square<T, N>,
    i: usize,
    j: usize,
    rows: Square<T, 4>,
) {
    for k in 0..4 {
        a[4 * i + k].as_chunks_mut().0[j] = rows[k];
    }
}

/// Sets a square of four on or above the diagonal, given by its columns, and its mirror image; of
/// one on the diagonal what is above that counts.
#[inline(always)]
pub(super) fn set_mirrored<T: Scalar, const N: usize>(
    a: &mut Square<T, N>,
    i: usize,
    j: usize,
    mut columns: Square<T, 4>,
) {
    let rows = T::transpose(columns);
    if i == j {
        for r in 0..4 {
            for c in r + 1..4 {
                columns[r][c] = rows[r][c];
            }
        }
    } else {
        set_tile(a, i, j, rows);
    }
    set_tile(a, j, i, columns);
}

/// `X ← U⁻ᵀ X`.
#[inline(always)]
pub(super) fn half_solve<T: Scalar, const N: usize>(u: &Square<T, N>, x: &mut Square<T, N>) {
    for i in 0..N {
        let mut row = x[i];
        for j in 0..i {
            for k in 0..N {
                row[k] = mul_add(-u[j][i], x[j][k], row[k]);
            }
        }
        let reciprocal = T::one() / u[i][i];
        for k in 0..N {
            row[k] *= reciprocal;
        }
        x[i] = row;
    }
}

/// Takes the rows of a symmetric `I + F`, held as `F`, from those below: what is left of each,
/// over the root of its pivot, is right of the diagonal that of the upper factor. Gives what the
/// pivots exceed 1 by, or `None` where one is far from it.
#[inline(always)]
pub(super) fn eliminate<T: Scalar, const N: usize>(f: &mut Square<T, N>) -> Option<[T; N]> {
    let mut excesses = [T::zero(); N];
    let mut are_near = true;
    for r in 0..N {
        let row = f[r];
        excesses[r] = row[r];
        are_near &= is_near_one(row[r]);
        let reciprocal = T::one() / (T::one() + row[r]);
        for s in r + 1..N {
            let by = -(row[s] * reciprocal);
            for j in 0..N {
                f[s][j] = mul_add(by, row[j], f[s][j]);
            }
        }
    }
    are_near.then_some(excesses)
}
