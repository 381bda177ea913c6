//! Functions of one number that the textbook expression would ruin by cancellation.

use crate::Scalar;

/// `φ(x) = x - ln(1 + x)` to full relative accuracy, for `x > -1`.
///
/// With `r = x / (2 + x)`, `ln(1 + x) = 2 artanh r`, hence
/// `φ(x) = r (x - 2 r² (1/3 + r²/5 + r⁴/7 + ..))` for `-½ <= x <= 1`.
pub(crate) fn x_minus_ln_1p<T: Scalar>(x: T) -> T {
    if !(x >= T::of(-0.5) && x <= T::one()) {
        return x - x.ln_1p();
    }
    let r = x / (T::of(2.0) + x);
    let r2 = r * r;
    // |r| <= 1/3, so seventeen terms reach 3^-36.
    let mut series = T::zero();
    for k in (0..17_u8).rev() {
        series = series * r2 + T::one() / T::of(f64::from(2 * k + 3));
    }
    r * (x - T::of(2.0) * r2 * series)
}

/// `λ - 1 - ln λ` for `λ = a / b`, two positive numbers: the covariance term of KL
/// between two variances. Zero for equal ones, infinite where `λ` overflows, never NaN.
pub(crate) fn variance_divergence<T: Scalar>(a: T, b: T) -> T {
    let x = (a - b) / b;
    if x >= T::of(-0.5) && x <= T::one() {
        x_minus_ln_1p(x)
    } else {
        let ratio = a / b;
        (ratio - T::one()) - ln_ratio(ratio, a, b)
    }
}

/// `ln(a / b)`, also where the ratio underflows or overflows and its logarithm does not.
fn ln_ratio<T: Scalar>(ratio: T, a: T, b: T) -> T {
    if num_traits::Float::is_normal(ratio) {
        ratio.ln()
    } else {
        a.ln() - b.ln()
    }
}

/// [`variance_divergence`] of `a²` and `b²`, which themselves may not be representable.
pub(crate) fn deviation_divergence<T: Scalar>(a: T, b: T) -> T {
    let e = (a - b) / b;
    let x = e * (T::of(2.0) + e);
    if x >= T::of(-0.5) && x <= T::one() {
        x_minus_ln_1p(x)
    } else {
        let ratio = a / b;
        (ratio * ratio - T::one()) - T::of(2.0) * ln_ratio(ratio, a, b)
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
