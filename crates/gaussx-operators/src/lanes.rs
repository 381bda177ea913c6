//! Matrices of few coordinates side by side: an entry of each fills a register or two, so
//! that no operation waits for the one before it.

use faer::{ColRef, MatMut, MatRef};

use crate::columns::{contiguous, contiguous_mut};
use crate::kernel::each_of_four;
use crate::{CholeskyFactor, Scalar};

/// Matrices side by side.
pub(crate) const LANES: usize = 16;

/// The most coordinates of matrices that are put side by side.
pub(crate) const MOST: usize = 16;

/// A number of each matrix.
pub(crate) type Lanes<T> = [T; LANES];

/// Matrices of up to `N` coordinates, each entry on lines of the cache of its own.
#[repr(align(64))]
pub(crate) struct Matrices<T, const N: usize> {
    /// Entry `(i, j)` of each at `[j][i]`.
    pub(crate) columns: [[Lanes<T>; N]; N],
}

impl<T: Scalar, const N: usize> Matrices<T, N> {
    #[inline(always)]
    pub(crate) fn zero() -> Self {
        Self {
            columns: [[[T::zero(); LANES]; N]; N],
        }
    }

    /// Puts the lower triangle of `factor · a` into a lane.
    #[inline(always)]
    pub(crate) fn set_lower(&mut self, lane: usize, a: MatRef<'_, T>, factor: T) {
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

    /// Puts four whole matrices of one size into the lanes from `first` on.
    #[inline(always)]
    pub(crate) fn set_four(&mut self, first: usize, matrices: [MatRef<'_, T>; 4]) {
        let n = matrices[0].ncols();
        for j in 0..n {
            let columns = each_of_four(|k| contiguous(matrices[k].col(j)));
            let place = &mut self.columns[j];
            match columns.map(|column| column.first_chunk::<N>()) {
                [Some(a), Some(b), Some(c), Some(d)] => set_columns(place, first, [a, b, c, d]),
                _ => set_columns(place, first, columns),
            }
        }
    }

    /// Writes a lane into the lower triangle of `a`; the strict upper one stays.
    #[inline(always)]
    pub(crate) fn get_lower(&self, lane: usize, mut a: MatMut<'_, T>) {
        for j in 0..a.nrows() {
            let below = &mut contiguous_mut(a.as_mut().col_mut(j))[j..];
            for (entry, place) in below.iter_mut().zip(&self.columns[j][j..]) {
                *entry = place[lane];
            }
        }
    }

    /// [`get_lower`](Self::get_lower) of the four lanes from `first` on; where these came by
    /// [`set_four`](Self::set_four), what they have above the diagonal may be written as well.
    #[inline(always)]
    pub(crate) fn get_four(&self, first: usize, mut matrices: [MatMut<'_, T>; 4]) {
        let is_whole = |matrix: &MatMut<'_, T>| matrix.nrows() == N;
        if !matrices.iter().all(is_whole) {
            for (k, matrix) in matrices.into_iter().enumerate() {
                self.get_lower(first + k, matrix);
            }
            return;
        }
        for j in 0..N {
            for chunk in j / 4..N / 4 {
                let lanes = |i: usize| self.columns[j][4 * chunk + i].as_chunks().0[first / 4];
                let four = T::transpose([lanes(0), lanes(1), lanes(2), lanes(3)]);
                for (matrix, entries) in matrices.iter_mut().zip(four) {
                    let column = contiguous_mut(matrix.as_mut().col_mut(j));
                    column.as_chunks_mut().0[chunk] = entries;
                }
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

/// Puts a column of each of four matrices into the lanes from `first` on.
#[inline(always)]
fn set_columns<T: Scalar, const N: usize>(
    to: &mut [Lanes<T>; N],
    first: usize,
    columns: [&(impl AsRef<[T]> + ?Sized); 4],
) {
    let [a, b, c, d] = columns.map(|column| column.as_ref().as_chunks::<4>());
    for (chunk, place) in to
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .enumerate()
        .take(a.0.len())
    {
        let four = T::transpose([a.0[chunk], b.0[chunk], c.0[chunk], d.0[chunk]]);
        for (lanes, entries) in place.iter_mut().zip(four) {
            lanes.as_chunks_mut().0[first / 4] = entries;
        }
    }
    let whole = 4 * a.0.len();
    for (k, (_, rest)) in [a, b, c, d].into_iter().enumerate() {
        for (lanes, &entry) in to[whole..].iter_mut().zip(rest) {
            lanes[first + k] = entry;
        }
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
    let mut lower = Matrices::<T, N>::zero();
    let mut residuals = [[T::zero(); LANES]; N];
    for (lane, factor) in factors.enumerate() {
        match factor.contiguous_dense() {
            Some((l, deviation)) if l.nrows() == n => lower.set_lower(lane, l, deviation),
            _ => return false,
        }
        for (i, residual) in residuals[..n].iter_mut().enumerate() {
            let at = starts[lane] + i;
            residual[lane] = x[at] - center.map_or(T::zero(), |c| c[at]);
        }
    }
    out.copy_from_slice(&forms(&lower, residuals, n)[..out.len()]);
    true
}

/// `‖L⁻¹ r‖²` for factors and residuals of `n` coordinates side by side.
#[inline]
pub(crate) fn forms<T: Scalar, const N: usize>(
    lower: &Matrices<T, N>,
    residuals: [Lanes<T>; N],
    n: usize,
) -> Lanes<T> {
    pulp::Arch::new().dispatch(Forms {
        lower,
        residuals,
        n,
    })
}

struct Forms<'a, T, const N: usize> {
    lower: &'a Matrices<T, N>,
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
