//! Sums that keep their digits whatever their length.

use core::ops::Range;

use crate::{Error, Scalar, parallel};

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

    /// Adds what another sum holds.
    #[inline]
    pub(crate) fn merge(&mut self, other: Self) {
        self.add(other.sum);
        if other.error.is_finite() {
            self.add(other.error);
        }
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
    const LANES_BLOCK: usize = 1024 * LANES;
    let mut total = CompensatedSum::new();
    let mut start = 0;
    while start < n {
        let end = n.min(start + LANES_BLOCK);
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
            total.merge(lane);
        }
        start = end;
    }
    total.value()
}

/// `√(Σ x²)` from `squares(s) = Σ (s x)²`, which is asked again with another `s` where the
/// squares would leave the range of normal numbers.
pub(crate) fn root_of_squares<T: Scalar>(
    squares: impl Fn(T) -> Result<T, Error>,
) -> Result<T, Error> {
    let sum = squares(T::one())?;
    let lost = T::min_positive_value() / (T::EPSILON * T::EPSILON);
    let down = T::min_positive_value().sqrt() * T::EPSILON;
    let scale = if sum > T::max_value() {
        down
    } else if sum < lost {
        T::one() / down
    } else {
        return Ok(sum.sqrt());
    };
    Ok(squares(scale)?.sqrt() / scale)
}

/// How many partial sums run side by side where the widest registers are used: the chain of
/// additions is then no longer what a loop waits for.
pub(crate) const WIDE: usize = 32;

/// Below this length a plain loop is over before the processor has been asked what it can.
const SHORT: usize = 64;

/// A term of a sum over `K` slices.
///
/// Closures serve where they are short. A long formula is a type of its own: only a method
/// can be told to be inlined, and what is not is compiled for the oldest processor.
pub(crate) trait Term<T, const K: usize> {
    fn at(&self, x: [T; K]) -> T;
}

struct Closure<F>(F);

impl<T, F: Fn([T; K]) -> T, const K: usize> Term<T, K> for Closure<F> {
    #[inline(always)]
    fn at(&self, x: [T; K]) -> T {
        (self.0)(x)
    }
}

/// `Σ f(x_1i, .., x_Ki)` over slices of one length, compensated, by the widest instructions
/// that the processor has.
#[inline]
pub(crate) fn sum_slices<T: Scalar, const K: usize>(
    slices: [&[T]; K],
    f: impl Fn([T; K]) -> T + Sync,
) -> T {
    sum_terms(slices, &Closure(f))
}

/// [`sum_slices`] of a term that is a type of its own.
#[inline]
pub(crate) fn sum_terms<T: Scalar, const K: usize>(
    slices: [&[T]; K],
    term: &(impl Term<T, K> + Sync),
) -> T {
    let n = slices.iter().map(|x| x.len()).min().unwrap_or(0);
    let slices = slices.map(|x| &x[..n]);
    if n < SHORT {
        return sum_map(n, |i| term.at(slices.map(|x| x[i])));
    }
    sum_blocks(n, |range| {
        let slices = slices.map(|x| &x[range.clone()]);
        pulp::Arch::new().dispatch(WideSum { slices, term })
    })
    .value()
}

/// Numbers that are summed apart: so few that the second-order error of their sum stays
/// below `ε`, so many that a thread may take them.
const BLOCK: usize = 1024 * WIDE;

/// The sum of `block` over the ranges of [`BLOCK`] numbers that make up `0..n`, halves of
/// halves being added whatever the number of threads.
#[inline]
pub(crate) fn sum_blocks<T: Scalar>(
    n: usize,
    block: impl Fn(Range<usize>) -> CompensatedSum<T> + Sync,
) -> CompensatedSum<T> {
    sum_halves(0..n, &block)
}

fn sum_halves<T: Scalar>(
    range: Range<usize>,
    block: &(impl Fn(Range<usize>) -> CompensatedSum<T> + Sync),
) -> CompensatedSum<T> {
    let count = range.len();
    if count <= BLOCK {
        return block(range);
    }
    let middle = range.start + (count / 2).next_multiple_of(BLOCK);
    let (mut sum, rest) = parallel::join(
        parallel::PER_NUMBER.saturating_mul(count),
        || sum_halves(range.start..middle, block),
        || sum_halves(middle..range.end, block),
    );
    sum.merge(rest);
    sum
}

struct WideSum<'a, T, F, const K: usize> {
    slices: [&'a [T]; K],
    term: &'a F,
}

impl<T: Scalar, F: Term<T, K>, const K: usize> pulp::NullaryFnOnce for WideSum<'_, T, F, K> {
    type Output = CompensatedSum<T>;

    #[inline(always)]
    fn call(self) -> CompensatedSum<T> {
        let mut total = WideTotal::new();
        let chunks = self.slices.map(|x| x.as_chunks::<WIDE>().0);
        for c in 0..chunks[0].len() {
            let block = chunks.map(|x| &x[c]);
            // Apart from the sums: a long formula vectorises only in a loop of its own.
            let mut terms = [T::zero(); WIDE];
            for k in 0..WIDE {
                terms[k] = self.term.at(block.map(|x| x[k]));
            }
            total.add(&terms);
        }
        let mut total = total.merged();
        let rest = self.slices.map(|x| x.as_chunks::<WIDE>().1);
        for i in 0..rest[0].len() {
            total.add(self.term.at(rest.map(|x| x[i])));
        }
        total
    }
}

/// Compensated sums side by side.
pub(crate) struct WideTotal<T> {
    sums: [T; WIDE],
    errors: [T; WIDE],
}

impl<T: Scalar> WideTotal<T> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self {
            sums: [T::zero(); WIDE],
            errors: [T::zero(); WIDE],
        }
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, terms: &[T; WIDE]) {
        for k in 0..WIDE {
            let (sum, error) = two_sum(self.sums[k], terms[k]);
            self.sums[k] = sum;
            self.errors[k] += error;
        }
    }

    #[inline(always)]
    pub(crate) fn merged(&self) -> CompensatedSum<T> {
        let mut total = CompensatedSum::new();
        for (&sum, &error) in self.sums.iter().zip(&self.errors) {
            total.merge(CompensatedSum { sum, error });
        }
        total
    }
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
    fn slices_of_any_length_are_summed_whole() {
        for n in [0, 1, 31, 63, 64, 65, 100, 40_000] {
            let x: Vec<f64> = (0..n).map(f64::of_count).collect();
            let ones = vec![1.0; n];
            let expected = f64::of_count(n * n.saturating_sub(1) / 2 + n);
            assert_eq!(sum_slices([&x, &ones], |[a, b]| a + b), expected);
        }
        let tenth = vec![0.1_f32; 1_000_000];
        assert_eq!(sum_slices([&tenth], |[x]| x), 100_000.0);
        let huge = vec![f64::MAX; 200];
        assert_eq!(sum_slices([&huge], |[x]| x), f64::INFINITY);
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
