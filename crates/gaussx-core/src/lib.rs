//! Closed-form Gaussian quantities, each written once.
//!
//! Every function here asks the trait [`CovarianceOperator`] only, so that the structure
//! of a covariance decides what a quantity costs and never how it is written. All
//! logarithms are natural, all information in nats. Points are columns; a batch of `N`
//! points is a `d × N` matrix.
//!
//! Start at [`MultivariateNormal`], which carries a mean and a covariance and has every
//! quantity as a method; the free functions take the same numbers in pieces.
//!
//! | quantity | function |
//! |---|---|
//! | `(x - μ)ᵀ Σ⁻¹ (x - μ)` and its p-value | [`quadratic_form`], [`mahalanobis_p_value`] |
//! | whitened points | [`whiten`] |
//! | log-density and its gradient | [`log_prob`], [`score`] |
//! | entropy, cross-entropy, divergence | [`entropy`], [`cross_entropy`], [`kl_divergence`], [`kl_standard_normal`] |
//! | mean-field approximations | [`forward_diagonal_fit`], [`reverse_diagonal_fit`] |
//! | variational objectives | [`expected_log_likelihood`], [`elbo`] |
//! | information between coordinates | [`mutual_information`] |
//! | what a covariance is like | [`summary`], [`principal_axes`] |
//! | how many digits are right | [`condition_estimate`], [`logdet_bounded`], [`quadratic_form_bounded`], [`kl_divergence_bounded`] |
//! | from data, to data | [`fit_dense`], [`fit_diagonal`], [`fit_scaled_identity`], [`sample`] |
//!
//! In a loop, the functions that end in `_with` and `_into` take a [`Workspace`] that is kept
//! between calls: [`log_prob_with`], [`kl_divergence_with`], [`sample_batch_into`] and so on
//! allocate nothing after their first call.
//!
//! ```
//! use gaussx_core::{DenseCovariance, DiagonalCovariance, MultivariateNormal, faer::mat};
//!
//! let p = MultivariateNormal::new([0.5, -0.25], DenseCovariance::new(mat![[1.0, 0.7], [0.7, 1.5]])?)?;
//! let q = MultivariateNormal::new([-0.2, 0.4], DiagonalCovariance::new([2.0, 0.8])?)?;
//!
//! let nats: f64 = p.kl_divergence(&q)?;
//! assert!((p.cross_entropy(&q)? - (p.entropy()? + nats)).abs() < 1e-14);
//! # Ok::<(), gaussx_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod bounded;
#[cfg(feature = "conformance")]
pub mod conformance;
mod cross_entropy;
mod diagonal_fit;
mod elbo;
mod entropy;
mod expected_log_likelihood;
mod kl_divergence;
mod log_prob;
mod maximum_likelihood;
mod mutual_information;
mod normal;
mod quadratic_form;
mod sampling;
mod score;
#[cfg(feature = "serde")]
mod serde;
mod summary;
mod whiten;

pub use faer;
pub use gaussx_operators::*;
pub use rand;

pub use bounded::{Bounded, kl_divergence_bounded, logdet_bounded, quadratic_form_bounded};
pub use cross_entropy::{cross_entropy, cross_entropy_with};
pub use diagonal_fit::{forward_diagonal_fit, reverse_diagonal_fit};
pub use elbo::{elbo, elbo_with};
pub use entropy::entropy;
pub use expected_log_likelihood::{expected_log_likelihood, expected_log_likelihood_with};
pub use kl_divergence::{
    kl_divergence, kl_divergence_with, kl_standard_normal, kl_standard_normal_with,
};
pub use log_prob::{log_prob, log_prob_batch, log_prob_batch_into, log_prob_with};
pub use maximum_likelihood::{fit_dense, fit_diagonal, fit_scaled_identity};
pub use mutual_information::mutual_information;
pub use normal::MultivariateNormal;
pub use quadratic_form::{
    mahalanobis_p_value, mahalanobis_p_value_batch, mahalanobis_p_value_batch_into,
    mahalanobis_p_value_with, quadratic_form, quadratic_form_batch, quadratic_form_batch_into,
    quadratic_form_with,
};
pub use sampling::{sample, sample_batch, sample_batch_into, sample_into};
pub use score::{score, score_batch, score_batch_into, score_into};
pub use summary::{Summary, principal_axes, summary};
pub use whiten::{whiten, whiten_into};
