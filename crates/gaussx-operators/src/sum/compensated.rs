//! A sum that keeps what rounding takes from it.

use crate::Scalar;

/// A running sum with its rounding errors summed apart (Neumaier's compensated sum).
///
/// The error is about one unit in the last place of the result plus `(n ε)²` of the sum
/// of magnitudes.
///
/// Source: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher
/// Summen", ZAMM 54 (1974); Higham, *Accuracy and Stability of Numerical Algorithms*,
/// 2nd ed., §4.3.
///
/// # Examples
///
/// ```
/// use gaussx_operators::CompensatedSum;
///
/// let mut sum = CompensatedSum::new();
/// for term in [1.0, 1e100, 1.0, -1e100] {
///     sum.add(term);
/// }
/// assert_eq!(sum.value(), 2.0);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CompensatedSum<T> {
    pub(super) sum: T,
    pub(super) error: T,
}

impl<T: Scalar> Default for CompensatedSum<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> CompensatedSum<T> {
    /// The empty sum.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sum: T::zero(),
            error: T::zero(),
        }
    }

    pub(super) fn of(sum: T) -> Self {
        Self {
            sum,
            error: T::zero(),
        }
    }

    /// Adds a term.
    #[inline]
    pub fn add(&mut self, term: T) {
        let (sum, error) = two_sum(self.sum, term);
        self.sum = sum;
        self.error += error;
    }

    /// Subtracts what another sum holds.
    #[inline]
    pub(crate) fn subtract(&mut self, other: Self) {
        self.add(-other.sum);
        self.add(-other.error);
    }

    /// The sum. Infinite, not NaN, where it overflows.
    #[must_use]
    pub fn value(self) -> T {
        if self.error.is_finite() {
            self.sum + self.error
        } else {
            self.sum
        }
    }
}

/// A sum to which another may be added.
pub(crate) trait Merge: Send {
    /// Adds what another sum holds.
    fn merge(&mut self, other: Self);
}

impl<T: Scalar> Merge for CompensatedSum<T> {
    #[inline]
    fn merge(&mut self, other: Self) {
        self.add(other.sum);
        if other.error.is_finite() {
            self.add(other.error);
        }
    }
}

/// `a + b` rounded, and the rounding error (Knuth: no branch on which is larger, so that
/// loops vectorise).
#[inline]
pub(crate) fn two_sum<T: Scalar>(a: T, b: T) -> (T, T) {
    let sum = a + b;
    let rest = sum - a;
    (sum, (a - (sum - rest)) + (b - rest))
}
