//! The trait that every covariance implements and every closed form asks.

use core::fmt::Debug;

use faer::{Col, ColRef, Mat, MatMut, MatRef};

use crate::columns::{PANEL, contiguous, panels, residuals_into, unit_columns_into};
use crate::factor::factor_of;
use crate::memory::{copied_mat, filled_col, zero_mat, zero_vec};
use crate::spectrum::{self, PrincipalAxes};
use crate::sum::{CompensatedSum, root_of_squares, sum_map, sum_of_squares};
use crate::{CholeskyFactor, Error, FactorKind, Scalar, Workspace, parallel, validate};

/// A covariance `Σ = L Lᵀ`, known by its size, its variances and its Cholesky factor.
///
/// A value of a type that implements this trait **is** symmetric positive definite:
/// its constructor checked the numbers and factored them, once. What remains to fail
/// afterwards is the size of an argument, memory, and an implementation that breaks the
/// contract.
///
/// # The contract
///
/// * `Σ` is symmetric positive definite and does not change while it is borrowed.
/// * [`dim`](Self::dim), [`diag_into`](Self::diag_into) and
///   [`cholesky`](Self::cholesky) speak of the same `n × n` matrix; the factor's
///   dimension is `n`. A factor of another size is answered with an error.
/// * `L` is *the* Cholesky factor: lower triangular with a positive diagonal. Samples
///   and whitened vectors then agree across representations of one covariance.
/// * Calls from many threads at once are sound (`Send + Sync`).
/// * An overridden method gives what the provided one would, up to rounding.
///
/// # What to write and what follows
///
/// Three methods are required. Everything else is provided from the factor, and the
/// closed forms call these methods, so that overriding one makes every quantity that
/// needs it cheaper. (Where two factors of the built-in kinds meet, KL may read them
/// in one pass instead.) Costs below are for a factor whose half-solve or product of one
/// column costs `s` (`n²` for a dense one).
///
/// | method | provided from | cost |
/// |---|---|---|
/// | [`logdet`](Self::logdet) | the diagonal of `L` | `n` |
/// | [`quadratic_forms_into`](Self::quadratic_forms_into) | one half-solve per point | `s` each |
/// | [`solve_in_place`](Self::solve_in_place), [`apply_in_place`](Self::apply_in_place) | two half-solves, two products | `2 s` per column |
/// | [`trace`](Self::trace) | the variances | `n` |
/// | [`columns_into`](Self::columns_into), [`sub_block_into`](Self::sub_block_into) | products with unit vectors | `2 s` per column |
/// | [`diag_inverse`](Self::diag_inverse), [`trace_inverse`](Self::trace_inverse) | the columns of `L⁻¹` | `n s` |
/// | [`frobenius_norm`](Self::frobenius_norm) | panels of columns | `2 n s` |
/// | [`extreme_eigenvalues`](Self::extreme_eigenvalues), [`principal_axes`](Self::principal_axes) | the dense matrix | `n³`, memory `n²` |
///
/// Points are columns: a batch of `N` points is a `d × N` matrix.
///
/// # Examples
///
/// A covariance of one's own that reuses a built-in factor needs three lines of code:
///
/// ```
/// use gaussx_operators::{CholeskyFactor, CovarianceOperator, DiagonalCovariance, Error};
///
/// /// Independent sensors whose variance grows along the array.
/// #[derive(Debug)]
/// struct SensorNoise(DiagonalCovariance<f64>);
///
/// impl CovarianceOperator<f64> for SensorNoise {
///     fn dim(&self) -> usize {
///         self.0.dim()
///     }
///     fn diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
///         self.0.diag_into(out)
///     }
///     fn cholesky(&self) -> CholeskyFactor<'_, f64> {
///         self.0.cholesky()
///     }
/// }
///
/// let noise = SensorNoise(DiagonalCovariance::new(&[1.0, 2.0, 4.0])?);
/// assert!((noise.logdet()? - 8.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// [`LowerTriangular`](crate::LowerTriangular) shows one with a factor of its own.
pub trait CovarianceOperator<T: Scalar>: Debug + Send + Sync {
    /// The dimension `n`. Zero is legal: a point mass, every quantity an empty sum.
    fn dim(&self) -> usize;

    /// The variances, the diagonal of `Σ`, into a slice of length `n`.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `out` has not length `n`.
    fn diag_into(&self, out: &mut [T]) -> Result<(), Error>;

    /// The Cholesky factor: a borrowed view that costs nothing to make.
    fn cholesky(&self) -> CholeskyFactor<'_, T>;

    /// The variances, the diagonal of `Σ`.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    fn diag(&self) -> Result<Col<T>, Error> {
        filled_col("diagonal", self.dim(), |out| self.diag_into(out))
    }

    /// `ln det Σ = 2 Σ ln L_ii`, in the log domain throughout.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if the factor has another size than the operator.
    fn logdet(&self) -> Result<T, Error> {
        factor_of(self)?.logdet()
    }

    /// `out_j = ‖L⁻¹ (x_j - center)‖²` for the columns of an `n × N` matrix; without a
    /// center, `‖L⁻¹ x_j‖²`.
    ///
    /// One half-solve per point, never a full solve; never negative; `∞` where the
    /// squares overflow, NaN where a residual does: the closed forms make that an error.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `points` or `center` has not `n` rows or `out` not
    /// length `N`; [`Error::AllocationFailed`].
    fn quadratic_forms_into(
        &self,
        points: MatRef<'_, T>,
        center: Option<ColRef<'_, T>>,
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_quadratic_forms(self.dim(), points, center, out)?;
        forms_by_panels(factor_of(self)?, points, center, out, workspace)
    }

    /// `X ← Σ⁻¹ X` for an `n × k` matrix; an overflow is passed on as arithmetic does.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `x` has not `n` rows; [`Error::AllocationFailed`].
    fn solve_in_place(
        &self,
        mut x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        let factor = factor_of(self)?;
        factor.half_solve_in_place(x.as_mut(), workspace)?;
        factor.half_solve_transpose_in_place(x, workspace)
    }

    /// `Σ⁻¹ B` for an `n × k` matrix.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `b` has not `n` rows; [`Error::NotRepresentable`] where
    /// the result is not a number; [`Error::AllocationFailed`].
    fn solve(&self, b: MatRef<'_, T>) -> Result<Mat<T>, Error> {
        validate::dimension("right-hand side (rows)", self.dim(), b.nrows())?;
        let mut x = copied_mat("solution", b)?;
        self.solve_in_place(x.as_mut(), &mut Workspace::new())?;
        numbers("solution", x)
    }

    /// `X ← Σ X` for an `n × k` matrix; an overflow is passed on as arithmetic does.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `x` has not `n` rows; [`Error::AllocationFailed`].
    fn apply_in_place(
        &self,
        mut x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        let factor = factor_of(self)?;
        factor.multiply_transpose_in_place(x.as_mut(), workspace)?;
        factor.multiply_in_place(x, workspace)
    }

    /// `Σ B` for an `n × k` matrix.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `b` has not `n` rows; [`Error::NotRepresentable`] where
    /// the result is not a number; [`Error::AllocationFailed`].
    fn apply(&self, b: MatRef<'_, T>) -> Result<Mat<T>, Error> {
        validate::dimension("right-hand side (rows)", self.dim(), b.nrows())?;
        let mut x = copied_mat("product", b)?;
        self.apply_in_place(x.as_mut(), &mut Workspace::new())?;
        numbers("product", x)
    }

    /// `tr Σ`, the total variance.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    fn trace(&self) -> Result<T, Error> {
        let mut diag = zero_vec("diagonal", self.dim())?;
        self.diag_into(&mut diag)?;
        Ok(sum_map(diag.len(), |i| diag[i]))
    }

    /// The columns of `Σ` that `columns` names, into an `n × columns.len()` matrix.
    ///
    /// # Errors
    ///
    /// [`Error::IndexOutOfRange`]; [`Error::DimensionMismatch`] if `out` has another size;
    /// [`Error::AllocationFailed`].
    fn columns_into(
        &self,
        columns: &[usize],
        mut out: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_columns(self.dim(), columns, out.as_ref())?;
        out.fill(T::zero());
        for (k, &j) in columns.iter().enumerate() {
            out[(j, k)] = T::one();
        }
        self.apply_in_place(out, workspace)
    }

    /// `out_ij = Σ[rows_i, columns_j]`.
    ///
    /// # Errors
    ///
    /// [`Error::IndexOutOfRange`]; [`Error::DimensionMismatch`] if `out` is not
    /// `rows.len() × columns.len()`; [`Error::AllocationFailed`].
    fn sub_block_into(
        &self,
        rows: &[usize],
        columns: &[usize],
        mut out: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        check_sub_block(self.dim(), rows, columns, out.as_ref())?;
        let n = self.dim();
        workspace.with(n, columns.len().min(PANEL), |buffer, workspace| {
            for range in panels(columns.len()) {
                let buffer = &mut buffer[..n * range.len()];
                let mut panel = MatMut::from_column_major_slice_mut(buffer, n, range.len());
                self.columns_into(&columns[range.clone()], panel.as_mut(), workspace)?;
                for (k, j) in range.enumerate() {
                    for (i, &row) in rows.iter().enumerate() {
                        out[(i, j)] = panel[(row, k)];
                    }
                }
            }
            Ok(())
        })
    }

    /// The precisions, the diagonal of `Σ⁻¹`.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    fn diag_inverse(&self) -> Result<Col<T>, Error> {
        let factor = factor_of(self)?;
        let n = self.dim();
        let mut workspace = Workspace::new();
        let mut diag = workspace.take(n, 1)?;
        factor.diag_into(&mut diag)?;
        filled_col("diagonal of the inverse", n, |out| {
            factor.inverse_squares_below_by_column_into(out, &mut workspace)?;
            for (value, &l) in out.iter_mut().zip(&diag) {
                *value += (T::one() / l) / l;
            }
            Ok(())
        })
    }

    /// `tr Σ⁻¹`, the sum of the precisions.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    fn trace_inverse(&self) -> Result<T, Error> {
        let diag = self.diag_inverse()?;
        Ok(sum_map(diag.nrows(), |i| diag[i]))
    }

    /// `‖Σ‖_F = √(Σ_ij Σ_ij²)`.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    fn frobenius_norm(&self) -> Result<T, Error> {
        let n = self.dim();
        root_of_squares(|scale| {
            let mut workspace = Workspace::new();
            let mut sum = CompensatedSum::new();
            let mut buffer = workspace.take(n, n.min(PANEL))?;
            for range in panels(n) {
                let buffer = &mut buffer[..n * range.len()];
                let mut panel = MatMut::from_column_major_slice_mut(buffer, n, range.len());
                unit_columns_into(range.start, panel.as_mut());
                self.apply_in_place(panel, &mut workspace)?;
                for entry in &mut *buffer {
                    *entry *= scale;
                }
                sum.add(sum_of_squares(buffer));
            }
            Ok(sum.value())
        })
    }

    /// The smallest and the largest eigenvalue of `Σ`; both 1 in dimension zero.
    ///
    /// The smallest is found as the largest of `Σ⁻¹`, so that it keeps its digits where
    /// the covariance is ill-conditioned.
    ///
    /// # Errors
    ///
    /// [`Error::NoConvergence`]; [`Error::AllocationFailed`].
    fn extreme_eigenvalues(&self) -> Result<(T, T), Error> {
        spectrum::dense_extremes(self)
    }

    /// The `count` directions of largest variance, unit eigenvectors of `Σ` with their
    /// eigenvalues in decreasing order.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if `count` is more than `n`; [`Error::NoConvergence`];
    /// [`Error::AllocationFailed`].
    fn principal_axes(&self, count: usize) -> Result<PrincipalAxes<T>, Error> {
        spectrum::dense_axes(self, count)
    }

    /// `Σ` as a dense `n × n` matrix, exactly symmetric.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    fn to_dense(&self) -> Result<Mat<T>, Error> {
        let n = self.dim();
        let mut sigma = zero_mat("dense covariance", n, n)?;
        let mut workspace = Workspace::new();
        let indices: Vec<usize> = (0..n).collect();
        for range in panels(n) {
            let columns = sigma.as_mut().subcols_mut(range.start, range.len());
            self.columns_into(&indices[range], columns, &mut workspace)?;
        }
        for j in 0..n {
            for i in j + 1..n {
                sigma[(j, i)] = sigma[(i, j)];
            }
        }
        Ok(sigma)
    }
}

/// The matrix, if it holds no NaN: infinities that met, or NaN in the question.
fn numbers<T: Scalar>(what: &'static str, x: Mat<T>) -> Result<Mat<T>, Error> {
    let has_nan = (0..x.ncols()).any(|j| x.col(j).iter().any(|value| value.is_nan()));
    if has_nan {
        Err(Error::not_representable(what))
    } else {
        Ok(x)
    }
}

/// Columns of points that are whitened together.
const TOGETHER: usize = 2 * PANEL;

/// `‖L⁻¹ (x_j - center)‖²` for every column, some columns at a time.
pub(crate) fn forms_by_panels<T: Scalar>(
    factor: CholeskyFactor<'_, T>,
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &mut [T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let (n, count) = (points.nrows(), points.ncols());
    let operations = n.saturating_mul(n).saturating_mul(count);
    let dense = matches!(factor.kind(), FactorKind::Dense { .. });
    if dense && count > TOGETHER && parallel::pays(operations) {
        let half = (count / 2).next_multiple_of(TOGETHER);
        let (left, right) = out.split_at_mut(half);
        let (before, after) = points.split_at_col(half);
        return workspace.join(
            operations,
            |workspace| forms_by_panels(factor, before, center, left, workspace),
            |workspace| forms_by_panels(factor, after, center, right, workspace),
        );
    }
    workspace.with_columns(n, count.min(TOGETHER), |mut panel, workspace| {
        for (group, out) in out.chunks_mut(TOGETHER).enumerate() {
            let count = out.len();
            let mut panel = panel.as_mut().subcols_mut(0, count);
            let columns = points.subcols(group * TOGETHER, count);
            residuals_into(panel.as_mut(), columns, center);
            factor.half_solve_in_place(panel.as_mut(), workspace)?;
            for (form, white) in out.iter_mut().zip(panel.as_ref().col_iter()) {
                *form = sum_of_squares(contiguous(white));
            }
        }
        Ok(())
    })
}

pub(crate) fn check_quadratic_forms<T: Scalar>(
    dim: usize,
    points: MatRef<'_, T>,
    center: Option<ColRef<'_, T>>,
    out: &[T],
) -> Result<(), Error> {
    validate::dimension("points (rows)", dim, points.nrows())?;
    if let Some(center) = center {
        validate::dimension("center", dim, center.nrows())?;
    }
    validate::dimension("output", points.ncols(), out.len())
}

pub(crate) fn check_columns<T: Scalar>(
    dim: usize,
    columns: &[usize],
    out: MatRef<'_, T>,
) -> Result<(), Error> {
    validate::indices("columns", columns, dim)?;
    validate::dimension("columns of the covariance (rows)", dim, out.nrows())?;
    validate::dimension(
        "columns of the covariance (columns)",
        columns.len(),
        out.ncols(),
    )
}

pub(crate) fn check_sub_block<T: Scalar>(
    dim: usize,
    rows: &[usize],
    columns: &[usize],
    out: MatRef<'_, T>,
) -> Result<(), Error> {
    validate::indices("rows", rows, dim)?;
    validate::indices("columns", columns, dim)?;
    validate::dimension("sub-block (rows)", rows.len(), out.nrows())?;
    validate::dimension("sub-block (columns)", columns.len(), out.ncols())
}
