//! Functions of one number that the textbook expression would ruin by cancellation.

use crate::Scalar;
use crate::fused::{mul_add, multiply_add};

/// `1/3 + t/5 + t²/7 + ..` on `[0, 1/9]` to 7e-17: interpolated in Chebyshev's points, which
/// takes ten terms where the series itself takes sixteen.
const SERIES: [f64; 10] = [
    0.333_333_333_333_333_3,
    0.200_000_000_000_072_92,
    0.142_857_142_835_543_8,
    0.111_111_113_587_139_32,
    0.090_908_947_180_664_29,
    0.076_927_850_324_793_12,
    0.066_570_721_048_274_68,
    0.060_005_364_047_953_56,
    0.044_003_692_430_723_37,
    0.080_820_228_059_717_66,
];

/// The parabola that is nearest to `1/d` for `3/2 <= d <= 3`: off by a hundredth of it.
const INVERSE: [f64; 3] = [
    1.414_141_414_141_414_1,
    -0.646_464_646_464_646_5,
    0.095_772_540_216_984_66,
];

/// `λ - 1 - ln λ` from `λ`, rounded, and `λ - 1`, which keeps the digits that `λ` has not;
/// NaN where `λ` is not a normal number. Without a branch, so that loops vectorise; `FUSED`
/// where they are compiled for a processor that multiplies and adds at once, `LONG` where they
/// keep the divider busy.
///
/// `φ(λ - 1)` where `λ` is near 1, else `(λ - m) - k ln 2 + φ(m - 1)` with `λ = m 2^k`.
#[inline(always)]
fn ratio_divergence_or_nan<T: Scalar, const FUSED: bool, const LONG: bool>(
    ratio: T,
    excess: T,
) -> T {
    let (mantissa, exponent) = ratio.split();
    let is_near = is_near_one(excess);
    let minus_ln_2 = T::of(-core::f64::consts::LN_2);
    let far = multiply_add::<T, FUSED>(exponent, minus_ln_2, ratio - mantissa);
    let (whole, x) = if is_near {
        (T::zero(), excess)
    } else {
        (far, mantissa - T::one())
    };
    let (r, rest) = near_one::<T, FUSED, LONG>(x);
    let value = multiply_add::<T, FUSED>(r, rest, whole);
    if is_normal(ratio) { value } else { T::nan() }
}

/// Whether a number is positive, finite and not below the normal ones. Without a branch, so
/// that loops vectorise.
#[inline(always)]
pub(crate) fn is_normal<T: Scalar>(x: T) -> bool {
    (x >= T::min_positive_value()) & (x <= T::max_value())
}

/// Two factors of `φ(x) = x - ln(1 + x)` for `-½ <= x <= 1`.
///
/// With `r = x / (2 + x)`, `ln(1 + x) = 2 artanh r`, hence
/// `φ(x) = r (x - 2 r² (1/3 + r²/5 + r⁴/7 + ..))`.
#[inline(always)]
fn near_one<T: Scalar, const FUSED: bool, const LONG: bool>(x: T) -> (T, T) {
    let d = T::of(2.0) + x;
    let r = if FUSED && LONG { x * inverse(d) } else { x / d };
    (r, cofactor::<T, FUSED>(r, x))
}

/// What `r = x / (2 + x)` is to be multiplied by for `φ(x)`.
#[inline(always)]
fn cofactor<T: Scalar, const FUSED: bool>(r: T, x: T) -> T {
    let t = r * r;
    // Even and odd terms apart: neither waits for the other.
    let (t2, mut even, mut odd) = (t * t, T::zero(), T::zero());
    for k in (0..SERIES.len()).rev() {
        let sum = if k % 2 == 0 { &mut even } else { &mut odd };
        *sum = multiply_add::<T, FUSED>(*sum, t2, T::of(-2.0 * SERIES[k]));
    }
    let series = multiply_add::<T, FUSED>(t, odd, even);
    multiply_add::<T, FUSED>(t, series, x)
}

/// `1 / d` for `3/2 <= d <= 3`, sooner than the divider has it: a parabola, and corrections
/// that cube the relative error.
#[inline(always)]
fn inverse<T: Scalar>(d: T) -> T {
    let [c_0, c_1, c_2] = INVERSE.map(T::of);
    let mut inverse = mul_add(mul_add(c_2, d, c_1), d, c_0);
    for _ in 0..2 {
        let error = mul_add(-d, inverse, T::one());
        let error = mul_add(error, error, error);
        inverse = mul_add(inverse, error, inverse);
    }
    inverse
}

/// `φ(x) = x - ln(1 + x)` to full relative accuracy, for `x > -1`.
pub(crate) fn x_minus_ln_1p<T: Scalar>(x: T) -> T {
    let value = x_minus_ln_1p_or_nan::<T, false>(x);
    if value.is_nan() { x - x.ln_1p() } else { value }
}

/// [`x_minus_ln_1p`] without a branch; NaN where `1 + x` is not a normal number.
#[inline(always)]
pub(crate) fn x_minus_ln_1p_or_nan<T: Scalar, const FUSED: bool>(x: T) -> T {
    ratio_divergence_or_nan::<T, FUSED, false>(T::one() + x, x)
}

/// Whether `1 + x` is near enough to 1 for `x` to be worth more than the rounding of `1 + x`.
#[inline(always)]
pub(crate) fn is_near_one<T: Scalar>(x: T) -> bool {
    x >= T::of(-0.5) && x <= T::one()
}

/// `λ - 1 - ln λ` for `λ = a / b`, two positive numbers: the covariance term of KL
/// between two variances. Zero for equal ones, infinite where `λ` overflows, never NaN.
pub(crate) fn variance_divergence<T: Scalar>(a: T, b: T) -> T {
    let value = variance_divergence_or_nan::<T, false>(a, b);
    if value.is_nan() {
        // The ratio underflows or overflows where its logarithm does not.
        return (a / b - T::one()) - (a.ln() - b.ln());
    }
    value
}

/// [`variance_divergence`] without a branch; NaN where the ratio is not a normal number, or `b`
/// not positive.
#[inline(always)]
pub(crate) fn variance_divergence_or_nan<T: Scalar, const FUSED: bool>(a: T, b: T) -> T {
    let (ratio, excess) = ratio_and_excess::<T, FUSED>(a, b);
    let value = ratio_divergence_or_nan::<T, FUSED, FUSED>(ratio, excess);
    // Two negative numbers have a positive ratio.
    if b > T::zero() { value } else { T::nan() }
}

/// [`variance_divergence`] of two variances of which neither is more than twice the other, and
/// `1 / b`, by one division; NaN of others, and where `b` or `1 / b` is not a normal number.
#[inline(always)]
pub(crate) fn close_variance_divergence_or_nan<T: Scalar, const FUSED: bool>(a: T, b: T) -> (T, T) {
    let is_in_range = is_normal(b);
    // In units in which products stay in range.
    let (unit, _) = b.power_to_one();
    let (a, b) = (unit * a, unit * b);
    let (difference, sum) = (a - b, a + b);
    let inverse = T::one() / (b * sum);
    let inverse_of_b = sum * inverse;
    let (x, r) = (difference * inverse_of_b, difference * (b * inverse));
    let value = r * cofactor::<T, FUSED>(r, x);
    let inverse_of_b = unit * inverse_of_b;
    let is_known = is_near_one(x) & is_in_range & is_normal(inverse_of_b);
    (if is_known { value } else { T::nan() }, inverse_of_b)
}

/// `a / b` and `a / b - 1`. Two divisions take as long as the logarithm: where `FUSED` there is
/// one, for half a unit more.
#[inline(always)]
fn ratio_and_excess<T: Scalar, const FUSED: bool>(a: T, b: T) -> (T, T) {
    if FUSED {
        // Four times `1 / b`: a normal number also where `1 / b` is below them.
        let (inverse, quarter) = (T::of(4.0) / b, T::of(0.25));
        (a * inverse * quarter, (a - b) * inverse * quarter)
    } else {
        (a / b, (a - b) / b)
    }
}

/// [`variance_divergence`] of `a²` and `b²`, which themselves may not be representable.
pub(crate) fn deviation_divergence<T: Scalar>(a: T, b: T) -> T {
    let (ratio, e) = ratio_and_excess::<T, false>(a, b);
    let value = divergence_of_squares_or_nan::<T, false, false>(ratio, e);
    if value.is_nan() {
        return (ratio * ratio - T::one()) - T::of(2.0) * (a.ln() - b.ln());
    }
    value
}

/// `λ² - 1 - ln λ²` from `λ` and `λ - 1`.
#[inline(always)]
fn divergence_of_squares_or_nan<T: Scalar, const FUSED: bool, const LONG: bool>(
    ratio: T,
    e: T,
) -> T {
    let excess = e * (T::of(2.0) + e);
    ratio_divergence_or_nan::<T, FUSED, LONG>(ratio * ratio, excess)
}

/// [`deviation_divergence`] of `a` and `b`, of which the reciprocal is known, without a branch and
/// fused; NaN where the square of the ratio is not a normal number. Two bits are lost where the
/// reciprocal is below the normal numbers, which that of no representable variance's root is.
#[inline(always)]
pub(crate) fn deviation_divergence_or_nan<T: Scalar, const LONG: bool>(
    a: T,
    b: T,
    reciprocal: T,
) -> T {
    divergence_of_squares_or_nan::<T, true, LONG>(a * reciprocal, (a - b) * reciprocal)
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
            let fused = x_minus_ln_1p_or_nan::<f64, true>(x);
            let long = variance_divergence_or_nan::<f64, true>(1.0 + x, 1.0);
            let (close, _) = close_variance_divergence_or_nan::<f64, true>(1.0 + x, 1.0);
            assert_eq!(close.is_nan(), !is_near_one(x), "x = {x}");
            let close = if close.is_nan() { long } else { close };
            for value in [fused, long, close] {
                let error = (value - expected).abs();
                assert!(error <= 4.0 * f64::EPSILON * expected, "x = {x}");
            }
            let single = x_minus_ln_1p(f32::of(x));
            let error = (f64::from(single) - expected).abs();
            assert!(error <= 4.0 * f64::from(f32::EPSILON) * expected, "x = {x}");
        }
    }

    #[test]
    fn a_known_reciprocal_changes_little() {
        for (a, b) in [
            (1.0, 1.0),
            (1.0, 3.0),
            (7.0, 3.0),
            (1e-60, 1e60),
            (1.001, 1.0),
        ] {
            let expected = deviation_divergence(a, b);
            let short = deviation_divergence_or_nan::<f64, false>(a, b, 1.0 / b);
            let long = deviation_divergence_or_nan::<f64, true>(a, b, 1.0 / b);
            for value in [short, long] {
                let error = (value - expected).abs();
                assert!(
                    error <= 8.0 * f64::EPSILON * expected,
                    "{a}, {b}: {error:e}"
                );
            }
        }
    }

    #[test]
    fn close_variances_may_have_any_unit() {
        let expected = close_variance_divergence_or_nan::<f64, true>(1.25, 1.0);
        for power in [-1022, -1000, -600, 600, 1000, 1021] {
            let unit = 2.0_f64.powi(power);
            let (value, inverse) = close_variance_divergence_or_nan::<f64, true>(1.25 * unit, unit);
            assert_eq!((value, inverse * unit), expected, "2^{power}");
        }
        for b in [5e-324, 1e-310, 1e308] {
            let (value, _) = close_variance_divergence_or_nan::<f64, true>(b, b);
            assert!(value.is_nan(), "{b:e}");
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
