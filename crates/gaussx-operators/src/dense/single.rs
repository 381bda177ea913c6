//! Quadratic forms in few coordinates, where setting up a blocked solve would take longer
//! than the arithmetic: point by point, on the stack.

use faer::{ColRef, MatRef};
use pulp::NullaryFnOnce;

use super::triangular::half_solve;
use crate::Scalar;
use crate::columns::{as_slice, columns_of, contiguous, numbers_within};
use crate::fused::{is_fused, mul_add};
use crate::sum::sum_of_squares;

/// The most coordinates that are served here.
pub(super) const MOST: usize = 64;

/// Up to so many coordinates columns have a known length.
const SHORT: usize = 16;

/// Whether `count` points of `n` coordinates are too few to be solved side by side.
pub(super) fn pays(n: usize, count: usize) -> bool {
    let one_by_one = if n <= SHORT { 4 } else { 2 };
    n <= MOST && count <= one_by_one
}

/// `out_j = ‖L⁻¹ (x_j - center)‖²` for an `l` of at most [`MOST`] rows.
pub(super) fn forms_into<T: Scalar>(
    l: MatRef<'_, T>,
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
) {
    let forms = Forms {
        l,
        points,
        center,
        out,
    };
    let arch = pulp::Arch::new();
    match l.nrows() {
        0..=2 => arch.dispatch(Within::<T, 2>(forms)),
        3 => arch.dispatch(Within::<T, 3>(forms)),
        4 => arch.dispatch(Within::<T, 4>(forms)),
        5 => arch.dispatch(Within::<T, 5>(forms)),
        6 => arch.dispatch(Within::<T, 6>(forms)),
        7 => arch.dispatch(Within::<T, 7>(forms)),
        8 => arch.dispatch(Within::<T, 8>(forms)),
        // Wide registers would be set up for loops too short to fill them.
        9..=15 => Within::<T, 16>(forms).call(),
        16 => arch.dispatch(Within::<T, 16>(forms)),
        _ => of_vectors(l, points, center, forms.out),
    }
}

struct Forms<'a, T: Scalar> {
    l: MatRef<'a, T>,
    points: MatRef<'a, T>,
    center: Option<ColRef<'a, T>>,
    out: &'a mut [T],
}

/// A point without the center, filled up with zeros.
#[inline(always)]
fn residual<T: Scalar, const N: usize>(
    point: ColRef<'_, T>,
    center: Option<ColRef<'_, T>>,
) -> [T; N] {
    let mut x = numbers_of::<T, N>(point);
    if let Some(center) = center {
        let center = numbers_of::<T, N>(center);
        for i in 0..N {
            x[i] -= center[i];
        }
    }
    x
}

/// At most `N` numbers, filled up with zeros.
#[inline(always)]
fn numbers_of<T: Scalar, const N: usize>(column: ColRef<'_, T>) -> [T; N] {
    if let Some(column) = as_slice(column) {
        return numbers_within(column);
    }
    let mut numbers = [T::zero(); N];
    for (to, &number) in numbers.iter_mut().zip(column.iter()) {
        *to = number;
    }
    numbers
}

/// Forms in more coordinates than a few.
#[inline(never)] // What serves the fewest should not set up a stack for the others.
fn of_vectors<T: Scalar>(
    l: MatRef<'_, T>,
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
) {
    for (j, form) in out.iter_mut().enumerate() {
        let mut x = residual::<T, MOST>(points.col(j), center);
        let x = &mut x[..l.nrows()];
        half_solve(l, x);
        *form = sum_of_squares(x);
    }
}

/// Forms in at most `N` coordinates, which are few.
struct Within<'a, T: Scalar, const N: usize>(Forms<'a, T>);

impl<T: Scalar, const N: usize> NullaryFnOnce for Within<'_, T, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Forms {
            l,
            points,
            center,
            out,
        } = self.0;
        for (j, form) in out.iter_mut().enumerate() {
            let x = || residual::<T, N>(points.col(j), center);
            if is_fused()
                && let Some(columns) = columns_of(l)
            {
                *form = by_whole_columns(&columns, &mut x());
                // A quotient of entries may overflow where no result does.
                if form.is_finite() {
                    continue;
                }
            }
            *form = below_the_diagonal(l, &mut x());
        }
    }
}

/// `‖L⁻¹ x‖²` by columns of known length, fused. Rows are divided by their pivots beforehand,
/// so that no step waits for a division; what is above the diagonal changes only entries of `x`
/// that are not needed any more.
#[inline(always)]
pub(crate) fn by_whole_columns<T: Scalar, const N: usize>(l: &[&[T; N]; N], x: &mut [T; N]) -> T {
    let mut reciprocals = [T::zero(); N];
    for i in 0..N {
        reciprocals[i] = T::one() / l[i][i];
    }
    for i in 0..N {
        x[i] *= reciprocals[i];
    }
    let mut form = T::zero();
    for j in 0..N {
        let white = x[j];
        form += white * white;
        for i in 0..N {
            x[i] = mul_add(-(l[j][i] * reciprocals[i]), white, x[i]);
        }
    }
    form
}

/// `‖L⁻¹ x‖²` by what is on and below the diagonal of `l`.
#[inline(always)]
fn below_the_diagonal<T: Scalar>(l: MatRef<'_, T>, x: &mut [T]) -> T {
    let n = l.nrows();
    let mut form = T::zero();
    for j in 0..n {
        let entries = contiguous(l.col(j));
        let (white, rest) = x[j..n].split_at_mut(1);
        let value = white[0] / entries[j];
        form += value * value;
        for (other, &entry) in rest.iter_mut().zip(&entries[j + 1..]) {
            *other -= entry * value;
        }
    }
    form
}
