//! Sums of logarithms, by products: one logarithm for thousands of numbers.

use crate::fused::{is_fused, mul_add, sqrt, two_product};
use crate::special::is_normal;
use crate::sum::{Merge, WIDE, sum_blocks, two_sum};
use crate::{CompensatedSum, Scalar};

/// Numbers that are multiplied before their product is brought near 1.
const QUAD: usize = 4;

/// The most numbers that are multiplied in [`WIDE`] partial products: of 131 factors below √2 at
/// most, which stay below `2^66`.
const PRODUCT: usize = 128 * QUAD * WIDE;

/// A logarithm `k ln 2 + rest`, of which `k` is exact: what differs by units that are powers of
/// two differs in `k` only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logarithm<T> {
    exponent: f64,
    rest: CompensatedSum<T>,
}

impl<T: Scalar> Logarithm<T> {
    fn zero() -> Self {
        Self {
            exponent: 0.0,
            rest: CompensatedSum::new(),
        }
    }

    /// `n ln x`.
    pub(crate) fn of_power(x: T, n: usize) -> Self {
        let mut ln = Self::zero();
        ln.add(x, n);
        ln
    }

    /// Adds `n ln x`.
    fn add(&mut self, x: T, n: usize) {
        let mut rest = x;
        if is_normal(x) {
            let (mantissa, exponent) = x.split();
            // Not in `T`, in which a count may be rounded.
            self.exponent += exponent.as_f64() * f64::of_count(n);
            rest = mantissa;
        }
        self.rest.add(T::of_count(n) * rest.ln());
    }

    pub(crate) fn minus(mut self, other: Self) -> Self {
        self.exponent -= other.exponent;
        self.rest.subtract(other.rest);
        self
    }

    /// Adds this logarithm to a sum.
    #[inline(always)]
    pub(crate) fn add_to(&self, sum: &mut CompensatedSum<T>) {
        // What ln 2 has beyond double precision.
        const REST: f64 = 2.319_046_813_846_299_6e-17;
        let whole = self.exponent * core::f64::consts::LN_2;
        let error = mul_add(self.exponent, core::f64::consts::LN_2, -whole);
        let rounded = T::of(whole);
        for part in [
            rounded,
            T::of(whole - rounded.as_f64()),
            T::of(error + self.exponent * REST),
        ] {
            sum.add(part);
        }
        sum.merge(self.rest);
    }

    #[inline(always)]
    pub(crate) fn value(&self) -> T {
        let mut sum = CompensatedSum::new();
        self.add_to(&mut sum);
        sum.value()
    }
}

impl<T: Scalar> PartialEq for Logarithm<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value() == other.value()
    }
}

impl<T: Scalar> Merge for Logarithm<T> {
    fn merge(&mut self, other: Self) {
        self.exponent += other.exponent;
        self.rest.merge(other.rest);
    }
}

/// `Σ ln f(x_i)` for positive `f(x_i)`.
#[inline]
pub(crate) fn sum_ln<T: Scalar>(x: &[T], f: impl Fn(T) -> T + Sync) -> T {
    ln_of_product(x, f).value()
}

/// `ln Π f(x_i)` for positive `f(x_i)`.
///
/// Mantissas are multiplied, with the rounding errors of the products beside them, and
/// exponents added; a logarithm is taken before a product can leave the range. Numbers are
/// split before they are multiplied by fours where those might leave it, which changes no bit.
/// Where one is not normal, or the processor has no fused multiply-add, logarithms are added.
#[inline]
pub(crate) fn ln_of_product<T: Scalar>(x: &[T], f: impl Fn(T) -> T + Sync) -> Logarithm<T> {
    sum_blocks(x.len(), |range| {
        let mut total = Logarithm::zero();
        for block in x[range].chunks(PRODUCT) {
            let product = match block.len() {
                0..=1 => None,
                2..32 => ln_of_block::<T, 2>(block, &f),
                32..512 => ln_of_block::<T, 8>(block, &f),
                _ => ln_of_block::<T, WIDE>(block, &f),
            };
            match product {
                Some(ln) => total.merge(ln),
                None => {
                    for &x in block {
                        total.add(f(x), 1);
                    }
                }
            }
        }
        total
    })
}

/// `Σ_i ln x_ik` for each of `W` columns of a few positive numbers; NaN where one of them is
/// not a normal number, or the processor has no fused multiply-add.
#[inline]
pub(crate) fn sum_ln_by_column<T: Scalar, const W: usize>(
    rows: impl Iterator<Item = [T; W]>,
) -> [T; W] {
    if !is_fused() {
        return [T::nan(); W];
    }
    pulp::Arch::new().dispatch(LogarithmsOfColumns { rows })
}

struct LogarithmsOfColumns<I> {
    rows: I,
}

impl<T: Scalar, I: Iterator<Item = [T; W]>, const W: usize> pulp::NullaryFnOnce
    for LogarithmsOfColumns<I>
{
    type Output = [T; W];

    #[inline(always)]
    fn call(self) -> [T; W] {
        let mut product = Factored::<T, W>::one();
        for row in self.rows {
            for k in 0..W {
                product.multiply(k, row[k]);
            }
        }
        let mut sums = [T::nan(); W];
        for (k, sum) in sums.iter_mut().enumerate() {
            if let Some(ln) = product.lane(k).ln() {
                *sum = ln.value();
            }
        }
        sums
    }
}

/// [`ln_of_product`] by `W` partial products; `None` where a number is not normal, or the
/// processor has no fused multiply-add.
#[inline]
fn ln_of_block<T: Scalar, const W: usize>(x: &[T], f: &impl Fn(T) -> T) -> Option<Logarithm<T>> {
    if !is_fused() {
        return None;
    }
    let arch = pulp::Arch::new();
    let product = arch.dispatch(Product::<'_, _, _, W, false> { x, f });
    let product = product.or_else(|| arch.dispatch(Product::<'_, _, _, W, true> { x, f }));
    product?.ln()
}

/// The product of some numbers: `None` where they have to be split into mantissas and exponents
/// before they are multiplied by fours, and `SPLIT` does not say so.
struct Product<'a, T, F, const W: usize, const SPLIT: bool> {
    x: &'a [T],
    f: &'a F,
}

/// Products `hi_k + lo_k` of mantissas, side by side, and sums of exponents.
struct Factored<T, const W: usize> {
    hi: [T; W],
    lo: [T; W],
    exponents: [T; W],
    /// Whether all numbers that were split were normal.
    normal: [bool; W],
}

#[inline(always)]
fn lesser<T: Scalar>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

#[inline(always)]
fn greater<T: Scalar>(a: T, b: T) -> T {
    if a > b { a } else { b }
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
        let mantissa = self.split(k, x);
        self.multiply_by_sum(k, mantissa, T::zero());
    }

    /// The mantissa of a number that product `k` is to be multiplied by.
    #[inline(always)]
    fn split(&mut self, k: usize, x: T) -> T {
        self.normal[k] &= is_normal(x);
        let (mantissa, exponent) = x.split();
        self.exponents[k] += exponent;
        mantissa
    }

    /// Multiplies product `k` by the numbers of a quad.
    #[inline(always)]
    fn multiply_quad<const SPLIT: bool>(
        &mut self,
        k: usize,
        mut a: T,
        mut b: T,
        mut c: T,
        mut d: T,
    ) {
        if SPLIT {
            a = self.split(k, a);
            b = self.split(k, b);
            c = self.split(k, c);
            d = self.split(k, d);
        }
        let (ab, rest_ab) = two_product(a, b);
        let (cd, rest_cd) = two_product(c, d);
        let (abcd, rest) = two_product(ab, cd);
        let rest = mul_add(ab, rest_cd, mul_add(cd, rest_ab, rest));
        let (power, exponent) = abcd.power_to_one();
        self.exponents[k] += exponent;
        self.multiply_by_sum(k, abcd * power, rest * power);
    }

    /// Multiplies product `k` by `hi + lo`.
    #[inline(always)]
    fn multiply_by_sum(&mut self, k: usize, hi: T, lo: T) {
        let (product, rest) = two_product(self.hi[k], hi);
        let rest = mul_add(self.hi[k], lo, rest);
        self.lo[k] = mul_add(self.lo[k], hi, rest);
        self.hi[k] = product;
    }

    /// Product `k`.
    #[inline(always)]
    fn lane(&self, k: usize) -> Factored<T, 1> {
        Factored {
            hi: [self.hi[k]],
            lo: [self.lo[k]],
            exponents: [self.exponents[k]],
            normal: [self.normal[k]],
        }
    }

    /// The product of the products.
    #[inline(always)]
    fn product_of_lanes(self) -> Factored<T, 1> {
        let mut all = Factored::one();
        for k in 0..W {
            let (hi, lo) = two_sum(self.hi[k], self.lo[k]);
            let (power, exponent) = hi.power_to_one();
            all.multiply_by_sum(0, hi * power, lo * power);
            all.exponents[0] += exponent + self.exponents[k];
            all.normal[0] &= self.normal[k] & !hi.is_nan();
        }
        all
    }
}

impl<T: Scalar> Factored<T, 1> {
    /// The logarithm; `None` where a number was not normal.
    #[inline(always)]
    fn ln(self) -> Option<Logarithm<T>> {
        let ([hi], [lo], [exponent]) = (self.hi, self.lo, self.exponents);
        let mut rest = CompensatedSum::new();
        rest.add(hi.ln());
        rest.add(lo / hi);
        self.normal[0].then(|| Logarithm {
            exponent: exponent.as_f64(),
            rest,
        })
    }
}

impl<T: Scalar, F: Fn(T) -> T, const W: usize, const SPLIT: bool> pulp::NullaryFnOnce
    for Product<'_, T, F, W, SPLIT>
{
    type Output = Option<Factored<T, 1>>;

    #[inline(always)]
    fn call(self) -> Option<Factored<T, 1>> {
        let mut product = Factored::<T, W>::one();
        let (mut low, mut high) = ([T::one(); W], [T::one(); W]);
        let (rows, rest) = self.x.as_chunks::<W>();
        // Shorter loops over quads do not vectorise.
        let by_fours = if W == WIDE {
            rows.len() / QUAD * QUAD
        } else {
            0
        };
        let (quads, rows) = rows.split_at(by_fours);
        let quads = quads.as_chunks::<QUAD>().0;
        for quad in quads {
            for k in 0..W {
                let (a, b) = ((self.f)(quad[0][k]), (self.f)(quad[1][k]));
                let (c, d) = ((self.f)(quad[2][k]), (self.f)(quad[3][k]));
                low[k] = lesser(lesser(lesser(low[k], a), lesser(b, c)), d);
                high[k] = greater(greater(greater(high[k], a), greater(b, c)), d);
                product.multiply_quad::<SPLIT>(k, a, b, c, d);
            }
        }
        for row in rows {
            for k in 0..W {
                product.multiply(k, (self.f)(row[k]));
            }
        }
        for (k, &x) in rest.iter().enumerate() {
            product.multiply(k, (self.f)(x));
        }
        // What is kept of four rounded products has bits down to `ε³` of the whole, which must
        // not fall below the last of a subnormal number.
        let fourth_power = T::of(16.0) * T::min_positive_value() / (T::EPSILON * T::EPSILON);
        let least = sqrt(sqrt(fourth_power));
        let is_within =
            low.iter().all(|&x| x >= least) && high.iter().all(|&x| x * least <= T::one());
        (SPLIT || is_within).then(|| product.product_of_lanes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sum::sum_map;

    #[test]
    fn a_sum_of_logarithms_is_that_of_each() {
        for n in [1, 63, 64, 65, 1000, 10_000, 50_000] {
            // The product of four leaves the range, or does not.
            for spread in [1.0, 6.0] {
                let power = |i: usize| (spread * (f64::of_count(i % 301) - 150.0)).exp2();
                let x: Vec<f64> = (0..n)
                    .map(|i| (f64::of_count(i % 997) + 0.3) * power(i))
                    .collect();
                let expected = sum_map(n, |i| x[i].ln());
                let magnitude = sum_map(n, |i| x[i].ln().abs());
                let error = (sum_ln(&x, |x| x) - expected).abs();
                assert!(error <= f64::EPSILON * magnitude, "n = {n}: {error:e}");
            }
        }
    }

    #[test]
    fn numbers_that_are_split_first_give_the_same_bits() {
        let x: Vec<f64> = (0..20_000).map(|i| f64::of_count(i % 997) + 0.3).collect();
        let unscaled = ln_of_product(&x, |x| x);
        for power in [-900, -300, 300, 900] {
            let unit = 2.0_f64.powi(power);
            let mut ln = ln_of_product(&x, |x| x * unit);
            ln.exponent -= f64::from(power) * 20_000.0;
            assert_eq!(ln.exponent, unscaled.exponent);
            assert_eq!(ln.rest.value(), unscaled.rest.value());
        }
    }

    /// Of four numbers whose product is nearly 1, only the rounding errors are left.
    fn four_that_cancel_keep_their_bits<T: Scalar>(powers: &[i32]) {
        for trial in 0..2000 {
            let mut x = vec![T::one(); 16 * WIDE];
            let mut product = T::one();
            for k in 0..3 {
                x[k * WIDE] =
                    T::one() + T::of_count((trial * 7919 + k * 104_729) % 997) / T::of(4e3);
                product *= x[k * WIDE];
            }
            x[3 * WIDE] = T::one() / product;
            let unscaled = ln_of_product(&x, |x| x).rest.value();
            for &power in powers {
                let unit = num_traits::Float::powi(T::of(2.0), power);
                let scaled = ln_of_product(&x, |x| x * unit).rest.value();
                assert_eq!(scaled, unscaled, "2^{power}, trial {trial}");
            }
        }
    }

    #[test]
    fn the_bounds_of_what_is_not_split_keep_all_bits() {
        let powers = [-300, -242, -241, -229, -228, -227, 226, 228, 229, 241, 300];
        four_that_cancel_keep_their_bits::<f64>(&powers);
        let powers = [-60, -26, -25, -24, -20, -19, -18, 17, 18, 19, 20, 25, 60];
        four_that_cancel_keep_their_bits::<f32>(&powers);
    }

    #[test]
    fn one_number_that_is_none_spoils_the_sum() {
        for n in [3, 100, 1000, 30_000] {
            for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
                for place in [0, n / 2, n - 1] {
                    let mut x = vec![2.0; n];
                    x[place] = bad;
                    // Equal, or both NaN.
                    let (found, expected) = (sum_ln(&x, |x| x), bad.ln());
                    assert_eq!(found.to_string(), expected.to_string(), "{place} of {n}");
                }
            }
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
}
