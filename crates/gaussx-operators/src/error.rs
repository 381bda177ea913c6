//! The one error type: what was given, where, and what was allowed.

use core::fmt;

use faer::Mat;

use crate::Scalar;

/// What was wrong with an argument, with the numbers that say so.
///
/// Every fallible function of the gaussx crates returns this type. Numbers are
/// carried as `f64` whatever the scalar, so that the error has no type parameter.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{DiagonalCovariance, Error};
///
/// let error = DiagonalCovariance::new(&[1.0, -2.0]).unwrap_err();
/// assert!(matches!(error, Error::NotPositiveDefinite { pivot: 1, .. }));
/// assert_eq!(error.to_string(), "covariance is not positive definite: pivot 1 is -2");
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A vector, matrix or operator has the wrong size.
    #[non_exhaustive]
    #[error("{what} has dimension {found}, expected {expected}")]
    DimensionMismatch {
        /// The argument, and which of its sizes where it has two.
        what: &'static str,
        /// The size that fits the other arguments.
        expected: usize,
        /// The size it has.
        found: usize,
    },
    /// A matrix that must be square is not.
    #[non_exhaustive]
    #[error("{what} is not square: {rows} x {columns}")]
    NotSquare {
        /// The argument.
        what: &'static str,
        /// Its number of rows.
        rows: usize,
        /// Its number of columns.
        columns: usize,
    },
    /// Two mirrored entries differ by more than `√ε √(a_ii a_jj)`.
    #[non_exhaustive]
    #[error(
        "{what} is not symmetric: entries ({row}, {column}) and ({column}, {row}) differ by {difference:?}"
    )]
    NotSymmetric {
        /// The argument.
        what: &'static str,
        /// Row of the entry below the diagonal.
        row: usize,
        /// Column of the entry below the diagonal.
        column: usize,
        /// `a_ij - a_ji`.
        difference: f64,
    },
    /// A matrix given as a lower triangular factor has an entry above its diagonal.
    #[non_exhaustive]
    #[error("{what} is not lower triangular: entry ({row}, {column}) is {}", number(*value))]
    NotLowerTriangular {
        /// The argument.
        what: &'static str,
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// An entry is NaN or infinite.
    #[non_exhaustive]
    #[error("{what} has a non-finite entry ({value}) at row {row}, column {column}")]
    NonFinite {
        /// The argument.
        what: &'static str,
        /// Row of the first such entry, in column order.
        row: usize,
        /// Column of that entry; 0 for a vector.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// A covariance has a pivot that is not positive beyond rounding.
    #[non_exhaustive]
    #[error("covariance is not positive definite: {path}pivot {pivot} is {}", number(*value))]
    NotPositiveDefinite {
        /// Zero-based index of the first failing pivot, within its block.
        pivot: usize,
        /// The pivot: the variance left in that coordinate, given those before it.
        value: f64,
        /// Which block of a block covariance failed; empty where there are no blocks.
        path: BlockPath,
    },
    /// A number is outside the range in which the question makes sense.
    #[non_exhaustive]
    #[error("{name} is {}, required: {requirement}", number(*value))]
    InvalidParameter {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The condition that it breaks.
        requirement: &'static str,
    },
    /// An index does not name a coordinate.
    #[non_exhaustive]
    #[error("{what} holds index {index}, but the dimension is {dim}")]
    IndexOutOfRange {
        /// The argument.
        what: &'static str,
        /// The index.
        index: usize,
        /// The number of coordinates.
        dim: usize,
    },
    /// An index stands twice in one set, or in two sets that must be disjoint.
    #[non_exhaustive]
    #[error("{what} holds index {index} more than once")]
    DuplicateIndex {
        /// The argument.
        what: &'static str,
        /// The index.
        index: usize,
    },
    /// The result would be NaN or cannot be held in the scalar type: an intermediate
    /// value overflowed, or an operator written outside this library returned NaN.
    #[non_exhaustive]
    #[error(
        "{what} is not representable: an intermediate value overflowed, underflowed or was not a number"
    )]
    NotRepresentable {
        /// The quantity.
        what: &'static str,
    },
    /// The memory that the answer needs cannot be had.
    #[non_exhaustive]
    #[error("cannot allocate {what} of {rows} x {columns} numbers")]
    AllocationFailed {
        /// What was to be stored.
        what: &'static str,
        /// Its number of rows.
        rows: usize,
        /// Its number of columns.
        columns: usize,
    },
    /// A block of a block covariance was refused, for another reason than a pivot.
    #[non_exhaustive]
    #[error("block {block}: {error}")]
    InBlock {
        /// The block's index.
        block: usize,
        /// What was wrong with it.
        error: Box<Error>,
    },
    /// An iteration (the symmetric eigenvalue problem) did not converge.
    #[non_exhaustive]
    #[error("{what} did not converge")]
    NoConvergence {
        /// The computation.
        what: &'static str,
    },
}

impl Error {
    /// A size that does not fit: for operators and factors written outside this crate.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::Error;
    ///
    /// let error = Error::dimension_mismatch("point", 3, 2);
    /// assert_eq!(error.to_string(), "point has dimension 2, expected 3");
    /// ```
    #[must_use]
    pub fn dimension_mismatch(what: &'static str, expected: usize, found: usize) -> Self {
        Self::DimensionMismatch {
            what,
            expected,
            found,
        }
    }

    /// A parameter out of its range: for constructors written outside this crate.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::Error;
    ///
    /// let error = Error::invalid_parameter("correlation", 1.5, "between -1 and 1");
    /// assert_eq!(error.to_string(), "correlation is 1.5, required: between -1 and 1");
    /// ```
    #[must_use]
    pub fn invalid_parameter<T: Scalar>(
        name: &'static str,
        value: T,
        requirement: &'static str,
    ) -> Self {
        Self::InvalidParameter {
            name,
            value: value.as_f64(),
            requirement,
        }
    }

    /// A result that overflowed on the way or is not a number.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::Error;
    ///
    /// let message = Error::not_representable("score").to_string();
    /// assert!(message.starts_with("score is not representable"));
    /// ```
    #[must_use]
    pub fn not_representable(what: &'static str) -> Self {
        Self::NotRepresentable { what }
    }

    /// The same error, seen from one level further out: a failing pivot gets `block`
    /// in front of its path, every other error is wrapped in [`Error::InBlock`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{Error, ScaledIdentity};
    ///
    /// let error = ScaledIdentity::new(2, -1.0).unwrap_err().in_block(3).in_block(0);
    /// let Error::NotPositiveDefinite { path, .. } = error else { unreachable!() };
    /// assert_eq!(path.indices(), [0, 3]);
    ///
    /// let error = Error::dimension_mismatch("block", 3, 2).in_block(7);
    /// assert_eq!(error.to_string(), "block 7: block has dimension 2, expected 3");
    /// ```
    #[must_use]
    pub fn in_block(mut self, block: usize) -> Self {
        if let Self::NotPositiveDefinite { path, .. } = &mut self {
            path.0.insert(0, block);
            return self;
        }
        Self::InBlock {
            block,
            error: Box::new(self),
        }
    }

    /// A pivot that is not positive: for factorisations written outside this crate.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::Error;
    ///
    /// let error = Error::not_positive_definite(2, -0.5);
    /// assert_eq!(error.to_string(), "covariance is not positive definite: pivot 2 is -0.5");
    /// ```
    #[must_use]
    pub fn not_positive_definite<T: Scalar>(pivot: usize, value: T) -> Self {
        Self::NotPositiveDefinite {
            pivot,
            value: value.as_f64(),
            path: BlockPath::default(),
        }
    }
}

/// A number as a person writes it: with an exponent only where it is far from 1.
fn number(x: f64) -> String {
    let size = x.abs();
    if size == 0.0 || (1e-4..1e15).contains(&size) {
        format!("{x}")
    } else {
        format!("{x:e}")
    }
}

/// Block indices from the outermost block operator inwards; empty outside blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockPath(Vec<usize>);

impl BlockPath {
    /// The indices, outermost first.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Display for BlockPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for index in &self.0 {
            write!(f, "block {index}, ")?;
        }
        Ok(())
    }
}

/// A matrix that is no covariance: the error, and the matrix given back.
///
/// Constructors that consume a matrix to factor it in its own storage return this, so
/// that the storage is not lost. `?` turns it into a plain [`Error`].
///
/// # Examples
///
/// ```
/// use gaussx_operators::{DenseCovariance, Error, faer::mat};
///
/// let rejected = DenseCovariance::new(mat![[1.0, 2.0], [2.0, 1.0]]).unwrap_err();
/// assert!(matches!(rejected.error, Error::NotPositiveDefinite { pivot: 1, .. }));
/// assert_eq!(rejected.matrix, mat![[1.0, 2.0], [2.0, 1.0]]);
///
/// fn build() -> Result<DenseCovariance<f64>, Error> {
///     Ok(DenseCovariance::new(mat![[1.0, 2.0], [2.0, 1.0]])?)
/// }
/// assert_eq!(build(), Err(rejected.error));
/// ```
#[derive(Clone, PartialEq)]
pub struct Rejected<T: Scalar> {
    /// Why.
    pub error: Error,
    /// The matrix; where the factorisation itself failed, its upper triangle mirrors
    /// the lower.
    pub matrix: Mat<T>,
}

/// The error, and the shape of the matrix: its numbers would bury the error.
impl<T: Scalar> fmt::Debug for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = self.matrix.shape();
        f.debug_struct("Rejected")
            .field("error", &self.error)
            .field("matrix", &format_args!("{rows} x {columns}"))
            .finish()
    }
}

impl<T: Scalar> fmt::Display for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T: Scalar> core::error::Error for Rejected<T> {}

impl<T: Scalar> From<Rejected<T>> for Error {
    fn from(rejected: Rejected<T>) -> Self {
        rejected.error
    }
}
