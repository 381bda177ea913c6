//! Covariance operators: one trait, a typed Cholesky factor, and four structures.
//!
//! This crate holds the trait [`CovarianceOperator`] and the operators that implement
//! it; implement your own against it. The closed-form Gaussian quantities that use it
//! are in `gaussx-core`, and the crate to depend on is `gaussx`.
//!
//! A covariance is checked and factored once, by its constructor. From then on its
//! structure is known to whoever asks for the factor, so that a log-determinant, a
//! solve or the meeting of two covariances costs what the structure costs:
//!
//! | operator | memory | build | log-determinant | solve, one column |
//! |---|---|---|---|---|
//! | [`ScaledIdentity`] | 1 | 1 | 1 | `n` |
//! | [`DiagonalCovariance`] | `n` | `n` | `n` | `n` |
//! | [`BlockDiagonal`] | sum over blocks | sum over blocks | sum over blocks | sum over blocks |
//! | [`DenseCovariance`] | `n²` | `n³/3` | `n` | `n²` |
//! | your own | yours | yours | yours | yours |
//!
//! ```
//! use gaussx_operators::{CovarianceOperator, DenseCovariance, DiagonalCovariance, Workspace};
//! use gaussx_operators::{faer::mat, pair};
//!
//! let q = DenseCovariance::new(mat![[2.0, -0.3], [-0.3, 0.8]])?;
//! let p = DiagonalCovariance::new(&[1.0, 1.5])?;
//! assert_eq!(q.dim(), p.dim());
//!
//! // tr(Σ_q⁻¹ Σ_p), by whatever the two structures allow.
//! let trace = pair::trace(&p, &q, &mut Workspace::new())?;
//! let expected: f64 = (0.8 * 1.0 + 2.0 * 1.5) / 1.51;
//! assert!((trace - expected).abs() < 1e-14);
//! # Ok::<(), gaussx_operators::Error>(())
//! ```
//!
//! All matrices and views are [`faer`]'s, which is re-exported. The features `ndarray` and
//! `nalgebra` let the vectors and matrices of those crates stand wherever a call takes a
//! point or a batch; `serde` reads and writes operators, and validates what it reads.
#![forbid(unsafe_code)]

mod adjust;
mod block_diagonal;
mod blocks;
mod columns;
mod condition;
mod dense;
mod diagonal;
mod double_word;
mod error;
pub mod error_bound;
mod factor;
mod forward;
mod fused;
#[cfg(any(feature = "nalgebra", feature = "ndarray"))]
mod interop;
mod kernel;
mod lanes;
mod lower_triangular;
pub mod memory;
mod operator;
pub mod pair;
mod parallel;
mod point;
mod products;
mod refined;
mod scalar;
mod scaled;
mod scaled_identity;
#[cfg(feature = "serde")]
mod serde;
mod spare;
mod special;
mod spectrum;
mod structured;
mod sum;
mod transpose;
pub mod validate;
mod workspace;

pub use faer;
#[cfg(any(feature = "nalgebra", feature = "ndarray"))]
pub use faer_ext;

pub use adjust::Adjust;
pub use block_diagonal::BlockDiagonal;
pub use blocks::Blocks;
pub use condition::condition_estimate;
pub use dense::DenseCovariance;
pub use diagonal::DiagonalCovariance;
pub use error::{BlockPath, Error, Rejected};
pub use factor::{CholeskyFactor, FactorKind};
pub use lower_triangular::LowerTriangular;
pub use operator::CovarianceOperator;
pub use point::{AsCol, AsMat};
pub use scalar::Scalar;
pub use scaled::Scaled;
pub use scaled_identity::ScaledIdentity;
pub use spectrum::PrincipalAxes;
pub use structured::StructuredCovariance;
pub use sum::CompensatedSum;
pub use workspace::Workspace;
