//! The difference form in tiles.

use super::{Dense, Upper, add_squares, sum, tiles_in_row};
use crate::columns::contiguous;
use crate::factor::Entries;
use crate::fused::sqrt;
use crate::pair::part::Part;
use crate::pair::small::eliminate;
use crate::special::x_minus_ln_1p_or_nan;
use crate::tiles::{
    self, Tile, WIDTH, half_solve, half_solve_right, run, subtract_product,
    subtract_transposed_product,
};
use crate::{Scalar, Workspace};

/// The divergence by differences; `None` also where some entries are not known or a pivot is
/// far from 1.
pub(in crate::pair) fn divergence_of_close<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Option<T> {
    let (entries_p, entries_q) = (p.factor.entries()?, q.factor.entries()?);
    let (scale_p, scale_q) = (p.factor.scale(), q.factor.scale());
    let factor = Dense::of(q.factor)?;
    let m = tiles_in_row(q.dim())?;
    let value = workspace.with_any(tiles::scratch_for(2 * m * m), 1, |scratch, _| {
        let tiles = tiles::tiles_of(scratch);
        Ok(pulp::Arch::new().dispatch(Close {
            p: (entries_p, scale_p),
            q: (entries_q, scale_q),
            factor,
            tiles,
            m,
        }))
    });
    value.ok()?
}

/// The entries of a covariance, and what they are to be multiplied by.
type Scaled<'a, T> = (Entries<'a, T>, T);

struct Close<'a, T: Scalar> {
    p: Scaled<'a, T>,
    q: Scaled<'a, T>,
    factor: Dense<'a, T>,
    tiles: &'a mut [Tile<T>],
    m: usize,
}

impl<T: Scalar> pulp::NullaryFnOnce for Close<'_, T> {
    type Output = Option<T>;

    #[inline(always)]
    fn call(self) -> Option<T> {
        let Self {
            p,
            q,
            factor,
            tiles,
            m,
        } = self;
        let (upper, f) = tiles.split_at_mut(m * m);
        let u = Upper::load(factor, upper, m);
        difference_into(p, q, f, m);
        for k in 0..m {
            for t in 0..m {
                let mut x = f[k * m + t];
                for j in 0..t {
                    subtract_product(&mut x, &f[k * m + j], u.at(j, t));
                }
                half_solve_right(u.at(t, t), &u.reciprocals[t], &mut x);
                f[k * m + t] = x;
            }
            // Of the product with `L⁻¹` from the left what is on and above the diagonal.
            for t in k..m {
                let mut x = f[k * m + t];
                for j in 0..k {
                    subtract_transposed_product(&mut x, u.at(j, k), &f[j * m + t]);
                }
                half_solve(u.at(k, k), &u.reciprocals[k], &mut x);
                f[k * m + t] = x;
            }
        }
        sum_of_pivots(f, m)
    }
}

/// The tiles of `Σ_p - Σ_q`.
#[inline(always)]
fn difference_into<T: Scalar>(p: Scaled<'_, T>, q: Scaled<'_, T>, f: &mut [Tile<T>], m: usize) {
    let ((of_p, scale_p), (of_q, scale_q)) = (p, q);
    let n = of_p.diag.len();
    for i in 0..m * WIDTH {
        let (k, r) = (i / WIDTH, i % WIDTH);
        // Row `i` left of the diagonal is column `i` above it.
        let (above_p, above_q, excess) = if i < n {
            let excess = scale_p * of_p.diag[i] - scale_q * of_q.diag[i];
            let above_p = contiguous(of_p.upper.col(i));
            (above_p, contiguous(of_q.upper.col(i)), excess)
        } else {
            ([].as_slice(), [].as_slice(), T::zero())
        };
        for t in 0..=k {
            let (a, b) = (run(above_p, t * WIDTH), run(above_q, t * WIDTH));
            let row = &mut f[k * m + t][r];
            for c in 0..WIDTH {
                row[c] = scale_p * a[c] - scale_q * b[c];
            }
        }
        f[k * m + k][r][r] = excess;
    }
    for k in 0..m {
        let diagonal = &mut f[k * m + k];
        for r in 0..WIDTH {
            for c in r + 1..WIDTH {
                diagonal[r][c] = diagonal[c][r];
            }
        }
        for t in k + 1..m {
            let below = f[t * m + k];
            let mirrored = &mut f[k * m + t];
            for r in 0..WIDTH {
                for c in 0..WIDTH {
                    mirrored[r][c] = below[c][r];
                }
            }
        }
    }
}

/// `Σ [φ(g_i) + s_i]` of the tiles on and above the diagonal of a symmetric `F`, or `None`
/// where a pivot is far from 1.
#[inline(always)]
fn sum_of_pivots<T: Scalar>(f: &mut [Tile<T>], m: usize) -> Option<T> {
    let mut sums = tiles::zero();
    for p in 0..m {
        let mut pivot = f[p * m + p];
        for k in 0..p {
            let above = &f[k * m + p];
            subtract_transposed_product(&mut pivot, above, above);
        }
        let (excesses, reciprocals) = factor_excess(&mut pivot)?;
        for r in 0..WIDTH {
            sums[0][r] += x_minus_ln_1p_or_nan::<T, true>(excesses[r]);
        }
        add_squares(&mut sums, &pivot);
        for t in p + 1..m {
            let mut x = f[p * m + t];
            for k in 0..p {
                subtract_transposed_product(&mut x, &f[k * m + p], &f[k * m + t]);
            }
            half_solve(&pivot, &reciprocals, &mut x);
            add_squares(&mut sums, &x);
            f[p * m + t] = x;
        }
    }
    Some(sum(&sums))
}

/// Replaces `F` by what is above the diagonal in the upper factor of `I + F`; gives what the
/// squared pivots exceed 1 by, and the reciprocals of the pivots.
#[inline(always)]
fn factor_excess<T: Scalar>(f: &mut Tile<T>) -> Option<([T; WIDTH], [T; WIDTH])> {
    let excesses = eliminate(f)?;
    let reciprocals = excesses.map(|excess| T::one() / sqrt(T::one() + excess));
    for r in 0..WIDTH {
        for j in 0..WIDTH {
            f[r][j] = if j > r {
                f[r][j] * reciprocals[r]
            } else {
                T::zero()
            };
        }
    }
    Some((excesses, reciprocals))
}
