//! The arithmetic of tiles, all of it in registers.

use pulp::Simd;

use crate::Scalar;

/// A row of a strip, of two registers.
pub(super) type Row<V> = [V; 2];

/// Some rows of a strip.
pub(super) type Tile<V, const R: usize> = [Row<V>; R];

/// `C + P X`: a panel is packed with the sign that subtracts.
#[inline(always)]
pub(super) fn add_product<T: Scalar, S: Simd, const R: usize>(
    simd: &T::SimdCtx<S>,
    mut c: Tile<T::SimdVec<S>, R>,
    panel: &[[T; R]],
    x: &[Row<T::SimdVec<S>>],
) -> Tile<T::SimdVec<S>, R> {
    for (entries, row) in panel.iter().zip(x) {
        for r in 0..R {
            let by = T::simd_splat(simd, &entries[r]);
            for h in 0..2 {
                c[r][h] = T::simd_mul_add(simd, by, row[h], c[r][h]);
            }
        }
    }
    c
}

/// `L⁻¹ C` for the corner of a panel, packed with inverted pivots.
#[inline(always)]
pub(super) fn half_solve<T: Scalar, S: Simd, const R: usize>(
    simd: &T::SimdCtx<S>,
    mut c: Tile<T::SimdVec<S>, R>,
    corner: &[[T; R]],
) -> Tile<T::SimdVec<S>, R> {
    let splat = |value: T| T::simd_splat(simd, &value);
    for r in 0..R {
        for s in 0..r {
            let by = splat(corner[s][r]);
            for h in 0..2 {
                c[r][h] = T::simd_mul_add(simd, by, c[s][h], c[r][h]);
            }
        }
        let by = splat(corner[r][r]);
        for h in 0..2 {
            c[r][h] = T::simd_mul(simd, by, c[r][h]);
        }
    }
    c
}

/// Adds the squares of a tile, which are summed up first.
#[inline(always)]
pub(super) fn add_squares<T: Scalar, S: Simd>(
    simd: &T::SimdCtx<S>,
    sums: &mut Row<T::SimdVec<S>>,
    tile: &[Row<T::SimdVec<S>>],
) {
    let mut squares = [T::simd_splat(simd, &T::zero()); 2];
    for row in tile {
        for h in 0..2 {
            squares[h] = T::simd_mul_add(simd, row[h], row[h], squares[h]);
        }
    }
    for h in 0..2 {
        sums[h] = T::simd_add(simd, sums[h], squares[h]);
    }
}
