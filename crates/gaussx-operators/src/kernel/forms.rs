//! Quadratic forms of many points.

use faer::{ColRef, MatRef};
use pulp::{Simd, bytemuck};

use super::half_solve::{half_solve_strips, solve_corner, together};
use super::panels::{self, entries_of_mut, pack_corner};
use super::tile::add_squares;
use super::{ALIGNMENT, BLOCK, Factor, Kernel, Shape, TOGETHER, dispatch, rows_of, strips, width};
use crate::{Error, Scalar, Workspace, parallel};

/// `out_j = ‖L⁻¹ (x_j - center)‖²`.
pub(crate) fn forms_into<T: Scalar>(
    factor: Factor<'_, T>,
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let (n, count) = (points.nrows(), out.len());
    // Few coordinates are farther from the speed of a matrix product.
    let operations = (n * (n + 24) + 200).saturating_mul(count);
    // Threads take multiples of this.
    let share = if n <= BLOCK { TOGETHER / 8 } else { TOGETHER };
    if count > share && parallel::pays(operations) {
        let half = (count / 2).next_multiple_of(share);
        let (left, right) = out.split_at_mut(half);
        let (before, after) = points.split_at_col(half);
        return workspace.join(
            operations,
            |workspace| forms_into(factor, before, center, left, workspace),
            |workspace| forms_into(factor, after, center, right, workspace),
        );
    }
    let Shape { width, rows } = Shape::of::<T>();
    let panels = panels::numbers_for::<T>(n, rows);
    let strips = n.next_multiple_of(rows) * together(n, count, width) + ALIGNMENT;
    workspace.with_some(panels + strips, |scratch, _| {
        let (panels, strips) = scratch.split_at_mut(panels);
        dispatch(Forms {
            factor,
            points,
            center,
            panels,
            strips,
            out,
        });
    })
}

struct Forms<'a, T: Scalar> {
    factor: Factor<'a, T>,
    points: MatRef<'a, T>,
    center: Option<ColRef<'a, T>>,
    panels: &'a mut [T],
    strips: &'a mut [T],
    out: &'a mut [T],
}

impl<T: Scalar> Kernel<T> for Forms<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, simd: &T::SimdCtx<S>) {
        let Self {
            factor,
            points,
            center,
            panels,
            strips,
            out,
        } = self;
        let (n, width) = (points.nrows(), width::<T, S>());
        let rows = n.next_multiple_of(R);
        let panels = entries_of_mut::<T, R>(panels);
        let strips = rows_of::<T, S>(strips);
        if n <= BLOCK {
            pack_corner(factor, panels);
        }
        let together = together(n, out.len(), width);
        for (group, out) in out.chunks_mut(together).enumerate() {
            let first = group * together;
            let strips = &mut strips[..out.len().div_ceil(width) * rows];
            for (s, strip) in strips.chunks_exact_mut(rows).enumerate() {
                strips::load::<T, S>(
                    bytemuck::cast_slice_mut(strip.as_flattened_mut()),
                    points,
                    first + s * width,
                );
                if let Some(center) = center {
                    for (row, c) in strip.iter_mut().zip(center.iter()) {
                        let c = T::simd_splat(simd, c);
                        *row = row.map(|value| T::simd_sub(simd, value, c));
                    }
                }
            }
            if n <= BLOCK {
                solve_corner::<T, S, R>(simd, panels, 0, strips);
            } else {
                half_solve_strips::<T, S, R>(simd, factor, strips, panels, |_| 0..n);
            }
            for (strip, out) in strips.chunks_exact(rows).zip(out.chunks_mut(width)) {
                let mut forms = [T::simd_splat(simd, &T::zero()); 2];
                for tile in strip.chunks_exact(R) {
                    add_squares::<T, S>(simd, &mut forms, tile);
                }
                out.copy_from_slice(&bytemuck::cast_slice(&forms)[..out.len()]);
            }
        }
    }
}
