//! Sums that keep their digits whatever their length.

mod compensated;
mod wide;

use crate::{Error, Scalar};

pub use compensated::CompensatedSum;
pub(crate) use compensated::{Merge, two_sum};
pub(crate) use wide::{Term, WIDE, sum_blocks, sum_slices, sum_terms};

/// How many partial sums run side by side: enough for two wide SIMD registers.
const LANES: usize = 8;

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
