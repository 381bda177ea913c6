//! Functions of one number that the textbook expression would ruin by cancellation.

use crate::Scalar;

/// `1/3 + t/5 + t²/7 + ..` on `[0, 1/9]` to 2e-18: interpolated in Chebyshev's points, which
/// takes eleven terms where the series itself takes seventeen.
const SERIES: [f64; 11] = [
    0.333_333_333_333_333_3,
    0.199_999_999_999_997_6,
    0.142_857_142_858_000_5,
    0.111_111_110_991_183_86,
    0.090_909_099_489_813_57,
    0.076_922_719_824_302_75,
    0.066_675_893_157_246_28,
    0.058_671_395_306_515_99,
    0.054_225_891_974_400_07,
    0.037_460_718_977_753_84,
    0.078_152_889_004_614_25,
];

/// `φ(x) = x - ln(1 + x)` to full relative accuracy, for `x > -1`.
pub(crate) fn x_minus_ln_1p<T: Scalar>(x: T) -> T {
    if is_near_one(x) {
        near_one(x)
    } else {
        x - x.ln_1p()
    }
}

/// Whether `1 + x` is near enough to 1 for [`near_one`], and for `x` to be worth more than the
/// rounding of `1 + x`.
#[inline(always)]
pub(crate) fn is_near_one<T: Scalar>(x: T) -> bool {
    x >= T::of(-0.5) && x <= T::one()
}

/// `φ(x)` for `-½ <= x <= 1`, without a branch.
///
/// With `r = x / (2 + x)`, `ln(1 + x) = 2 artanh r`, hence
/// `φ(x) = r (x - 2 r² (1/3 + r²/5 + r⁴/7 + ..))`.
#[inline(always)]
pub(crate) fn near_one<T: Scalar>(x: T) -> T {
    let r = x / (T::of(2.0) + x);
    let t = r * r;
    // Even and odd terms apart: neither waits for the other.
    let (t2, mut even, mut odd) = (t * t, T::zero(), T::zero());
    for k in (0..SERIES.len()).rev() {
        let sum = if k % 2 == 0 { &mut even } else { &mut odd };
        *sum = *sum * t2 + T::of(SERIES[k]);
    }
    r * (x - T::of(2.0) * t * (even + t * odd))
}

/// `λ - 1 - ln λ` for `λ = a / b`, two positive numbers: the covariance term of KL
/// between two variances. Zero for equal ones, infinite where `λ` overflows, never NaN.
pub(crate) fn variance_divergence<T: Scalar>(a: T, b: T) -> T {
    let value = variance_divergence_or_nan(a, b);
    if value.is_nan() {
        // The ratio underflows or overflows where its logarithm does not.
        return (a / b - T::one()) - (a.ln() - b.ln());
    }
    value
}

/// [`variance_divergence`] without a branch, so that loops vectorise; NaN where the ratio is
/// not a normal number.
#[inline(always)]
pub(crate) fn variance_divergence_or_nan<T: Scalar>(a: T, b: T) -> T {
    let is_near = a >= b * T::of(0.5) && a <= b + b;
    // Near 1 the excess of the ratio, exact but for one rounding; else the ratio itself.
    let ratio = (if is_near { a - b } else { a }) / b;
    let (mantissa, exponent) = ratio.split();
    let x = if is_near { ratio } else { mantissa - T::one() };
    let phi = near_one(x);
    let ln = exponent * T::of(core::f64::consts::LN_2) + (x - phi);
    let value = if is_near {
        phi
    } else {
        (ratio - T::one()) - ln
    };
    let is_normal = ratio >= T::min_positive_value() && ratio <= T::max_value();
    if is_near || is_normal {
        value
    } else {
        T::nan()
    }
}

/// [`deviation_divergence`] without a branch, so that loops vectorise; NaN where the ratio
/// is not a normal number.
#[inline(always)]
pub(crate) fn deviation_divergence_or_nan<T: Scalar>(a: T, b: T) -> T {
    let two = T::of(2.0);
    let e = (a - b) / b;
    let excess = e * (two + e);
    let is_near = is_near_one(excess);
    let ratio = a / b;
    let (mantissa, exponent) = ratio.split();
    let x = if is_near { excess } else { mantissa - T::one() };
    let phi = near_one(x);
    let ln = exponent * T::of(core::f64::consts::LN_2) + (x - phi);
    let value = if is_near {
        phi
    } else {
        (ratio * ratio - T::one()) - two * ln
    };
    let is_normal = ratio >= T::min_positive_value() && ratio <= T::max_value();
    if is_near || is_normal {
        value
    } else {
        T::nan()
    }
}

/// [`variance_divergence`] of `a²` and `b²`, which themselves may not be representable.
pub(crate) fn deviation_divergence<T: Scalar>(a: T, b: T) -> T {
    let e = (a - b) / b;
    let x = e * (T::of(2.0) + e);
    if is_near_one(x) {
        near_one(x)
    } else {
        let ratio = a / b;
        let ln = if num_traits::Float::is_normal(ratio) {
            ratio.ln()
        } else {
            a.ln() - b.ln()
        };
        (ratio * ratio - T::one()) - T::of(2.0) * ln
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 40-digit arithmetic (mpmath), inputs exact in binary.
    const REFERENCE: [(f64, f64); 8] = [
        (1.0, 0.306_852_819_440_054_7),
        (-0.5, 0.193_147_180_559_945_3),
        (0.25, 0.026_856_448_685_790_24),
        (0.000_976_562_5, 4.765_269_445_411_04e-7),
        (-0.000_976_562_5, 4.771_478_266_127_86e-7),
        (9.313_225_746_154_785e-10, 4.336_808_687_249_373e-19),
        (3.0, 1.613_705_638_880_109_3),
        (-0.75, 0.636_294_361_119_890_6),
    ];

    #[test]
    fn x_minus_ln_1p_keeps_its_digits() {
        for (x, expected) in REFERENCE {
            let error = (x_minus_ln_1p(x) - expected).abs();
            assert!(error <= 4.0 * f64::EPSILON * expected, "x = {x}");
            let single = x_minus_ln_1p(f32::of(x));
            let error = (f64::from(single) - expected).abs();
            assert!(error <= 4.0 * f64::from(f32::EPSILON) * expected, "x = {x}");
        }
    }

    #[test]
    fn divergence_survives_extreme_ratios() {
        assert_eq!(variance_divergence(2.0, 2.0), 0.0);
        let tiny = variance_divergence(1e-200, 1e200);
        assert!((tiny - (400.0 * core::f64::consts::LN_10 - 1.0)).abs() < 1e-12);
        assert_eq!(variance_divergence(1e200, 1e-200), f64::INFINITY);
        assert_eq!(deviation_divergence(1e-200, 1e-200), 0.0);
        assert!(deviation_divergence(1e-300_f64, 1e-299).is_finite());
    }
}
