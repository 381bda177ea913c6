//! The determinant of a covariance and its logarithm, from the factor.

use faer::MatRef;

use super::{CholeskyFactor, FactorKind};
use crate::memory::zero_vec;
use crate::products::{sum_ln, sum_ln_by_column};
use crate::sum::CompensatedSum;
use crate::{Error, Scalar, lanes};

impl<T: Scalar> CholeskyFactor<'_, T> {
    /// `ln det Σ = 2 Σ ln L_ii`, in the log domain throughout.
    ///
    /// # Errors
    ///
    /// What a custom factor returns.
    pub fn logdet(&self) -> Result<T, Error> {
        let n = self.dim();
        if n == 0 {
            return Ok(T::zero());
        }
        let unscaled = match self.kind {
            FactorKind::ScaledIdentity { variance, .. } => {
                return Ok(T::of_count(n) * variance.ln());
            }
            FactorKind::Diagonal { variances } => {
                let known = self.logarithm().map(|ln| ln.value());
                return Ok(known.unwrap_or_else(|| sum_ln(variances, |v| self.scale * v)));
            }
            FactorKind::Dense { l } => {
                return Ok(logdet_of_factor(l, self.scale.sqrt()));
            }
            FactorKind::BlockDiagonal { blocks } => {
                let mut sum = CompensatedSum::new();
                for b in 0..blocks.count() {
                    sum.add(blocks.block(b).logdet()?);
                }
                sum.value()
            }
            FactorKind::Custom { factor } => factor.factor_logdet()?,
        };
        Ok(if self.scale == T::one() {
            unscaled
        } else {
            unscaled + T::of_count(n) * self.scale.ln()
        })
    }

    /// `det Σ = Π L_ii²`, as a product: no digits are lost to a logarithm, and no partial
    /// product over- or underflows. 1 in dimension zero; `0` or `∞` where the determinant
    /// itself is out of range, which its logarithm is not.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`]; what a custom factor returns.
    pub fn determinant(&self) -> Result<T, Error> {
        let n = self.dim();
        if let FactorKind::ScaledIdentity { variance, .. } = self.kind {
            return Ok(variance.powf(T::of_count(n)));
        }
        let mut diag = zero_vec("diagonal of the factor", n)?;
        self.diag_into(&mut diag)?;
        let (mut product, mut exponent) = (T::one(), 0_i64);
        for l in diag {
            let (mantissa, power) = split_exponent(l);
            product *= mantissa;
            exponent += power;
            if product >= T::of(2.0) {
                product /= T::of(2.0);
                exponent += 1;
            }
        }
        let bounded = i32::try_from(exponent.clamp(-4000, 4000)).unwrap_or(0);
        let power = num_traits::Float::powi(T::of(2.0), bounded);
        Ok(product * product * power * power)
    }
}

/// `2 Σ ln (by · l_ii)`.
pub(crate) fn logdet_of_factor<T: Scalar>(l: MatRef<'_, T>, by: T) -> T {
    if l.nrows() <= lanes::MOST {
        // To the last bit as where many are factored side by side.
        let [sum] = sum_ln_by_column((0..l.nrows()).map(|i| [by * l[(i, i)]]));
        if !sum.is_nan() {
            return T::of(2.0) * sum;
        }
    }
    let mut total = CompensatedSum::new();
    let mut pivots = [T::zero(); 128];
    for start in (0..l.nrows()).step_by(pivots.len()) {
        let count = pivots.len().min(l.nrows() - start);
        let pivots = &mut pivots[..count];
        for (k, pivot) in pivots.iter_mut().enumerate() {
            *pivot = l[(start + k, start + k)];
        }
        total.add(sum_ln(pivots, |pivot| by * pivot));
    }
    T::of(2.0) * total.value()
}

/// `x = m 2^e` with `1 <= m < 2`, for positive normal `x`.
fn split_exponent<T: Scalar>(x: T) -> (T, i64) {
    let (mantissa, exponent, _) = num_traits::Float::integer_decode(x);
    let bits = 63 - i64::from(mantissa.leading_zeros());
    let power = i64::from(exponent) + bits;
    // Both halves of the power are representable, also where the whole is not.
    let half = i32::try_from(power / 2).unwrap_or(0);
    let rest = i32::try_from(power - power / 2).unwrap_or(0);
    let two = T::of(2.0);
    let scaled = x / num_traits::Float::powi(two, half) / num_traits::Float::powi(two, rest);
    (scaled, power)
}
