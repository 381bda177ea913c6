//! Two dense covariances of few coordinates: the forms of [`difference`](super::difference)
//! and [`panels`](super::panels) on the stack, where setting anything up would take longer
//! than the arithmetic.
//!
//! Matrices are filled up to `N` coordinates with those of the identity, which add nothing:
//! the loops have constant bounds, and a row is a register or two.

use super::near;
use super::part::Part;
use super::square::{Square, half_solve, has_tiles, set_mirrored, transpose, transpose_upper};
use crate::columns::{columns_of, numbers_within};
use crate::dense::by_whole_columns;
use crate::factor::Entries;
use crate::fused::{is_fused, mul_add, sqrt};
use crate::kernel::each_of_four;
use crate::special::{
    deviation_divergence, deviation_divergence_or_nan, is_near_one, x_minus_ln_1p_or_nan,
};
use crate::{FactorKind, Scalar};

/// A small dense covariance: its factor, scaled, and its entries.
struct Dense<'a, T: Scalar, const N: usize> {
    n: usize,
    /// The columns of `L`, which are its rows as `Lᵀ`. What is below the diagonal is no part of
    /// it.
    u: Square<T, N>,
    scale: T,
    entries: Option<Entries<'a, T>>,
}

impl<'a, T: Scalar, const N: usize> Dense<'a, T, N> {
    #[inline(always)]
    fn of(part: &Part<'a, T>) -> Option<Self> {
        let FactorKind::Dense { l } = part.factor.kind() else {
            return None;
        };
        let (n, scale) = (l.nrows(), part.factor.scale());
        let mut u = [[T::zero(); N]; N];
        if let Some(columns) = columns_of::<T, N>(l) {
            for j in 0..N {
                u[j] = *columns[j];
            }
        } else {
            for (j, column) in u.iter_mut().enumerate() {
                column[j] = T::one();
                if j < n {
                    for (to, &entry) in column.iter_mut().zip(l.col(j).iter()) {
                        *to = entry;
                    }
                }
            }
        }
        if scale != T::one() {
            let deviation = sqrt(scale);
            for row in &mut u[..n] {
                for k in 0..N {
                    row[k] *= deviation;
                }
            }
        }
        Some(Self {
            n,
            u,
            scale,
            entries: part.factor.entries(),
        })
    }
}

/// The divergence, to be added to `beside`, where both sides are dense and small and the processor
/// has a fused multiply-add.
pub(super) fn divergence<T: Scalar>(p: &Part<'_, T>, q: &Part<'_, T>, beside: T) -> Option<T> {
    by_size(p, q, Divergence { beside })
}

/// [`divergence`] and `‖L_q⁻¹ (x - y)‖²` of means `x` and `y`, where that is finite and the
/// coordinates fill a square.
pub(super) fn divergence_and_distance<T: Scalar>(
    p: &Part<'_, T>,
    q: &Part<'_, T>,
    means: [&[T]; 2],
) -> Option<T> {
    if !matches!(q.dim(), 2..=8 | 16) {
        // Filled up, the distance would not be that of a single point to the last bit.
        return None;
    }
    by_size(p, q, DivergenceAndDistance { means }).filter(|sum| sum.is_finite())
}

/// `‖L_q⁻¹ L_p‖_F²`, where both sides are dense and small and the processor has a fused
/// multiply-add.
pub(super) fn trace<T: Scalar>(p: &Part<'_, T>, q: &Part<'_, T>) -> Option<T> {
    by_size(p, q, Trace)
}

fn by_size<T: Scalar>(p: &Part<'_, T>, q: &Part<'_, T>, form: impl OfPair<T>) -> Option<T> {
    if !is_fused() {
        return None;
    }
    let arch = pulp::Arch::new();
    match q.dim() {
        0..=2 => arch.dispatch(Pair::<_, _, 2> { p, q, form }),
        3 => arch.dispatch(Pair::<_, _, 3> { p, q, form }),
        4 => arch.dispatch(Pair::<_, _, 4> { p, q, form }),
        5 => arch.dispatch(Pair::<_, _, 5> { p, q, form }),
        6 => arch.dispatch(Pair::<_, _, 6> { p, q, form }),
        7 => arch.dispatch(Pair::<_, _, 7> { p, q, form }),
        8 => arch.dispatch(Pair::<_, _, 8> { p, q, form }),
        9..=16 => arch.dispatch(Pair::<_, _, 16> { p, q, form }),
        _ => None,
    }
}

/// What is asked of a pair: types, settled when it is compiled, as asking would take a sixth of the
/// time of two coordinates.
trait OfPair<T: Scalar> {
    fn of<const N: usize>(&self, p: &Dense<'_, T, N>, q: &Dense<'_, T, N>) -> T;
}

struct Pair<'a, T: Scalar, F, const N: usize> {
    p: &'a Part<'a, T>,
    q: &'a Part<'a, T>,
    form: F,
}

impl<T: Scalar, F: OfPair<T>, const N: usize> pulp::NullaryFnOnce for Pair<'_, T, F, N> {
    type Output = Option<T>;

    #[inline(always)]
    fn call(self) -> Option<T> {
        let p = Dense::<T, N>::of(self.p)?;
        let q = Dense::of(self.q)?;
        Some(self.form.of(&p, &q))
    }
}

struct Divergence<T> {
    beside: T,
}

impl<T: Scalar> OfPair<T> for Divergence<T> {
    #[inline(always)]
    fn of<const N: usize>(&self, p: &Dense<'_, T, N>, q: &Dense<'_, T, N>) -> T {
        or_by_difference(p, q, by_factors(p, q), self.beside)
    }
}

struct DivergenceAndDistance<'a, T> {
    means: [&'a [T]; 2],
}

impl<T: Scalar> OfPair<T> for DivergenceAndDistance<'_, T> {
    #[inline(always)]
    fn of<const N: usize>(&self, p: &Dense<'_, T, N>, q: &Dense<'_, T, N>) -> T {
        let [mut shift, y] = self.means.map(numbers_within::<T, N>);
        for i in 0..N {
            shift[i] -= y[i];
        }
        let by_factors = by_factors(p, q);
        let distance = by_whole_columns(&q.u.each_ref(), &mut shift);
        or_by_difference(p, q, by_factors, distance) + distance
    }
}

struct Trace;

impl<T: Scalar> OfPair<T> for Trace {
    #[inline(always)]
    fn of<const N: usize>(&self, p: &Dense<'_, T, N>, q: &Dense<'_, T, N>) -> T {
        trace_within(p, q)
    }
}

/// The divergence, to be added to `beside`, that was found by factors.
#[inline(always)]
fn or_by_difference<T: Scalar, const N: usize>(
    p: &Dense<'_, T, N>,
    q: &Dense<'_, T, N>,
    by_factors: T,
    beside: T,
) -> T {
    if by_factors + beside >= near(q.n) {
        return by_factors;
    }
    by_difference(p, q).unwrap_or(by_factors)
}

/// `‖L_q⁻¹ L_p‖_F²`.
#[inline(always)]
fn trace_within<T: Scalar, const N: usize>(p: &Dense<'_, T, N>, q: &Dense<'_, T, N>) -> T {
    let mut m = transpose_upper(&p.u);
    half_solve(&q.u, &mut m);
    let mut squares = [T::zero(); N];
    for row in &m[..q.n] {
        for k in 0..N {
            squares[k] += row[k] * row[k];
        }
    }
    squares.iter().fold(T::zero(), |sum, &s| sum + s)
}

/// `Σ φ(e_i) + Σ_{i>j} M_ij²` with `E = L_q⁻¹ (L_p - L_q)`.
#[inline(always)]
fn by_factors<T: Scalar, const N: usize>(p: &Dense<'_, T, N>, q: &Dense<'_, T, N>) -> T {
    let mut e = p.u;
    let (mut of_p, mut of_q) = ([T::one(); N], [T::one(); N]);
    for i in 0..N {
        (of_p[i], of_q[i]) = (p.u[i][i], q.u[i][i]);
        for k in 0..N {
            e[i][k] -= q.u[i][k];
        }
    }
    let mut e = transpose_upper(&e);
    // In a loop of their own they are found side by side.
    let mut terms = [T::zero(); N];
    for i in 0..N {
        let reciprocal = T::one() / of_q[i];
        terms[i] = deviation_divergence_or_nan::<T, false>(of_p[i], of_q[i], reciprocal);
    }
    half_solve(&q.u, &mut e);
    for i in 0..N {
        for k in 0..N {
            let below = if k == i { T::zero() } else { e[i][k] };
            terms[k] += below * below;
        }
    }
    let total = terms.iter().fold(T::zero(), |sum, &term| sum + term);
    if !total.is_nan() {
        return total;
    }
    // Some ratio of pivots is out of range: its logarithm may not be.
    (0..q.n).fold(T::zero(), |sum, i| {
        let squares = e[i][..i].iter().fold(T::zero(), |sum, &e| sum + e * e);
        sum + squares + deviation_divergence(p.u[i][i], q.u[i][i])
    })
}

/// The difference form, or `None` where the entries are not known or a pivot is far from 1.
#[inline(always)]
fn by_difference<T: Scalar, const N: usize>(p: &Dense<'_, T, N>, q: &Dense<'_, T, N>) -> Option<T> {
    let mut f = difference(p, q)?;
    half_solve(&q.u, &mut f);
    let mut f = transpose(&f);
    half_solve(&q.u, &mut f);
    sum_of_pivots(&mut f)
}

/// `Σ_p - Σ_q`, if both are known by their entries.
#[inline(always)]
fn difference<T: Scalar, const N: usize>(
    p: &Dense<'_, T, N>,
    q: &Dense<'_, T, N>,
) -> Option<Square<T, N>> {
    let (of_p, of_q) = (p.entries?, q.entries?);
    let mut f = [[T::zero(); N]; N];
    match (
        columns_of::<T, N>(of_p.upper),
        columns_of::<T, N>(of_q.upper),
    ) {
        (Some(above_p), Some(above_q)) if has_tiles(N) => {
            for i in 0..N / 4 {
                for j in i..N / 4 {
                    let column = |c: usize| {
                        let of_p = above_p[4 * j + c].as_chunks::<4>().0[i];
                        let of_q = above_q[4 * j + c].as_chunks::<4>().0[i];
                        each_of_four(|r| p.scale * of_p[r] - q.scale * of_q[r])
                    };
                    set_mirrored(&mut f, i, j, each_of_four(column));
                }
            }
        }
        _ => {
            for j in 0..q.n {
                let above = of_p.upper.col(j).iter().zip(of_q.upper.col(j).iter());
                for (i, (&a, &b)) in above.enumerate().take(j) {
                    f[j][i] = p.scale * a - q.scale * b;
                    f[i][j] = f[j][i];
                }
            }
        }
    }
    for j in 0..q.n {
        f[j][j] = p.scale * of_p.diag[j] - q.scale * of_q.diag[j];
    }
    Some(f)
}

/// `Σ [φ(g_i) + s_i]` of a symmetric `F`, or `None` where a pivot is far from 1.
#[inline(always)]
fn sum_of_pivots<T: Scalar, const N: usize>(f: &mut Square<T, N>) -> Option<T> {
    let excesses = eliminate(f)?;
    let mut terms = [T::zero(); N];
    for j in 0..N {
        terms[j] = x_minus_ln_1p_or_nan::<T, true>(excesses[j]);
    }
    for j in 0..N {
        // Of squares the root of the pivot need not be taken.
        let reciprocal = T::one() / (T::one() + excesses[j]);
        for k in 0..N {
            let right = if k > j { f[j][k] } else { T::zero() };
            terms[k] = mul_add(right * reciprocal, right, terms[k]);
        }
    }
    Some(terms.iter().fold(T::zero(), |sum, &term| sum + term))
}

/// Takes the rows of a symmetric `I + F`, held as `F`, from those below: what is left of each,
/// over the root of its pivot, is right of the diagonal that of the upper factor. Gives what the
/// pivots exceed 1 by, or `None` where one is far from it.
#[inline(always)]
fn eliminate<T: Scalar, const N: usize>(f: &mut Square<T, N>) -> Option<[T; N]> {
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
