//! The divergence of two covariances in twice the precision, for bounds on its error.

use super::part::{Part, Variances};
use super::{blocks, divergence_of_parts};
use crate::double_word::DoubleWord;
use crate::error_bound::{Known, prior};
use crate::refined::{Refined, scales};
use crate::special::{is_near_one, variance_divergence, x_minus_ln_1p};
use crate::{CovarianceOperator, Error, Scalar, Workspace, memory};

/// `tr(Σ_q⁻¹ Σ_p) - n - ln det(Σ_q⁻¹ Σ_p)`.
pub(crate) fn divergence<T: Scalar>(
    p: &dyn CovarianceOperator<T>,
    q: &dyn CovarianceOperator<T>,
) -> Result<Known<T>, Error> {
    let unit = || Ok(prior(p)?.max(prior(q)?));
    of_parts(Part::of(p)?, Part::of(q)?, &unit)
}

/// `unit` is what the relative error of an entry of `M` may be where a factor cannot be
/// asked again.
fn of_parts<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    unit: &dyn Fn() -> Result<T, Error>,
) -> Result<Known<T>, Error> {
    if let (Some(p), Some(v_q)) = (p.as_diagonal(), q.as_diagonal()) {
        return Ok(of_diagonals(q.dim(), p, v_q));
    }
    if blocks::split(p, q) {
        let mut total = Known::default();
        blocks::for_each_meeting(p, q, |p, q| {
            total.add(of_parts(p, q, unit)?);
            Ok(())
        })?;
        return Ok(total);
    }
    if !(Refined::is_known(p.factor) && Refined::is_known(q.factor)) {
        let value = divergence_of_parts(p, q, T::zero(), &mut Workspace::new())?;
        // The factor form: M is off by the unit, and its squares by twice the product.
        let unit = unit()?;
        return Ok(Known {
            value: DoubleWord::of(value),
            unknown: unit * (T::of(2.0) * value.sqrt() + value + unit),
        });
    }
    let mut by = memory::zero_vec("variances", q.dim())?;
    q.diag_into(&mut by)?;
    scales(&mut by);
    let p_entries = Refined::covariance(p.factor, &by)?;
    let q_entries = Refined::covariance(q.factor, &by)?;
    of_matrices(p_entries, q_entries)
}

fn of_diagonals<T: Scalar>(n: usize, p: Variances<'_, T>, q: Variances<'_, T>) -> Known<T> {
    let mut total = Known::default();
    for i in 0..n {
        let (a, b) = (p.at(i), q.at(i));
        let (difference, b_word) = (DoubleWord::sum(a, -b), DoubleWord::of(b));
        let excess = difference / b_word;
        total.add(if is_near_one(excess.hi) {
            phi(excess)
        } else {
            // Logarithms are known to their last place.
            let value = variance_divergence(a, b);
            let sizes = a / b + a.ln().abs() + b.ln().abs() + value;
            Known {
                value: DoubleWord::of(value),
                unknown: T::of(2.0) * T::EPSILON * sizes,
            }
        });
    }
    total
}

/// `φ(x) = x - ln(1 + x)`, to three units in the last place of one word.
fn phi<T: Scalar>(x: DoubleWord<T>) -> Known<T> {
    let value = x_minus_ln_1p(x.hi);
    let slope = x.hi / (T::one() + x.hi);
    Known {
        value: DoubleWord::sum(value, slope * x.lo),
        unknown: T::of(3.0) * T::EPSILON * value,
    }
}

fn of_matrices<T: Scalar>(p: Refined<T>, q: Refined<T>) -> Result<Known<T>, Error> {
    let nothing = Known {
        value: DoubleWord::default(),
        unknown: T::infinity(),
    };
    let difference = p.copied()?.minus(&q);
    let Some(l_q) = q.cholesky() else {
        return Ok(nothing);
    };
    if let Some(near) = by_differences(difference.whitened(&l_q)) {
        return Ok(near);
    }
    Ok(p.cholesky().map_or(nothing, |l_p| by_factors(l_p, &l_q)))
}

/// `Σ [φ(g_i) + s_i]` with the pivots `1 + g_i` and the rows `s_i` of the Cholesky factor of
/// `I + F`, or `None` where a pivot is far from 1.
fn by_differences<T: Scalar>(mut f: Refined<T>) -> Option<Known<T>> {
    let mut total = Known::default();
    for j in 0..f.dim() {
        f.reduce_column(j);
        let excess = f.get(j, j);
        if !is_near_one(excess.hi) {
            return None;
        }
        total.add(phi(excess));
        let pivot = (DoubleWord::of(T::one()) + excess).sqrt();
        for below in f.divide_below(j, pivot) {
            total.value = total.value + below.squared();
        }
    }
    Some(total)
}

/// `Σ φ(M_ii² - 1) + Σ_{i>j} M_ij²` for `M = L_q⁻¹ L_p`.
fn by_factors<T: Scalar>(l_p: Refined<T>, l_q: &Refined<T>) -> Known<T> {
    let mut total = Known::default();
    let n = l_p.dim();
    for i in 0..n {
        let (a, b) = (l_p.get(i, i), l_q.get(i, i));
        let excess = (a - b) * (a + b) / b.squared();
        total.add(if is_near_one(excess.hi) {
            phi(excess)
        } else {
            let logs = T::of(2.0) * (a.hi.ln() - b.hi.ln());
            let sizes = excess.hi.abs() + T::of(2.0) * (a.hi.ln().abs() + b.hi.ln().abs());
            Known {
                value: excess - DoubleWord::of(logs),
                unknown: T::EPSILON * sizes,
            }
        });
    }
    let m = l_p.half_solved(l_q);
    for j in 0..n {
        for i in j + 1..n {
            total.value = total.value + m.get(i, j).squared();
        }
    }
    total
}
