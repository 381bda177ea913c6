//! Arithmetic for loops that the widest instructions of the processor run.

use crate::Scalar;

/// Whether the processor has a fused multiply-add; without one [`mul_add`] is a call.
#[inline]
pub(crate) fn is_fused() -> bool {
    !matches!(pulp::Arch::new(), pulp::Arch::Scalar)
}

/// `a b + c`, rounded once.
#[inline(always)]
pub(crate) fn mul_add<T: Scalar>(a: T, b: T, c: T) -> T {
    num_traits::Float::mul_add(a, b, c)
}

/// `a b` rounded, and the rounding error, unless that underflows.
#[inline(always)]
pub(crate) fn two_product<T: Scalar>(a: T, b: T) -> (T, T) {
    let product = a * b;
    (product, mul_add(a, b, -product))
}

#[inline(always)]
pub(crate) fn sqrt<T: Scalar>(x: T) -> T {
    num_traits::Float::sqrt(x)
}

/// `a b + c`, in one operation where `FUSED` says that the processor has one.
#[inline(always)]
pub(crate) fn multiply_add<T: Scalar, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { mul_add(a, b, c) } else { a * b + c }
}
