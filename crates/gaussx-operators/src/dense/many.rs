//! Many dense covariances at once: equal ones of few coordinates are factored side by side.

use faer::Mat;

use super::factorize;
use super::{DenseCovariance, Variances};
use crate::columns::contiguous_mut;
use crate::factor::logdet_of_factor;
use crate::fused::sqrt;
use crate::lanes::{LANES, MOST, Triangles};
use crate::products::sum_ln_by_column;
use crate::{Error, Rejected, Scalar, Workspace, parallel, validate};

impl<T: Scalar> DenseCovariance<T> {
    /// The covariances with the given matrices, to the last bit as [`new`](Self::new) gives
    /// them, or the index of the first that is refused and why.
    pub(crate) fn many(matrices: Vec<Mat<T>>) -> Result<Vec<Self>, (usize, Error)> {
        let mut many: Vec<Self> = matrices.into_iter().map(Self::not_factored).collect();
        let costs = many.iter().map(|one| operations(one.buffer.nrows()));
        let cost = costs.fold(0, usize::saturating_add) / many.len().max(1);
        factor_all(&mut many, 0, cost)?;
        Ok(many)
    }

    fn not_factored(matrix: Mat<T>) -> Self {
        Self {
            buffer: matrix,
            variances: Variances::new(),
            has_entries: true,
            logdet: T::zero(),
        }
    }
}

/// What building a covariance of `n` coordinates costs, in operations of a matrix product.
fn operations(n: usize) -> usize {
    n.saturating_mul(n).saturating_mul(n).saturating_add(10_000)
}

/// Factors covariances, of some mean `cost`, of which the first is covariance `first` of the
/// whole.
fn factor_all<T: Scalar>(
    many: &mut [DenseCovariance<T>],
    first: usize,
    cost: usize,
) -> Result<(), (usize, Error)> {
    let operations = cost.saturating_mul(many.len());
    if many.len() > LANES && parallel::pays(operations) {
        let half = (many.len() / 2).next_multiple_of(LANES);
        let (left, right) = many.split_at_mut(half);
        let (a, b) = parallel::join(
            operations,
            || factor_all(left, first, cost),
            || factor_all(right, first + half, cost),
        );
        return a.and(b);
    }
    let mut workspace = Workspace::new();
    for (g, group) in many.chunks_mut(LANES).enumerate() {
        let first = first + g * LANES;
        if factor_side_by_side(group).map_err(|error| (first, error))? {
            continue;
        }
        for (k, one) in group.iter_mut().enumerate() {
            let matrix = core::mem::replace(&mut one.buffer, Mat::new());
            *one = DenseCovariance::in_storage(matrix, Variances::new(), &mut workspace)
                .map_err(|Rejected { error, .. }| (first + k, error))?;
        }
    }
    Ok(())
}

/// Factors at most [`LANES`] covariances together; `false`, with nothing changed, where they
/// differ in size, are too large or not all beyond doubt.
fn factor_side_by_side<T: Scalar>(group: &mut [DenseCovariance<T>]) -> Result<bool, Error> {
    let n = match group {
        [first, _, ..] => first.buffer.nrows(),
        _ => return Ok(false),
    };
    let is_fit = |one: &DenseCovariance<T>| {
        one.buffer.shape() == (n, n) && validate::is_exactly_symmetric(one.buffer.as_ref())
    };
    if !(2..=MOST).contains(&n) || !group.iter().all(is_fit) {
        return Ok(false);
    }
    if n <= 8 {
        factor_within::<T, 8>(group, n)
    } else {
        factor_within::<T, MOST>(group, n)
    }
}

#[inline(never)] // What recurses should not have its matrices on the stack.
fn factor_within<T: Scalar, const N: usize>(
    group: &mut [DenseCovariance<T>],
    n: usize,
) -> Result<bool, Error> {
    let mut lanes = Triangles::<T, N>::zero();
    for (lane, one) in group.iter().enumerate() {
        lanes.set(lane, one.buffer.as_ref(), T::one());
    }
    pulp::Arch::new().dispatch(Factor {
        lanes: &mut lanes,
        n,
    });
    let noise = factorize::noise(n);
    for (lane, one) in group.iter().enumerate() {
        let accepted = |i: usize| {
            let variance = one.buffer[(i, i)];
            let pivot = lanes.columns[i][i][lane];
            variance > T::zero() && factorize::is_above_noise(pivot, variance, noise)
        };
        if !(0..n).all(accepted) {
            return Ok(false);
        }
    }
    for one in group.iter_mut() {
        factorize::read_diagonal(one.buffer.as_ref(), &mut one.variances)?;
    }
    let logarithms = sum_ln_by_column((0..n).map(|i| lanes.columns[i][i]));
    for (lane, one) in group.iter_mut().enumerate() {
        for j in 0..n {
            let column = contiguous_mut(one.buffer.as_mut().col_mut(j));
            for (entry, lanes) in column[j..].iter_mut().zip(&lanes.columns[j][j..]) {
                *entry = lanes[lane];
            }
        }
        one.logdet = if logarithms[lane].is_nan() {
            logdet_of_factor(one.buffer.as_ref(), T::one())
        } else {
            T::of(2.0) * logarithms[lane]
        };
    }
    Ok(true)
}

struct Factor<'a, T, const N: usize> {
    lanes: &'a mut Triangles<T, N>,
    n: usize,
}

impl<T: Scalar, const N: usize> pulp::NullaryFnOnce for Factor<'_, T, N> {
    type Output = ();

    /// Column by column, each number by the operations of `factorize::factor_by_columns`.
    #[inline(always)]
    fn call(self) {
        let Self { lanes, n } = self;
        for j in 0..n {
            let (done, rest) = lanes.columns.split_at_mut(j);
            let column = &mut rest[0][..n];
            let mut reciprocals = [T::one(); LANES];
            for i in j..n {
                let mut value = column[i];
                for known in &*done {
                    let (a, b) = (&known[i], &known[j]);
                    for k in 0..LANES {
                        value[k] -= a[k] * b[k];
                    }
                }
                if i == j {
                    for k in 0..LANES {
                        value[k] = sqrt(value[k]);
                        reciprocals[k] = T::one() / value[k];
                    }
                } else {
                    for k in 0..LANES {
                        value[k] *= reciprocals[k];
                    }
                }
                column[i] = value;
            }
        }
    }
}
