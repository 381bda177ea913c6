//! Quadratic forms in few coordinates, where setting up a blocked solve would take longer
//! than the arithmetic: one point on the stack, many points side by side in registers.

use faer::{ColRef, MatMut, MatRef};

use crate::{Error, Scalar, Workspace};

/// The most coordinates that are served here.
pub(super) const FEW: usize = 64;

/// Points that are solved side by side.
const LANES: usize = 32;

/// Up to so many points are solved one by one.
const SINGLE: usize = 4;

/// `out_j = ‖L⁻¹ (x_j - center)‖²` for an `l` of at most [`FEW`] rows; what is not contiguous
/// is copied, so that strides change no bit.
pub(super) fn forms_into<T: Scalar>(
    l: MatRef<'_, T>,
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let (n, count) = (l.nrows(), out.len());
    let center_slice = center.map_or(Some([].as_slice()), |c| {
        Some(c.try_as_col_major()?.as_slice())
    });
    if let (1, Some(center)) = (points.row_stride(), center_slice) {
        return of_contiguous(l, points, center, out, workspace);
    }
    workspace.with_any(n, count + 1, |copy, workspace| {
        let (copied, origin) = copy.split_at_mut(n * count);
        let mut panel = MatMut::from_column_major_slice_mut(copied, n, count);
        panel.copy_from(points);
        for (i, value) in origin.iter_mut().enumerate() {
            *value = center.map_or(T::zero(), |c| c[i]);
        }
        of_contiguous(l, panel.as_ref(), origin, out, workspace)
    })
}

fn of_contiguous<T: Scalar>(
    l: MatRef<'_, T>,
    points: MatRef<'_, T>,
    center: &[T],
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let n = l.nrows();
    if out.len() <= SINGLE {
        for (j, form) in out.iter_mut().enumerate() {
            let point = column(points, j);
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
        pulp::Arch::new().dispatch(Batch {
            rows,
            points,
            center,
            out,
        });
        Ok(())
    })
}

/// Column `j` of a matrix whose columns are contiguous.
#[inline(always)]
fn column<T: Scalar>(a: MatRef<'_, T>, j: usize) -> &[T] {
    match a.col(j).try_as_col_major() {
        Some(contiguous) => contiguous.as_slice(),
        None => unreachable!("the caller has asked for contiguous columns"),
    }
}

/// Column by column, on the stack.
#[inline(always)]
fn single<T: Scalar, const N: usize>(l: MatRef<'_, T>, point: &[T], center: &[T]) -> T {
    let n = l.nrows();
    let mut x = [T::zero(); N];
    let x = &mut x[..n];
    x.copy_from_slice(point);
    for (value, &c) in x.iter_mut().zip(center) {
        *value -= c;
    }
    let mut form = T::zero();
    for j in 0..n {
        let entries = column(l, j);
        let (white, rest) = x[j..].split_at_mut(1);
        let value = white[0] / entries[j];
        form += value * value;
        for (other, &entry) in rest.iter_mut().zip(&entries[j + 1..]) {
            *other -= entry * value;
        }
    }
    form
}

struct Single<'a, T: Scalar> {
    l: MatRef<'a, T>,
    point: &'a [T],
    center: &'a [T],
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
                let point = column(self.points, group * LANES + k);
                for (lanes, &value) in x.iter_mut().zip(point) {
                    lanes[k] = value;
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
