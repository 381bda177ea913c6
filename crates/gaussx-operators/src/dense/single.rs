//! Quadratic forms in few coordinates, where setting up a blocked solve would take longer
//! than the arithmetic: point by point, on the stack.

use faer::{ColRef, MatRef};

use crate::Scalar;
use crate::columns::contiguous;

/// The most coordinates that are served here.
pub(super) const MOST: usize = 64;

/// Up to so many points are taken one by one.
const ONE_BY_ONE: usize = 4;

/// Whether `count` points of `n` coordinates are too few to be solved side by side.
pub(super) fn pays(n: usize, count: usize) -> bool {
    n <= MOST && count <= ONE_BY_ONE
}

/// `out_j = ‖L⁻¹ (x_j - center)‖²` for an `l` of at most [`MOST`] rows.
pub(super) fn forms_into<T: Scalar>(
    l: MatRef<'_, T>,
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
) {
    for (j, form) in out.iter_mut().enumerate() {
        let point = points.col(j);
        *form = match l.nrows() {
            0..=8 => single::<T, 8>(l, point, center),
            9..=16 => single::<T, 16>(l, point, center),
            _ => pulp::Arch::new().dispatch(Single { l, point, center }),
        };
    }
}

/// The entries of a column, whatever its stride.
#[inline(always)]
fn load<T: Scalar>(column: ColRef<'_, T>, into: &mut [T]) {
    match column.try_as_col_major() {
        Some(contiguous) => into[..column.nrows()].copy_from_slice(contiguous.as_slice()),
        None => {
            for (value, &entry) in into.iter_mut().zip(column.iter()) {
                *value = entry;
            }
        }
    }
}

/// Column by column, on the stack.
#[inline(always)]
fn single<T: Scalar, const N: usize>(
    l: MatRef<'_, T>,
    point: ColRef<'_, T>,
    center: Option<ColRef<'_, T>>,
) -> T {
    let n = l.nrows();
    let mut x = [T::zero(); N];
    let x = &mut x[..n];
    load(point, x);
    if let Some(center) = center {
        match center.try_as_col_major() {
            Some(contiguous) => subtract(x, contiguous.as_slice()),
            None => subtract(x, center.iter()),
        }
    }
    let mut form = T::zero();
    for j in 0..n {
        let entries = contiguous(l.col(j));
        let (white, rest) = x[j..].split_at_mut(1);
        let value = white[0] / entries[j];
        form += value * value;
        for (other, &entry) in rest.iter_mut().zip(&entries[j + 1..]) {
            *other -= entry * value;
        }
    }
    form
}

#[inline(always)]
fn subtract<'a, T: Scalar>(x: &mut [T], center: impl IntoIterator<Item = &'a T>) {
    for (value, &c) in x.iter_mut().zip(center) {
        *value -= c;
    }
}

struct Single<'a, T: Scalar> {
    l: MatRef<'a, T>,
    point: ColRef<'a, T>,
    center: Option<ColRef<'a, T>>,
}

impl<T: Scalar> pulp::NullaryFnOnce for Single<'_, T> {
    type Output = T;

    #[inline(always)]
    fn call(self) -> T {
        single::<T, MOST>(self.l, self.point, self.center)
    }
}
