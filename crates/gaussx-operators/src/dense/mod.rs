//! A full covariance matrix, factored in its own storage.

mod batch;
mod factorize;
mod many;
mod single;
mod storage;
pub(crate) mod triangular;

use faer::linalg::matmul::triangular::{self as triangular_product, BlockStructure};
use faer::{Accum, ColRef, Mat, MatMut, MatRef, Par};
use smallvec::SmallVec;

use self::storage::Storage;
use crate::adjust::Adjust;
use crate::factor::{Entries, logdet_of_factor};
use crate::memory::zero_mat;
use crate::operator::{check_columns, check_quadratic_forms, check_sub_block, forms_by_panels};
use crate::point::{AsCol, AsMat};
use crate::sum::{CompensatedSum, root_of_squares, sum_map};
use crate::{CholeskyFactor, CovarianceOperator, Error, Rejected, Scalar, Workspace, validate};

/// Those of few coordinates need no memory of their own.
type Variances<T> = SmallVec<[T; 8]>;

/// A dense covariance matrix with its Cholesky factor.
///
/// One `n × n` buffer holds both: `L` in the lower triangle, the entries of `Σ` in the
/// strict upper one, and the variances beside it. Building costs `n³/3` flops; then the
/// log-determinant is at hand, and a quadratic form or a solve costs `n²` per column.
///
/// A block of [`BlockDiagonal::from_side_by_side`](crate::BlockDiagonal::from_side_by_side)
/// shares its buffer with the others: what changes it or takes it out copies it first.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{CovarianceOperator, DenseCovariance, faer::mat};
///
/// let sigma = DenseCovariance::new(mat![[1.0, 0.7], [0.7, 1.5]])?;
/// assert!((sigma.logdet()? - 1.01_f64.ln()).abs() < 1e-15);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DenseCovariance<T: Scalar> {
    /// `L` in the lower triangle; `Σ` in the strict upper one where `has_entries`.
    storage: Storage<T>,
    variances: Variances<T>,
    /// Whether the matrix was given. From a factor it is not formed: it would cost `n³`.
    has_entries: bool,
    logdet: T,
}

impl<T: Scalar> DenseCovariance<T> {
    /// The covariance with the given matrix, factored in the matrix's own storage.
    ///
    /// Both triangles must be finite and agree to `|a_ij - a_ji| <= √ε √(a_ii a_jj)`;
    /// then the lower one is the matrix. Cost: `n³/3` flops, `n` numbers of new memory and a
    /// block of 64 × 64 as scratch.
    ///
    /// A matrix is refused as not positive definite where a pivot, the variance left in
    /// a coordinate given those before it, is not above `n ε` of that variance: singular
    /// to working precision, whatever the units.
    ///
    /// # Errors
    ///
    /// [`Rejected`] gives the matrix back with [`Error::NotSquare`],
    /// [`Error::NonFinite`], [`Error::NotSymmetric`], [`Error::NotPositiveDefinite`] or
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DenseCovariance, faer::mat};
    ///
    /// let sigma = DenseCovariance::new(mat![[2.0, 0.5], [0.5, 1.0]])?;
    /// assert_eq!(sigma.dim(), 2);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn new(matrix: Mat<T>) -> Result<Self, Rejected<T>> {
        Self::new_with(matrix, &mut Workspace::new())
    }

    /// [`new`](Self::new) with the caller's scratch memory.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DenseCovariance, Workspace, faer::mat};
    ///
    /// let mut workspace = Workspace::new();
    /// let sigma = DenseCovariance::new_with(mat![[2.0, 0.5], [0.5, 1.0]], &mut workspace)?;
    /// assert_eq!(sigma.trace()?, 3.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn new_with(matrix: Mat<T>, workspace: &mut Workspace<T>) -> Result<Self, Rejected<T>> {
        Self::in_storage(matrix, Variances::new(), workspace)
    }

    /// The covariance `matrix` in the storage of this one, for loops in which the numbers
    /// change and the size does not: nothing is allocated, unless the storage is shared.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new). What [`Rejected`] gives back is that storage, with a copy of
    /// `matrix` unless memory for one of another size could not be had;
    /// [`new_with`](Self::new_with) takes it for another try.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DenseCovariance, Workspace, faer::mat};
    ///
    /// let mut workspace = Workspace::new();
    /// let mut sigma = DenseCovariance::new(mat![[2.0, 0.5], [0.5, 1.0]])?;
    /// for step in [1.0, 2.0, 3.0] {
    ///     let matrix = mat![[2.0 + step, 0.5], [0.5, 1.0]];
    ///     sigma = sigma.rebuilt(&matrix, &mut workspace)?;
    ///     assert_eq!(sigma.trace()?, 3.0 + step);
    /// }
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn rebuilt(
        self,
        matrix: impl AsMat<T>,
        workspace: &mut Workspace<T>,
    ) -> Result<Self, Rejected<T>> {
        let matrix = matrix.as_mat();
        let mut buffer = match self.storage {
            Storage::Own(buffer) => buffer,
            Storage::Shared { .. } => Mat::new(),
        };
        if buffer.shape() != matrix.shape() {
            buffer = match zero_mat("covariance", matrix.nrows(), matrix.ncols()) {
                Ok(buffer) => buffer,
                Err(error) => {
                    return Err(Rejected {
                        error,
                        matrix: buffer,
                    });
                }
            };
        }
        buffer.copy_from(matrix);
        Self::in_storage(buffer, self.variances, workspace)
    }

    /// The covariance `matrix`, checked and factored in its own storage.
    fn in_storage(
        mut matrix: Mat<T>,
        mut variances: Variances<T>,
        workspace: &mut Workspace<T>,
    ) -> Result<Self, Rejected<T>> {
        match factorize::checked_in_place(matrix.as_mut(), &mut variances, workspace) {
            Ok(()) => Ok(Self::of_factor(matrix, variances, true)),
            Err(error) => Err(Rejected { error, matrix }),
        }
    }

    /// The covariance with the least jitter that makes it positive definite, and that
    /// jitter: the variances are multiplied by `1 + j` for `j = 0`, then `n ε`, and ten times
    /// more until the matrix is accepted or `j` passes `limit`.
    ///
    /// Relative to each variance, so that the units of the coordinates do not matter. Add
    /// the same number to all variances with [`Adjust::add_jitter`]. Cost: one factorisation
    /// of `n³/3` flops per try, about `log₁₀(limit / n ε)` at most; no copy of the matrix.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), [`Error::NotPositiveDefinite`] only if `limit` is not enough;
    /// the matrix comes back without jitter. [`Error::InvalidParameter`] if `limit` is
    /// negative or not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{DenseCovariance, faer::mat};
    ///
    /// // Two copies of one measurement: singular.
    /// let (sigma, jitter) = DenseCovariance::with_jitter(mat![[1.0, 1.0], [1.0, 1.0]], 1e-6)?;
    /// assert!(0.0 < jitter && jitter < 1e-14);
    /// let (_, none) = DenseCovariance::with_jitter(mat![[1.0, 0.5], [0.5, 1.0]], 1e-6)?;
    /// assert_eq!(none, 0.0);
    /// assert!(DenseCovariance::with_jitter(mat![[1.0, 2.0], [2.0, 1.0]], 1e-6).is_err());
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn with_jitter(matrix: Mat<T>, limit: T) -> Result<(Self, T), Rejected<T>> {
        if let Err(error) = validate::non_negative("jitter limit", limit) {
            return Err(Rejected { error, matrix });
        }
        let mut rejected = match Self::new(matrix) {
            Ok(covariance) => return Ok((covariance, T::zero())),
            Err(rejected) => rejected,
        };
        let n = rejected.matrix.nrows();
        let mut jitter = T::of_count(n) * T::EPSILON;
        while matches!(rejected.error, Error::NotPositiveDefinite { .. }) && jitter <= limit {
            let mut matrix = rejected.matrix;
            let variances: Vec<T> = (0..n).map(|i| matrix[(i, i)]).collect();
            if variances.iter().any(|&v| !(v + v * jitter).is_finite()) {
                let error = Error::not_representable("variance with jitter");
                return Err(Rejected { error, matrix });
            }
            for (i, &v) in variances.iter().enumerate() {
                matrix[(i, i)] = v + v * jitter;
            }
            rejected = match Self::from_checked(matrix) {
                Ok(covariance) => return Ok((covariance, jitter)),
                Err(rejected) => rejected,
            };
            for (i, &v) in variances.iter().enumerate() {
                rejected.matrix[(i, i)] = v;
            }
            jitter *= T::of(10.0);
        }
        Err(rejected)
    }

    /// The covariance whose lower triangle is that of the given matrix; the strict upper
    /// triangle is not read.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), but for symmetry.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DenseCovariance, faer::mat};
    ///
    /// let sigma = DenseCovariance::from_lower_triangle(mat![[2.0, f64::NAN], [0.5, 1.0]])?;
    /// assert_eq!(sigma.to_dense()?, mat![[2.0, 0.5], [0.5, 1.0]]);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn from_lower_triangle(matrix: Mat<T>) -> Result<Self, Rejected<T>> {
        let view = matrix.as_ref();
        let checked = validate::square("covariance", view)
            .and_then(|()| validate::finite_lower("covariance", view));
        match checked {
            Ok(()) => Self::from_checked(matrix),
            Err(error) => Err(Rejected { error, matrix }),
        }
    }

    /// The covariance `L Lᵀ` with the given Cholesky factor. Cost: `n²`; nothing is
    /// factored again.
    ///
    /// # Errors
    ///
    /// [`Rejected`] gives the factor back with [`Error::NotSquare`], [`Error::NonFinite`],
    /// [`Error::NotLowerTriangular`] if an entry above the diagonal is not zero, or
    /// [`Error::NotPositiveDefinite`] if one on the diagonal is not a positive normal number.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DenseCovariance, faer::mat};
    ///
    /// let sigma = DenseCovariance::from_cholesky(mat![[2.0, 0.0], [1.0, 3.0]])?;
    /// assert_eq!(sigma.to_dense()?, mat![[4.0, 2.0], [2.0, 10.0]]);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn from_cholesky(l: Mat<T>) -> Result<Self, Rejected<T>> {
        match check_factor(l.as_ref()) {
            Ok(variances) => Ok(Self::of_factor(l, variances, false)),
            Err(error) => Err(Rejected { error, matrix: l }),
        }
    }

    /// The covariance whose inverse is given: a reversed Cholesky factorisation and one
    /// triangular inverse, never a general one. Cost: `2 n³/3` flops, `n²` numbers.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), of the precision matrix; a failing pivot counts from the
    /// last coordinate, and `pivot` is its index in the matrix. [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DenseCovariance, faer::mat};
    ///
    /// let sigma = DenseCovariance::from_precision(mat![[2.0, 0.0], [0.0, 4.0]])?;
    /// let error = (sigma.to_dense()? - mat![[0.5, 0.0], [0.0, 0.25]]).norm_max();
    /// assert!(error < 1e-15);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn from_precision(precision: Mat<T>) -> Result<Self, Rejected<T>> {
        let view = precision.as_ref();
        let checked = validate::square("precision", view)
            .and_then(|()| validate::finite_matrix("precision", view))
            .and_then(|()| validate::symmetric("precision", view));
        match checked {
            Ok(()) => factorize::inverse_factor(precision).and_then(Self::from_cholesky),
            Err(error) => Err(Rejected {
                error,
                matrix: precision,
            }),
        }
    }

    /// From the lower triangle of a checked matrix.
    fn from_checked(mut matrix: Mat<T>) -> Result<Self, Rejected<T>> {
        let (mut variances, mut workspace) = (Variances::new(), Workspace::new());
        match factorize::in_place(matrix.as_mut(), &mut variances, &mut workspace) {
            Ok(()) => Ok(Self::of_factor(matrix, variances, true)),
            Err(error) => Err(Rejected { error, matrix }),
        }
    }

    /// The covariance of the first `m` coordinates, from the storage of another: the leading
    /// block of its factor, copied.
    pub(crate) fn leading(
        l: MatRef<'_, T>,
        entries: Entries<'_, T>,
        m: usize,
    ) -> Result<Self, Error> {
        let mut buffer = zero_mat("Cholesky factor", m, m)?;
        for j in 0..m {
            for i in 0..m {
                let source = if i < j { entries.upper } else { l };
                buffer[(i, j)] = source[(i, j)];
            }
        }
        Ok(Self::of_factor(buffer, entries.diag[..m].into(), true))
    }

    fn of_factor(buffer: Mat<T>, variances: Variances<T>, has_entries: bool) -> Self {
        let logdet = logdet_of_factor(buffer.as_ref(), T::one());
        Self {
            storage: Storage::Own(buffer),
            variances,
            has_entries,
            logdet,
        }
    }

    /// `Σ_ij` by its indices, where the matrix was given.
    fn entries(&self) -> impl Fn(usize, usize) -> T {
        let (upper, variances) = (self.l(), &self.variances);
        move |i, j| match i.cmp(&j) {
            core::cmp::Ordering::Equal => variances[i],
            core::cmp::Ordering::Less => upper[(i, j)],
            core::cmp::Ordering::Greater => upper[(j, i)],
        }
    }

    fn l(&self) -> MatRef<'_, T> {
        self.storage.view()
    }
}

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
        let entries = self.has_entries.then(|| Entries {
            upper: self.storage.view(),
            diag: &self.variances,
        });
        CholeskyFactor::dense_with_entries(self.l(), entries)
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
        if batch::pays(n, count) {
            if batch::forms_into(self.l(), points, center, out, workspace) {
                return Ok(());
            }
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

impl<T: Scalar> Adjust<T> for DenseCovariance<T> {
    /// Cost: `n²`; nothing is factored again.
    fn scale(self, factor: T) -> Result<Self, Error> {
        validate::positive("scale", factor)?;
        let deviation = factor.sqrt();
        let (mut buffer, mut variances) = (self.storage.into_own()?, self.variances);
        for (j, variance) in variances.iter_mut().enumerate() {
            for i in 0..j {
                buffer[(i, j)] *= factor;
            }
            for i in j..buffer.nrows() {
                buffer[(i, j)] *= deviation;
            }
            *variance *= factor;
            let in_range = *variance > T::zero() && variance.is_finite();
            if !(in_range && buffer[(j, j)] >= T::min_positive_value()) {
                return Err(Error::NotRepresentable {
                    what: "scaled covariance",
                });
            }
        }
        Ok(Self::of_factor(buffer, variances, self.has_entries))
    }

    /// Cost: `n³/3`, a new factorisation in the same storage.
    fn add_jitter(self, jitter: T) -> Result<Self, Error> {
        validate::non_negative("jitter", jitter)?;
        self.with_shifted_variances(|_| jitter)
    }
}

impl<T: Scalar> DenseCovariance<T> {
    /// `Σ + diag(d)`, `d >= 0`. Cost: `n³/3`, a new factorisation in the same storage.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if `d` has not length `n`;
    /// [`Error::InvalidParameter`] if an entry is negative or not finite;
    /// [`Error::AllocationFailed`] where there is a copy to be made.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DenseCovariance, faer::mat};
    ///
    /// let sigma = DenseCovariance::new(mat![[1.0, 0.5], [0.5, 1.0]])?.add_diagonal(&[1.0, 2.0])?;
    /// assert_eq!(sigma.to_dense()?, mat![[2.0, 0.5], [0.5, 3.0]]);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn add_diagonal(self, d: impl AsCol<T>) -> Result<Self, Error> {
        let d = d.as_col();
        validate::dimension("diagonal to add", self.dim(), d.nrows())?;
        for &value in d.iter() {
            validate::non_negative("diagonal to add", value)?;
        }
        self.with_shifted_variances(|i| d[i])
    }

    fn with_shifted_variances(self, shift: impl Fn(usize) -> T) -> Result<Self, Error> {
        let mut matrix = self.into_matrix()?;
        for i in 0..matrix.nrows() {
            matrix[(i, i)] += shift(i);
        }
        validate::finite_matrix("covariance", matrix.as_ref())?;
        Ok(Self::from_checked(matrix)?)
    }

    /// The covariance matrix, without a copy where this was built from one of its own.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] where this was built from a factor, a precision or side by
    /// side with others.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{DenseCovariance, faer::mat};
    ///
    /// let matrix = mat![[1.0, 0.5], [0.5, 1.0]];
    /// assert_eq!(DenseCovariance::new(matrix.clone())?.into_matrix()?, matrix);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn into_matrix(self) -> Result<Mat<T>, Error> {
        if !self.has_entries {
            return self.to_dense();
        }
        let mut buffer = self.storage.into_own()?;
        factorize::restore(buffer.as_mut(), &self.variances);
        Ok(buffer)
    }
}

/// Checks a Cholesky factor and returns the variances of `L Lᵀ`.
fn check_factor<T: Scalar>(l: MatRef<'_, T>) -> Result<Variances<T>, Error> {
    validate::square("Cholesky factor", l)?;
    validate::finite_matrix("Cholesky factor", l)?;
    let n = l.nrows();
    for column in 0..n {
        // The reciprocal of a subnormal pivot may be infinite.
        if !(l[(column, column)] >= T::min_positive_value()) {
            return Err(Error::not_positive_definite(column, l[(column, column)]));
        }
        for row in 0..column {
            if l[(row, column)] != T::zero() {
                return Err(Error::NotLowerTriangular {
                    what: "Cholesky factor",
                    row,
                    column,
                    value: l[(row, column)].as_f64(),
                });
            }
        }
    }
    let mut variances = Variances::new();
    factorize::read_diagonal(l, &mut variances)?;
    for (i, v) in variances.iter_mut().enumerate() {
        *v = sum_map(i + 1, |j| l[(i, j)] * l[(i, j)]);
        if !(v.is_finite() && *v > T::zero()) {
            return Err(Error::NotRepresentable {
                what: "variance of the given Cholesky factor",
            });
        }
    }
    Ok(variances)
}
