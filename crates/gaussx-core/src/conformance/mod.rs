//! A kit that checks an operator against its contract, for the tests of whoever wrote it.
//!
//! Behind the feature `conformance`. Give it an operator, or better a way to make one in
//! any dimension; it checks every required and provided method and every closed form
//! against the dense covariance with the same matrix, and says in one report which promise
//! broke, where, and by how much.
//!
//! ```
//! use gaussx_core::{DiagonalCovariance, conformance};
//!
//! let report = conformance::check_sizes(|n| DiagonalCovariance::new(vec![2.0; n]));
//! assert!(report.is_ok(), "{report}");
//! ```
//!
//! # What it finds
//!
//! | mistake | promise that breaks |
//! |---|---|
//! | a factor of another size | [`FACTOR_DIM`] |
//! | a pivot that is zero, negative or NaN | [`PIVOTS`] |
//! | the diagonal of `L` where that of `Σ` is asked | [`DIAG`] |
//! | an upper factor, or one that is not the Cholesky factor | [`FACTOR`] |
//! | a solve with the transpose, a sign, a wrong coefficient | [`HALF_SOLVE`], [`HALF_SOLVE_TRANSPOSE`] |
//! | a log-determinant off by a factor of two | [`LOGDET`] |
//! | sums of squares that count the diagonal | [`ROW_SQUARES`], [`INVERSE_COLUMN_SQUARES`] |
//! | state kept from one column to the next | [`COLUMNS`] |
//! | an override that disagrees with the factor | the method's own promise |
//! | a meeting with a built-in structure that is wrong | [`PAIRS`] |
//! | a `meet` that drops a term, mirrors the pair or forgets the ratio | [`PAIRS`], from [`check_pair`] |
//! | something dense under a structured surface | [`MEMORY`] |
//!
//! One operator cannot show all that a [`meet`](gaussx_operators::LowerTriangular::meet)
//! may do wrong: with itself, what is below the diagonal of `M` is zero. Whoever writes
//! one also runs [`check_pair`] or [`check_pair_sizes`] with two different operators.

mod forms;
mod methods;
mod report;

use core::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use faer::MatRef;
use gaussx_operators::{CovarianceOperator, DenseCovariance, Error, Scalar};

pub use report::{Failure, Report};

macro_rules! promises {
    ($($name:ident = $text:literal;)*) => {$(
        #[doc = concat!("The promise: ", $text, ".")]
        pub const $name: &str = $text;
    )*};
}

promises! {
    BUILDS = "the operator can be built";
    NO_PANIC = "no call panics";
    MATRIX = "the matrix is a covariance of the operator's size";
    FACTOR_DIM = "the factor has the operator's dimension";
    PIVOTS = "the diagonal of L is positive and finite";
    FACTOR = "L is the Cholesky factor of the covariance";
    FACTOR_DIAG = "the factor's diagonal is that of L";
    MULTIPLY_TRANSPOSE = "multiply_transpose is the product with the transpose of L";
    HALF_SOLVE = "half_solve is the product with the inverse of L";
    HALF_SOLVE_TRANSPOSE = "half_solve_transpose is the product with the inverse transpose of L";
    COLUMNS = "each column is treated as if it were alone";
    STRIDES = "strided views give what contiguous ones do";
    LOGDET = "logdet is twice the sum of the logarithms of the diagonal of L";
    ROW_SQUARES = "squares_below_by_row sums the squares below the diagonal of L";
    INVERSE_COLUMN_SQUARES =
        "inverse_squares_below_by_column sums the squares below the diagonal of the inverse of L";
    DIAG = "diag is the diagonal of the covariance";
    APPLY = "apply is the product with the covariance";
    SOLVE = "solve is the product with the inverse covariance";
    QUADRATIC_FORMS = "quadratic forms are squared lengths of whitened residuals";
    TRACE = "trace is the sum of the variances";
    DIAG_INVERSE = "diag_inverse is the diagonal of the inverse covariance";
    TRACE_INVERSE = "trace_inverse is the sum of the precisions";
    MATRIX_COLUMNS = "columns are those of the covariance";
    SUB_BLOCKS = "sub-blocks are those of the covariance";
    TO_DENSE = "to_dense is the covariance, exactly symmetric";
    FROBENIUS = "frobenius_norm is the root of the sum of squares";
    EIGENVALUES = "extreme eigenvalues are those of the covariance";
    AXES = "principal axes are unit eigenvectors, largest variance first";
    SIZES = "a wrong size is answered with an error";
    FORMS = "closed forms of one Gaussian are those of the dense covariance";
    PAIRS = "closed forms of two Gaussians are those of the dense covariances";
    EQUALS = "KL from itself is exactly zero";
    SAMPLES = "one stream gives the draws of the dense covariance";
    BOXED = "behind a box it is the same operator";
    MEMORY = "at a large size every quantity is had, and finite";
}

/// The dimensions that [`check_sizes`] tries: none, one, and both sides of the widths in
/// which columns are streamed.
pub const SIZES_TRIED: [usize; 7] = [0, 1, 2, 3, 8, 33, 70];

/// The dimension of [`check_large`]: a square of it does not fit in any memory.
pub const LARGE: usize = 1 << 20;

/// How many units `n ε κ` an error may have.
const UNITS: f64 = 50.0;

/// Checks an operator; its matrix is had by applying it to the identity.
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, conformance};
///
/// conformance::check(&ScaledIdentity::new(5, 2.0)?).into_result()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check<T: Scalar>(operator: &(impl CovarianceOperator<T> + ?Sized)) -> Report {
    guarded(operator.dim(), |report| {
        // With an unsound factor, every other line would say the same.
        if !methods::pivots(&operator, report)? {
            return Ok(());
        }
        match DenseCovariance::new(operator.to_dense()?) {
            Ok(dense) => check_all(&operator, &dense, report),
            Err(rejected) => {
                let detail = rejected.error.to_string();
                report.fail(MATRIX, operator.dim(), String::new(), detail);
                Ok(())
            }
        }
    })
}

/// Checks an operator against the matrix that it stands for.
///
/// Prefer this to [`check`]: a mistake that all methods share shows only here.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, conformance, faer::mat};
///
/// let sigma = DiagonalCovariance::new([1.0, 2.0])?;
/// let report = conformance::check_against(&sigma, mat![[1.0, 0.0], [0.0, 2.5]].as_ref());
/// assert!(report.broke(conformance::DIAG));
/// # Ok::<(), gaussx_core::Error>(())
/// ```
pub fn check_against<T: Scalar>(
    operator: &(impl CovarianceOperator<T> + ?Sized),
    matrix: MatRef<'_, T>,
) -> Report {
    guarded(operator.dim(), |report| {
        let (n, m) = (operator.dim(), matrix.nrows());
        if n != m {
            report.fail(MATRIX, n, String::new(), format!("the matrix has {m} rows"));
            return Ok(());
        }
        if !methods::pivots(&operator, report)? {
            return Ok(());
        }
        check_all(&operator, &DenseCovariance::new(matrix.to_owned())?, report)
    })
}

/// Checks the operators that `build` makes in the dimensions [`SIZES_TRIED`].
///
/// A constructor with another error goes through `?`:
/// `|n| Ok(DenseCovariance::new(matrix(n))?)`.
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, conformance};
///
/// let single = conformance::check_sizes(|n| ScaledIdentity::new(n, 2.0_f32));
/// let double = conformance::check_sizes(|n| ScaledIdentity::new(n, 2.0_f64));
/// single.and(double).into_result()?;
/// # Ok::<(), conformance::Report>(())
/// ```
pub fn check_sizes<T: Scalar, C: CovarianceOperator<T>>(
    build: impl Fn(usize) -> Result<C, Error>,
) -> Report {
    let each = |n| match build(n) {
        Ok(operator) => check(&operator),
        Err(error) => unbuilt(n, &error),
    };
    SIZES_TRIED
        .into_iter()
        .map(each)
        .fold(Report::default(), Report::and)
}

/// Checks the meetings of two operators, either way round and with the variances of one
/// scaled, against the dense covariances.
///
/// For two different operators of one kind that has a
/// [`meet`](gaussx_operators::LowerTriangular::meet) of its own; [`check`] each of them
/// first, since their matrices are taken from themselves.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DiagonalCovariance, ScaledIdentity, conformance};
///
/// let p = ScaledIdentity::new(3, 2.0)?;
/// let q = DiagonalCovariance::new([1.0, 0.5, 4.0])?;
/// conformance::check_pair(&p, &q).into_result()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_pair<T: Scalar>(
    p: &(impl CovarianceOperator<T> + ?Sized),
    q: &(impl CovarianceOperator<T> + ?Sized),
) -> Report {
    guarded(p.dim(), |report| {
        let (n, m) = (p.dim(), q.dim());
        if n != m {
            report.fail(
                MATRIX,
                n,
                String::new(),
                format!("the other has dimension {m}"),
            );
            return Ok(());
        }
        forms::both_ways([&p, &q], report)
    })
}

/// Checks the meetings of the operators that two builders make, in the dimensions
/// [`SIZES_TRIED`].
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, conformance};
///
/// let of_variance = |v| move |n| ScaledIdentity::new(n, v);
/// conformance::check_pair_sizes(of_variance(2.0), of_variance(0.3)).into_result()?;
/// # Ok::<(), conformance::Report>(())
/// ```
pub fn check_pair_sizes<T: Scalar, P: CovarianceOperator<T>, Q: CovarianceOperator<T>>(
    build_p: impl Fn(usize) -> Result<P, Error>,
    build_q: impl Fn(usize) -> Result<Q, Error>,
) -> Report {
    let each = |n| match (build_p(n), build_q(n)) {
        (Ok(p), Ok(q)) => check_pair(&p, &q),
        (Err(error), _) | (_, Err(error)) => unbuilt(n, &error),
    };
    SIZES_TRIED
        .into_iter()
        .map(each)
        .fold(Report::default(), Report::and)
}

/// Checks that an operator of dimension [`LARGE`] works in linear memory: whatever were to
/// form its matrix could not be allocated.
///
/// For operators that are structured; a dense one cannot be built at this size. Takes as
/// long as about ten products and half-solves of one column, the log-determinant and KL
/// with its own kind, with a diagonal and with a scaled identity on either side. A meeting
/// that would stream all columns of the factor, because sums of squares or `meet` are not
/// overridden, is not tried: [`Report::skipped`] names it. Of the
/// numbers, which must be finite, only the log-determinant is compared.
///
/// # Examples
///
/// ```
/// use gaussx_core::{ScaledIdentity, conformance};
///
/// conformance::check_large(|n| ScaledIdentity::new(n, 2.0)).into_result()?;
/// # Ok::<(), conformance::Report>(())
/// ```
pub fn check_large<T: Scalar, C: CovarianceOperator<T>>(
    build: impl Fn(usize) -> Result<C, Error>,
) -> Report {
    guarded(LARGE, |report| {
        let (operator, partner) = (build(LARGE)?, build(LARGE)?);
        forms::large(&operator, &partner, report);
        Ok(())
    })
}

fn check_all<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    dense: &DenseCovariance<T>,
    report: &mut Report,
) -> Result<(), Error> {
    methods::factor(operator, dense, report)?;
    methods::operator(operator, dense, report)?;
    methods::sizes(operator, report);
    forms::single(operator, dense, report)?;
    forms::pairs(operator, dense, report)?;
    forms::boxed(operator, report)
}

fn unbuilt(dim: usize, error: &Error) -> Report {
    let mut report = Report::default();
    report.fail(BUILDS, dim, String::new(), error.to_string());
    report
}

/// Runs a check; a panic and an unexpected error become lines of the report.
fn guarded(dim: usize, f: impl FnOnce(&mut Report) -> Result<(), Error>) -> Report {
    let mut report = Report::default();
    match catch_unwind(AssertUnwindSafe(|| f(&mut report))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => report.fail(BUILDS, dim, String::new(), error.to_string()),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic without a message");
            report.fail(NO_PANIC, dim, String::new(), text.to_owned());
        }
    }
    report
}

/// `UNITS n ε κ`, `κ` the condition number of the correlation matrix.
fn unit<T: Scalar>(dense: &DenseCovariance<T>) -> Result<T, Error> {
    let variances = dense.diag()?;
    let precisions = dense.diag_inverse()?;
    // The trace of the inverse correlation matrix bounds 1 / λ_min.
    let kappa = (0..dense.dim())
        .map(|i| variances[i] * precisions[i])
        .fold(T::one(), |sum, term| sum + term);
    Ok(T::of(UNITS) * T::of_count(dense.dim().max(1)) * T::EPSILON * kappa)
}

/// Numbers between -1 and 1 without a symmetry that hides a mistake.
fn number<T: Scalar>(i: usize, j: usize) -> T {
    let residue = (i * 7919 + j * 104_729 + 31) % 2003;
    T::of_count(residue) / T::of(1001.5) - T::one()
}

fn debug_name(x: &impl Debug) -> String {
    let text = format!("{x:?}");
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}
