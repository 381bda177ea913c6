//! Many dense covariances at once: equal ones of few coordinates are factored side by side.

use core::mem::replace;
use std::sync::Arc;

use faer::{Mat, MatMut, MatRef};
use smallvec::SmallVec;

use super::factorize;
use super::{DenseCovariance, Storage, Variances};
use crate::columns::read_ahead;
use crate::factor::logdet_of_factor;
use crate::fused::sqrt;
use crate::lanes::{LANES, Lanes, MOST, Matrices};
use crate::memory::{copied_mat, reserve};
use crate::products::sum_ln_by_column;
use crate::{Error, Rejected, Scalar, Workspace, parallel};

impl<T: Scalar> DenseCovariance<T> {
    /// The covariances with the given matrices, to the last bit as [`new`](Self::new) gives
    /// them; the error is that of the first that is refused, with its index.
    pub(crate) fn many(matrices: Vec<Mat<T>>) -> Result<Vec<Self>, Error> {
        let mut many: Vec<Self> = matrices.into_iter().map(Self::not_factored).collect();
        let costs = many
            .iter()
            .map(|one| operations(one.storage.view().nrows()));
        let cost = costs.fold(0, usize::saturating_add) / many.len().max(1);
        let unfactored = Unfactored {
            covariances: &mut many,
            matrices: None,
        };
        unfactored.factor(0, cost, &mut Workspace::new())?;
        Ok(many)
    }

    /// [`many`](Self::many) of matrices side by side, of which each has as many columns as
    /// there are rows; they stay in one, which comes back where one is refused.
    pub(crate) fn side_by_side(matrices: Mat<T>) -> Result<Vec<Self>, Rejected<T>> {
        Self::sharing(Arc::new(matrices), Vec::new(), &mut Workspace::new())
    }

    /// [`side_by_side`](Self::side_by_side) in the storage of others, where they are the only
    /// ones to use it.
    pub(crate) fn rebuilt_side_by_side(
        mut many: Vec<Self>,
        matrices: MatRef<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<Vec<Self>, Rejected<T>> {
        let mut last = None;
        for one in &mut many {
            last = Some(replace(&mut one.storage, Storage::Own(Mat::new())));
        }
        let mut all = match last {
            Some(Storage::Shared { all, .. }) => all,
            _ => Arc::new(Mat::new()),
        };
        match Arc::get_mut(&mut all) {
            Some(old) if old.shape() == matrices.shape() => old.copy_from(matrices),
            _ => {
                let new = copied_mat("matrix of blocks", matrices);
                all = Arc::new(new.map_err(|error| Rejected {
                    error,
                    matrix: Mat::new(),
                })?);
            }
        }
        Self::sharing(all, many, workspace)
    }

    /// The covariances with the given matrices, in the storage of others. Nobody else may hold
    /// the matrices.
    fn sharing(
        mut all: Arc<Mat<T>>,
        mut many: Vec<Self>,
        workspace: &mut Workspace<T>,
    ) -> Result<Vec<Self>, Rejected<T>> {
        let n = all.nrows();
        let count = all.ncols().checked_div(n).unwrap_or(0);
        for one in &mut many {
            one.variances.clear();
            one.has_entries = true;
        }
        let more = count.saturating_sub(many.len());
        let factored = reserve(&mut many, "blocks", more).and_then(|()| {
            many.resize_with(count, || Self::not_factored(Mat::new()));
            let unfactored = Unfactored {
                covariances: &mut many,
                matrices: Arc::get_mut(&mut all).map(Mat::as_mut),
            };
            unfactored.factor(0, operations(n), workspace)
        });
        if let Err(error) = factored {
            let mut matrix = Arc::into_inner(all).unwrap_or_else(Mat::new);
            for (k, one) in many.iter().enumerate() {
                // What has its variances may be factored.
                if one.variances.len() == n {
                    let block = matrix.as_mut().subcols_mut(k * n, n);
                    factorize::restore(block, &one.variances);
                }
            }
            return Err(Rejected { error, matrix });
        }
        for (k, one) in many.iter_mut().enumerate() {
            one.storage = Storage::Shared {
                all: Arc::clone(&all),
                first: k * n,
            };
        }
        Ok(many)
    }

    fn not_factored(matrix: Mat<T>) -> Self {
        Self {
            storage: Storage::Own(matrix),
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

/// Covariances whose matrices are not factored yet.
struct Unfactored<'a, T: Scalar> {
    covariances: &'a mut [DenseCovariance<T>],
    /// Side by side, where they are not in the covariances.
    matrices: Option<MatMut<'a, T>>,
}

/// A matrix, to be replaced by its factor, and what is found on the way.
struct Unfinished<'a, T: Scalar> {
    matrix: MatMut<'a, T>,
    variances: &'a mut Variances<T>,
    logdet: &'a mut T,
}

impl<'a, T: Scalar> Unfactored<'a, T> {
    fn split_at(self, count: usize) -> (Self, Self) {
        let (left, right) = self.covariances.split_at_mut(count);
        let (before, after) = match self.matrices {
            Some(matrices) => {
                let columns = count * matrices.nrows();
                let (before, after) = matrices.split_at_col_mut(columns);
                (Some(before), Some(after))
            }
            None => (None, None),
        };
        let left = Self {
            covariances: left,
            matrices: before,
        };
        let right = Self {
            covariances: right,
            matrices: after,
        };
        (left, right)
    }

    /// Factors covariances, of some mean `cost`, of which the first is covariance `first` of
    /// the whole.
    fn factor(self, first: usize, cost: usize, workspace: &mut Workspace<T>) -> Result<(), Error> {
        let count = self.covariances.len();
        let operations = cost.saturating_mul(count);
        if count > LANES && parallel::pays(operations) {
            let half = (count / 2).next_multiple_of(LANES);
            let (left, right) = self.split_at(half);
            return workspace.join(
                operations,
                |workspace| left.factor(first, cost, workspace),
                |workspace| right.factor(first + half, cost, workspace),
            );
        }
        let (mut rest, mut first) = (self, first);
        while !rest.covariances.is_empty() {
            let count = rest.covariances.len().min(LANES);
            let (group, after) = rest.split_at(count);
            factor_group(&mut group.one_by_one(), workspace)
                .map_err(|(k, error)| error.in_block(first + k))?;
            rest = after;
            first += count;
        }
        Ok(())
    }

    /// A group of at most [`LANES`] covariances.
    fn one_by_one(self) -> SmallVec<[Unfinished<'a, T>; LANES]> {
        let mut group = SmallVec::new();
        let mut shared = self.matrices;
        for one in self.covariances {
            let matrix = match (shared.take(), &mut one.storage) {
                (Some(all), _) => {
                    let n = all.nrows();
                    let (matrix, after) = all.split_at_col_mut(n);
                    shared = Some(after);
                    matrix
                }
                (None, Storage::Own(own)) => own.as_mut(),
                (None, Storage::Shared { .. }) => {
                    unreachable!("what is not factored has a matrix of its own")
                }
            };
            group.push(Unfinished {
                matrix,
                variances: &mut one.variances,
                logdet: &mut one.logdet,
            });
        }
        group
    }
}

/// Factors at most [`LANES`] covariances, together where that is possible; else the index of
/// the first that is refused and why.
fn factor_group<T: Scalar>(
    group: &mut [Unfinished<'_, T>],
    workspace: &mut Workspace<T>,
) -> Result<(), (usize, Error)> {
    if factor_side_by_side(group) {
        return Ok(());
    }
    for (k, one) in group.iter_mut().enumerate() {
        read_ahead(one.matrix.as_ref());
        factorize::checked_in_place(one.matrix.as_mut(), one.variances, workspace)
            .map_err(|error| (k, error))?;
        *one.logdet = logdet_of_factor(one.matrix.as_ref(), T::one());
    }
    Ok(())
}

/// Factors at most [`LANES`] covariances together; `false`, with nothing changed, where they
/// differ in size, are too large or not all beyond doubt.
fn factor_side_by_side<T: Scalar>(group: &mut [Unfinished<'_, T>]) -> bool {
    match group {
        [first, _, ..] => match first.matrix.nrows() {
            n @ 2..=4 => factor_within::<T, 4>(group, n),
            n @ 5..=8 => factor_within::<T, 8>(group, n),
            n @ 9..=MOST => factor_within::<T, MOST>(group, n),
            _ => false,
        },
        _ => false,
    }
}

#[inline(never)] // What recurses should not have its matrices on the stack.
fn factor_within<T: Scalar, const N: usize>(group: &mut [Unfinished<'_, T>], n: usize) -> bool {
    let is_fit = |one: &Unfinished<'_, T>| one.matrix.shape() == (n, n);
    if !group.iter().all(is_fit) {
        return false;
    }
    if n > 8 {
        // The diagonal of shorter columns touches every line of the cache.
        for one in &*group {
            read_ahead(one.matrix.as_ref());
        }
    }
    let read = |one: &mut Unfinished<'_, T>| {
        factorize::read_diagonal(one.matrix.as_ref(), one.variances).is_ok()
    };
    if !group.iter_mut().all(read) {
        forget_variances(group);
        return false;
    }
    let mut lanes = Matrices::<T, N>::zero();
    let doubts = pulp::Arch::new().dispatch(Factor {
        lanes: &mut lanes,
        group,
        n,
    });
    let is_clear = |&doubt: &T| doubt == T::zero();
    if !doubts[..group.len()].iter().all(is_clear) {
        forget_variances(group);
        return false;
    }
    let logarithms = sum_ln_by_column((0..n).map(|i| lanes.columns[i][i]));
    pulp::Arch::new().dispatch(Store {
        lanes: &lanes,
        group,
    });
    for (lane, one) in group.iter_mut().enumerate() {
        *one.logdet = if logarithms[lane].is_nan() {
            logdet_of_factor(one.matrix.as_ref(), T::one())
        } else {
            T::of(2.0) * logarithms[lane]
        };
    }
    true
}

/// Only what is factored has its variances.
fn forget_variances<T: Scalar>(group: &mut [Unfinished<'_, T>]) {
    for one in group {
        one.variances.clear();
    }
}

/// Puts some matrices of `n` coordinates into the lanes and factors them there.
struct Factor<'a, 'm, T: Scalar, const N: usize> {
    lanes: &'a mut Matrices<T, N>,
    group: &'a [Unfinished<'m, T>],
    n: usize,
}

impl<T: Scalar, const N: usize> pulp::NullaryFnOnce for Factor<'_, '_, T, N> {
    /// What speaks against each: the number of pivots that are not well above rounding, and
    /// how far mirrored entries are apart.
    type Output = Lanes<T>;

    /// Column by column, each number by the operations of `factorize::factor_by_columns`.
    #[inline(always)]
    fn call(self) -> Lanes<T> {
        let Self { lanes, group, n } = self;
        for (quarter, some) in group.chunks(4).enumerate() {
            // Lanes without a matrix of their own may have any.
            let matrix = |k: usize| some[k.min(some.len() - 1)].matrix.as_ref();
            lanes.set_four(4 * quarter, [matrix(0), matrix(1), matrix(2), matrix(3)]);
        }
        let doubt = factorize::doubt::<T>(n);
        let mut doubts = [T::zero(); LANES];
        for j in 0..n {
            for i in 0..j {
                let (above, below) = (&lanes.columns[j][i], &lanes.columns[i][j]);
                for k in 0..LANES {
                    doubts[k] += (above[k] - below[k]).abs();
                }
            }
        }
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
                        let is_clear = value[k] > doubt * column[j][k] && value[k] > T::zero();
                        doubts[k] += if is_clear { T::zero() } else { T::one() };
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
        doubts
    }
}

/// Writes the factors in the lanes into the matrices.
struct Store<'a, 'm, T: Scalar, const N: usize> {
    lanes: &'a Matrices<T, N>,
    group: &'a mut [Unfinished<'m, T>],
}

impl<T: Scalar, const N: usize> pulp::NullaryFnOnce for Store<'_, '_, T, N> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { lanes, group } = self;
        for (quarter, some) in group.chunks_mut(4).enumerate() {
            let first = 4 * quarter;
            if let [a, b, c, d] = some {
                let four = [&mut a.matrix, &mut b.matrix, &mut c.matrix, &mut d.matrix];
                lanes.get_four(first, four.map(MatMut::as_mut));
            } else {
                for (k, one) in some.iter_mut().enumerate() {
                    lanes.get_lower(first + k, one.matrix.as_mut());
                }
            }
        }
    }
}
