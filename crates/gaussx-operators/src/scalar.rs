//! The scalar types, and the constants each has in its own precision.

use core::fmt::{Debug, Display, LowerExp};

use faer::traits::RealField;
use num_traits::Float;

/// A real scalar: `f32` or `f64`, and nothing else.
///
/// Adds to faer's arithmetic and num-traits' [`Float`] the constants that Gaussian
/// formulas need, each rounded once in its own precision. Sealed.
///
/// # Examples
///
/// ```
/// use gaussx_operators::Scalar;
///
/// assert_eq!(f64::LN_2PI, 1.8378770664093456);
/// assert_eq!(f32::LN_2PI, f64::LN_2PI as f32);
/// ```
pub trait Scalar:
    RealField + Float + Debug + Display + LowerExp + Default + Send + Sync + 'static + sealed::Sealed
{
    /// ln 2π.
    const LN_2PI: Self;

    /// The distance from 1 to the next larger number.
    const EPSILON: Self;

    /// The nearest value to `x` in this type.
    #[must_use]
    fn of(x: f64) -> Self;

    /// The value as an `f64`, exactly.
    #[must_use]
    fn as_f64(self) -> f64;

    /// The mantissa in `[√½, √2)` and the exponent of a positive normal number,
    /// `x = m 2^e`; meaningless for others. Without branches, so that loops vectorise.
    #[doc(hidden)]
    #[must_use]
    fn split(self) -> (Self, Self);

    /// The power of two that brings a positive normal number into `[√½, √2)`, `2^-e`, and the
    /// exponent `e`; meaningless for others, and from `√½ 2^1023` on (`√½ 2^127` in single
    /// precision), where the power is not normal. Without branches, so that loops vectorise.
    #[doc(hidden)]
    #[must_use]
    fn power_to_one(self) -> (Self, Self);

    /// The nearest value to the count `n` in this type.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        reason = "a dimension above 2^53 is rounded"
    )]
    fn of_count(n: usize) -> Self {
        Self::of(n as f64)
    }
}

/// Bits that carry into the exponent where the mantissa is not below `√½`, and that exponent.
macro_rules! above {
    ($x:expr, $bits:ty, $fraction:literal, $bias:literal, $root_half:literal) => {{
        const ONE: $bits = $bias << $fraction;
        // The number whose last bit is 1: with an integer there, it is that much larger.
        const UNIT: $bits = ($bias + $fraction) << $fraction;
        let above = $x.to_bits().wrapping_add(ONE - $root_half);
        let exponent = Self::from_bits(UNIT | above >> $fraction) - Self::from_bits(UNIT | $bias);
        (above, exponent)
    }};
}

/// Mantissa and exponent from the bits of a number.
macro_rules! splits_bits {
    ($bits:ty, fraction: $fraction:literal, bias: $bias:literal, root_half: $root_half:literal) => {
        #[inline(always)]
        fn split(self) -> (Self, Self) {
            const FRACTION: $bits = (1 << $fraction) - 1;
            let (above, exponent) = above!(self, $bits, $fraction, $bias, $root_half);
            let mantissa = (above & FRACTION).wrapping_add($root_half);
            (Self::from_bits(mantissa), exponent)
        }

        #[inline(always)]
        fn power_to_one(self) -> (Self, Self) {
            const EXPONENT: $bits = !((1 << $fraction) - 1);
            const BITS_OF_ONE_TWICE: $bits = 2 * $bias << $fraction;
            let (above, exponent) = above!(self, $bits, $fraction, $bias, $root_half);
            (
                Self::from_bits(BITS_OF_ONE_TWICE.wrapping_sub(above & EXPONENT)),
                exponent,
            )
        }
    };
}

impl Scalar for f64 {
    #[allow(
        clippy::excessive_precision,
        reason = "digits of the constant, rounded by the compiler"
    )]
    const LN_2PI: Self = 1.837_877_066_409_345_483_560_659;
    const EPSILON: Self = Self::EPSILON;

    splits_bits!(u64, fraction: 52, bias: 1023, root_half: 0x3fe6_a09e_667f_3bcd);

    fn of(x: f64) -> Self {
        x
    }

    fn as_f64(self) -> f64 {
        self
    }
}

impl Scalar for f32 {
    #[allow(
        clippy::excessive_precision,
        reason = "digits of the constant, rounded by the compiler"
    )]
    const LN_2PI: Self = 1.837_877_066_409_345_483_560_659;
    const EPSILON: Self = Self::EPSILON;

    splits_bits!(u32, fraction: 23, bias: 127, root_half: 0x3f35_04f3);

    #[allow(
        clippy::cast_possible_truncation,
        reason = "rounding is the meaning of the conversion"
    )]
    fn of(x: f64) -> Self {
        x as Self
    }

    fn as_f64(self) -> f64 {
        f64::from(self)
    }
}

mod sealed {
    use std::thread::LocalKey;

    use crate::spare::{self, Spare};
    use crate::transpose;

    /// Registers are read and written as arrays of scalars.
    pub trait Sealed: pulp::bytemuck::Pod {
        /// Four rows of four numbers as columns.
        fn transpose(rows: [[Self; 4]; 4]) -> [[Self; 4]; 4];

        /// The scratch that this thread keeps.
        fn spare() -> &'static LocalKey<Spare<Self>>;
    }

    impl Sealed for f32 {
        #[inline(always)]
        fn transpose(rows: [[Self; 4]; 4]) -> [[Self; 4]; 4] {
            transpose::of_f32(rows)
        }

        fn spare() -> &'static LocalKey<Spare<Self>> {
            &spare::OF_F32
        }
    }

    impl Sealed for f64 {
        #[inline(always)]
        fn transpose(rows: [[Self; 4]; 4]) -> [[Self; 4]; 4] {
            transpose::of_f64(rows)
        }

        fn spare() -> &'static LocalKey<Spare<Self>> {
            &spare::OF_F64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `x = m 2^e` and, up to `last`, `m = x 2^-e`.
    fn numbers_are_split_in_the_whole_range<T: Scalar>(last: T) {
        let root_half = T::of(0.5).sqrt();
        let some = [root_half, T::one(), T::of(1.5), T::of(1e30), last];
        for x in [T::min_positive_value(), T::max_value()]
            .into_iter()
            .chain(some)
        {
            let (mantissa, exponent) = x.split();
            assert!(
                (root_half..root_half + root_half).contains(&mantissa),
                "{x}"
            );
            // The whole power may not be representable.
            let half = (exponent / T::of(2.0)).trunc();
            assert_eq!(mantissa * half.exp2() * (exponent - half).exp2(), x);
            if x <= last {
                assert_eq!(x.power_to_one(), ((-exponent).exp2(), exponent), "{x}");
            }
        }
    }

    #[test]
    fn numbers_are_split_in_the_whole_of_both_ranges() {
        numbers_are_split_in_the_whole_range(2.0_f64.powi(1022));
        numbers_are_split_in_the_whole_range(2.0_f32.powi(126));
    }
}
