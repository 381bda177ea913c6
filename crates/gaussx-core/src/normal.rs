//! A mean and a covariance, with every quantity as a method.

use faer::{Col, Mat};
use gaussx_operators::{
    AsCol, AsMat, CovarianceOperator, DenseCovariance, DiagonalCovariance, Error, PrincipalAxes,
    Scalar, ScaledIdentity, StructuredCovariance, memory, validate,
};
use rand::Rng;
use rand::distr::Distribution;

use crate::bounded::Bounded;
use crate::summary::Summary;

/// The multivariate normal distribution `N(μ, Σ)` with a covariance of any structure.
///
/// The covariance was checked and factored when it was built; the mean is checked here.
/// Every method calls the free function of its name, where formula, cost, accuracy and
/// source are written down. Methods that take another Gaussian take one of any structure.
///
/// # Examples
///
/// ```
/// use gaussx_core::{DenseCovariance, MultivariateNormal, faer::mat};
///
/// let p = MultivariateNormal::new([0.0, 0.0], DenseCovariance::new(mat![[1.0, 0.5], [0.5, 2.0]])?)?;
/// assert!(p.log_prob([0.0, 0.0])? > p.log_prob([3.0, -3.0])?);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MultivariateNormal<T: Scalar, C> {
    /// Finite, of the covariance's dimension.
    mean: Col<T>,
    covariance: C,
}

impl<T: Scalar, C: CovarianceOperator<T>> MultivariateNormal<T, C> {
    /// The distribution with the given mean and covariance.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`], [`Error::NonFinite`], [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_core::{Error, MultivariateNormal, ScaledIdentity};
    ///
    /// let error = MultivariateNormal::new([0.0, f64::NAN], ScaledIdentity::new(2, 1.0)?).unwrap_err();
    /// assert!(matches!(error, Error::NonFinite { row: 1, .. }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new(mean: impl AsCol<T>, covariance: C) -> Result<Self, Error> {
        let mean = mean.as_col();
        validate::dimension("mean", covariance.dim(), mean.nrows())?;
        validate::finite("mean", mean)?;
        let mut owned = memory::zero_col("mean", mean.nrows())?;
        owned.copy_from(mean);
        Ok(Self {
            mean: owned,
            covariance,
        })
    }

    /// The distribution with mean zero.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_core::{MultivariateNormal, ScaledIdentity};
    ///
    /// let standard = MultivariateNormal::centered(ScaledIdentity::new(3, 1.0)?)?;
    /// assert_eq!(standard.kl_standard_normal()?, 0.0);
    /// # Ok::<(), gaussx_core::Error>(())
    /// ```
    pub fn centered(covariance: C) -> Result<Self, Error> {
        Ok(Self {
            mean: memory::zero_col("mean", covariance.dim())?,
            covariance,
        })
    }

    /// The dimension `d`.
    pub fn dim(&self) -> usize {
        self.covariance.dim()
    }

    /// The mean `μ`.
    pub fn mean(&self) -> &Col<T> {
        &self.mean
    }

    /// The covariance `Σ`.
    pub fn covariance(&self) -> &C {
        &self.covariance
    }

    /// The mean and the covariance.
    pub fn into_parts(self) -> (Col<T>, C) {
        (self.mean, self.covariance)
    }

    /// `(x - μ)ᵀ Σ⁻¹ (x - μ)`: [`quadratic_form`](crate::quadratic_form).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn quadratic_form(&self, x: impl AsCol<T>) -> Result<T, Error> {
        crate::quadratic_form(x, &self.mean, &self.covariance)
    }

    /// The quadratic form of every column:
    /// [`quadratic_form_batch`](crate::quadratic_form_batch).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn quadratic_form_batch(&self, points: impl AsMat<T>) -> Result<Col<T>, Error> {
        crate::quadratic_form_batch(points, &self.mean, &self.covariance)
    }

    /// The probability that a draw lies as far out as `x`:
    /// [`mahalanobis_p_value`](crate::mahalanobis_p_value).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn mahalanobis_p_value(&self, x: impl AsCol<T>) -> Result<T, Error> {
        crate::mahalanobis_p_value(x, &self.mean, &self.covariance)
    }

    /// The p-value of every column:
    /// [`mahalanobis_p_value_batch`](crate::mahalanobis_p_value_batch).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn mahalanobis_p_value_batch(&self, points: impl AsMat<T>) -> Result<Col<T>, Error> {
        crate::mahalanobis_p_value_batch(points, &self.mean, &self.covariance)
    }

    /// `L⁻¹ (x_j - μ)` of every column: [`whiten`](crate::whiten).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn whiten(&self, points: impl AsMat<T>) -> Result<Mat<T>, Error> {
        crate::whiten(points, &self.mean, &self.covariance)
    }

    /// `ln N(x; μ, Σ)`, in nats: [`log_prob`](crate::log_prob).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn log_prob(&self, x: impl AsCol<T>) -> Result<T, Error> {
        crate::log_prob(x, &self.mean, &self.covariance)
    }

    /// The log-density of every column: [`log_prob_batch`](crate::log_prob_batch).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn log_prob_batch(&self, points: impl AsMat<T>) -> Result<Col<T>, Error> {
        crate::log_prob_batch(points, &self.mean, &self.covariance)
    }

    /// `∇_x ln N(x; μ, Σ)`: [`score`](crate::score).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn score(&self, x: impl AsCol<T>) -> Result<Col<T>, Error> {
        crate::score(x, &self.mean, &self.covariance)
    }

    /// The score of every column: [`score_batch`](crate::score_batch).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn score_batch(&self, points: impl AsMat<T>) -> Result<Mat<T>, Error> {
        crate::score_batch(points, &self.mean, &self.covariance)
    }

    /// The entropy, in nats: [`entropy`](crate::entropy).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn entropy(&self) -> Result<T, Error> {
        crate::entropy(&self.covariance)
    }

    /// `H(self, q)`, in nats: [`cross_entropy`](crate::cross_entropy).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn cross_entropy(
        &self,
        q: &MultivariateNormal<T, impl CovarianceOperator<T>>,
    ) -> Result<T, Error> {
        crate::cross_entropy(&self.mean, &self.covariance, &q.mean, &q.covariance)
    }

    /// `KL(self ‖ q)`, in nats: [`kl_divergence`](crate::kl_divergence).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn kl_divergence(
        &self,
        q: &MultivariateNormal<T, impl CovarianceOperator<T>>,
    ) -> Result<T, Error> {
        crate::kl_divergence(&self.mean, &self.covariance, &q.mean, &q.covariance)
    }

    /// [`kl_divergence`](Self::kl_divergence) with a bound on its error:
    /// [`kl_divergence_bounded`](crate::kl_divergence_bounded).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn kl_divergence_bounded(
        &self,
        q: &MultivariateNormal<T, impl CovarianceOperator<T>>,
    ) -> Result<Bounded<T>, Error> {
        crate::kl_divergence_bounded(&self.mean, &self.covariance, &q.mean, &q.covariance)
    }

    /// [`quadratic_form`](Self::quadratic_form) with a bound on its error:
    /// [`quadratic_form_bounded`](crate::quadratic_form_bounded).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn quadratic_form_bounded(&self, x: impl AsCol<T>) -> Result<Bounded<T>, Error> {
        crate::quadratic_form_bounded(x, &self.mean, &self.covariance)
    }

    /// `KL(self ‖ N(0, I))`, in nats: [`kl_standard_normal`](crate::kl_standard_normal).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn kl_standard_normal(&self) -> Result<T, Error> {
        crate::kl_standard_normal(&self.mean, &self.covariance)
    }

    /// The diagonal Gaussian `q` that minimises `KL(self ‖ q)`:
    /// [`forward_diagonal_fit`](crate::forward_diagonal_fit).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn forward_diagonal_fit(
        &self,
    ) -> Result<MultivariateNormal<T, DiagonalCovariance<T>>, Error> {
        let covariance = crate::forward_diagonal_fit(&self.covariance)?;
        MultivariateNormal::new(&self.mean, covariance)
    }

    /// The diagonal Gaussian `q` that minimises `KL(q ‖ self)`, the mean-field solution:
    /// [`reverse_diagonal_fit`](crate::reverse_diagonal_fit).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn reverse_diagonal_fit(
        &self,
    ) -> Result<MultivariateNormal<T, DiagonalCovariance<T>>, Error> {
        let covariance = crate::reverse_diagonal_fit(&self.covariance)?;
        MultivariateNormal::new(&self.mean, covariance)
    }

    /// `E[ln N(y; f, noise)]` for `f` from this distribution, in nats:
    /// [`expected_log_likelihood`](crate::expected_log_likelihood).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn expected_log_likelihood(
        &self,
        y: impl AsCol<T>,
        noise: &(impl CovarianceOperator<T> + ?Sized),
    ) -> Result<T, Error> {
        crate::expected_log_likelihood(y, &self.mean, &self.covariance, noise)
    }

    /// The evidence lower bound with this distribution as `q`, in nats: [`elbo`](crate::elbo).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn elbo(
        &self,
        y: impl AsCol<T>,
        noise: &(impl CovarianceOperator<T> + ?Sized),
        prior: &MultivariateNormal<T, impl CovarianceOperator<T>>,
    ) -> Result<T, Error> {
        crate::elbo(
            y,
            noise,
            &self.mean,
            &self.covariance,
            &prior.mean,
            &prior.covariance,
        )
    }

    /// `I(x_a; x_b)` between two sets of coordinates, in nats:
    /// [`mutual_information`](crate::mutual_information).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn mutual_information(&self, a: &[usize], b: &[usize]) -> Result<T, Error> {
        crate::mutual_information(&self.covariance, a, b)
    }

    /// Trace, determinant, norms, condition number, entropy: [`summary`](crate::summary).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn summary(&self) -> Result<Summary<T>, Error> {
        crate::summary(&self.covariance)
    }

    /// The directions of largest variance: [`principal_axes`](crate::principal_axes).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn principal_axes(&self, count: usize) -> Result<PrincipalAxes<T>, Error> {
        crate::principal_axes(&self.covariance, count)
    }

    /// The distribution of the coordinates `indices`, in that order: `N(μ_a, Σ_aa)`.
    ///
    /// Its structure is what [`StructuredCovariance::sub_block`] keeps.
    ///
    /// # Errors
    ///
    /// [`Error::IndexOutOfRange`], [`Error::DuplicateIndex`], [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_core::{CovarianceOperator, DenseCovariance, MultivariateNormal, faer::mat};
    ///
    /// let p = MultivariateNormal::new([1.0, 2.0], DenseCovariance::new(mat![[1.0, 0.5], [0.5, 3.0]])?)?;
    /// let second = p.marginal(&[1])?;
    /// assert_eq!((second.mean()[0], second.covariance().trace()?), (2.0, 3.0));
    /// # Ok::<(), gaussx_core::Error>(())
    /// ```
    pub fn marginal(
        &self,
        indices: &[usize],
    ) -> Result<MultivariateNormal<T, StructuredCovariance<T>>, Error> {
        let covariance = StructuredCovariance::sub_block(&self.covariance, indices)?;
        let mean: Vec<T> = indices.iter().map(|&i| self.mean[i]).collect();
        MultivariateNormal::new(mean, covariance)
    }

    /// `count` draws as the columns of a `d × count` matrix:
    /// [`sample_batch`](crate::sample_batch).
    ///
    /// One draw at a time comes from rand's own [`Distribution`] trait: `p.sample(&mut rng)`.
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn sample_batch<R: Rng + ?Sized>(
        &self,
        count: usize,
        rng: &mut R,
    ) -> Result<Mat<T>, Error> {
        crate::sample_batch(&self.mean, &self.covariance, count, rng)
    }
}

/// Draws by [`sample`](crate::sample).
///
/// A draw that overflows, or an operator that breaks its contract, gives a column of NaN:
/// rand's trait has no place for an error.
///
/// # Examples
///
/// ```
/// use chacha20::ChaCha12Rng;
/// use gaussx_core::{MultivariateNormal, ScaledIdentity};
/// use gaussx_core::rand::{SeedableRng, distr::Distribution};
///
/// let p = MultivariateNormal::centered(ScaledIdentity::new(2, 1.0)?)?;
/// let x = p.sample(&mut ChaCha12Rng::seed_from_u64(1));
/// assert_eq!(x.nrows(), 2);
/// # Ok::<(), gaussx_core::Error>(())
/// ```
impl<T: Scalar, C: CovarianceOperator<T>> Distribution<Col<T>> for MultivariateNormal<T, C> {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Col<T> {
        crate::sample(&self.mean, &self.covariance, rng)
            .unwrap_or_else(|_| Col::full(self.dim(), T::nan()))
    }
}

impl<T: Scalar> MultivariateNormal<T, DenseCovariance<T>> {
    /// The Gaussian of largest likelihood: [`fit_dense`](crate::fit_dense).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn fit(points: impl AsMat<T>) -> Result<Self, Error> {
        crate::fit_dense(points)
    }
}

impl<T: Scalar> MultivariateNormal<T, DiagonalCovariance<T>> {
    /// The Gaussian of largest likelihood: [`fit_diagonal`](crate::fit_diagonal).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn fit(points: impl AsMat<T>) -> Result<Self, Error> {
        crate::fit_diagonal(points)
    }
}

impl<T: Scalar> MultivariateNormal<T, ScaledIdentity<T>> {
    /// The Gaussian of largest likelihood: [`fit_scaled_identity`](crate::fit_scaled_identity).
    ///
    /// # Errors
    ///
    /// Those of the free function.
    pub fn fit(points: impl AsMat<T>) -> Result<Self, Error> {
        crate::fit_scaled_identity(points)
    }
}
