//! Sums that keep their digits whatever their length.

use core::ops::Range;

use crate::fused::is_fused;
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

    fn of(sum: T) -> Self {
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

/// `Σ f(i)` for `i` in `0..n`, compensated, in a fixed order that vectorises.
///
/// Blocks keep the second-order error, `(terms per lane · ε)²`, below `ε` also for `f32`.
#[inline]
pub(crate) fn sum_map<T: Scalar>(n: usize, f: impl Fn(usize) -> T) -> T {
    const LANES_BLOCK: usize = 1024 * LANES;
    let mut total = CompensatedSum::new();
    if n <= LANES {
        for i in 0..n {
            total.add(f(i));
        }
        return total.value();
    }
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

/// How many terms are found side by side where the widest registers are used: in double
/// precision four of 512 bits, so that none waits for another.
pub(crate) const WIDE: usize = 4 * LANES;

/// [`WIDE`] where there are at most [`FEW`] terms, of which it would leave many over.
const NARROW: usize = 2 * LANES;

/// Up to this length narrow sums are the faster ones.
const FEW: usize = 3 * NARROW;

/// Terms that are added before their sum is compensated, which loses one and a half units in
/// the last place of their magnitudes at most.
const PLAIN: usize = 4;

/// Below this length a plain loop is over before the processor has been asked what it can.
const SHORT: usize = 16;

/// A term of a sum over `K` slices.
///
/// Closures serve where they are short. A long formula is a type of its own: only a method
/// can be told to be inlined, and what is not is compiled for the oldest processor.
pub(crate) trait Term<T, const K: usize> {
    /// `FUSED` where it is compiled for a processor that multiplies and adds at once.
    fn at<const FUSED: bool>(&self, x: [T; K]) -> T;
}

struct Closure<F>(F);

impl<T, F: Fn([T; K]) -> T, const K: usize> Term<T, K> for Closure<F> {
    #[inline(always)]
    fn at<const FUSED: bool>(&self, x: [T; K]) -> T {
        (self.0)(x)
    }
}

/// `Σ f(x_1i, .., x_Ki)` over slices of one length, compensated but for [`PLAIN`] terms at a
/// time, by the widest instructions that the processor has.
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
        return sum_map(n, |i| term.at::<false>(slices.map(|x| x[i])));
    }
    if !is_fused() {
        let block = |range: Range<usize>| {
            let start = range.start;
            let term = |i| term.at::<false>(slices.map(|x| x[start + i]));
            CompensatedSum::of(sum_map(range.len(), term))
        };
        return sum_blocks(n, block).value();
    }
    let arch = pulp::Arch::new();
    if n <= FEW {
        let sum: WideSum<'_, _, _, K, NARROW> = WideSum { slices, term };
        return arch.dispatch(sum).value();
    }
    sum_blocks(n, |range| {
        let slices = slices.map(|x| &x[range.clone()]);
        let sum: WideSum<'_, _, _, K, WIDE> = WideSum { slices, term };
        arch.dispatch(sum)
    })
    .value()
}

/// Numbers that are summed apart: so few that the second-order error of their sum stays
/// below `ε`, so many that a thread may take them.
const BLOCK: usize = 1024 * WIDE;

/// The sum of `block` over the ranges of [`BLOCK`] numbers that make up `0..n`, halves of
/// halves being added whatever the number of threads.
#[inline]
pub(crate) fn sum_blocks<S: Merge>(n: usize, block: impl Fn(Range<usize>) -> S + Sync) -> S {
    sum_halves(0..n, &block)
}

fn sum_halves<S: Merge>(range: Range<usize>, block: &(impl Fn(Range<usize>) -> S + Sync)) -> S {
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

struct WideSum<'a, T, F, const K: usize, const W: usize> {
    slices: [&'a [T]; K],
    term: &'a F,
}

impl<T: Scalar, F: Term<T, K>, const K: usize, const W: usize> WideSum<'_, T, F, K, W> {
    /// Apart from the sums: a long formula vectorises only in a loop of its own.
    #[inline(always)]
    fn terms(&self, block: [&[T; W]; K]) -> [T; W] {
        let mut terms = [T::zero(); W];
        for k in 0..W {
            terms[k] = self.term.at::<true>(block.map(|x| x[k]));
        }
        terms
    }
}

impl<T: Scalar, F: Term<T, K>, const K: usize, const W: usize> pulp::NullaryFnOnce
    for WideSum<'_, T, F, K, W>
{
    type Output = CompensatedSum<T>;

    #[inline(always)]
    fn call(self) -> CompensatedSum<T> {
        let mut total = WideTotal::<T, W>::new();
        let chunks = self.slices.map(|x| x.as_chunks::<W>().0);
        let count = chunks[0].len();
        for start in (0..count).step_by(PLAIN) {
            let mut some = [T::zero(); W];
            for c in start..count.min(start + PLAIN) {
                let terms = self.terms(chunks.map(|x| &x[c]));
                for k in 0..W {
                    some[k] += terms[k];
                }
            }
            total.add(&some);
        }
        let n = self.slices[0].len();
        let rest = n % W;
        if rest > 0 {
            // Filled up with the first of the rest, so that no term is out of range that was
            // not; what it adds is left out.
            let mut block = [[T::zero(); W]; K];
            for (block, x) in block.iter_mut().zip(self.slices) {
                block.fill(x[n - rest]);
                block[..rest].copy_from_slice(&x[n - rest..]);
            }
            let mut last = self.terms(block.each_ref());
            for k in 0..W {
                last[k] = if k < rest { last[k] } else { T::zero() };
            }
            total.add(&last);
        }
        total.merged()
    }
}

/// Compensated sums side by side.
struct WideTotal<T, const W: usize> {
    sums: [T; W],
    errors: [T; W],
}

impl<T: Scalar, const W: usize> WideTotal<T, W> {
    #[inline(always)]
    fn new() -> Self {
        Self {
            sums: [T::zero(); W],
            errors: [T::zero(); W],
        }
    }

    #[inline(always)]
    fn add(&mut self, terms: &[T; W]) {
        for k in 0..W {
            let (sum, error) = two_sum(self.sums[k], terms[k]);
            self.sums[k] = sum;
            self.errors[k] += error;
        }
    }

    /// The sum of all, halves of halves.
    #[inline(always)]
    fn merged(self) -> CompensatedSum<T> {
        let Self {
            mut sums,
            mut errors,
        } = self;
        let mut half = W / 2;
        while half > 0 {
            for k in 0..half {
                let (sum, error) = two_sum(sums[k], sums[k + half]);
                sums[k] = sum;
                errors[k] = (errors[k] + errors[k + half]) + error;
            }
            half /= 2;
        }
        CompensatedSum {
            sum: sums[0],
            error: errors[0],
        }
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
