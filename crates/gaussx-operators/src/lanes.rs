//! Matrices of few coordinates side by side: an entry of each fills a register or two, so
//! that no operation waits for the one before it.

use faer::{ColRef, MatMut, MatRef};

use crate::columns::{contiguous, contiguous_mut};
use crate::{CholeskyFactor, Scalar};

/// Matrices side by side.
pub(crate) const LANES: usize = 16;

/// The most coordinates of matrices that are put side by side.
pub(crate) const MOST: usize = 16;

/// A number of each matrix.
pub(crate) type Lanes<T> = [T; LANES];

/// Lower triangles of up to `N` coordinates, each entry on lines of the cache of its own.
#[repr(align(64))]
pub(crate) struct Triangles<T, const N: usize> {
    /// Entry `(i, j)` of each at `[j][i]`.
    pub(crate) columns: [[Lanes<T>; N]; N],
}

impl<T: Scalar, const N: usize> Triangles<T, N> {
    #[inline(always)]
    pub(crate) fn zero() -> Self {
        Self {
            columns: [[[T::zero(); LANES]; N]; N],
        }
    }

    /// Puts the lower triangle of `factor · a` into a lane.
    #[inline(always)]
    pub(crate) fn set(&mut self, lane: usize, a: MatRef<'_, T>, factor: T) {
        if a.nrows() == N {
            // Loops of known length, for what blocks often are: half the time at 8.
            for j in 0..N {
                if let Some(column) = contiguous(a.col(j)).first_chunk::<N>() {
                    for i in j..N {
                        self.columns[j][i][lane] = factor * column[i];
                    }
                }
            }
            return;
        }
        for j in 0..a.nrows() {
            let below = &contiguous(a.col(j))[j..];
            for (place, &entry) in self.columns[j][j..].iter_mut().zip(below) {
                place[lane] = factor * entry;
            }
        }
    }

    /// Writes a lane into the lower triangle of `a`; the strict upper one stays.
    #[inline(always)]
    pub(crate) fn get(&self, lane: usize, mut a: MatMut<'_, T>) {
        if a.nrows() == N {
            for j in 0..N {
                let column = contiguous_mut(a.as_mut().col_mut(j));
                if let Some(column) = column.first_chunk_mut::<N>() {
                    for i in j..N {
                        column[i] = self.columns[j][i][lane];
                    }
                }
            }
            return;
        }
        for j in 0..a.nrows() {
            let below = &mut contiguous_mut(a.as_mut().col_mut(j))[j..];
            for (entry, place) in below.iter_mut().zip(&self.columns[j][j..]) {
                *entry = place[lane];
            }
        }
    }

    /// The reciprocals of the diagonals of `n` coordinates.
    #[inline(always)]
    pub(crate) fn reciprocals(&self, n: usize) -> [Lanes<T>; N] {
        let mut reciprocals = [[T::zero(); LANES]; N];
        for i in 0..n {
            for lane in 0..LANES {
                reciprocals[i][lane] = T::one() / self.columns[i][i][lane];
            }
        }
        reciprocals
    }
}

/// `‖L⁻¹ (x - center)‖²` for each of at most [`LANES`] blocks of coordinates that begin at
/// `starts`; `false` where their factors are not all dense, small and of one size.
pub(crate) fn forms_into<'a, T: Scalar>(
    factors: impl Iterator<Item = CholeskyFactor<'a, T>>,
    starts: &[usize],
    x: ColRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
) -> bool {
    if out.len() < 2 {
        return false;
    }
    match starts[1] - starts[0] {
        2..=4 => forms_within::<T, 4>(factors, starts, x, center, out),
        5..=8 => forms_within::<T, 8>(factors, starts, x, center, out),
        9..=MOST => forms_within::<T, MOST>(factors, starts, x, center, out),
        _ => false,
    }
}

#[inline(never)] // What recurses should not have its matrices on the stack.
fn forms_within<'a, T: Scalar, const N: usize>(
    factors: impl Iterator<Item = CholeskyFactor<'a, T>>,
    starts: &[usize],
    x: ColRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
) -> bool {
    let n = starts[1] - starts[0];
    let mut lower = Triangles::<T, N>::zero();
    let mut residuals = [[T::zero(); LANES]; N];
    for (lane, factor) in factors.enumerate() {
        match factor.contiguous_dense() {
            Some((l, deviation)) if l.nrows() == n => lower.set(lane, l, deviation),
            _ => return false,
        }
        for (i, residual) in residuals[..n].iter_mut().enumerate() {
            let at = starts[lane] + i;
            residual[lane] = x[at] - center.map_or(T::zero(), |c| c[at]);
        }
    }
    let forms = pulp::Arch::new().dispatch(Forms {
        lower: &lower,
        residuals,
        n,
    });
    out.copy_from_slice(&forms[..out.len()]);
    true
}

struct Forms<'a, T, const N: usize> {
    lower: &'a Triangles<T, N>,
    residuals: [Lanes<T>; N],
    n: usize,
}

impl<T: Scalar, const N: usize> pulp::NullaryFnOnce for Forms<'_, T, N> {
    type Output = Lanes<T>;

    #[inline(always)]
    fn call(self) -> Lanes<T> {
        let Self {
            lower,
            residuals: mut white,
            n,
        } = self;
        let mut forms = [T::zero(); LANES];
        for i in 0..n {
            let mut value = white[i];
            for j in 0..i {
                for k in 0..LANES {
                    value[k] -= lower.columns[j][i][k] * white[j][k];
                }
            }
            for k in 0..LANES {
                value[k] /= lower.columns[i][i][k];
                forms[k] += value[k] * value[k];
            }
            white[i] = value;
        }
        forms
    }
}
