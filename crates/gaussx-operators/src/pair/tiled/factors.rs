//! The factor form in tiles.

use super::{Dense, Upper, add_squares, sum, tiles_in_row};
use crate::columns::contiguous;
use crate::pair::Form;
use crate::pair::part::Part;
use crate::special::deviation_divergence_or_nan;
use crate::tiles::{self, Tile, WIDTH, half_solve_right, run, subtract_product};
use crate::{Scalar, Workspace};

/// The divergence by factors; `None` where the matrices or the memory are not such as are
/// served here, or some ratio of pivots is out of range.
pub(in crate::pair) fn divergence<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Option<T> {
    by_factors(p, q, Form::Divergence, workspace).filter(|value| !value.is_nan())
}

/// `‖L_q⁻¹ L_p‖_F²`; `None` where the matrices or the memory are not such as are served here.
pub(in crate::pair) fn trace<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Option<T> {
    by_factors(p, q, Form::Trace, workspace)
}

fn by_factors<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    form: Form,
    workspace: &mut Workspace<T>,
) -> Option<T> {
    let (p, q) = (Dense::of(p.factor)?, Dense::of(q.factor)?);
    let m = tiles_in_row(q.l.nrows())?;
    let value = workspace.with_any(tiles::scratch_for(m * m + m), 1, |scratch, _| {
        let tiles = tiles::tiles_of(scratch);
        Ok(pulp::Arch::new().dispatch(ByFactors {
            p,
            q,
            form,
            tiles,
            m,
        }))
    });
    value.ok()
}

struct ByFactors<'a, T: Scalar> {
    p: Dense<'a, T>,
    q: Dense<'a, T>,
    form: Form,
    tiles: &'a mut [Tile<T>],
    m: usize,
}

impl<T: Scalar> pulp::NullaryFnOnce for ByFactors<'_, T> {
    type Output = T;

    /// `X U = L_pᵀ` or `X U = (L_p - L_q)ᵀ`, one row of tiles after another.
    #[inline(always)]
    fn call(self) -> T {
        let Self {
            p,
            q,
            form,
            tiles,
            m,
        } = self;
        let (upper, row) = tiles.split_at_mut(m * m);
        let u = Upper::load(q, upper, m);
        let mut sums = tiles::zero();
        for k in 0..m {
            for t in k..m {
                let mut x = numerator(p, q, form, k, t);
                for j in k..t {
                    subtract_product(&mut x, &row[j], u.at(j, t));
                }
                half_solve_right(u.at(t, t), &u.reciprocals[t], &mut x);
                row[t] = x;
                if t == k && form == Form::Divergence {
                    let terms = pivot_terms(p, q, &u.reciprocals[k], k);
                    for r in 0..WIDTH {
                        x[r][r] = T::zero();
                        sums[0][r] += terms[r];
                    }
                }
                add_squares(&mut sums, &x);
            }
        }
        sum(&sums)
    }
}

/// Tile `(k, t)` of `L_pᵀ` or of `(L_p - L_q)ᵀ`.
#[inline(always)]
fn numerator<T: Scalar>(
    p: Dense<'_, T>,
    q: Dense<'_, T>,
    form: Form,
    k: usize,
    t: usize,
) -> Tile<T> {
    let mut tile = tiles::zero();
    for r in 0..WIDTH.min(p.l.nrows() - k * WIDTH) {
        let j = k * WIDTH + r;
        let of_p = run(contiguous(p.l.col(j)), t * WIDTH);
        for c in 0..WIDTH {
            tile[r][c] = p.deviation * of_p[c];
        }
        if form == Form::Divergence {
            let of_q = run(contiguous(q.l.col(j)), t * WIDTH);
            for c in 0..WIDTH {
                tile[r][c] -= q.deviation * of_q[c];
            }
        }
        if t == k {
            for c in 0..r {
                tile[r][c] = T::zero();
            }
        }
    }
    tile
}

/// What the pivots of row `k` of tiles add to the divergence.
#[inline(always)]
fn pivot_terms<T: Scalar>(
    p: Dense<'_, T>,
    q: Dense<'_, T>,
    reciprocals: &[T; WIDTH],
    k: usize,
) -> [T; WIDTH] {
    let pivots = |factor: Dense<'_, T>| {
        let mut pivots = [T::one(); WIDTH];
        for r in 0..WIDTH.min(factor.l.nrows() - k * WIDTH) {
            let j = k * WIDTH + r;
            pivots[r] = factor.deviation * factor.l[(j, j)];
        }
        pivots
    };
    let (of_p, of_q) = (pivots(p), pivots(q));
    let mut terms = [T::zero(); WIDTH];
    for r in 0..WIDTH {
        terms[r] = deviation_divergence_or_nan::<T, true>(of_p[r], of_q[r], reciprocals[r]);
    }
    terms
}
