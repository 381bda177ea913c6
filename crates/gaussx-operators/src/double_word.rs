//! Numbers of twice the precision, as unevaluated sums of two.

use core::ops::{Add, Div, Mul, Neg, Sub};

use crate::Scalar;
use crate::fused::two_product;
use crate::sum::two_sum;

/// `hi + lo` with `|lo| <= ½ ulp(hi)`: a relative rounding error of a few `ε²`.
///
/// Source: Joldes, Muller, Popescu, "Tight and rigorous error bounds for basic building
/// blocks of double-word arithmetic" (2017), <https://doi.org/10.1145/3121432>.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DoubleWord<T> {
    pub(crate) hi: T,
    pub(crate) lo: T,
}

impl<T: Scalar> DoubleWord<T> {
    pub(crate) fn of(x: T) -> Self {
        Self {
            hi: x,
            lo: T::zero(),
        }
    }

    /// `a + b` exactly.
    pub(crate) fn sum(a: T, b: T) -> Self {
        let (hi, lo) = two_sum(a, b);
        Self { hi, lo }
    }

    /// `a b` exactly, unless the rounding error underflows.
    pub(crate) fn product(a: T, b: T) -> Self {
        let (hi, lo) = two_product(a, b);
        Self { hi, lo }
    }

    pub(crate) fn sqrt(self) -> Self {
        let root = self.hi.sqrt();
        if root == T::zero() {
            return Self::of(root);
        }
        let rest = self - Self::product(root, root);
        Self::sum(root, rest.hi / (root + root))
    }

    pub(crate) fn squared(self) -> Self {
        self * self
    }

    pub(crate) fn value(self) -> T {
        self.hi + self.lo
    }
}

impl<T: Scalar> Add for DoubleWord<T> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (sum, error) = two_sum(self.hi, other.hi);
        let (low, rest) = two_sum(self.lo, other.lo);
        let Self { hi, lo } = Self::sum(sum, error + low);
        Self::sum(hi, lo + rest)
    }
}

impl<T: Scalar> Neg for DoubleWord<T> {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            hi: -self.hi,
            lo: -self.lo,
        }
    }
}

impl<T: Scalar> Sub for DoubleWord<T> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<T: Scalar> Mul for DoubleWord<T> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let Self { hi, lo } = Self::product(self.hi, other.hi);
        let cross = num_traits::Float::mul_add(self.hi, other.lo, self.lo * other.hi);
        Self::sum(hi, lo + cross)
    }
}

impl<T: Scalar> Div for DoubleWord<T> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let first = self.hi / other.hi;
        let rest = self - other * Self::of(first);
        let second = rest.hi / other.hi;
        let rest = rest - other * Self::of(second);
        Self::sum(first, second) + Self::of(rest.hi / other.hi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `x = p / q` as the two words nearest to it, from integers.
    fn third() -> DoubleWord<f64> {
        DoubleWord::of(1.0) / DoubleWord::of(3.0)
    }

    #[test]
    fn a_third_times_three_is_one_to_twice_the_precision() {
        let error = third() * DoubleWord::of(3.0) - DoubleWord::of(1.0);
        assert!(error.value().abs() < 1e-31, "{error:?}");
        // 1/3 = 0x0.5555.. in binary: the second word is known in closed form.
        assert_eq!(third().lo, (1.0 / 3.0) * 2.0_f64.powi(-54));
    }

    #[test]
    fn a_root_squares_back_to_twice_the_precision() {
        let root = DoubleWord::of(2.0_f64).sqrt();
        assert_eq!(root.hi, core::f64::consts::SQRT_2);
        let error = (root.squared() - DoubleWord::of(2.0)).value();
        assert!(error.abs() < 1e-31 && root.lo != 0.0, "{error:e}");
    }

    #[test]
    fn what_cancels_leaves_the_second_word() {
        let difference = third() - DoubleWord::of(1.0 / 3.0);
        assert_eq!(difference.value(), third().lo);
    }
}
