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

impl Scalar for f64 {
    #[allow(
        clippy::excessive_precision,
        reason = "digits of the constant, rounded by the compiler"
    )]
    const LN_2PI: Self = 1.837_877_066_409_345_483_560_659;
    const EPSILON: Self = Self::EPSILON;

    #[inline(always)]
    fn split(self) -> (Self, Self) {
        const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
        const BELOW_ONE: u64 = 0x3ff0_0000_0000_0000 - ROOT_HALF;
        const FRACTION: u64 = (1 << 52) - 1;
        // 2^52 with an integer in its last bits is 2^52 + that integer.
        const MAGIC: u64 = 0x4330_0000_0000_0000;
        let above = self.to_bits().wrapping_add(BELOW_ONE);
        let mantissa = (above & FRACTION).wrapping_add(ROOT_HALF);
        let exponent = Self::from_bits(MAGIC | above >> 52) - (4_503_599_627_370_496.0 + 1023.0);
        (Self::from_bits(mantissa), exponent)
    }

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

    #[inline(always)]
    fn split(self) -> (Self, Self) {
        const ROOT_HALF: u32 = 0x3f35_04f3;
        const BELOW_ONE: u32 = 0x3f80_0000 - ROOT_HALF;
        const FRACTION: u32 = (1 << 23) - 1;
        const MAGIC: u32 = 0x4b00_0000;
        let above = self.to_bits().wrapping_add(BELOW_ONE);
        let mantissa = (above & FRACTION).wrapping_add(ROOT_HALF);
        let exponent = Self::from_bits(MAGIC | above >> 23) - (8_388_608.0 + 127.0);
        (Self::from_bits(mantissa), exponent)
    }

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
    /// Registers are read and written as arrays of scalars.
    pub trait Sealed: pulp::bytemuck::Pod {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}
