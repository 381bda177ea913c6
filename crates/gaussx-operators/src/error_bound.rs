//! How far a computed quantity can be from the exact one.
//!
//! What is asked once more is computed in twice the precision, from the numbers that the
//! operators hold, and the difference is the error: the bound is that and the little that
//! the second computation leaves open, so that it is tight where a bound from the condition
//! number would be a hundred times too large. A factor that is known only by what it does
//! cannot be asked again: there the bound is `10 n ε κ`, `κ` from
//! [`condition_estimate`].
//!
//! A dense part of `n` coordinates costs about thirty times the flops of the quantity with
//! its factorisation, and `6 n²` numbers of memory at most; diagonal parts cost `n`. An
//! infinite bound says that nothing is known.
//!
//! ```
//! use gaussx_operators::{DenseCovariance, error_bound, faer::mat};
//!
//! let sigma = DenseCovariance::new(mat![[1.0, 0.9], [0.9, 1.0]])?;
//! let error: f64 = error_bound::logdet(&sigma)?;
//! assert!(error > 0.0 && error < 1e-14);
//! # Ok::<(), gaussx_operators::Error>(())
//! ```

use crate::blocks::for_each_block;
use crate::double_word::DoubleWord;
use crate::factor::factor_of;
use crate::pair::refined;
use crate::point::AsCol;
use crate::refined::{Refined, scales};
use crate::{
    CovarianceOperator, Error, FactorKind, Scalar, Workspace, condition_estimate, memory, validate,
};

/// A quantity in twice the precision, and what may be missing from it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<T> {
    pub(crate) value: DoubleWord<T>,
    pub(crate) unknown: T,
}

impl<T: Scalar> Known<T> {
    pub(crate) fn add(&mut self, other: Self) {
        self.value = self.value + other.value;
        self.unknown += other.unknown;
    }

    /// `|value - exact|` at most.
    fn bound(self, value: T) -> T {
        let error = (self.value - DoubleWord::of(value)).value().abs();
        or_infinite(error + self.unknown + rounding(value))
    }
}

/// What the second computation itself may be off: far less than a unit in the last place.
fn rounding<T: Scalar>(value: T) -> T {
    T::EPSILON * value.abs() / T::of(16.0)
}

fn or_infinite<T: Scalar>(bound: T) -> T {
    if bound.is_nan() { T::infinity() } else { bound }
}

/// `10 n ε κ`, with an estimate of `κ`: for factors that cannot be asked again.
pub(crate) fn prior<T: Scalar>(
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<T, Error> {
    let n = T::of_count(covariance.dim());
    Ok(T::of(10.0) * n * T::EPSILON * condition_estimate(covariance)?)
}

/// A bound on the error of [`CovarianceOperator::logdet`], absolute.
///
/// # Errors
///
/// [`Error::AllocationFailed`]; what an operator written elsewhere returns.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{DiagonalCovariance, error_bound};
///
/// let error: f64 = error_bound::logdet(&DiagonalCovariance::new(&[1e-300, 1e300])?)?;
/// assert!(error < 1e-12);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
pub fn logdet<T: Scalar>(covariance: &(impl CovarianceOperator<T> + ?Sized)) -> Result<T, Error> {
    let magnitude = {
        let mut pivots = memory::zero_vec("diagonal of the factor", covariance.dim())?;
        factor_of(covariance)?.diag_into(&mut pivots)?;
        let logs = pivots.iter().map(|l| l.ln().abs());
        T::of(2.0) * logs.fold(T::zero(), |sum, term| sum + term)
    };
    // The logarithms and their sum, and a product with the scale before each.
    let n = T::of_count(covariance.dim());
    let sums = T::EPSILON * (T::of(2.0) * magnitude + scale_roundings(&covariance, n));
    Ok(or_infinite(sums + pivots_error(&covariance, T::one())?))
}

/// A scaled factor rounds every pivot once more.
fn scale_roundings<T: Scalar>(covariance: &dyn CovarianceOperator<T>, n: T) -> T {
    let factor = covariance.cholesky();
    let blocks = matches!(factor.kind(), FactorKind::BlockDiagonal { .. });
    if factor.scale() == T::one() && !blocks {
        T::zero()
    } else {
        n
    }
}

/// What the error of the factor adds to that of the log-determinant.
fn pivots_error<T: Scalar>(covariance: &dyn CovarianceOperator<T>, scale: T) -> Result<T, Error> {
    let factor = factor_of(covariance)?.scaled(scale);
    match factor.kind() {
        FactorKind::ScaledIdentity { .. } | FactorKind::Diagonal { .. } => Ok(T::zero()),
        FactorKind::Dense { .. } if factor.entries().is_none() => Ok(T::zero()),
        FactorKind::Custom { .. } => prior(covariance),
        FactorKind::BlockDiagonal { blocks } => {
            let mut total = T::zero();
            for_each_block(blocks, |block, _| {
                total += pivots_error(block, factor.scale())?;
                Ok(())
            })?;
            Ok(total)
        }
        FactorKind::Dense { .. } => {
            let n = factor.dim();
            let mut by = memory::zero_vec("variances", n)?;
            covariance.diag_into(&mut by)?;
            scales(&mut by);
            let Some(exact) = Refined::covariance(factor, &by)?.cholesky() else {
                return Ok(T::infinity());
            };
            let mut pivots = memory::zero_vec("diagonal of the factor", n)?;
            factor.diag_into(&mut pivots)?;
            let mut sum = DoubleWord::default();
            for i in 0..n {
                let l = pivots[i] * by[i];
                let relative = (exact.get(i, i) - DoubleWord::of(l)).value() / l;
                sum = sum + DoubleWord::of(T::of(2.0) * relative.ln_1p());
            }
            Ok(sum.value().abs())
        }
    }
}

/// A bound on `|value - (x - μ)ᵀ Σ⁻¹ (x - μ)|`.
///
/// # Errors
///
/// [`Error::DimensionMismatch`]; [`Error::AllocationFailed`]; what an operator written
/// elsewhere returns.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{ScaledIdentity, error_bound};
///
/// let sigma = ScaledIdentity::new(1, 3.0)?;
/// let error: f64 = error_bound::quadratic_form([1.0], [0.0], &sigma, 1.0 / 3.0)?;
/// assert!(error < 1e-16);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
pub fn quadratic_form<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &(impl CovarianceOperator<T> + ?Sized),
    value: T,
) -> Result<T, Error> {
    Ok(distance(x, mean, &covariance)?.bound(value))
}

/// A bound on `|value - KL(N(μ_p, Σ_p) ‖ N(μ_q, Σ_q))|`.
///
/// # Errors
///
/// [`Error::DimensionMismatch`]; [`Error::AllocationFailed`]; what an operator written
/// elsewhere returns.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{ScaledIdentity, error_bound};
///
/// let p = ScaledIdentity::new(1, 2.0)?;
/// let q = ScaledIdentity::new(1, 1.0)?;
/// let value = 0.5 * (1.0 - 2.0_f64.ln());
/// assert!(error_bound::kl_divergence([0.0], &p, [0.0], &q, value)? < 1e-15);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
pub fn kl_divergence<T: Scalar>(
    mean_p: impl AsCol<T>,
    p: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: impl AsCol<T>,
    q: &(impl CovarianceOperator<T> + ?Sized),
    value: T,
) -> Result<T, Error> {
    validate::dimension("covariance q", p.dim(), q.dim())?;
    let mut twice = refined::divergence(&p, &q)?;
    twice.add(distance(mean_p, mean_q, &q)?);
    let half = T::of(0.5);
    let kl = Known {
        value: twice.value * DoubleWord::of(half),
        unknown: twice.unknown * half,
    };
    Ok(kl.bound(value))
}

fn distance<T: Scalar>(
    x: impl AsCol<T>,
    mean: impl AsCol<T>,
    covariance: &dyn CovarianceOperator<T>,
) -> Result<Known<T>, Error> {
    let (x, mean) = (x.as_col(), mean.as_col());
    validate::dimension("point", covariance.dim(), x.nrows())?;
    validate::dimension("mean", covariance.dim(), mean.nrows())?;
    let mut delta: Vec<DoubleWord<T>> = Vec::new();
    for (&a, &b) in x.iter().zip(mean.iter()) {
        delta.push(DoubleWord::sum(a, -b));
    }
    distance_of(covariance, T::one(), &delta)
}

/// `δᵀ (c Σ)⁻¹ δ`.
fn distance_of<T: Scalar>(
    covariance: &dyn CovarianceOperator<T>,
    scale: T,
    delta: &[DoubleWord<T>],
) -> Result<Known<T>, Error> {
    let factor = factor_of(covariance)?.scaled(scale);
    let n = factor.dim();
    let mut known = Known::default();
    match factor.kind() {
        FactorKind::ScaledIdentity { variance, .. } => {
            let squares = delta.iter().map(|d| d.squared());
            let sum = squares.fold(DoubleWord::default(), |sum, square| sum + square);
            known.value = sum / DoubleWord::of(variance);
        }
        FactorKind::Diagonal { variances } => {
            for (d, &v) in delta.iter().zip(variances) {
                let variance = DoubleWord::product(factor.scale(), v);
                known.value = known.value + d.squared() / variance;
            }
        }
        FactorKind::BlockDiagonal { blocks } => for_each_block(blocks, |block, range| {
            known.add(distance_of(block, factor.scale(), &delta[range])?);
            Ok(())
        })?,
        FactorKind::Dense { .. } => {
            let mut by = memory::zero_vec("variances", n)?;
            covariance.diag_into(&mut by)?;
            scales(&mut by);
            let Some(l) = Refined::covariance(factor, &by)?.cholesky() else {
                return Ok(Known {
                    value: DoubleWord::default(),
                    unknown: T::infinity(),
                });
            };
            let mut z = delta.to_vec();
            for (z, &by) in z.iter_mut().zip(&by) {
                *z = *z * DoubleWord::of(by);
            }
            l.half_solve(0, &mut z);
            let squares = z.iter().map(|z| z.squared());
            known.value = squares.fold(DoubleWord::default(), |sum, square| sum + square);
        }
        FactorKind::Custom { .. } => {
            let mut residual = memory::zero_vec("residual", n)?;
            for (value, d) in residual.iter_mut().zip(delta) {
                *value = d.value();
            }
            let points = faer::ColRef::from_slice(&residual).as_mat();
            let mut form = [T::zero()];
            covariance.quadratic_forms_into(points, None, &mut form, &mut Workspace::new())?;
            known.value = DoubleWord::of(form[0] / scale);
            known.unknown = form[0] / scale * prior(covariance)?;
        }
    }
    Ok(known)
}
