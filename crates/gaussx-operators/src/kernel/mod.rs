//! Half-solves and factorisations in the widest registers of the processor, at the rate of a
//! matrix product.
//!
//! Columns stand side by side in *strips*: row `i` of a strip has entry `i` of as many columns
//! as two registers hold, so that all arithmetic is between whole registers. Some rows of the
//! factor make a *panel*; the same rows of a strip, a *tile*, stay in registers while the
//! product of the panel and what is already solved is taken from them.

mod cholesky;
mod corner;
mod forms;
mod half_solve;
mod lower;
mod panels;
mod pivots;
mod strips;
mod tile;

use core::marker::PhantomData;

use faer::MatRef;
use pulp::{Simd, bytemuck};

use crate::Scalar;

pub(crate) use cholesky::factor;
pub(crate) use forms::forms_into;
pub(crate) use half_solve::{half_solve, half_solve_lower_rows};
pub(crate) use lower::{Identity, OfEntries, squares_into};
pub(crate) use pivots::{NoPivot, Pivots, Positive};
pub(crate) use strips::each_of_four;

/// Rows, and columns, of the factor whose panels stay in the second fastest memory.
const BLOCK: usize = 128;

/// Columns whose strips are solved for together, for which blocks of the factor are packed anew.
const TOGETHER: usize = 256;

/// A lower triangular matrix, `deviation · L`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factor<'a, T> {
    pub(crate) l: MatRef<'a, T>,
    pub(crate) deviation: T,
}

/// Whether half-solves of `count` columns of `n` numbers are worth packing the factor.
pub(crate) fn pays(n: usize, count: usize) -> bool {
    n > 0 && count > 2 && n <= 64.max(8 * count)
}

/// What is compiled for every kind of processor.
trait Kernel<T: Scalar> {
    type Output;

    /// On a processor with registers `S`, where `R` rows of a strip are a tile.
    fn run<S: Simd, const R: usize>(self, simd: &T::SimdCtx<S>) -> Self::Output;
}

/// Runs what is compiled for this processor.
fn dispatch<T: Scalar, K: Kernel<T>>(kernel: K) -> K::Output {
    pulp::Arch::new().dispatch(Dispatch {
        kernel,
        scalar: PhantomData,
    })
}

struct Dispatch<T, K> {
    kernel: K,
    scalar: PhantomData<T>,
}

impl<T: Scalar, K: Kernel<T>> pulp::WithSimd for Dispatch<T, K> {
    type Output = K::Output;

    /// A tile is two registers wide: with those of what is known and of the panel, half of the
    /// registers are in use.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> K::Output {
        let simd = T::simd_ctx(simd);
        let width = width::<T, S>();
        if S::REGISTER_COUNT >= 32 && width >= 8 {
            self.kernel.run::<S, 8>(&simd)
        } else if width >= 4 {
            self.kernel.run::<S, 4>(&simd)
        } else {
            self.kernel.run::<S, 2>(&simd)
        }
    }
}

/// Columns in a strip: a multiple of the rows of a tile.
const fn width<T: Scalar, S: Simd>() -> usize {
    2 * size_of::<T::SimdVec<S>>() / size_of::<T>()
}

/// Columns in a strip, and rows in a tile, on this processor.
#[derive(Clone, Copy, Debug)]
struct Shape {
    width: usize,
    rows: usize,
}

impl Shape {
    fn of<T: Scalar>() -> Self {
        dispatch::<T, _>(AskShape)
    }
}

struct AskShape;

impl<T: Scalar> Kernel<T> for AskShape {
    type Output = Shape;

    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, _: &T::SimdCtx<S>) -> Shape {
        let width = width::<T, S>();
        Shape { width, rows: R }
    }
}

/// Numbers that are skipped in scratch for the sake of alignment.
const ALIGNMENT: usize = 64;

/// Numbers as rows of strips.
#[inline(always)]
fn rows_of<T: Scalar, S: Simd>(numbers: &mut [T]) -> &mut [tile::Row<T::SimdVec<S>>] {
    let (_, registers, _) = bytemuck::pod_align_to_mut::<T, T::SimdVec<S>>(numbers);
    registers.as_chunks_mut().0
}

#[cfg(test)]
mod tests {
    use super::*;
    use corner::Corner;
    use faer::Mat;
    use faer::traits::ComplexField;
    use half_solve::HalfSolve;
    use lower::Squares;

    /// Well-conditioned, with entries that no symmetry hides.
    fn covariance(n: usize) -> Mat<f64> {
        Mat::from_fn(n, n, |i, j| {
            let (low, high) = (i.min(j), i.max(j));
            let entry = f64::of_count((low * 7 + high * 3) % 11) / f64::of_count(11 * n);
            if i == j { 1.0 + entry } else { entry }
        })
    }

    fn lower(n: usize) -> Mat<f64> {
        let a = covariance(n);
        Mat::from_fn(n, n, |i, j| if i < j { f64::NAN } else { a[(i, j)] })
    }

    fn triangle(l: &Mat<f64>) -> Mat<f64> {
        Mat::from_fn(
            l.nrows(),
            l.ncols(),
            |i, j| if i < j { 0.0 } else { l[(i, j)] },
        )
    }

    /// What a processor with registers `S` does in tiles of `R` rows.
    fn kernels_keep_to_the_definitions<S: Simd, const R: usize>(simd: S) {
        let simd = f64::simd_ctx(simd);
        for n in [1, 3, 8, 9, 31, 64, 127, 128] {
            let a = covariance(n);
            let mut l = Mat::from_fn(n, n, |i, j| if i < j { -1.0 } else { a[(i, j)] });
            let (mut panels, mut strips) = (vec![0.0; 1 << 16], vec![0.0; 1 << 16]);
            let corner = Corner {
                a: l.as_mut(),
                first: 0,
                pivots: &mut Positive,
                panels: &mut panels,
                scratch: &mut strips,
            };
            corner.run::<S, R>(&simd).unwrap();
            let product = triangle(&l) * triangle(&l).transpose();
            assert!((&product - &a).norm_max() < 1e-14, "L L', n = {n}");
            assert!((1..n).all(|j| l[(j - 1, j)] == -1.0), "n = {n}");
        }
        for n in [1, 7, 128, 129, 300] {
            for count in [1, 5, 33, 300] {
                let l = lower(n);
                let x = Mat::from_fn(n, count, |i, j| f64::of_count((i * 5 + j * 13) % 17) - 8.0);
                let mut solved = x.clone();
                let kernel = HalfSolve {
                    factor: Factor {
                        l: l.as_ref(),
                        deviation: 1.0,
                    },
                    x: solved.as_mut(),
                    panels: &mut vec![0.0; 1 << 16],
                    strips: &mut vec![0.0; 1 << 18],
                };
                kernel.run::<S, R>(&simd);
                let error = (triangle(&l) * &solved - &x).norm_max();
                assert!(error < 1e-12, "L⁻¹ X, n = {n}, {count} columns: {error:e}");
            }
        }
        for n in [1, 7, 40, 128, 129, 300] {
            let (l, rising) = (lower(n), Mat::from_fn(n, n, |i, _| f64::of_count(i)));
            let mut squares = vec![0.0; n.min(BLOCK)];
            let kernel = Squares {
                factor: Factor {
                    l: l.as_ref(),
                    deviation: 2.0,
                },
                lower: &OfEntries {
                    matrices: [rising.as_ref()],
                    of: |[x]: [f64; 1]| x,
                },
                with_diagonal: false,
                first: 0,
                panels: &mut vec![0.0; 1 << 16],
                strips: &mut vec![0.0; 1 << 18],
                out: &mut squares,
            };
            kernel.run::<S, R>(&simd);
            let mut solved = triangle(&rising);
            let l = triangle(&l);
            faer::linalg::triangular_solve::solve_lower_triangular_in_place(
                l.as_ref(),
                solved.as_mut(),
                faer::Par::Seq,
            );
            for (j, &found) in squares.iter().enumerate() {
                let expected: f64 = (j + 1..n).map(|i| solved[(i, j)].powi(2) / 4.0).sum();
                assert!((found - expected).abs() <= 1e-12 * expected, "n = {n}, {j}");
            }
        }
    }

    #[test]
    fn registers_of_every_width_do_the_same() {
        kernels_keep_to_the_definitions::<_, 2>(pulp::Scalar::new());
        kernels_keep_to_the_definitions::<_, 4>(pulp::Scalar128b);
        kernels_keep_to_the_definitions::<_, 4>(pulp::Scalar256b);
        kernels_keep_to_the_definitions::<_, 8>(pulp::Scalar512b);
    }

    #[test]
    fn registers_of_this_processor_do_so_too() {
        struct Here;
        impl pulp::WithSimd for Here {
            type Output = ();
            fn with_simd<S: Simd>(self, simd: S) {
                if width::<f64, S>() >= 8 {
                    kernels_keep_to_the_definitions::<S, 8>(simd);
                }
                if width::<f64, S>() >= 4 {
                    kernels_keep_to_the_definitions::<S, 4>(simd);
                }
            }
        }
        pulp::Arch::new().dispatch(Here);
    }
}
