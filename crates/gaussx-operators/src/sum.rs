//! Sums that keep their digits whatever their length.

use crate::Scalar;

/// How many partial sums run side by side: enough for two wide SIMD registers.
const LANES: usize = 8;

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
    sum: T,
    error: T,
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

    /// Adds a term.
    #[inline]
    pub fn add(&mut self, term: T) {
        let (sum, error) = two_sum(self.sum, term);
        self.sum = sum;
        self.error += error;
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

/// `a + b` rounded, and the rounding error (Knuth: no branch on which is larger, so that
/// loops vectorise).
#[inline]
pub(crate) fn two_sum<T: Scalar>(a: T, b: T) -> (T, T) {
    let sum = a + b;
    let rest = sum - a;
    (sum, (a - (sum - rest)) + (b - rest))
}

/// `Σ f(i)` for `i` in `0..n`, compensated, in a fixed order that vectorises.
///
/// Blocks keep the second-order error, `(terms per lane · ε)²`, below `ε` also for `f32`.
#[inline]
pub(crate) fn sum_map<T: Scalar>(n: usize, f: impl Fn(usize) -> T) -> T {
    const BLOCK: usize = 1024 * LANES;
    let mut total = CompensatedSum::new();
    let mut start = 0;
    while start < n {
        let end = n.min(start + BLOCK);
        let mut lanes = [CompensatedSum::new(); LANES];
        let whole = end - (end - start) % LANES;
        for first in (start..whole).step_by(LANES) {
            for (k, lane) in lanes.iter_mut().enumerate() {
                lane.add(f(first + k));
            }
        }
        for i in whole..end {
            lanes[i - whole].add(f(i));
        }
        for lane in lanes {
            total.add(lane.sum);
            if lane.error.is_finite() {
                total.add(lane.error);
            }
        }
        start = end;
    }
    total.value()
}

/// `Σ x²` of a slice: plain partial sums, for terms that carry rounding errors of their
/// own far above those of the addition.
#[inline]
pub(crate) fn sum_of_squares<T: Scalar>(x: &[T]) -> T {
    let mut lanes = [T::zero(); LANES];
    let chunks = x.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += value * value;
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += value * value;
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_small_terms_lose_nothing() {
        let tenth = sum_map(1_000_000, |_| 0.1_f32);
        assert_eq!(tenth, 100_000.0);
    }

    #[test]
    fn an_overflowing_sum_is_infinite() {
        assert_eq!(sum_map(20, |_| f64::MAX), f64::INFINITY);
        assert_eq!(sum_map(20, |_| f64::INFINITY), f64::INFINITY);
    }

    #[test]
    fn lengths_around_the_lane_count_are_summed_whole() {
        for n in 0..40 {
            let expected = f64::of_count(n * (n + 1) / 2);
            assert_eq!(sum_map(n, |i| f64::of_count(i + 1)), expected);
            let ones = vec![1.0_f64; n];
            assert_eq!(sum_of_squares(&ones), f64::of_count(n));
        }
    }
}
