//! What a dense covariance answers as an operator.

use faer::linalg::matmul::triangular::{self as triangular_product, BlockStructure};
use faer::{Accum, ColRef, Mat, MatMut, MatRef, Par};

use super::{DenseCovariance, single};
use crate::factor::Entries;
use crate::kernel::{self, Factor};
use crate::memory::zero_mat;
use crate::operator::{check_columns, check_quadratic_forms, check_sub_block, forms_by_panels};
use crate::sum::{CompensatedSum, root_of_squares, sum_map};
use crate::{CholeskyFactor, CovarianceOperator, Error, Scalar, Workspace, validate};

impl<T: Scalar> CovarianceOperator<T> for DenseCovariance<T> {
    fn dim(&self) -> usize {
        self.variances.len()
    }

    fn diag_into(&self, out: &mut [T]) -> Result<(), Error> {
        validate::dimension("diagonal", self.dim(), out.len())?;
        out.copy_from_slice(&self.variances);
        Ok(())
    }

    fn cholesky(&self) -> CholeskyFactor<'_, T> {
        let l = self.l();
        let entries = self.has_entries.then(|| Entries {
            upper: l,
            diag: &self.variances,
        });
        CholeskyFactor::dense_with_entries(l, entries)
    }

    fn logdet(&self) -> Result<T, Error> {
        Ok(self.logdet)
    }

    fn quadratic_forms_into(
        &self,
        points: MatRef<'_, T>,
        center: Option<ColRef<'_, T>>,
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_quadratic_forms(self.dim(), points, center, out)?;
        let (n, count) = points.shape();
        if single::pays(n, count) {
            single::forms_into(self.l(), points, center, out);
            return Ok(());
        }
        if kernel::pays(n, count) {
            let factor = Factor {
                l: self.l(),
                deviation: T::one(),
            };
            if kernel::forms_into(factor, points, center, out, workspace).is_ok() {
                return Ok(());
            }
            // There is no memory for a packed factor.
            if n <= single::MOST {
                single::forms_into(self.l(), points, center, out);
                return Ok(());
            }
        }
        forms_by_panels(self.cholesky(), points, center, out, workspace)
    }

    fn apply_in_place(
        &self,
        mut x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        let n = self.dim();
        validate::dimension("matrix (rows)", n, x.nrows())?;
        if !self.has_entries {
            let factor = self.cholesky();
            factor.multiply_transpose_in_place(x.as_mut(), workspace)?;
            return factor.multiply_in_place(x, workspace);
        }
        let (k, par) = (x.ncols(), Par::Seq);
        workspace.with_columns(n, k, |mut copy, _| {
            copy.copy_from(x.as_ref());
            crate::columns::map_rows(x.as_mut(), |i, value| value * self.variances[i]);
            let upper = self.storage.view();
            for (triangle, structure) in [
                (upper, BlockStructure::StrictTriangularUpper),
                (upper.transpose(), BlockStructure::StrictTriangularLower),
            ] {
                triangular_product::matmul(
                    x.as_mut(),
                    BlockStructure::Rectangular,
                    Accum::Add,
                    triangle,
                    structure,
                    copy.as_ref(),
                    BlockStructure::Rectangular,
                    T::one(),
                    par,
                );
            }
            Ok(())
        })
    }

    fn trace(&self) -> Result<T, Error> {
        Ok(sum_map(self.dim(), |i| self.variances[i]))
    }

    fn columns_into(
        &self,
        columns: &[usize],
        mut out: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_columns(self.dim(), columns, out.as_ref())?;
        if !self.has_entries {
            out.fill(T::zero());
            for (k, &j) in columns.iter().enumerate() {
                out[(j, k)] = T::one();
            }
            return self.apply_in_place(out, workspace);
        }
        let entry = self.entries();
        for (k, &j) in columns.iter().enumerate() {
            for i in 0..self.dim() {
                out[(i, k)] = entry(i, j);
            }
        }
        Ok(())
    }

    fn sub_block_into(
        &self,
        rows: &[usize],
        columns: &[usize],
        mut out: MatMut<'_, T>,
        _: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_sub_block(self.dim(), rows, columns, out.as_ref())?;
        let (l, entry) = (self.l(), self.entries());
        for (k, &j) in columns.iter().enumerate() {
            for (m, &i) in rows.iter().enumerate() {
                out[(m, k)] = if self.has_entries {
                    entry(i, j)
                } else {
                    // Row i of L times row j of L.
                    sum_map(i.min(j) + 1, |c| l[(i, c)] * l[(j, c)])
                };
            }
        }
        Ok(())
    }

    fn frobenius_norm(&self) -> Result<T, Error> {
        let n = self.dim();
        if !self.has_entries {
            let sigma = self.to_dense()?;
            return root_of_squares(|scale| {
                let entry = |k: usize| scale * sigma[(k % n, k / n)];
                Ok(sum_map(n * n, |k| entry(k) * entry(k)))
            });
        }
        let upper = self.storage.view();
        root_of_squares(|scale| {
            let square = |x: T| (scale * x) * (scale * x);
            let mut sum = CompensatedSum::new();
            for j in 0..n {
                let above = upper.col(j).subrows(0, j);
                sum.add(T::of(2.0) * sum_map(j, |i| square(above[i])));
                sum.add(square(self.variances[j]));
            }
            Ok(sum.value())
        })
    }

    fn to_dense(&self) -> Result<Mat<T>, Error> {
        let n = self.dim();
        let mut sigma = zero_mat("dense covariance", n, n)?;
        if self.has_entries {
            let entry = self.entries();
            for j in 0..n {
                for i in 0..n {
                    sigma[(i, j)] = entry(i, j);
                }
            }
        } else {
            triangular_product::matmul(
                sigma.as_mut(),
                BlockStructure::TriangularLower,
                Accum::Replace,
                self.l(),
                BlockStructure::TriangularLower,
                self.l().transpose(),
                BlockStructure::TriangularUpper,
                T::one(),
                Par::Seq,
            );
            for j in 0..n {
                sigma[(j, j)] = self.variances[j];
                for i in 0..j {
                    sigma[(i, j)] = sigma[(j, i)];
                }
            }
        }
        Ok(sigma)
    }
}
