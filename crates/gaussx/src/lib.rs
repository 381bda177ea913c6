//! Closed-form Gaussian quantities over covariances that know their structure.
//!
//! Log-density, score, entropy, cross-entropy, KL, expected log-likelihood, ELBO, mutual
//! information and their kin, each written once against one trait,
//! [`CovarianceOperator`]: a scaled identity, a diagonal, blocks, a dense matrix or a type
//! of your own plug in and get their fast paths. Digits survive where the textbook
//! formulas lose them, and nothing panics.
//!
//! ```
//! use gaussx::prelude::*;
//!
//! // Two Gaussians of different structure; each is checked and factored once.
//! let p = MultivariateNormal::new([0.5, -0.25], DenseCovariance::new(mat![[1.0, 0.7], [0.7, 1.5]])?)?;
//! let q = MultivariateNormal::new([-0.2, 0.4], DiagonalCovariance::new([2.0, 0.8])?)?;
//!
//! let density = p.log_prob([0.0, 0.0])?;
//! let divergence = p.kl_divergence(&q)?; // KL(p ‖ q), in nats
//! let mean_field = p.reverse_diagonal_fit()?;
//! assert!(mean_field.kl_divergence(&p)? <= q.kl_divergence(&p)?);
//! # let _ = (density, divergence);
//! # Ok::<(), gaussx::Error>(())
//! ```
//!
//! # Where to start
//!
//! * [`MultivariateNormal`]: a mean and a covariance, every quantity a method.
//! * [`DenseCovariance`], [`DiagonalCovariance`], [`ScaledIdentity`], [`BlockDiagonal`]:
//!   the covariances, with constructors from a matrix, a Cholesky factor, standard
//!   deviations or a precision.
//! * [`kl_divergence`], [`elbo`] and the other free functions: the same quantities from
//!   means and covariances in pieces.
//! * [`CovarianceOperator`]: three methods make a covariance of your own.
//! * [`Error`]: what comes back instead of a panic.
//!
//! # Conventions
//!
//! Columns are points: a batch of `N` points is a `d × N` matrix. Logarithms are natural,
//! information is in nats. `KL(p, q)` is KL(first ‖ second). `f32` and `f64` run through
//! the same code. Vectors may be arrays, slices, `Vec`s or [`faer`] columns; matrices are
//! faer's.
//!
//! # Threads
//!
//! Long sums and dense work are shared among the threads of rayon's current pool, where they
//! pay; the bits are the same on any number of threads. Without the default feature `rayon`
//! every call runs on the calling thread.
#![forbid(unsafe_code)]

pub use gaussx_core::*;

/// What most programs use: the distribution, the covariances, the trait, faer's `mat!`.
///
/// ```
/// use gaussx::prelude::*;
///
/// let p = MultivariateNormal::centered(ScaledIdentity::new(2, 1.0)?)?;
/// assert_eq!(p.dim(), 2);
/// # Ok::<(), gaussx::Error>(())
/// ```
pub mod prelude {
    pub use gaussx_core::faer::{Col, ColRef, Mat, MatRef, col, mat};
    pub use gaussx_core::rand::distr::Distribution;
    pub use gaussx_core::{
        Adjust, BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, Error,
        MultivariateNormal, Scaled, ScaledIdentity, StructuredCovariance, Workspace,
    };
}
