//! Two dense covariances of few coordinates: the forms of [`difference`](super::difference)
//! and [`panels`](super::panels) in plain loops on the stack, where setting anything up
//! would take longer than the arithmetic.

use super::NEAR;
use super::part::Part;
use crate::factor::Entries;
use crate::special::{deviation_divergence, x_minus_ln_1p};
use crate::{FactorKind, Scalar};

/// Columns of a matrix of at most `N` coordinates.
type Square<T, const N: usize> = [[T; N]; N];

/// A small dense covariance: its factor, scaled, column by column, and its entries.
struct Dense<'a, T: Scalar, const N: usize> {
    n: usize,
    l: Square<T, N>,
    scale: T,
    entries: Option<Entries<'a, T>>,
}

impl<'a, T: Scalar, const N: usize> Dense<'a, T, N> {
    fn of(part: Part<'a, T>) -> Option<Self> {
        let FactorKind::Dense { l } = part.factor.kind() else {
            return None;
        };
        if l.nrows() > N {
            return None;
        }
        let scale = part.factor.scale();
        let deviation = scale.sqrt();
        let mut columns = [[T::zero(); N]; N];
        for (j, column) in columns.iter_mut().enumerate().take(l.nrows()) {
            let from = l.col(j).subrows(j, l.nrows() - j);
            for (value, &entry) in column[j..].iter_mut().zip(from.iter()) {
                *value = deviation * entry;
            }
        }
        Some(Self {
            n: l.nrows(),
            l: columns,
            scale,
            entries: part.factor.entries(),
        })
    }
}

/// The divergence, where both sides are dense and small.
pub(super) fn divergence<T: Scalar>(p: Part<'_, T>, q: Part<'_, T>) -> Option<T> {
    match q.dim() {
        0..=8 => divergence_within::<T, 8>(p, q),
        9..=16 => divergence_within::<T, 16>(p, q),
        _ => None,
    }
}

/// `‖L_q⁻¹ L_p‖_F²`, where both sides are dense and small.
pub(super) fn trace<T: Scalar>(p: Part<'_, T>, q: Part<'_, T>) -> Option<T> {
    match q.dim() {
        0..=8 => trace_within::<T, 8>(p, q),
        9..=16 => trace_within::<T, 16>(p, q),
        _ => None,
    }
}

fn divergence_within<T: Scalar, const N: usize>(p: Part<'_, T>, q: Part<'_, T>) -> Option<T> {
    let (p, q) = (Dense::<T, N>::of(p)?, Dense::of(q)?);
    let value = by_factors(&p, &q);
    if !(value < T::of(NEAR)) {
        return Some(value);
    }
    let exact = difference(&p, &q).and_then(|mut f| {
        whiten(&mut f, &q);
        sum_of_pivots(&mut f, q.n)
    });
    Some(exact.unwrap_or(value))
}

fn trace_within<T: Scalar, const N: usize>(p: Part<'_, T>, q: Part<'_, T>) -> Option<T> {
    let (p, q) = (Dense::<T, N>::of(p)?, Dense::of(q)?);
    let mut total = T::zero();
    for j in 0..q.n {
        let mut column = p.l[j];
        half_solve(&q, j, &mut column);
        total = column[j..q.n].iter().fold(total, |sum, &m| sum + m * m);
    }
    Some(total)
}

/// `x ← L⁻¹ x`, where `x` is zero before `first`.
#[inline]
fn half_solve<T: Scalar, const N: usize>(l: &Dense<'_, T, N>, first: usize, x: &mut [T; N]) {
    for k in first..l.n {
        let pivot = x[k] / l.l[k][k];
        x[k] = pivot;
        for (value, &entry) in x[k + 1..l.n].iter_mut().zip(&l.l[k][k + 1..l.n]) {
            *value -= entry * pivot;
        }
    }
}

/// `Σ_p - Σ_q`, if both are known by their entries.
fn difference<T: Scalar, const N: usize>(
    p: &Dense<'_, T, N>,
    q: &Dense<'_, T, N>,
) -> Option<Square<T, N>> {
    let (of_p, of_q) = (p.entries?, q.entries?);
    let mut f = [[T::zero(); N]; N];
    for j in 0..q.n {
        f[j][j] = p.scale * of_p.diag[j] - q.scale * of_q.diag[j];
        let above = of_p.upper.col(j).iter().zip(of_q.upper.col(j).iter());
        for (i, (&a, &b)) in above.enumerate().take(j) {
            f[j][i] = p.scale * a - q.scale * b;
            f[i][j] = f[j][i];
        }
    }
    Some(f)
}

/// `F ← L⁻¹ F L⁻ᵀ`.
fn whiten<T: Scalar, const N: usize>(f: &mut Square<T, N>, l: &Dense<'_, T, N>) {
    let n = l.n;
    for _ in 0..2 {
        for column in &mut f[..n] {
            half_solve(l, 0, column);
        }
        for j in 0..n {
            for i in 0..j {
                (f[i][j], f[j][i]) = (f[j][i], f[i][j]);
            }
        }
    }
}

/// `Σ [φ(g_i) + s_i]`, or `None` where a pivot is far from 1.
fn sum_of_pivots<T: Scalar, const N: usize>(f: &mut Square<T, N>, n: usize) -> Option<T> {
    let mut total = T::zero();
    for j in 0..n {
        let (done, rest) = f.split_at_mut(j + 1);
        let column = &mut done[j];
        let excess = column[j];
        if !(excess >= T::of(-0.5) && excess <= T::one()) {
            return None;
        }
        total += x_minus_ln_1p(excess);
        let pivot = (T::one() + excess).sqrt();
        for value in &mut column[j + 1..n] {
            *value /= pivot;
            total += *value * *value;
        }
        for (k, other) in (j + 1..n).zip(rest) {
            for (value, &l) in other[k..n].iter_mut().zip(&column[k..n]) {
                *value -= l * column[k];
            }
        }
    }
    Some(total)
}

/// `Σ φ(e_i) + Σ_{i>j} M_ij²` with `E = L_q⁻¹ (L_p - L_q)`.
fn by_factors<T: Scalar, const N: usize>(p: &Dense<'_, T, N>, q: &Dense<'_, T, N>) -> T {
    let mut total = T::zero();
    for j in 0..q.n {
        let mut column = p.l[j];
        for (e, &l) in column.iter_mut().zip(&q.l[j]) {
            *e -= l;
        }
        half_solve(q, j, &mut column);
        total = column[j + 1..q.n].iter().fold(total, |sum, &m| sum + m * m);
        total += deviation_divergence(p.l[j][j], q.l[j][j]);
    }
    total
}
