//! What a factorisation makes of the pivots.

use crate::Scalar;

/// What becomes of what is left on the diagonal.
pub(crate) trait Pivots<T> {
    /// The square of the pivot.
    fn square(left: T) -> T;

    /// Whether what is left where pivot `index` comes makes one.
    fn accept(&mut self, index: usize, left: T) -> bool;
}

/// Pivots whose squares are what is left, where that is positive.
pub(crate) struct Positive;

impl<T: Scalar> Pivots<T> for Positive {
    #[inline(always)]
    fn square(left: T) -> T {
        left
    }

    #[inline(always)]
    fn accept(&mut self, _: usize, left: T) -> bool {
        left > T::zero()
    }
}

/// Something that cannot be a pivot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoPivot<T> {
    pub(crate) index: usize,
    pub(crate) value: T,
}
