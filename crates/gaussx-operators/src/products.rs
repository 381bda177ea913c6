//! Sums of logarithms, by products: one logarithm for up to 128 numbers.

use crate::fused::{is_fused, mul_add};
use crate::special::is_normal;
use crate::sum::{Merge, WIDE, sum_blocks};
use crate::{CompensatedSum, Scalar};

/// The most numbers whose mantissas can be multiplied in [`WIDE`] partial products: 128
/// below √2 stay below `2^64`.
const PRODUCT: usize = 128 * WIDE;

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
/// exponents added; a logarithm is taken before a product can leave the range. Where a
/// number is not normal, or the processor has no fused multiply-add, logarithms are added.
#[inline]
pub(crate) fn ln_of_product<T: Scalar>(x: &[T], f: impl Fn(T) -> T + Sync) -> Logarithm<T> {
    sum_blocks(x.len(), |range| {
        let mut total = Logarithm::zero();
        for block in x[range].chunks(PRODUCT) {
            let product = match block.len() {
                0..=1 => None,
                2..64 => ln_of_block::<T, 2>(block, &f),
                64..512 => ln_of_block::<T, 8>(block, &f),
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
    let product = pulp::Arch::new().dispatch(ProductOfRows { rows });
    core::array::from_fn(|k| {
        let column: Factored<T, 1> = Factored {
            hi: [product.hi[k]],
            lo: [product.lo[k]],
            exponents: [product.exponents[k]],
            normal: [product.normal[k]],
        };
        if column.is_normal() {
            column.ln().value()
        } else {
            T::nan()
        }
    })
}

struct ProductOfRows<I> {
    rows: I,
}

impl<T: Scalar, I: Iterator<Item = [T; W]>, const W: usize> pulp::NullaryFnOnce
    for ProductOfRows<I>
{
    type Output = Factored<T, W>;

    #[inline(always)]
    fn call(self) -> Factored<T, W> {
        let mut product = Factored::one();
        for row in self.rows {
            for k in 0..W {
                product.multiply(k, row[k]);
            }
        }
        product
    }
}

/// [`ln_of_product`] by `W` partial products; `None` where a number is not normal, or the
/// processor has no fused multiply-add.
#[inline]
fn ln_of_block<T: Scalar, const W: usize>(x: &[T], f: &impl Fn(T) -> T) -> Option<Logarithm<T>> {
    if !is_fused() {
        return None;
    }
    let product: Factored<T, W> = pulp::Arch::new().dispatch(Product { x, f });
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
        self.normal[k] &= is_normal(x);
        let (mantissa, exponent) = x.split();
        let product = self.hi[k] * mantissa;
        let error = mul_add(self.hi[k], mantissa, -product);
        self.lo[k] = self.lo[k] * mantissa + error;
        self.hi[k] = product;
        self.exponents[k] += exponent;
    }

    fn is_normal(&self) -> bool {
        self.normal.iter().all(|&normal| normal)
    }

    fn ln(&self) -> Logarithm<T> {
        let exponent = self.exponents.iter().fold(T::zero(), |sum, &e| sum + e);
        let mut rest = CompensatedSum::new();
        for (&hi, &lo) in self.hi.iter().zip(&self.lo) {
            rest.add(hi.ln());
            rest.add(lo / hi);
        }
        Logarithm {
            exponent: exponent.as_f64(),
            rest,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sum::sum_map;

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
}
