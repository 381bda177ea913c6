//! Pairs of small blocks, dense or a piece of a diagonal, side by side: the forms of
//! [`small`](super::small) for sixteen pairs at once.

use super::part::{Part, Variances};
use super::{Form, near};
use crate::Scalar;
use crate::blocks::Blocks;
use crate::fused::{is_fused, mul_add, sqrt};
use crate::lanes::{LANES, Lanes, MOST, Matrices, forms};
use crate::special::{deviation_divergence_or_nan, is_near_one, x_minus_ln_1p_or_nan};

/// A side of some pairs.
#[derive(Clone, Copy)]
pub(super) enum Side<'a, T: Scalar> {
    /// A covariance and its blocks.
    Blocks(Part<'a, T>, &'a dyn Blocks<T>),
    Diagonal(Variances<'a, T>),
}

/// The pairs `first ..`, of `size` coordinates each, which begin at coordinate `start`.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) first: usize,
    pub(super) start: usize,
    pub(super) size: usize,
}

impl<T: Scalar> Side<'_, T> {
    /// Puts the factors of `count` blocks into the lanes, on and below the diagonal; `false` where
    /// they are not all dense and of the size that they should have.
    #[inline(always)]
    fn factors_into<const N: usize>(
        self,
        place: Place,
        count: usize,
        into: &mut Matrices<T, N>,
    ) -> bool {
        match self {
            Self::Blocks(side, blocks) => (0..count).all(|lane| {
                let factor = blocks.block(place.first + lane).cholesky();
                match factor.scaled(side.factor.scale()).contiguous_dense() {
                    Some((l, deviation)) if l.nrows() == place.size => {
                        into.set_lower(lane, l, deviation);
                        true
                    }
                    _ => false,
                }
            }),
            Self::Diagonal(variances) => {
                *into = Matrices::zero();
                for lane in 0..count {
                    let start = place.start + lane * place.size;
                    for i in 0..place.size {
                        into.columns[i][i][lane] = sqrt(variances.at(start + i));
                    }
                }
                true
            }
        }
    }

    /// Adds `sign` times the lower triangle of one block to a lane; `false` where its entries
    /// are not known.
    #[inline(always)]
    fn add_entries<const N: usize>(
        self,
        sign: T,
        place: Place,
        lane: usize,
        to: &mut [[Lanes<T>; N]; N],
    ) -> bool {
        match self {
            Self::Blocks(side, blocks) => {
                let factor = blocks.block(place.first + lane).cholesky();
                let Some(entries) = factor.entries() else {
                    return false;
                };
                let scale = sign * (side.factor.scale() * factor.scale());
                for (i, row) in to[..place.size].iter_mut().enumerate() {
                    for (entry, &above) in row[..i].iter_mut().zip(entries.upper.col(i).iter()) {
                        entry[lane] += scale * above;
                    }
                    row[i][lane] += scale * entries.diag[i];
                }
            }
            Self::Diagonal(variances) => {
                let start = place.start + lane * place.size;
                for i in 0..place.size {
                    to[i][i][lane] += sign * variances.at(start + i);
                }
            }
        }
        true
    }
}

/// What `form` says of some pairs of one size, and the distance of `means` where there are any: NaN
/// where that must be found otherwise.
pub(super) fn fill<T: Scalar>(
    p: Side<'_, T>,
    q: Side<'_, T>,
    place: Place,
    form: Form<T>,
    means: Option<[&[T]; 2]>,
    out: &mut [T],
) {
    match place.size {
        2..=4 if is_fused() => fill_within::<T, 4>(p, q, place, form, means, out),
        5..=8 if is_fused() => fill_within::<T, 8>(p, q, place, form, means, out),
        9..=MOST if is_fused() => fill_within::<T, MOST>(p, q, place, form, means, out),
        _ => out.fill(T::nan()),
    }
}

#[inline(never)] // What recurses should not have its matrices on the stack.
fn fill_within<T: Scalar, const N: usize>(
    p: Side<'_, T>,
    q: Side<'_, T>,
    mut place: Place,
    form: Form<T>,
    means: Option<[&[T]; 2]>,
    out: &mut [T],
) {
    let (mut of_p, mut of_q) = (Matrices::<T, N>::zero(), Matrices::<T, N>::zero());
    for group in out.chunks_mut(LANES) {
        let are_set = group.len() > 1
            && p.factors_into(place, group.len(), &mut of_p)
            && q.factors_into(place, group.len(), &mut of_q);
        if are_set {
            fill_group(p, q, place, form, means, [&mut of_p, &mut of_q], group);
        } else {
            group.fill(T::nan());
        }
        place.first += group.len();
        place.start += group.len() * place.size;
    }
}

/// [`fill`] of a group of pairs whose factors are in the lanes.
fn fill_group<T: Scalar, const N: usize>(
    p: Side<'_, T>,
    q: Side<'_, T>,
    place: Place,
    form: Form<T>,
    means: Option<[&[T]; 2]>,
    [of_p, of_q]: [&mut Matrices<T, N>; 2],
    out: &mut [T],
) {
    let values = pulp::Arch::new().dispatch(ByFactors {
        p: of_p,
        q: of_q,
        n: place.size,
        form,
    });
    out.copy_from_slice(&values[..out.len()]);
    if let Some(means) = means {
        let distances = forms(of_q, residuals(place, means, out.len()), place.size);
        for (value, distance) in out.iter_mut().zip(distances) {
            *value += distance;
        }
    }
    let Form::Divergence { beside } = form else {
        return;
    };
    let near = near(place.size);
    if out.iter().any(|&value| value + beside < near) {
        let exact = by_difference(p, q, place, of_q, out.len());
        for (value, exact) in out.iter_mut().zip(exact) {
            if *value + beside < near {
                *value = exact;
            }
        }
    }
}

/// The difference of two means for each of `count` blocks.
fn residuals<T: Scalar, const N: usize>(
    place: Place,
    [x, y]: [&[T]; 2],
    count: usize,
) -> [Lanes<T>; N] {
    let mut residuals = [[T::zero(); LANES]; N];
    for lane in 0..count {
        let start = place.start + lane * place.size;
        for i in 0..place.size {
            residuals[i][lane] = x[start + i] - y[start + i];
        }
    }
    residuals
}

/// The difference form of `count` pairs, NaN where it does not apply.
fn by_difference<T: Scalar, const N: usize>(
    p: Side<'_, T>,
    q: Side<'_, T>,
    place: Place,
    of_q: &Matrices<T, N>,
    count: usize,
) -> Lanes<T> {
    let n = place.size;
    let mut f = [[[T::zero(); LANES]; N]; N];
    let mut known = [false; LANES];
    for (lane, known) in known[..count].iter_mut().enumerate() {
        *known = p.add_entries(T::one(), place, lane, &mut f)
            && q.add_entries(-T::one(), place, lane, &mut f);
    }
    for i in 0..n {
        for j in 0..i {
            f[j][i] = f[i][j];
        }
    }
    let values = pulp::Arch::new().dispatch(ByDifference { f, q: of_q, n });
    core::array::from_fn(|lane| if known[lane] { values[lane] } else { T::nan() })
}

struct ByFactors<'a, T, const N: usize> {
    p: &'a mut Matrices<T, N>,
    q: &'a Matrices<T, N>,
    n: usize,
    form: Form<T>,
}

impl<T: Scalar, const N: usize> pulp::NullaryFnOnce for ByFactors<'_, T, N> {
    type Output = Lanes<T>;

    #[inline(always)]
    fn call(self) -> Lanes<T> {
        let Self { p, q, n, form } = self;
        let mut values = [T::zero(); LANES];
        let reciprocals = q.reciprocals(n);
        if form.is_divergence() {
            for i in 0..n {
                let (a, b, by) = (p.columns[i][i], q.columns[i][i], reciprocals[i]);
                for lane in 0..LANES {
                    values[lane] +=
                        deviation_divergence_or_nan::<T, true>(a[lane], b[lane], by[lane]);
                }
            }
        }
        for k in 0..n {
            let x = &mut p.columns[k][..n];
            for i in k..n {
                let mut value = x[i];
                if form.is_divergence() {
                    for lane in 0..LANES {
                        value[lane] -= q.columns[k][i][lane];
                    }
                }
                for j in k..i {
                    subtract_product(&mut value, &q.columns[j][i], &x[j]);
                }
                multiply(&mut value, &reciprocals[i]);
                x[i] = value;
                if i > k || !form.is_divergence() {
                    for lane in 0..LANES {
                        values[lane] = mul_add(value[lane], value[lane], values[lane]);
                    }
                }
            }
        }
        values
    }
}

struct ByDifference<'a, T, const N: usize> {
    /// `Σ_p - Σ_q`.
    f: [[Lanes<T>; N]; N],
    q: &'a Matrices<T, N>,
    n: usize,
}

impl<T: Scalar, const N: usize> pulp::NullaryFnOnce for ByDifference<'_, T, N> {
    type Output = Lanes<T>;

    #[inline(always)]
    fn call(self) -> Lanes<T> {
        let Self { mut f, q, n } = self;
        let l = &q.columns;
        let reciprocals = q.reciprocals(n);
        // `L⁻¹` from the left, to whole columns.
        for column in &mut f[..n] {
            for i in 0..n {
                let mut value = column[i];
                for j in 0..i {
                    subtract_product(&mut value, &l[j][i], &column[j]);
                }
                multiply(&mut value, &reciprocals[i]);
                column[i] = value;
            }
        }
        // `L⁻ᵀ` from the right, on and below the diagonal.
        for c in 0..n {
            for i in c..n {
                let mut value = f[c][i];
                for j in 0..c {
                    subtract_product(&mut value, &l[j][c], &f[j][i]);
                }
                multiply(&mut value, &reciprocals[c]);
                f[c][i] = value;
            }
        }
        sum_of_pivots(&mut f, n)
    }
}

/// `Σ [φ(g_i) + s_i]` of the columns of symmetric matrices, NaN where a pivot is far from 1.
#[inline(always)]
fn sum_of_pivots<T: Scalar, const N: usize>(f: &mut [[Lanes<T>; N]; N], n: usize) -> Lanes<T> {
    let mut total = [T::zero(); LANES];
    for c in 0..n {
        let mut reciprocals = [T::zero(); LANES];
        for i in c..n {
            let mut value = f[c][i];
            for k in 0..c {
                subtract_product(&mut value, &f[k][c], &f[k][i]);
            }
            for lane in 0..LANES {
                if i == c {
                    let excess = value[lane];
                    let term = x_minus_ln_1p_or_nan::<T, true>(excess);
                    total[lane] += if is_near_one(excess) { term } else { T::nan() };
                    reciprocals[lane] = T::one() / sqrt(T::one() + excess);
                } else {
                    value[lane] *= reciprocals[lane];
                    total[lane] = mul_add(value[lane], value[lane], total[lane]);
                }
            }
            f[c][i] = value;
        }
    }
    total
}

#[inline(always)]
fn subtract_product<T: Scalar>(value: &mut Lanes<T>, a: &Lanes<T>, b: &Lanes<T>) {
    for lane in 0..LANES {
        value[lane] = mul_add(-a[lane], b[lane], value[lane]);
    }
}

#[inline(always)]
fn multiply<T: Scalar>(value: &mut Lanes<T>, by: &Lanes<T>) {
    for lane in 0..LANES {
        value[lane] *= by[lane];
    }
}
