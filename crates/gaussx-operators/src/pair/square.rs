//! Matrices of few coordinates as arrays, in registers.

use crate::Scalar;
use crate::fused::mul_add;

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries that no symmetry hides.
    fn numbered<const N: usize>() -> Square<f64, N> {
        core::array::from_fn(|i| core::array::from_fn(|j| f64::of_count(1 + i * N + j)))
    }

    fn entries_change_places<const N: usize>() {
        let a = numbered::<N>();
        let mut upper = a;
        for (i, row) in upper.iter_mut().enumerate() {
            row[..i].fill(f64::NAN);
        }
        let (transposed, lower) = (transpose(&a), transpose_upper(&upper));
        for i in 0..N {
            for j in 0..N {
                assert_eq!(transposed[i][j], a[j][i], "{N}: ({i}, {j})");
                let expected = if j <= i { a[j][i] } else { 0.0 };
                assert_eq!(lower[i][j], expected, "{N}: ({i}, {j})");
            }
        }
    }

    #[test]
    fn entries_change_places_as_in_plain_loops() {
        entries_change_places::<3>();
        entries_change_places::<4>();
        entries_change_places::<5>();
        entries_change_places::<8>();
        entries_change_places::<16>();
    }

    #[test]
    fn columns_of_the_upper_triangle_make_a_symmetric_matrix() {
        const N: usize = 8;
        let a = numbered::<N>();
        let mut mirrored = [[f64::NAN; N]; N];
        for i in 0..N / 4 {
            for j in i..N / 4 {
                // What is below the diagonal does not count.
                let entry = |r: usize, c: usize| if r > c { f64::NAN } else { a[r][c] };
                let column = |c: usize| core::array::from_fn(|r| entry(4 * i + r, 4 * j + c));
                set_mirrored(&mut mirrored, i, j, core::array::from_fn(column));
            }
        }
        for i in 0..N {
            for j in 0..N {
                assert_eq!(mirrored[i][j], a[i.min(j)][i.max(j)], "({i}, {j})");
            }
        }
    }

    #[test]
    fn half_solves_undo_products() {
        const N: usize = 5;
        let (u, x) = (numbered::<N>(), transpose(&numbered::<N>()));
        // U' X, with the upper triangle of U.
        let mut product = [[0.0; N]; N];
        for i in 0..N {
            for k in 0..N {
                product[i][k] = (0..=i).map(|j| u[j][i] * x[j][k]).sum();
            }
        }
        half_solve(&u, &mut product);
        for i in 0..N {
            for k in 0..N {
                let error = (product[i][k] - x[i][k]).abs();
                assert!(
                    error < 1e3 * f64::EPSILON * x[i][k],
                    "({i}, {k}): {error:e}"
                );
            }
        }
    }
}
