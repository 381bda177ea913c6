//! Half-solves for one column, which take as long as reading the factor: eight of its columns
//! meet the rest of the vector in one pass.

use faer::MatRef;
use pulp::NullaryFnOnce;

use crate::Scalar;
use crate::columns::contiguous;
use crate::fused::{is_fused, multiply_add};

/// Columns of the factor that go together.
const WIDTH: usize = 8;

/// `x ← L⁻¹ x`, for an `L` whose columns are contiguous.
pub(in crate::dense) fn half_solve<T: Scalar>(l: MatRef<'_, T>, x: &mut [T]) {
    if is_fused() {
        pulp::Arch::new().dispatch(HalfSolve::<T, true> { l, x });
    } else {
        HalfSolve::<T, false> { l, x }.call();
    }
}

/// `x ← L⁻ᵀ x`, for an `L` whose columns are contiguous.
pub(super) fn half_solve_transpose<T: Scalar>(l: MatRef<'_, T>, x: &mut [T]) {
    if is_fused() {
        pulp::Arch::new().dispatch(HalfSolveTranspose::<T, true> { l, x });
    } else {
        HalfSolveTranspose::<T, false> { l, x }.call();
    }
}

struct HalfSolve<'a, T: Scalar, const FUSED: bool> {
    l: MatRef<'a, T>,
    x: &'a mut [T],
}

impl<T: Scalar, const FUSED: bool> NullaryFnOnce for HalfSolve<'_, T, FUSED> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { l, x } = self;
        let mut first = 0;
        while let Some((white, rest)) = x[first..].split_first_chunk_mut() {
            let columns = Columns::of(l, first, rest.len());
            columns.solve::<FUSED>(white);
            let white = *white;
            for (i, value) in rest.iter_mut().enumerate() {
                for k in 0..WIDTH {
                    *value = multiply_add::<T, FUSED>(-columns.below[k][i], white[k], *value);
                }
            }
            first += WIDTH;
        }
        for j in first..x.len() {
            let entries = contiguous(l.col(j));
            x[j] /= entries[j];
            for i in j + 1..x.len() {
                x[i] = multiply_add::<T, FUSED>(-entries[i], x[j], x[i]);
            }
        }
    }
}

struct HalfSolveTranspose<'a, T: Scalar, const FUSED: bool> {
    l: MatRef<'a, T>,
    x: &'a mut [T],
}

impl<T: Scalar, const FUSED: bool> NullaryFnOnce for HalfSolveTranspose<'_, T, FUSED> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { l, x } = self;
        let whole = x.len() / WIDTH * WIDTH;
        for j in (whole..x.len()).rev() {
            let entries = contiguous(l.col(j));
            for i in j + 1..x.len() {
                x[j] = multiply_add::<T, FUSED>(-entries[i], x[i], x[j]);
            }
            x[j] /= entries[j];
        }
        for first in (0..whole).step_by(WIDTH).rev() {
            if let Some((white, rest)) = x[first..].split_first_chunk_mut() {
                let columns = Columns::of(l, first, rest.len());
                columns.subtract_products::<FUSED>(rest, white);
                columns.solve_transpose::<FUSED>(white);
            }
        }
    }
}

/// Some columns of a factor, from the row of the first pivot on.
struct Columns<'a, T> {
    /// What is above the diagonal is not used.
    corner: [[T; WIDTH]; WIDTH],
    below: [&'a [T]; WIDTH],
}

impl<'a, T: Scalar> Columns<'a, T> {
    #[inline(always)]
    fn of(l: MatRef<'a, T>, first: usize, rest: usize) -> Self {
        let mut columns = Self {
            corner: [[T::zero(); WIDTH]; WIDTH],
            below: [&[]; WIDTH],
        };
        for k in 0..WIDTH {
            let column = &contiguous(l.col(first + k))[first..];
            debug_assert!(column.len() >= WIDTH + rest, "columns are of one length");
            if let Some((corner, below)) = column.split_first_chunk() {
                columns.corner[k] = *corner;
                columns.below[k] = &below[..rest];
            }
        }
        columns
    }

    /// So that no step of a solve waits for a division.
    #[inline(always)]
    fn reciprocals(&self) -> [T; WIDTH] {
        let mut reciprocals = [T::zero(); WIDTH];
        for k in 0..WIDTH {
            reciprocals[k] = T::one() / self.corner[k][k];
        }
        reciprocals
    }

    #[inline(always)]
    fn solve<const FUSED: bool>(&self, x: &mut [T; WIDTH]) {
        let reciprocals = self.reciprocals();
        for j in 0..WIDTH {
            x[j] *= reciprocals[j];
            for i in j + 1..WIDTH {
                x[i] = multiply_add::<T, FUSED>(-self.corner[j][i], x[j], x[i]);
            }
        }
    }

    #[inline(always)]
    fn solve_transpose<const FUSED: bool>(&self, x: &mut [T; WIDTH]) {
        let reciprocals = self.reciprocals();
        for i in (0..WIDTH).rev() {
            x[i] *= reciprocals[i];
            for j in 0..i {
                x[j] = multiply_add::<T, FUSED>(-self.corner[j][i], x[i], x[j]);
            }
        }
    }

    /// Takes the product of what is below the corner, transposed, and `rest` from `x`.
    #[inline(always)]
    fn subtract_products<const FUSED: bool>(&self, rest: &[T], x: &mut [T; WIDTH]) {
        let (eights, last) = rest.as_chunks::<WIDTH>();
        for half in [0, 4] {
            let [a, b, c, d] = [0, 1, 2, 3].map(|k| {
                let (entries, _) = self.below[half + k].as_chunks::<WIDTH>();
                &entries[..eights.len()]
            });
            let mut products = [[T::zero(); WIDTH]; 4];
            for (i, eight) in eights.iter().enumerate() {
                for lane in 0..WIDTH {
                    let x = eight[lane];
                    products[0][lane] = multiply_add::<T, FUSED>(a[i][lane], x, products[0][lane]);
                    products[1][lane] = multiply_add::<T, FUSED>(b[i][lane], x, products[1][lane]);
                    products[2][lane] = multiply_add::<T, FUSED>(c[i][lane], x, products[2][lane]);
                    products[3][lane] = multiply_add::<T, FUSED>(d[i][lane], x, products[3][lane]);
                }
            }
            for k in 0..4 {
                x[half + k] -= products[k].iter().fold(T::zero(), |sum, &p| sum + p);
            }
        }
        for k in 0..WIDTH {
            let (_, entries) = self.below[k].as_chunks::<WIDTH>();
            for (&entry, &value) in entries.iter().zip(last) {
                x[k] = multiply_add::<T, FUSED>(-entry, value, x[k]);
            }
        }
    }
}
