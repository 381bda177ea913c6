//! Sums that keep their digits whatever their length.

use core::ops::Range;

use crate::{Scalar, parallel};

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

/// How many partial sums run side by side where the widest registers are used: the chain of
/// additions is then no longer what a loop waits for.
const WIDE: usize = 32;

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

/// What a number costs in a sum over slices, in operations of a matrix product: most of it
/// is memory.
const OPERATIONS: usize = 80;

/// The sum of `block` over the ranges of [`BLOCK`] numbers that make up `0..n`, in order.
#[inline]
pub(crate) fn sum_blocks<T: Scalar>(
    n: usize,
    block: impl Fn(Range<usize>) -> CompensatedSum<T> + Sync,
) -> CompensatedSum<T> {
    let mut total = CompensatedSum::new();
    if n > BLOCK && parallel::pays(OPERATIONS.saturating_mul(n)) {
        let mut sums = vec![CompensatedSum::new(); n.div_ceil(BLOCK)];
        fill_blocks(n, 0, &mut sums, &block);
        for sum in sums {
            total.merge(sum);
        }
        return total;
    }
    for start in (0..n).step_by(BLOCK) {
        total.merge(block(start..n.min(start + BLOCK)));
    }
    total
}

/// The sums of blocks `first ..` of `0..n`.
fn fill_blocks<T: Scalar>(
    n: usize,
    first: usize,
    sums: &mut [CompensatedSum<T>],
    block: &(impl Fn(Range<usize>) -> CompensatedSum<T> + Sync),
) {
    if let [sum] = sums {
        let start = first * BLOCK;
        *sum = block(start..n.min(start + BLOCK));
        return;
    }
    let (left, right) = sums.split_at_mut(sums.len() / 2);
    let middle = first + left.len();
    parallel::join(
        usize::MAX,
        || fill_blocks(n, first, left, block),
        || fill_blocks(n, middle, right, block),
    );
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
struct WideTotal<T> {
    sums: [T; WIDE],
    errors: [T; WIDE],
}

impl<T: Scalar> WideTotal<T> {
    #[inline(always)]
    fn new() -> Self {
        Self {
            sums: [T::zero(); WIDE],
            errors: [T::zero(); WIDE],
        }
    }

    #[inline(always)]
    fn add(&mut self, terms: &[T; WIDE]) {
        for k in 0..WIDE {
            let (sum, error) = two_sum(self.sums[k], terms[k]);
            self.sums[k] = sum;
            self.errors[k] += error;
        }
    }

    #[inline(always)]
    fn merged(&self) -> CompensatedSum<T> {
        let mut total = CompensatedSum::new();
        for (&sum, &error) in self.sums.iter().zip(&self.errors) {
            total.merge(CompensatedSum { sum, error });
        }
        total
    }
}

/// `Σ e_i`, `Σ |e_i|` and `Σ ln(1 + e_i)` over slices of one length.
pub(crate) struct Excesses<T: Scalar> {
    pub(crate) sum: CompensatedSum<T>,
    pub(crate) magnitude: T,
    pub(crate) ln: CompensatedSum<T>,
}

impl<T: Scalar> Excesses<T> {
    /// `Σ (e_i - ln(1 + e_i))`.
    pub(crate) fn difference(&self) -> CompensatedSum<T> {
        let mut difference = self.sum;
        difference.add(-self.ln.sum);
        difference.add(-self.ln.error);
        difference
    }
}

/// The most numbers whose mantissas can be multiplied in [`WIDE`] partial products: 128
/// below √2 stay below `2^64`.
pub(crate) const PRODUCT: usize = 128 * WIDE;

/// [`Excesses`] of at most [`PRODUCT`] numbers `e(x_1i, .., x_Ki) > -1`; `None` where some
/// `1 + e_i` is not a normal number, or the processor has no fused multiply-add.
#[inline]
pub(crate) fn excesses<T: Scalar, const K: usize>(
    slices: [&[T]; K],
    e: &impl Fn([T; K]) -> T,
) -> Option<Excesses<T>> {
    let arch = pulp::Arch::new();
    if matches!(arch, pulp::Arch::Scalar) {
        return None;
    }
    let (sum, magnitudes, product) = arch.dispatch(WideExcesses { slices, e });
    product.is_normal().then(|| Excesses {
        sum,
        magnitude: magnitudes.iter().fold(T::zero(), |sum, &m| sum + m),
        ln: product.ln(),
    })
}

struct WideExcesses<'a, T, F, const K: usize> {
    slices: [&'a [T]; K],
    e: &'a F,
}

impl<T: Scalar, F: Fn([T; K]) -> T, const K: usize> pulp::NullaryFnOnce
    for WideExcesses<'_, T, F, K>
{
    type Output = (CompensatedSum<T>, [T; WIDE], Factored<T, WIDE>);

    #[inline(always)]
    fn call(self) -> Self::Output {
        let mut total = WideTotal::new();
        let mut magnitudes = [T::zero(); WIDE];
        let mut product = Factored::one();
        let chunks = self.slices.map(|x| x.as_chunks::<WIDE>().0);
        for c in 0..chunks[0].len() {
            let block = chunks.map(|x| &x[c]);
            let mut terms = [T::zero(); WIDE];
            for k in 0..WIDE {
                terms[k] = (self.e)(block.map(|x| x[k]));
                magnitudes[k] += terms[k].abs();
            }
            total.add(&terms);
            for k in 0..WIDE {
                product.multiply(k, T::one() + terms[k]);
            }
        }
        let mut total = total.merged();
        let rest = self.slices.map(|x| x.as_chunks::<WIDE>().1);
        for i in 0..rest[0].len() {
            let term = (self.e)(rest.map(|x| x[i]));
            magnitudes[i] += term.abs();
            total.add(term);
            product.multiply(i, T::one() + term);
        }
        (total, magnitudes, product)
    }
}

/// `Σ ln f(x_i)` for positive `f(x_i)`: one logarithm for some thousand elements.
///
/// Mantissas are multiplied, with the rounding errors of the products beside them, and
/// exponents added; a logarithm is taken before a product can leave the range. Where a
/// number is not normal, or the processor has no fused multiply-add, logarithms are added.
#[inline]
pub(crate) fn sum_ln<T: Scalar>(x: &[T], f: impl Fn(T) -> T + Sync) -> T {
    sum_blocks(x.len(), |range| {
        let mut total = CompensatedSum::new();
        for block in x[range].chunks(PRODUCT) {
            let product = match block.len() {
                0..=1 => None,
                2..64 => ln_of_product::<T, 2>(block, &f),
                64..512 => ln_of_product::<T, 8>(block, &f),
                _ => ln_of_product::<T, WIDE>(block, &f),
            };
            match product {
                Some(ln) => total.merge(ln),
                None => total.add(sum_map(block.len(), |i| f(block[i]).ln())),
            }
        }
        total
    })
    .value()
}

/// The logarithm of `Π f(x_i)` by `W` partial products.
#[inline]
fn ln_of_product<T: Scalar, const W: usize>(
    x: &[T],
    f: &impl Fn(T) -> T,
) -> Option<CompensatedSum<T>> {
    let arch = pulp::Arch::new();
    if matches!(arch, pulp::Arch::Scalar) {
        return None;
    }
    let product: Factored<T, W> = arch.dispatch(Product { x, f });
    product.is_normal().then(|| product.ln())
}

struct Product<'a, T, F, const W: usize> {
    x: &'a [T],
    f: &'a F,
}

/// Products `hi_k + lo_k` of mantissas, side by side, and sums of exponents.
struct Factored<T, const W: usize> {
    hi: [T; W],
    lo: [T; W],
    exponents: [T; W],
    normal: [bool; W],
}

impl<T: Scalar, const W: usize> Factored<T, W> {
    #[inline(always)]
    fn one() -> Self {
        Self {
            hi: [T::one(); W],
            lo: [T::zero(); W],
            exponents: [T::zero(); W],
            normal: [true; W],
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

impl<T: Scalar, F: Fn(T) -> T, const W: usize> pulp::NullaryFnOnce for Product<'_, T, F, W> {
    type Output = Factored<T, W>;

    #[inline(always)]
    fn call(self) -> Factored<T, W> {
        let mut product = Factored::one();
        let (chunks, rest) = self.x.as_chunks::<W>();
        for chunk in chunks {
            for k in 0..W {
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
