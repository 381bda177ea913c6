//! Quadratic forms in few coordinates, where setting up a blocked solve would take longer
//! than the arithmetic: one point on the stack, many points side by side in registers.

use faer::{ColRef, MatRef};

use crate::columns::contiguous;
use crate::{Error, Scalar, Workspace, parallel};

/// The most coordinates that are served here.
pub(super) const FEW: usize = 64;

/// Points that are solved side by side.
const LANES: usize = 32;

/// Up to so many points are solved one by one.
const SINGLE: usize = 4;

/// `out_j = ‖L⁻¹ (x_j - center)‖²` for an `l` of at most [`FEW`] rows.
pub(super) fn forms_into<T: Scalar>(
    l: MatRef<'_, T>,
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let n = l.nrows();
    if out.len() <= SINGLE {
        for (j, form) in out.iter_mut().enumerate() {
            let point = points.col(j);
            *form = match n {
                0..=8 => single::<T, 8>(l, point, center),
                9..=16 => single::<T, 16>(l, point, center),
                _ => pulp::Arch::new().dispatch(Single { l, point, center }),
            };
        }
        return Ok(());
    }
    workspace.with_any(n, n, |rows, _| {
        for i in 0..n {
            for j in 0..i {
                rows[i * n + j] = l[(i, j)];
            }
            rows[i * n + i] = T::one() / l[(i, i)];
        }
        let mut origin = [T::zero(); FEW];
        if let Some(center) = center {
            load(center, &mut origin);
        }
        batch_into(rows, points, &origin[..n], out);
        Ok(())
    })
}

/// The forms of many points, of which threads may take groups of [`LANES`].
fn batch_into<T: Scalar>(rows: &[T], points: MatRef<'_, T>, center: &[T], out: &mut [T]) {
    let (n, count) = (points.nrows(), out.len());
    // Few coordinates are farther from the speed of a matrix product.
    let operations = (4 * n * (n + 20)).saturating_mul(count);
    if count > LANES && parallel::pays(operations) {
        let half = (count / 2).next_multiple_of(LANES);
        let (left, right) = out.split_at_mut(half);
        let (before, after) = points.split_at_col(half);
        parallel::join(
            operations,
            || batch_into(rows, before, center, left),
            || batch_into(rows, after, center, right),
        );
        return;
    }
    batch_alone(Batch {
        rows,
        points,
        center,
        out,
    });
}

#[inline(never)] // What recurses should not have its points on the stack.
fn batch_alone<T: Scalar>(batch: Batch<'_, T>) {
    pulp::Arch::new().dispatch(batch);
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
        single::<T, FEW>(self.l, self.point, self.center)
    }
}

/// Many points: row by row of `L`, whose diagonal is inverted.
struct Batch<'a, T: Scalar> {
    rows: &'a [T],
    points: MatRef<'a, T>,
    center: &'a [T],
    out: &'a mut [T],
}

impl<T: Scalar> pulp::NullaryFnOnce for Batch<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let n = self.points.nrows();
        let mut x = [[T::zero(); LANES]; FEW];
        let x = &mut x[..n];
        for (group, out) in self.out.chunks_mut(LANES).enumerate() {
            for k in 0..out.len() {
                let point = self.points.col(group * LANES + k);
                match point.try_as_col_major() {
                    Some(contiguous) => set_lane(x, k, contiguous.as_slice()),
                    None => set_lane(x, k, point.iter()),
                }
            }
            for (lanes, &c) in x.iter_mut().zip(self.center) {
                for value in lanes {
                    *value -= c;
                }
            }
            let mut forms = [T::zero(); LANES];
            for (i, row) in self.rows.chunks_exact(n.max(1)).enumerate() {
                let (done, rest) = x.split_at_mut(i);
                let mut white = rest[0];
                for (known, &entry) in done.iter().zip(row) {
                    for k in 0..LANES {
                        white[k] -= entry * known[k];
                    }
                }
                for k in 0..LANES {
                    white[k] *= row[i];
                    forms[k] += white[k] * white[k];
                }
                rest[0] = white;
            }
            out.copy_from_slice(&forms[..out.len()]);
        }
    }
}

#[inline(always)]
fn set_lane<'a, T: Scalar>(x: &mut [[T; LANES]], k: usize, point: impl IntoIterator<Item = &'a T>) {
    for (lanes, &value) in x.iter_mut().zip(point) {
        lanes[k] = value;
    }
}
