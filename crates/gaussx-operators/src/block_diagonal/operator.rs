//! What a block-diagonal covariance answers as an operator.

use core::ops::Range;

use faer::{Col, ColRef, Mat, MatMut, MatRef};

use super::BlockDiagonal;
use crate::blocks::Blocks;
use crate::lanes::{self, LANES};
use crate::memory::{filled_col, zero_mat};
use crate::operator::{check_columns, check_quadratic_forms, check_sub_block};
use crate::spectrum::PrincipalAxes;
use crate::sum::{CompensatedSum, root_of_squares, two_sum};
use crate::{CholeskyFactor, CovarianceOperator, Error, Scalar, Workspace, parallel, validate};

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

impl<T: Scalar, B: CovarianceOperator<T>> BlockDiagonal<T, B> {
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
