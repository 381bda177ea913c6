//! The Cholesky factor as a typed view that knows its structure.

use core::fmt::Debug;
use core::ops::Range;

use faer::{MatMut, MatRef};

use crate::blocks::{Blocks, for_each_block};
use crate::columns::{map_rows, unit_columns_into};
use crate::memory::zero_vec;
use crate::products::{Logarithm, sum_ln, sum_ln_by_column};
use crate::sum::CompensatedSum;
use crate::{
    CovarianceOperator, Error, LowerTriangular, Scalar, Workspace, dense, lanes, validate,
};

/// Where the numbers of a factor are: the structure that decides what it costs.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub enum FactorKind<'a, T: Scalar> {
    /// `Σ = v I`.
    #[non_exhaustive]
    ScaledIdentity {
        /// The dimension.
        dim: usize,
        /// The common variance `v`.
        variance: T,
    },
    /// `Σ = diag(v)`.
    #[non_exhaustive]
    Diagonal {
        /// The variances `v`.
        variances: &'a [T],
    },
    /// `L` in the lower triangle of a matrix.
    #[non_exhaustive]
    Dense {
        /// The matrix; its strict upper triangle is not part of `L`.
        l: MatRef<'a, T>,
    },
    /// One factor for each block.
    #[non_exhaustive]
    BlockDiagonal {
        /// The blocks.
        blocks: &'a dyn Blocks<T>,
    },
    /// A factor known only by what it does.
    #[non_exhaustive]
    Custom {
        /// The factor.
        factor: &'a dyn LowerTriangular<T>,
    },
}

/// The entries of a covariance beside its dense factor: strict upper triangle and
/// diagonal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries<'a, T: Scalar> {
    pub(crate) upper: MatRef<'a, T>,
    pub(crate) diag: &'a [T],
}

/// The Cholesky factor of a covariance, `Σ = c L Lᵀ`: a borrowed view that knows its
/// structure and costs nothing to make.
///
/// The factor is *the* Cholesky factor, lower triangular with a positive diagonal, so
/// it is the same matrix, up to rounding, for every representation of one covariance.
/// Products and half-solves work in place on `n × k` views, of any strides.
///
/// | kind | product or half-solve of k columns | log-determinant |
/// |---|---|---|
/// | scaled identity | `n k` | 1 |
/// | diagonal | `n k` | `n` |
/// | block-diagonal | sum over blocks | sum over blocks |
/// | dense | `n² k` | `n` |
/// | custom | the implementation's | the implementation's |
///
/// # Examples
///
/// ```
/// use gaussx_operators::{CovarianceOperator, DenseCovariance, Workspace, faer::mat};
///
/// let sigma = DenseCovariance::new(mat![[4.0, 2.0], [2.0, 5.0]])?;
/// let mut x = mat![[2.0], [5.0]];
/// sigma.cholesky().half_solve_in_place(x.as_mut(), &mut Workspace::new())?;
/// assert_eq!(x, mat![[1.0], [2.0]]); // L = [2 0; 1 2]
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CholeskyFactor<'a, T: Scalar> {
    kind: FactorKind<'a, T>,
    scale: T,
    entries: Option<Entries<'a, T>>,
    /// That of the determinant of a diagonal covariance, before it is scaled.
    logarithm: Option<&'a Logarithm<T>>,
}

/// What is done to the columns of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    HalfSolve,
    HalfSolveTranspose,
    Multiply,
    MultiplyTranspose,
}

impl Action {
    fn is_solve(self) -> bool {
        matches!(self, Self::HalfSolve | Self::HalfSolveTranspose)
    }
}

impl<'a, T: Scalar> CholeskyFactor<'a, T> {
    /// The factor of `variance · I`.
    #[must_use]
    pub fn scaled_identity(dim: usize, variance: T) -> Self {
        Self::of_kind(FactorKind::ScaledIdentity { dim, variance })
    }

    /// The factor of `diag(variances)`: `L_ii = √v_i`.
    #[must_use]
    pub fn diagonal(variances: &'a [T]) -> Self {
        Self::of_kind(FactorKind::Diagonal { variances })
    }

    /// The factor in the lower triangle of the square matrix `l`; what is above the
    /// diagonal is not read.
    ///
    /// Of a matrix that is not square, the largest leading square is taken.
    #[must_use]
    pub fn dense(l: MatRef<'a, T>) -> Self {
        let n = l.nrows().min(l.ncols());
        Self::of_kind(FactorKind::Dense {
            l: l.submatrix(0, 0, n, n),
        })
    }

    /// The factor of `diag(Σ_1, Σ_2, ..)`.
    #[must_use]
    pub fn block_diagonal(blocks: &'a dyn Blocks<T>) -> Self {
        Self::of_kind(FactorKind::BlockDiagonal { blocks })
    }

    /// A factor known only by what it does.
    #[must_use]
    pub fn custom(factor: &'a dyn LowerTriangular<T>) -> Self {
        Self::of_kind(FactorKind::Custom { factor })
    }

    /// The factor of `variance_scale · Σ`, with the structure of this one.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::CholeskyFactor;
    ///
    /// let twice = CholeskyFactor::diagonal(&[1.0, 3.0]).scaled(2.0);
    /// assert_eq!(twice.logdet()?, 12.0_f64.ln());
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    #[must_use]
    pub fn scaled(mut self, variance_scale: T) -> Self {
        if let FactorKind::ScaledIdentity { variance, .. } = &mut self.kind {
            *variance *= variance_scale;
        } else {
            self.scale *= variance_scale;
        }
        self
    }

    fn of_kind(kind: FactorKind<'a, T>) -> Self {
        Self {
            kind,
            scale: T::one(),
            entries: None,
            logarithm: None,
        }
    }

    pub(crate) fn dense_with_entries(l: MatRef<'a, T>, entries: Option<Entries<'a, T>>) -> Self {
        Self {
            entries,
            ..Self::of_kind(FactorKind::Dense { l })
        }
    }

    pub(crate) fn diagonal_with_logarithm(variances: &'a [T], logarithm: &'a Logarithm<T>) -> Self {
        Self {
            logarithm: Some(logarithm),
            ..Self::diagonal(variances)
        }
    }

    /// The structure.
    #[must_use]
    pub fn kind(&self) -> FactorKind<'a, T> {
        self.kind
    }

    /// The `c` in `Σ = c L Lᵀ`, `L` being what [`kind`](Self::kind) shows.
    #[must_use]
    pub fn scale(&self) -> T {
        self.scale
    }

    /// The matrix of a dense factor whose columns are contiguous, as those of an owned matrix
    /// are, and the standard deviation that it is to be multiplied by.
    #[inline]
    pub(crate) fn contiguous_dense(&self) -> Option<(MatRef<'a, T>, T)> {
        match self.kind {
            FactorKind::Dense { l } if l.row_stride() == 1 => Some((l, self.scale.sqrt())),
            _ => None,
        }
    }

    /// Whether the covariance is diagonal by its structure.
    pub(crate) fn is_diagonal(&self) -> bool {
        matches!(
            self.kind,
            FactorKind::ScaledIdentity { .. } | FactorKind::Diagonal { .. }
        )
    }

    pub(crate) fn entries(&self) -> Option<Entries<'a, T>> {
        self.entries
    }

    /// `ln det Σ` of a diagonal covariance where it is at hand.
    pub(crate) fn logarithm(&self) -> Option<Logarithm<T>> {
        match self.kind {
            FactorKind::ScaledIdentity { dim, variance } => {
                Some(Logarithm::of_power(variance, dim))
            }
            _ if self.scale == T::one() => self.logarithm.copied(),
            _ => None,
        }
    }

    /// The number of rows and columns.
    #[must_use]
    pub fn dim(&self) -> usize {
        match self.kind {
            FactorKind::ScaledIdentity { dim, .. } => dim,
            FactorKind::Diagonal { variances } => variances.len(),
            FactorKind::Dense { l } => l.nrows(),
            FactorKind::BlockDiagonal { blocks } => blocks.total_dim(),
            FactorKind::Custom { factor } => factor.factor_dim(),
        }
    }

    /// `X ← L⁻¹ X` for an `n × k` matrix: whitens `k` columns.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `x` has not `n` rows; [`Error::AllocationFailed`].
    pub fn half_solve_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.checked(Action::HalfSolve, x, workspace)
    }

    /// `X ← L⁻ᵀ X` for an `n × k` matrix.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `x` has not `n` rows; [`Error::AllocationFailed`].
    pub fn half_solve_transpose_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.checked(Action::HalfSolveTranspose, x, workspace)
    }

    /// `X ← L X` for an `n × k` matrix: colours `k` columns of white noise.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `x` has not `n` rows; [`Error::AllocationFailed`].
    pub fn multiply_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.checked(Action::Multiply, x, workspace)
    }

    /// `X ← Lᵀ X` for an `n × k` matrix.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `x` has not `n` rows; [`Error::AllocationFailed`].
    pub fn multiply_transpose_in_place(
        &self,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        self.checked(Action::MultiplyTranspose, x, workspace)
    }

    fn checked(
        &self,
        action: Action,
        x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        validate::dimension("matrix (rows)", self.dim(), x.nrows())?;
        self.act(action, 0, x, workspace)
    }

    /// Performs `action`, told that the rows of `x` before `first` are zero (for actions
    /// that keep them so: products with `L` and `L⁻¹`).
    pub(crate) fn act(
        &self,
        action: Action,
        first: usize,
        mut x: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        debug_assert_eq!(x.nrows(), self.dim(), "callers hand matrices of n rows");
        debug_assert!(
            first == 0 || matches!(action, Action::HalfSolve | Action::Multiply),
            "transposes fill the leading rows"
        );
        match self.kind {
            FactorKind::ScaledIdentity { variance, .. } => {
                let deviation = variance.sqrt();
                if action.is_solve() {
                    map_rows(x, |_, value| value / deviation);
                } else {
                    map_rows(x, |_, value| value * deviation);
                }
                return Ok(());
            }
            FactorKind::Diagonal { variances } => {
                return scale_by_deviations(action, variances, self.scale, x, workspace);
            }
            FactorKind::Dense { l } => {
                let rest = l.nrows() - first;
                let l = l.submatrix(first, first, rest, rest);
                let x = x.as_mut().subrows_mut(first, rest);
                dense::triangular::act(l, action, x, workspace)?;
            }
            FactorKind::BlockDiagonal { blocks } => {
                let mut start = 0;
                for b in 0..blocks.count() {
                    let factor = factor_of(blocks.block(b))?;
                    let n = factor.dim();
                    let rows = x.as_mut().subrows_mut(start, n);
                    if start + n > first && !is_zero(rows.as_ref()) {
                        factor.act(action, first.saturating_sub(start), rows, workspace)?;
                    }
                    start += n;
                }
            }
            FactorKind::Custom { factor } => match action {
                Action::HalfSolve => factor.half_solve_in_place(x.as_mut(), workspace)?,
                Action::HalfSolveTranspose => {
                    factor.half_solve_transpose_in_place(x.as_mut(), workspace)?;
                }
                Action::Multiply => factor.multiply_in_place(x.as_mut(), workspace)?,
                Action::MultiplyTranspose => {
                    factor.multiply_transpose_in_place(x.as_mut(), workspace)?;
                }
            },
        }
        if self.scale != T::one() {
            let deviation = self.scale.sqrt();
            if action.is_solve() {
                map_rows(x, |_, value| value / deviation);
            } else {
                map_rows(x, |_, value| value * deviation);
            }
        }
        Ok(())
    }

    /// The diagonal of the factor, `√c L_ii`, into a slice of length `n`.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `out` has not length `n`; what a custom factor
    /// returns.
    pub fn diag_into(&self, out: &mut [T]) -> Result<(), Error> {
        validate::dimension("diagonal", self.dim(), out.len())?;
        match self.kind {
            FactorKind::ScaledIdentity { variance, .. } => {
                out.fill(variance.sqrt());
                return Ok(());
            }
            FactorKind::Diagonal { variances } => {
                for (value, &v) in out.iter_mut().zip(variances) {
                    *value = (self.scale * v).sqrt();
                }
                return Ok(());
            }
            FactorKind::Dense { l } => {
                for (i, value) in out.iter_mut().enumerate() {
                    *value = l[(i, i)];
                }
            }
            FactorKind::BlockDiagonal { blocks } => for_each_block(blocks, |block, range| {
                factor_of(block)?.diag_into(&mut out[range])
            })?,
            FactorKind::Custom { factor } => factor.factor_diag_into(out)?,
        }
        rescale(out, self.scale.sqrt());
        Ok(())
    }

    /// `ln det Σ = 2 Σ ln L_ii`, in the log domain throughout.
    ///
    /// # Errors
    ///
    /// What a custom factor returns.
    pub fn logdet(&self) -> Result<T, Error> {
        let n = self.dim();
        if n == 0 {
            return Ok(T::zero());
        }
        let unscaled = match self.kind {
            FactorKind::ScaledIdentity { variance, .. } => {
                return Ok(T::of_count(n) * variance.ln());
            }
            FactorKind::Diagonal { variances } => {
                let known = self.logarithm().map(|ln| ln.value());
                return Ok(known.unwrap_or_else(|| sum_ln(variances, |v| self.scale * v)));
            }
            FactorKind::Dense { l } => {
                return Ok(logdet_of_factor(l, self.scale.sqrt()));
            }
            FactorKind::BlockDiagonal { blocks } => {
                let mut sum = CompensatedSum::new();
                for b in 0..blocks.count() {
                    sum.add(blocks.block(b).logdet()?);
                }
                sum.value()
            }
            FactorKind::Custom { factor } => factor.factor_logdet()?,
        };
        Ok(if self.scale == T::one() {
            unscaled
        } else {
            unscaled + T::of_count(n) * self.scale.ln()
        })
    }

    /// `det Σ = Π L_ii²`, as a product: no digits are lost to a logarithm, and no partial
    /// product over- or underflows. 1 in dimension zero; `0` or `∞` where the determinant
    /// itself is out of range, which its logarithm is not.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`]; what a custom factor returns.
    pub fn determinant(&self) -> Result<T, Error> {
        let n = self.dim();
        if let FactorKind::ScaledIdentity { variance, .. } = self.kind {
            return Ok(variance.powf(T::of_count(n)));
        }
        let mut diag = zero_vec("diagonal of the factor", n)?;
        self.diag_into(&mut diag)?;
        let (mut product, mut exponent) = (T::one(), 0_i64);
        for l in diag {
            let (mantissa, power) = split_exponent(l);
            product *= mantissa;
            exponent += power;
            if product >= T::of(2.0) {
                product /= T::of(2.0);
                exponent += 1;
            }
        }
        let bounded = i32::try_from(exponent.clamp(-4000, 4000)).unwrap_or(0);
        let power = num_traits::Float::powi(T::of(2.0), bounded);
        Ok(product * product * power * power)
    }

    /// Columns `range` of the factor itself, into an `n × range.len()` matrix.
    pub(crate) fn columns_into(
        &self,
        range: Range<usize>,
        mut out: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        if let FactorKind::Dense { l } = self.kind {
            let deviation = self.scale.sqrt();
            for (k, j) in range.enumerate() {
                let (mut above, below) = out.as_mut().col_mut(k).split_at_row_mut(j);
                above.fill(T::zero());
                let column = l.col(j).subrows(j, l.nrows() - j);
                for (value, &entry) in below.iter_mut().zip(column.iter()) {
                    *value = deviation * entry;
                }
            }
            Ok(())
        } else {
            unit_columns_into(range.start, out.as_mut());
            self.act(Action::Multiply, range.start, out, workspace)
        }
    }

    /// Subtracts columns `range` of the factor from an `n × range.len()` matrix.
    pub(crate) fn subtract_columns(
        &self,
        range: Range<usize>,
        mut from: MatMut<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        if let FactorKind::Dense { l } = self.kind {
            let deviation = self.scale.sqrt();
            for (k, j) in range.enumerate() {
                let below = from.as_mut().col_mut(k).subrows_mut(j, l.nrows() - j);
                let column = l.col(j).subrows(j, l.nrows() - j);
                for (value, &entry) in below.iter_mut().zip(column.iter()) {
                    *value -= deviation * entry;
                }
            }
            return Ok(());
        }
        let (n, width) = (from.nrows(), range.len());
        workspace.with(n, width, |columns, workspace| {
            let mut columns = MatMut::from_column_major_slice_mut(columns, n, width);
            self.columns_into(range, columns.as_mut(), workspace)?;
            from -= columns.as_ref();
            Ok(())
        })
    }

    /// `out_i = Σ_{j<i} L_ij²`: the squares below the diagonal, summed along each row.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `out` has not length `n`; [`Error::AllocationFailed`].
    pub fn squares_below_by_row_into(
        &self,
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        validate::dimension("sums of squares", self.dim(), out.len())?;
        match self.kind {
            FactorKind::ScaledIdentity { .. } | FactorKind::Diagonal { .. } => {
                out.fill(T::zero());
            }
            FactorKind::Dense { l } => {
                out.fill(T::zero());
                for j in 0..l.ncols() {
                    let below = l.col(j).subrows(j + 1, l.nrows() - j - 1);
                    for (value, &entry) in out[j + 1..].iter_mut().zip(below.iter()) {
                        *value += entry * entry;
                    }
                }
            }
            FactorKind::BlockDiagonal { blocks } => for_each_block(blocks, |block, range| {
                factor_of(block)?.squares_below_by_row_into(&mut out[range], workspace)
            })?,
            FactorKind::Custom { factor } => factor.squares_below_by_row_into(out, workspace)?,
        }
        rescale(out, self.scale);
        Ok(())
    }

    /// `out_j = Σ_{i>j} (L⁻¹)_ij²`: the squares below the diagonal of the inverse, summed
    /// down each column.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `out` has not length `n`; [`Error::AllocationFailed`];
    /// [`Error::NotRepresentable`] where an entry of the inverse overflows.
    pub fn inverse_squares_below_by_column_into(
        &self,
        out: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        validate::dimension("sums of squares", self.dim(), out.len())?;
        match self.kind {
            FactorKind::ScaledIdentity { .. } | FactorKind::Diagonal { .. } => {
                out.fill(T::zero());
            }
            FactorKind::Dense { l } => {
                dense::triangular::inverse_squares_below_by_column_into(l, out, workspace)?;
            }
            FactorKind::BlockDiagonal { blocks } => for_each_block(blocks, |block, range| {
                factor_of(block)?.inverse_squares_below_by_column_into(&mut out[range], workspace)
            })?,
            FactorKind::Custom { factor } => {
                factor.inverse_squares_below_by_column_into(out, workspace)?;
            }
        }
        if self.scale != T::one() {
            for value in out.iter_mut() {
                *value /= self.scale;
            }
        }
        // An entry of the inverse that overflowed has met its opposite.
        if out.iter().any(|value| value.is_nan()) {
            return Err(Error::not_representable("inverse of the factor"));
        }
        Ok(())
    }
}

/// `2 Σ ln (by · l_ii)`.
pub(crate) fn logdet_of_factor<T: Scalar>(l: MatRef<'_, T>, by: T) -> T {
    if l.nrows() <= lanes::MOST {
        // To the last bit as where many are factored side by side.
        let [sum] = sum_ln_by_column((0..l.nrows()).map(|i| [by * l[(i, i)]]));
        if !sum.is_nan() {
            return T::of(2.0) * sum;
        }
    }
    let mut total = CompensatedSum::new();
    let mut pivots = [T::zero(); 128];
    for start in (0..l.nrows()).step_by(pivots.len()) {
        let count = pivots.len().min(l.nrows() - start);
        let pivots = &mut pivots[..count];
        for (k, pivot) in pivots.iter_mut().enumerate() {
            *pivot = l[(start + k, start + k)];
        }
        total.add(sum_ln(pivots, |pivot| by * pivot));
    }
    T::of(2.0) * total.value()
}

/// `x ← by · x`, nothing at all where `by` is 1.
pub(crate) fn rescale<T: Scalar>(x: &mut [T], by: T) {
    if by != T::one() {
        for value in x {
            *value *= by;
        }
    }
}

/// The factor of `operator`, after a check that it has the operator's dimension: only a
/// type written elsewhere can fail it.
pub(crate) fn factor_of<T: Scalar>(
    operator: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<CholeskyFactor<'_, T>, Error> {
    let factor = operator.cholesky();
    validate::dimension("Cholesky factor", operator.dim(), factor.dim())?;
    Ok(factor)
}

/// `x = m 2^e` with `1 <= m < 2`, for positive normal `x`.
fn split_exponent<T: Scalar>(x: T) -> (T, i64) {
    let (mantissa, exponent, _) = num_traits::Float::integer_decode(x);
    let bits = 63 - i64::from(mantissa.leading_zeros());
    let power = i64::from(exponent) + bits;
    // Both halves of the power are representable, also where the whole is not.
    let half = i32::try_from(power / 2).unwrap_or(0);
    let rest = i32::try_from(power - power / 2).unwrap_or(0);
    let two = T::of(2.0);
    let scaled = x / num_traits::Float::powi(two, half) / num_traits::Float::powi(two, rest);
    (scaled, power)
}

fn scale_by_deviations<T: Scalar>(
    action: Action,
    variances: &[T],
    scale: T,
    x: MatMut<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let deviation = |i: usize| (scale * variances[i]).sqrt();
    match (x.ncols(), action.is_solve()) {
        (0 | 1, true) => map_rows(x, |i, value| value / deviation(i)),
        (0 | 1, false) => map_rows(x, |i, value| value * deviation(i)),
        (_, solve) => workspace.with(variances.len(), 1, |buffer, _| {
            for (i, value) in buffer.iter_mut().enumerate() {
                *value = deviation(i);
            }
            if solve {
                map_rows(x, |i, value| value / buffer[i]);
            } else {
                map_rows(x, |i, value| value * buffer[i]);
            }
            Ok(())
        })?,
    }
    Ok(())
}

fn is_zero<T: Scalar>(x: MatRef<'_, T>) -> bool {
    (0..x.ncols()).all(|j| x.col(j).iter().all(|&value| value == T::zero()))
}
