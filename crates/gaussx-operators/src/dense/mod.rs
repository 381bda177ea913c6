//! A full covariance matrix, factored in its own storage.

mod adjust;
mod factorize;
mod many;
mod operator;
mod single;
mod storage;
pub(crate) mod triangular;

use core::fmt;

use faer::{Mat, MatRef};
use smallvec::SmallVec;

pub(crate) use self::single::by_whole_columns;
use self::storage::Storage;
use crate::factor::{Entries, logdet_of_factor};
use crate::memory::zero_mat;
use crate::point::AsMat;
use crate::sum::sum_map;
use crate::{Error, Rejected, Scalar, Workspace, validate};

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
#[derive(Clone, PartialEq)]
pub struct DenseCovariance<T: Scalar> {
    /// `L` in the lower triangle; `Σ` in the strict upper one where `has_entries`.
    storage: Storage<T>,
    variances: Variances<T>,
    /// Whether the matrix was given. From a factor it is not formed: it would cost `n³`.
    has_entries: bool,
    logdet: T,
}

/// The size alone: the numbers that are held would bury it, and are no matrix.
impl<T: Scalar> fmt::Debug for DenseCovariance<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenseCovariance")
            .field("dim", &self.variances.len())
            .finish_non_exhaustive()
    }
}

impl<T: Scalar> DenseCovariance<T> {
    /// The covariance with the given matrix, factored in the matrix's own storage.
    ///
    /// Both triangles must be finite and agree to `|a_ij - a_ji| <= √ε √(a_ii a_jj)`;
    /// then the lower one is the matrix. Cost: `n³/3` flops, `n` numbers of new memory and, as
    /// scratch, a panel of `n × 128`, up to 256 coordinates `n²` numbers.
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
    /// change and the size does not: nothing is allocated, unless the storage is shared. A
    /// matrix of another size takes new storage.
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
    /// jitter: the variances are multiplied by `1 + j` for `j = 0`, then `n ε`, ten times more
    /// and so on until the matrix is accepted, and last by `1 + limit`.
    ///
    /// Relative to each variance, so that the units of the coordinates do not matter. Add
    /// the same number to all variances with [`Adjust::add_jitter`](crate::Adjust::add_jitter). Cost: one factorisation
    /// of `n³/3` flops per try, about `log₁₀(limit / n ε)` at most; no copy of the matrix.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), [`Error::NotPositiveDefinite`] only if `limit` is not enough;
    /// the pivot is that without jitter, and so is the matrix that comes back.
    /// [`Error::InvalidParameter`] if `limit` is negative or not finite.
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
    /// let error = DenseCovariance::with_jitter(mat![[1.0, 2.0], [2.0, 1.0]], 1e-6).unwrap_err();
    /// assert_eq!(error.to_string(), "covariance is not positive definite: pivot 1 is -3");
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
        let refused = rejected.error.clone();
        let n = rejected.matrix.nrows();
        let (mut jitter, mut next) = (T::zero(), T::of_count(n) * T::EPSILON);
        while is_refused_pivot(&rejected.error) && jitter < limit {
            jitter = if next < limit { next } else { limit };
            next *= T::of(10.0);
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
        }
        if is_refused_pivot(&rejected.error) {
            rejected.error = refused;
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

/// Whether jitter may help.
fn is_refused_pivot(error: &Error) -> bool {
    matches!(error, Error::NotPositiveDefinite { .. })
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
