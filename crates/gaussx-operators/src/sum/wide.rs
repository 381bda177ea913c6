//! Compensated sums over slices, many terms side by side.

use core::ops::Range;

use super::{CompensatedSum, LANES, Merge, sum_map, two_sum};
use crate::fused::is_fused;
use crate::{Scalar, parallel};

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
