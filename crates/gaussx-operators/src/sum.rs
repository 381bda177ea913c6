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

    /// Adds what another sum holds.
    #[inline]
    pub(crate) fn merge(&mut self, other: Self) {
        self.add(other.sum);
        if other.error.is_finite() {
            self.add(other.error);
        }
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
            total.merge(lane);
        }
        start = end;
    }
    total.value()
}

/// How many partial sums run side by side where the widest registers are used: the chain of
/// additions is then no longer what a loop waits for.
const WIDE: usize = 32;

/// Below this length a plain loop is over before the processor has been asked what it can.
pub(crate) const SHORT: usize = 64;

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
    f: impl Fn([T; K]) -> T,
) -> T {
    sum_terms(slices, Closure(f))
}

/// [`sum_slices`] of a term that is a type of its own.
#[inline]
pub(crate) fn sum_terms<T: Scalar, const K: usize>(slices: [&[T]; K], term: impl Term<T, K>) -> T {
    let n = slices.iter().map(|x| x.len()).min().unwrap_or(0);
    let slices = slices.map(|x| &x[..n]);
    if n < SHORT {
        return sum_map(n, |i| term.at(slices.map(|x| x[i])));
    }
    pulp::Arch::new().dispatch(WideSum { slices, term })
}

struct WideSum<'a, T, F, const K: usize> {
    slices: [&'a [T]; K],
    term: F,
}

impl<T: Scalar, F: Term<T, K>, const K: usize> pulp::NullaryFnOnce for WideSum<'_, T, F, K> {
    type Output = T;

    #[inline(always)]
    fn call(self) -> T {
        let mut total = CompensatedSum::new();
        let chunks = self.slices.map(|x| x.as_chunks::<WIDE>().0);
        let count = chunks[0].len();
        // Blocks keep the second-order error below ε, as in `sum_map`.
        let mut start = 0;
        while start < count {
            let end = count.min(start + 1024);
            let (mut sums, mut errors) = ([T::zero(); WIDE], [T::zero(); WIDE]);
            for c in start..end {
                let block = chunks.map(|x| &x[c]);
                // Apart from the sums: a long formula vectorises only in a loop of its own.
                let mut terms = [T::zero(); WIDE];
                for k in 0..WIDE {
                    terms[k] = self.term.at(block.map(|x| x[k]));
                }
                for k in 0..WIDE {
                    let (sum, error) = two_sum(sums[k], terms[k]);
                    sums[k] = sum;
                    errors[k] += error;
                }
            }
            for k in 0..WIDE {
                let lane = CompensatedSum {
                    sum: sums[k],
                    error: errors[k],
                };
                total.merge(lane);
            }
            start = end;
        }
        let rest = self.slices.map(|x| x.as_chunks::<WIDE>().1);
        for i in 0..rest[0].len() {
            total.add(self.term.at(rest.map(|x| x[i])));
        }
        total.value()
    }
}

/// `Σ ln f(x_i)` for positive `f(x_i)`: one logarithm for some thousand elements.
///
/// Mantissas are multiplied, with the rounding errors of the products beside them, and
/// exponents added; a logarithm is taken before a product can leave the range. Where a
/// number is not normal, or the processor has no fused multiply-add, logarithms are added.
#[inline]
pub(crate) fn sum_ln<T: Scalar>(x: &[T], f: impl Fn(T) -> T) -> T {
    let arch = pulp::Arch::new();
    let mut total = CompensatedSum::new();
    // A product of 128 mantissas below √2 stays below 2^64.
    for block in x.chunks(128 * WIDE) {
        if block.len() >= SHORT && !matches!(arch, pulp::Arch::Scalar) {
            let product = arch.dispatch(Product { x: block, f: &f });
            if product.is_normal() {
                total.merge(product.ln());
                continue;
            }
        }
        total.add(sum_map(block.len(), |i| f(block[i]).ln()));
    }
    total.value()
}

struct Product<'a, T, F> {
    x: &'a [T],
    f: &'a F,
}

/// Products `hi_k + lo_k` of mantissas, side by side, and sums of exponents.
struct Factored<T> {
    hi: [T; WIDE],
    lo: [T; WIDE],
    exponents: [T; WIDE],
    normal: [bool; WIDE],
}

impl<T: Scalar> Factored<T> {
    #[inline(always)]
    fn one() -> Self {
        Self {
            hi: [T::one(); WIDE],
            lo: [T::zero(); WIDE],
            exponents: [T::zero(); WIDE],
            normal: [true; WIDE],
        }
    }

    /// Multiplies product `k` by `x`.
    #[inline(always)]
    fn multiply(&mut self, k: usize, x: T) {
        self.normal[k] &= x >= T::min_positive_value() && x <= T::max_value();
        let (mantissa, exponent) = x.split();
        let product = self.hi[k] * mantissa;
        let error = num_traits::Float::mul_add(self.hi[k], mantissa, -product);
        self.lo[k] = self.lo[k] * mantissa + error;
        self.hi[k] = product;
        self.exponents[k] += exponent;
    }

    fn is_normal(&self) -> bool {
        self.normal.iter().all(|&normal| normal)
    }

    fn ln(&self) -> CompensatedSum<T> {
        let exponent = self.exponents.iter().fold(T::zero(), |sum, &e| sum + e);
        let mut total = CompensatedSum::new();
        for (&hi, &lo) in self.hi.iter().zip(&self.lo) {
            total.add(hi.ln());
            total.add(lo / hi);
        }
        let ln_2 = T::of(core::f64::consts::LN_2);
        total.add(exponent * ln_2);
        total.add(num_traits::Float::mul_add(
            exponent,
            ln_2,
            -(exponent * ln_2),
        ));
        // What ln 2 has beyond the precision of the scalar.
        let rest = if T::EPSILON == T::of(f64::EPSILON) {
            T::of(2.319_046_813_846_299_6e-17)
        } else {
            T::of(core::f64::consts::LN_2 - ln_2.as_f64())
        };
        total.add(exponent * rest);
        total
    }
}

impl<T: Scalar, F: Fn(T) -> T> pulp::NullaryFnOnce for Product<'_, T, F> {
    type Output = Factored<T>;

    #[inline(always)]
    fn call(self) -> Factored<T> {
        let mut product = Factored::one();
        let (chunks, rest) = self.x.as_chunks::<WIDE>();
        for chunk in chunks {
            for k in 0..WIDE {
                product.multiply(k, (self.f)(chunk[k]));
            }
        }
        for (k, &x) in rest.iter().enumerate() {
            product.multiply(k, (self.f)(x));
        }
        product
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
    fn a_sum_of_logarithms_is_that_of_each() {
        for n in [1, 63, 64, 65, 1000, 10_000] {
            let x: Vec<f64> = (0..n)
                .map(|i| (f64::of_count(i % 997) + 0.3) * (f64::of_count(i % 301) - 150.0).exp2())
                .collect();
            let expected = sum_map(n, |i| x[i].ln());
            let magnitude = sum_map(n, |i| x[i].ln().abs());
            let error = (sum_ln(&x, |x| x) - expected).abs();
            assert!(error <= f64::EPSILON * magnitude, "n = {n}: {error:e}");
        }
    }

    #[test]
    fn logarithms_near_zero_keep_their_digits_in_a_sum() {
        // 1 + 2⁻³⁰: ln is 2⁻³⁰ - 2⁻⁶¹ + ..
        let d = 2.0_f64.powi(-30);
        let x = vec![1.0 + d; 10_000];
        let expected = 1e4 * d.ln_1p();
        assert!((sum_ln(&x, |x| x) - expected).abs() <= 4.0 * f64::EPSILON * expected);
        let x = vec![1.0 - d; 10_000];
        let expected = 1e4 * (-d).ln_1p();
        assert!((sum_ln(&x, |x| x) - expected).abs() <= -4.0 * f64::EPSILON * expected);
        assert_eq!(sum_ln(&vec![5e-324; 100], |x| x), 100.0 * 5e-324_f64.ln());
        assert_eq!(sum_ln(&[0.0; 100], |x| x), f64::NEG_INFINITY);
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
