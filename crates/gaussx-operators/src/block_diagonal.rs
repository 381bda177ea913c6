//! Independent groups of coordinates, each with a covariance of its own.

use core::marker::PhantomData;
use core::ops::Range;

use faer::{Col, ColRef, Mat, MatMut, MatRef};

use crate::adjust::Adjust;
use crate::blocks::Blocks;
use crate::lanes::{self, LANES};
use crate::memory::{filled_col, zero_mat};
use crate::operator::{check_columns, check_quadratic_forms, check_sub_block};
use crate::point::AsMat;
use crate::spectrum::PrincipalAxes;
use crate::sum::{CompensatedSum, root_of_squares, two_sum};
use crate::{
    CholeskyFactor, CovarianceOperator, DenseCovariance, Error, Rejected, Scalar, Workspace,
    parallel, validate,
};

/// The covariance `diag(Σ_1, .., Σ_m)`, with blocks of any sizes. Everything costs the
/// sum over its blocks.
///
/// The blocks have one type `B`: an operator, a `Box<dyn CovarianceOperator<T>>` where
/// they differ, or another `BlockDiagonal`.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{
///     BlockDiagonal, CovarianceOperator, DenseCovariance, ScaledIdentity, faer::mat,
/// };
///
/// let blocks: Vec<Box<dyn CovarianceOperator<f64>>> = vec![
///     Box::new(DenseCovariance::new(mat![[2.0, 1.0], [1.0, 2.0]])?),
///     Box::new(ScaledIdentity::new(3, 0.5)?),
/// ];
/// let sigma = BlockDiagonal::new(blocks)?;
/// assert_eq!(sigma.dim(), 5);
/// assert!((sigma.logdet()? - 0.375_f64.ln()).abs() < 1e-15);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BlockDiagonal<T: Scalar, B> {
    blocks: Vec<B>,
    /// Where each block starts, and the dimension.
    starts: Vec<usize>,
    scalar: PhantomData<T>,
}

impl<T: Scalar, B: CovarianceOperator<T>> BlockDiagonal<T, B> {
    /// The covariance with the given blocks, in order.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if a block's factor has another size than the block,
    /// which only an operator written elsewhere can cause; [`Error::AllocationFailed`]
    /// if the dimensions sum up beyond what an index can hold.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{BlockDiagonal, CovarianceOperator, ScaledIdentity};
    ///
    /// let sigma = BlockDiagonal::new(vec![ScaledIdentity::new(2, 1.0)?, ScaledIdentity::new(3, 4.0)?])?;
    /// assert_eq!(sigma.trace()?, 14.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn new(blocks: Vec<B>) -> Result<Self, Error> {
        Self::in_storage(blocks, Vec::new())
    }

    /// The covariance, with the storage of some `starts`.
    fn in_storage(blocks: Vec<B>, mut starts: Vec<usize>) -> Result<Self, Error> {
        starts.clear();
        starts.reserve_exact(blocks.len() + 1);
        let mut end = 0_usize;
        starts.push(end);
        for block in &blocks {
            crate::factor::factor_of(block)?;
            end = end
                .checked_add(block.dim())
                .ok_or(Error::AllocationFailed {
                    what: "block-diagonal covariance",
                    rows: usize::MAX,
                    columns: 1,
                })?;
            starts.push(end);
        }
        Ok(Self {
            blocks,
            starts,
            scalar: PhantomData,
        })
    }

    /// The blocks, in order.
    #[must_use]
    pub fn blocks(&self) -> &[B] {
        &self.blocks
    }

    /// The blocks, each changed by `f`. Nothing is allocated but by `f`: with
    /// [`DenseCovariance::rebuilt`], new numbers come into the old storage.
    ///
    /// # Errors
    ///
    /// What `f` returns, a failing pivot with the block's index in its path.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{Adjust, BlockDiagonal, CovarianceOperator, ScaledIdentity};
    ///
    /// let sigma = BlockDiagonal::new(vec![ScaledIdentity::new(2, 1.0)?])?;
    /// let sigma = sigma.try_map(|_, block| block.scale(3.0))?;
    /// assert_eq!(sigma.trace()?, 6.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn try_map<C: CovarianceOperator<T>>(
        self,
        mut f: impl FnMut(usize, B) -> Result<C, Error>,
    ) -> Result<BlockDiagonal<T, C>, Error> {
        let changed = self
            .blocks
            .into_iter()
            .enumerate()
            .map(|(index, block)| f(index, block).map_err(|error| error.in_block(index)));
        BlockDiagonal::in_storage(changed.collect::<Result<_, _>>()?, self.starts)
    }

    /// `‖L⁻¹ (x - center)‖²` for the only column of `x`.
    fn form_of_point(
        &self,
        x: MatRef<'_, T>,
        center: Option<ColRef<'_, T>>,
        workspace: &mut Workspace<T>,
    ) -> Result<T, Error> {
        workspace.with_any(self.blocks.len(), 1, |terms, workspace| {
            self.terms_into(0, terms, x, center, workspace)?;
            let mut sum = CompensatedSum::new();
            for &term in &*terms {
                sum.add(term);
            }
            Ok(sum.value())
        })
    }

    /// The terms of the blocks `first ..` in the quadratic form of `x`.
    fn terms_into(
        &self,
        first: usize,
        terms: &mut [T],
        x: MatRef<'_, T>,
        center: Option<ColRef<'_, T>>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        let starts = &self.starts[first..=first + terms.len()];
        // A small block costs what some hundreds of operations per coordinate do.
        let operations = (starts[terms.len()] - starts[0]).saturating_mul(500);
        if terms.len() > LANES && parallel::pays(operations) {
            let (left, right) = terms.split_at_mut((terms.len() / 2).next_multiple_of(LANES));
            let middle = first + left.len();
            return workspace.join(
                operations,
                |workspace| self.terms_into(first, left, x, center, workspace),
                |workspace| self.terms_into(middle, right, x, center, workspace),
            );
        }
        for (g, group) in terms.chunks_mut(LANES).enumerate() {
            let first = first + g * LANES;
            let end = first + group.len();
            let factors = self.blocks[first..end].iter().map(B::cholesky);
            let starts = &self.starts[first..=end];
            if lanes::forms_into(factors, starts, x.col(0), center, group) {
                continue;
            }
            for (k, term) in group.iter_mut().enumerate() {
                let (start, end) = (self.starts[first + k], self.starts[first + k + 1]);
                let center = center.map(|c| c.subrows(start, end - start));
                let x = x.subrows(start, end - start);
                let term = core::slice::from_mut(term);
                self.blocks[first + k].quadratic_forms_into(x, center, term, workspace)?;
            }
        }
        Ok(())
    }

    /// The blocks with the coordinates that they cover.
    fn ranged(&self) -> impl Iterator<Item = (&B, Range<usize>)> {
        let ranges = self.starts.windows(2).map(|w| w[0]..w[1]);
        self.blocks.iter().zip(ranges)
    }
}

impl<T: Scalar> BlockDiagonal<T, DenseCovariance<T>> {
    /// The covariance with the given dense blocks.
    ///
    /// # Errors
    ///
    /// As [`DenseCovariance::new`], a failing pivot with the block's index in its path.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{BlockDiagonal, faer::mat};
    ///
    /// let error = BlockDiagonal::from_matrices(vec![mat![[1.0]], mat![[-1.0]]]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "covariance is not positive definite: block 1, pivot 0 is -1"
    /// );
    /// ```
    pub fn from_matrices(matrices: Vec<Mat<T>>) -> Result<Self, Error> {
        Self::new(DenseCovariance::many(matrices)?)
    }

    /// The covariance with dense blocks of `n` coordinates that stand side by side in an
    /// `n × n m` matrix: block `k` is its columns `k n .. (k + 1) n`. Without rows there are
    /// no blocks.
    ///
    /// The fastest of many small blocks: they stay in this one piece of memory, where
    /// [`from_matrices`](Self::from_matrices) visits one for each. The memory is given back
    /// with the last block; a block that is changed moves to memory of its own. Cost:
    /// `m n³/3` flops, no copy.
    ///
    /// # Errors
    ///
    /// [`Rejected`] gives the matrix back with [`Error::DimensionMismatch`] if the number of
    /// columns is no multiple of that of rows, else with the errors of
    /// [`from_matrices`](Self::from_matrices).
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{BlockDiagonal, CovarianceOperator, faer::mat};
    ///
    /// let sigma = BlockDiagonal::from_side_by_side(mat![
    ///     [2.0, 0.5, 1.0, 0.0],
    ///     [0.5, 1.0, 0.0, 3.0],
    /// ])?;
    /// assert_eq!(sigma.dim(), 4);
    /// assert_eq!(sigma.trace()?, 7.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn from_side_by_side(matrices: Mat<T>) -> Result<Self, Rejected<T>> {
        if let Err(error) = check_side_by_side(matrices.as_ref()) {
            let matrix = matrices;
            return Err(Rejected { error, matrix });
        }
        Self::of_dense(DenseCovariance::side_by_side(matrices)?, Vec::new())
    }

    /// The covariance of blocks that are known to be valid, with the storage of some `starts`.
    fn of_dense(blocks: Vec<DenseCovariance<T>>, starts: Vec<usize>) -> Result<Self, Rejected<T>> {
        Self::in_storage(blocks, starts).map_err(|error| Rejected {
            error,
            matrix: Mat::new(),
        })
    }

    /// [`from_side_by_side`](Self::from_side_by_side) in the storage of this covariance, for
    /// loops in which the numbers change and the sizes do not: nothing is allocated where its
    /// blocks still stand side by side and no clone shares them.
    ///
    /// # Errors
    ///
    /// As [`from_side_by_side`](Self::from_side_by_side); what [`Rejected`] gives back is the
    /// storage, with a copy of `matrices`, or nothing where these could be no blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::faer::{Mat, MatRef};
    /// use gaussx_operators::{BlockDiagonal, CovarianceOperator, Workspace};
    ///
    /// let mut workspace = Workspace::new();
    /// let mut sigma = BlockDiagonal::from_side_by_side(Mat::<f64>::ones(1, 3))?;
    /// for step in [1.0, 2.0] {
    ///     let variances = [step, 2.0 * step, 3.0 * step];
    ///     let blocks = MatRef::from_column_major_slice(&variances, 1, 3);
    ///     sigma = sigma.rebuilt_side_by_side(blocks, &mut workspace)?;
    ///     assert_eq!(sigma.trace()?, 6.0 * step);
    /// }
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn rebuilt_side_by_side(
        self,
        matrices: impl AsMat<T>,
        workspace: &mut Workspace<T>,
    ) -> Result<Self, Rejected<T>> {
        let matrices = matrices.as_mat();
        if let Err(error) = check_side_by_side(matrices) {
            let matrix = Mat::new();
            return Err(Rejected { error, matrix });
        }
        let blocks = DenseCovariance::rebuilt_side_by_side(self.blocks, matrices, workspace)?;
        Self::of_dense(blocks, self.starts)
    }
}

fn check_side_by_side<T: Scalar>(matrices: MatRef<'_, T>) -> Result<(), Error> {
    let (n, columns) = matrices.shape();
    let whole = columns.next_multiple_of(n.max(1));
    validate::dimension("matrix of blocks (columns)", whole, columns)
}

impl<T: Scalar, B: CovarianceOperator<T>> Blocks<T> for BlockDiagonal<T, B> {
    fn count(&self) -> usize {
        self.blocks.len()
    }

    fn block(&self, index: usize) -> &dyn CovarianceOperator<T> {
        &self.blocks[index]
    }

    fn block_dim(&self, index: usize) -> usize {
        self.starts[index + 1] - self.starts[index]
    }

    fn total_dim(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }
}

impl<T: Scalar, B: CovarianceOperator<T>> CovarianceOperator<T> for BlockDiagonal<T, B> {
    fn dim(&self) -> usize {
        self.total_dim()
    }

    fn diag_into(&self, out: &mut [T]) -> Result<(), Error> {
        validate::dimension("diagonal", self.dim(), out.len())?;
        self.ranged()
            .try_for_each(|(block, range)| block.diag_into(&mut out[range]))
    }

    fn cholesky(&self) -> CholeskyFactor<'_, T> {
        CholeskyFactor::block_diagonal(self)
    }

    fn quadratic_forms_into(
        &self,
        points: MatRef<'_, T>,
        center: Option<ColRef<'_, T>>,
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_quadratic_forms(self.dim(), points, center, out)?;
        let count = out.len();
        if let [form] = out {
            *form = self.form_of_point(points, center, workspace)?;
            return Ok(());
        }
        out.fill(T::zero());
        workspace.with(2, count, |buffer, workspace| {
            let (terms, errors) = buffer.split_at_mut(count);
            for (block, range) in self.ranged() {
                let rows = points.subrows(range.start, range.len());
                let center = center.map(|c| c.subrows(range.start, range.len()));
                block.quadratic_forms_into(rows, center, terms, workspace)?;
                for ((sum, error), &term) in out.iter_mut().zip(errors.iter_mut()).zip(&*terms) {
                    let (next, lost) = two_sum(*sum, term);
                    *sum = next;
                    *error += lost;
                }
            }
            for (sum, &error) in out.iter_mut().zip(&*errors) {
                if error.is_finite() {
                    *sum += error;
                }
            }
            Ok(())
        })
    }

    fn solve_in_place(
        &self,
        mut x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        validate::dimension("matrix (rows)", self.dim(), x.nrows())?;
        self.ranged().try_for_each(|(block, range)| {
            let rows = x.as_mut().subrows_mut(range.start, range.len());
            block.solve_in_place(rows, workspace)
        })
    }

    fn apply_in_place(
        &self,
        mut x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        validate::dimension("matrix (rows)", self.dim(), x.nrows())?;
        self.ranged().try_for_each(|(block, range)| {
            let rows = x.as_mut().subrows_mut(range.start, range.len());
            block.apply_in_place(rows, workspace)
        })
    }

    fn trace(&self) -> Result<T, Error> {
        sum_over(&self.blocks, B::trace)
    }

    fn columns_into(
        &self,
        columns: &[usize],
        mut out: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_columns(self.dim(), columns, out.as_ref())?;
        out.fill(T::zero());
        for (block, range) in self.ranged() {
            let (places, local) = within(columns, &range);
            if local.is_empty() {
                continue;
            }
            let n = range.len();
            workspace.with(n, local.len(), |buffer, workspace| {
                let mut part = MatMut::from_column_major_slice_mut(buffer, n, local.len());
                block.columns_into(&local, part.as_mut(), workspace)?;
                for (k, &place) in places.iter().enumerate() {
                    for i in 0..n {
                        out[(range.start + i, place)] = part[(i, k)];
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn sub_block_into(
        &self,
        rows: &[usize],
        columns: &[usize],
        mut out: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_sub_block(self.dim(), rows, columns, out.as_ref())?;
        out.fill(T::zero());
        for (block, range) in self.ranged() {
            let (row_places, local_rows) = within(rows, &range);
            let (column_places, local_columns) = within(columns, &range);
            if local_rows.is_empty() || local_columns.is_empty() {
                continue;
            }
            let (m, k) = (local_rows.len(), local_columns.len());
            workspace.with(m, k, |buffer, workspace| {
                let mut part = MatMut::from_column_major_slice_mut(buffer, m, k);
                block.sub_block_into(&local_rows, &local_columns, part.as_mut(), workspace)?;
                for (b, &column) in column_places.iter().enumerate() {
                    for (a, &row) in row_places.iter().enumerate() {
                        out[(row, column)] = part[(a, b)];
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn diag_inverse(&self) -> Result<Col<T>, Error> {
        filled_col("diagonal of the inverse", self.dim(), |out| {
            for (block, range) in self.ranged() {
                let part = block.diag_inverse()?;
                for (value, &entry) in out[range].iter_mut().zip(part.iter()) {
                    *value = entry;
                }
            }
            Ok(())
        })
    }

    fn trace_inverse(&self) -> Result<T, Error> {
        sum_over(&self.blocks, B::trace_inverse)
    }

    fn frobenius_norm(&self) -> Result<T, Error> {
        root_of_squares(|scale| {
            sum_over(&self.blocks, |block| {
                let norm = scale * block.frobenius_norm()?;
                Ok(norm * norm)
            })
        })
    }

    fn extreme_eigenvalues(&self) -> Result<(T, T), Error> {
        let mut bounds: Option<(T, T)> = None;
        for block in self.blocks.iter().filter(|block| block.dim() > 0) {
            let (low, high) = block.extreme_eigenvalues()?;
            bounds = Some(bounds.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
        }
        Ok(bounds.unwrap_or_else(|| (T::one(), T::one())))
    }

    fn principal_axes(&self, count: usize) -> Result<PrincipalAxes<T>, Error> {
        let mut axes = PrincipalAxes::zeros(self.dim(), count)?;
        let mut parts = Vec::with_capacity(self.blocks.len());
        // Variance, block and place of every candidate.
        let mut candidates = Vec::new();
        for (b, block) in self.blocks.iter().enumerate() {
            let part = block.principal_axes(count.min(block.dim()))?;
            candidates.extend(part.variances.iter().enumerate().map(|(k, &v)| (v, b, k)));
            parts.push(part);
        }
        candidates.sort_by(|a, b| b.0.partial_cmp(&a.0).unwrap_or(core::cmp::Ordering::Equal));
        for (k, &(variance, b, from)) in candidates.iter().take(count).enumerate() {
            axes.variances[k] = variance;
            let rows = self.starts[b]..self.starts[b + 1];
            for (i, row) in rows.enumerate() {
                axes.directions[(row, k)] = parts[b].directions[(i, from)];
            }
        }
        Ok(axes)
    }

    fn to_dense(&self) -> Result<Mat<T>, Error> {
        let n = self.dim();
        let mut sigma = zero_mat("dense covariance", n, n)?;
        for (block, range) in self.ranged() {
            let part = block.to_dense()?;
            validate::dimension("dense block (rows)", range.len(), part.nrows())?;
            validate::dimension("dense block (columns)", range.len(), part.ncols())?;
            let (start, len) = (range.start, range.len());
            sigma
                .as_mut()
                .submatrix_mut(start, start, len, len)
                .copy_from(&part);
        }
        Ok(sigma)
    }
}

impl<T: Scalar, B: Adjust<T>> Adjust<T> for BlockDiagonal<T, B> {
    fn scale(self, factor: T) -> Result<Self, Error> {
        // Also where there is no block to refuse it.
        validate::positive("scale", factor)?;
        self.try_map(|_, block| block.scale(factor))
    }

    fn add_jitter(self, jitter: T) -> Result<Self, Error> {
        validate::non_negative("jitter", jitter)?;
        self.try_map(|_, block| block.add_jitter(jitter))
    }
}

/// The places in `indices` that fall in `range`, and the indices relative to its start.
fn within(indices: &[usize], range: &Range<usize>) -> (Vec<usize>, Vec<usize>) {
    indices
        .iter()
        .enumerate()
        .filter(|(_, index)| range.contains(index))
        .map(|(place, &index)| (place, index - range.start))
        .unzip()
}

fn sum_over<T: Scalar, B>(blocks: &[B], f: impl Fn(&B) -> Result<T, Error>) -> Result<T, Error> {
    let mut sum = CompensatedSum::new();
    for block in blocks {
        sum.add(f(block)?);
    }
    Ok(sum.value())
}
