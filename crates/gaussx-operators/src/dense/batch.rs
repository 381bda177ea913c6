//! Quadratic forms of many points: a coordinate of each is a lane of a pair of registers.

use faer::{ColRef, MatRef};
use pulp::{Simd, bytemuck};

use crate::columns::contiguous;
use crate::fused::is_fused;
use crate::{Scalar, Workspace, parallel};

/// The most coordinates that are served here.
pub(super) const MOST: usize = 256;

/// Threads take multiples of this: no processor has more points in a pair of registers.
const GROUP: usize = 32;

/// Points that are put into their lanes together.
const LOADED: usize = 4;

/// Whether `count` points of `n` coordinates are worth the copy of the factor that this
/// takes: above 64 coordinates fewer than `n / 6` points are solved sooner in panels. Not
/// where the processor has no fused multiply-add.
pub(super) fn pays(n: usize, count: usize) -> bool {
    n <= MOST.min(64.max(6 * count)) && is_fused()
}

/// `out_j = ‖L⁻¹ (x_j - center)‖²` for an `l` of at most [`MOST`] rows; `false` where there
/// is no memory for a copy of `l`.
pub(super) fn forms_into<T: Scalar>(
    l: MatRef<'_, T>,
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> bool {
    debug_assert!(l.nrows() <= MOST, "rows beyond the last would be left out");
    match l.nrows() {
        0..=4 => forms_within::<T, 4, 4>(l, points, center, out, workspace),
        5..=64 => forms_within::<T, 64, 8>(l, points, center, out, workspace),
        _ => forms_within::<T, MOST, 8>(l, points, center, out, workspace),
    }
}

/// At most `N` coordinates, `ROWS` of which are solved for at a time.
fn forms_within<T: Scalar, const N: usize, const ROWS: usize>(
    l: MatRef<'_, T>,
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> bool {
    let m = l.nrows().next_multiple_of(ROWS);
    let solved = workspace.with_any(m * (m + ROWS) / 2, 1, |scratch, _| {
        let panels = scratch.as_chunks_mut::<ROWS>().0;
        pack(l, panels);
        share(
            Batch::<T, N, ROWS> {
                panels,
                points,
                center,
            },
            out,
        );
        Ok(())
    });
    solved.is_ok()
}

/// Rows of `l` in panels, each as columns of `ROWS` entries up to its last diagonal one;
/// diagonal entries inverted, and what is missing filled up with the identity.
fn pack<T: Scalar, const ROWS: usize>(l: MatRef<'_, T>, panels: &mut [[T; ROWS]]) {
    let n = l.nrows();
    let mut rest = panels;
    for first in (0..n).step_by(ROWS) {
        let (panel, after) = rest.split_at_mut(first + ROWS);
        rest = after;
        for (j, entries) in panel.iter_mut().enumerate() {
            *entries = [T::zero(); ROWS];
            if j < n {
                let from = &contiguous(l.col(j))[first.max(j)..];
                let to = &mut entries[j.saturating_sub(first)..];
                let count = to.len().min(from.len());
                to[..count].copy_from_slice(&from[..count]);
            }
            if j >= first {
                let pivot = &mut entries[j - first];
                *pivot = if j < n { T::one() / *pivot } else { T::one() };
            }
        }
    }
}

/// The forms of points of which threads may take groups.
fn share<T: Scalar, const N: usize, const ROWS: usize>(
    batch: Batch<'_, T, N, ROWS>,
    out: &mut [T],
) {
    let (n, count) = (batch.points.nrows(), out.len());
    // Few coordinates are farther from the speed of a matrix product.
    let operations = (n * (n + 24) + 200).saturating_mul(count);
    if count > GROUP && parallel::pays(operations) {
        let half = (count / 2).next_multiple_of(GROUP);
        let (left, right) = out.split_at_mut(half);
        let (before, after) = batch.points.split_at_col(half);
        let with_points = |points| Batch { points, ..batch };
        parallel::join(
            operations,
            || share(with_points(before), left),
            || share(with_points(after), right),
        );
        return;
    }
    alone(batch, out);
}

#[inline(never)] // What recurses should not have its points on the stack.
fn alone<T: Scalar, const N: usize, const ROWS: usize>(
    batch: Batch<'_, T, N, ROWS>,
    out: &mut [T],
) {
    pulp::Arch::new().dispatch(Solve { batch, out });
}

#[derive(Clone, Copy)]
struct Batch<'a, T: Scalar, const N: usize, const ROWS: usize> {
    /// What [`pack`] writes.
    panels: &'a [[T; ROWS]],
    points: MatRef<'a, T>,
    center: Option<ColRef<'a, T>>,
}

struct Solve<'a, T: Scalar, const N: usize, const ROWS: usize> {
    batch: Batch<'a, T, N, ROWS>,
    out: &'a mut [T],
}

/// On lines of the cache of its own.
#[repr(align(64))]
struct Aligned<T>(T);

impl<T: Scalar, const N: usize, const ROWS: usize> pulp::WithSimd for Solve<'_, T, N, ROWS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let context = T::simd_ctx(simd);
        let Batch {
            panels,
            points,
            center,
        } = self.batch;
        let zero = T::simd_splat(&context, &T::zero());
        let mut x = Aligned([[zero; 2]; N]);
        let x = &mut x.0;
        let width = size_of_val(&x[0]) / size_of::<T>();
        for (group, out) in self.out.chunks_mut(width).enumerate() {
            let points = points.subcols(group * width, out.len());
            load(points, bytemuck::cast_slice_mut(x), width);
            if let Some(center) = center {
                for (i, coordinate) in x.iter_mut().take(points.nrows()).enumerate() {
                    let c = T::simd_splat(&context, &center[i]);
                    for value in coordinate {
                        *value = T::simd_sub(&context, *value, c);
                    }
                }
            }
            let forms = solve::<T, S, ROWS>(&context, points.nrows(), panels, x);
            out.copy_from_slice(&bytemuck::cast_slice(&forms)[..out.len()]);
        }
    }
}

/// Solves for a group of points, which are lost, and sums the squares.
#[inline(always)]
fn solve<T: Scalar, S: Simd, const ROWS: usize>(
    context: &T::SimdCtx<S>,
    n: usize,
    mut panels: &[[T; ROWS]],
    x: &mut [[T::SimdVec<S>; 2]],
) -> [T::SimdVec<S>; 2] {
    let zero = T::simd_splat(context, &T::zero());
    let mut forms = [zero; 2];
    let (groups, _) = x.as_chunks_mut::<ROWS>();
    for p in 0..groups.len() {
        let (solved, rest) = groups.split_at_mut(p);
        let solved = solved.as_flattened();
        let Some((panel, after)) = panels.split_at_checked(solved.len() + ROWS) else {
            break;
        };
        panels = after;
        rest[0] = whiten::<T, S, ROWS>(context, panel, solved, rest[0]);
        let mut squares = [zero; 2];
        for value in rest[0].iter().take(n - solved.len()) {
            for h in 0..2 {
                squares[h] = T::simd_mul_add(context, value[h], value[h], squares[h]);
            }
        }
        for h in 0..2 {
            forms[h] = T::simd_add(context, forms[h], squares[h]);
        }
    }
    forms
}

/// Solves for the coordinates of a panel, those before them being solved for.
#[inline(always)]
fn whiten<T: Scalar, S: Simd, const ROWS: usize>(
    context: &T::SimdCtx<S>,
    panel: &[[T; ROWS]],
    solved: &[[T::SimdVec<S>; 2]],
    mut white: [[T::SimdVec<S>; 2]; ROWS],
) -> [[T::SimdVec<S>; 2]; ROWS] {
    let splat = |value: T| T::simd_splat(context, &value);
    let (before, corner) = panel.split_at(solved.len());
    for (entries, known) in before.iter().zip(solved) {
        for r in 0..ROWS {
            let by = splat(-entries[r]);
            for h in 0..2 {
                white[r][h] = T::simd_mul_add(context, by, known[h], white[r][h]);
            }
        }
    }
    for r in 0..ROWS {
        for s in 0..r {
            let by = splat(-corner[s][r]);
            for h in 0..2 {
                white[r][h] = T::simd_mul_add(context, by, white[s][h], white[r][h]);
            }
        }
        let by = splat(corner[r][r]);
        for h in 0..2 {
            white[r][h] = T::simd_mul(context, by, white[r][h]);
        }
    }
    white
}

/// Point `k` into lane `k` of each coordinate, which has `width` of them.
#[inline(always)]
fn load<T: Scalar>(points: MatRef<'_, T>, lanes: &mut [T], width: usize) {
    let (n, count) = points.shape();
    let mut k = 0;
    if points.row_stride() == 1 {
        while k + LOADED <= count {
            let mut columns = [&[][..]; LOADED];
            for (q, column) in columns.iter_mut().enumerate() {
                *column = contiguous(points.col(k + q));
            }
            for (i, row) in lanes.chunks_exact_mut(width).enumerate().take(n) {
                if let Some(to) = row[k..].first_chunk_mut::<LOADED>() {
                    for q in 0..LOADED {
                        to[q] = columns[q][i];
                    }
                }
            }
            k += LOADED;
        }
    }
    for k in k..count {
        for (row, &value) in lanes[k..].chunks_mut(width).zip(points.col(k).iter()) {
            row[0] = value;
        }
    }
}
