//! What a user of another library writes for the same quantities: the textbook formulas,
//! against the vectors and the factor that the library has.

use chacha20::ChaCha8Rng;
use gaussx::faer::linalg::solvers::Llt;
use gaussx::faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use gaussx::faer::{Mat, MatMut, MatRef, Par, Side};
use nalgebra::{Cholesky, DMatrix, DVector, Dyn};
use rand_distr::{Distribution, StandardNormal};
use statrs::distribution::{Continuous, MultivariateNormal};
use statrs::statistics::MeanN;

use crate::Real;

#[cfg(test)]
mod tests;

/// A mean and the factor of a covariance, by nalgebra.
pub type NalgebraBlock<T> = (DVector<T>, Cholesky<T, Dyn>);

/// A mean and the factor of a covariance, by faer.
pub type FaerBlock<T> = (Vec<T>, Llt<T>);

/// `ln`, which more than one of the traits of `T` has.
fn ln<T: Real>(x: T) -> T {
    nalgebra::ComplexField::ln(x)
}

fn sum<T: Real>(terms: impl Iterator<Item = T>) -> T {
    terms.fold(T::of(0.0), |sum, term| sum + term)
}

/// `ln det Σ` from the diagonal of its factor.
fn logdet<T: Real>(pivots: impl Iterator<Item = T>) -> T {
    sum(pivots.map(ln)) * T::of(2.0)
}

/// `-½ (n ln 2π + ln det Σ + ‖z‖²)`.
fn log_density<T: Real>(n: usize, logdet: T, form: T) -> T {
    -(T::of_count(n) * T::LN_2PI + logdet + form) / T::of(2.0)
}

/// `½ (n (1 + ln 2π) + ln det Σ)`.
fn entropy<T: Real>(n: usize, logdet: T) -> T {
    (T::of_count(n) * (T::of(1.0) + T::LN_2PI) + logdet) / T::of(2.0)
}

/// nalgebra: the vector.
pub fn nalgebra_vector<T: Real>(x: &[T]) -> DVector<T> {
    DVector::from_column_slice(x)
}

/// nalgebra: the matrix.
pub fn nalgebra_matrix<T: Real>(matrix: &Mat<T>) -> DMatrix<T> {
    DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)])
}

/// nalgebra: the factor of a matrix, in its storage.
pub fn nalgebra_factor<T: Real>(matrix: DMatrix<T>) -> Cholesky<T, Dyn> {
    Cholesky::new(matrix).expect("the matrix is positive definite")
}

/// nalgebra: the factor that faer made, where only what follows is timed.
pub fn nalgebra_factor_of<T: Real>(factor: &Llt<T>) -> Cholesky<T, Dyn> {
    let l = factor.L();
    Cholesky::pack_dirty(DMatrix::from_fn(l.nrows(), l.ncols(), |i, j| l[(i, j)]))
}

fn nalgebra_logdet<T: Real>(factor: &Cholesky<T, Dyn>) -> T {
    let l = factor.l_dirty();
    logdet((0..l.nrows()).map(|i| l[(i, i)]))
}

/// nalgebra: the log-density by a half-solve.
pub fn nalgebra_log_prob<T: Real>(
    x: &DVector<T>,
    mean: &DVector<T>,
    factor: &Cholesky<T, Dyn>,
) -> T {
    let mut z = x - mean;
    factor
        .l_dirty()
        .solve_lower_triangular_unchecked_mut(&mut z);
    log_density(z.len(), nalgebra_logdet(factor), z.dot(&z))
}

/// nalgebra: the log-densities of the columns by one half-solve.
pub fn nalgebra_log_prob_batch<T: Real>(
    points: &DMatrix<T>,
    mean: &DVector<T>,
    factor: &Cholesky<T, Dyn>,
) -> Vec<T> {
    let mut z = points.clone();
    for mut column in z.column_iter_mut() {
        column -= mean;
    }
    factor
        .l_dirty()
        .solve_lower_triangular_unchecked_mut(&mut z);
    let logdet = nalgebra_logdet(factor);
    z.column_iter()
        .map(|z| log_density(z.len(), logdet, z.dot(&z)))
        .collect()
}

/// nalgebra: KL(p ‖ q) from `‖L_q⁻¹ L_p‖²`, two log-determinants and a half-solve.
pub fn nalgebra_kl<T: Real>(p: &NalgebraBlock<T>, q: &NalgebraBlock<T>) -> T {
    let ((mean_p, p), (mean_q, q)) = (p, q);
    let l_q = q.l_dirty();
    let (mut m, mut z) = (p.l(), mean_p - mean_q);
    l_q.solve_lower_triangular_unchecked_mut(&mut m);
    l_q.solve_lower_triangular_unchecked_mut(&mut z);
    let logdets = nalgebra_logdet(q) - nalgebra_logdet(p);
    (m.dot(&m) + z.dot(&z) - T::of_count(z.len()) + logdets) / T::of(2.0)
}

/// nalgebra: KL(p ‖ q) of independent blocks, block by block.
pub fn nalgebra_kl_blocks<T: Real>(p: &[NalgebraBlock<T>], q: &[NalgebraBlock<T>]) -> T {
    sum(p.iter().zip(q).map(|(p, q)| nalgebra_kl(p, q)))
}

/// nalgebra: the entropy of independent blocks, block by block.
pub fn nalgebra_entropy_blocks<T: Real>(blocks: &[NalgebraBlock<T>]) -> T {
    sum(blocks
        .iter()
        .map(|(mean, factor)| entropy(mean.len(), nalgebra_logdet(factor))))
}

/// nalgebra: `ln N(y; m, R) - ½ ‖L_R⁻¹ L_C‖²`.
pub fn nalgebra_expected_log_likelihood<T: Real>(
    y: &DVector<T>,
    q: &NalgebraBlock<T>,
    noise: &Cholesky<T, Dyn>,
) -> T {
    let mut m = q.1.l();
    noise.l_dirty().solve_lower_triangular_unchecked_mut(&mut m);
    nalgebra_log_prob(y, &q.0, noise) - m.dot(&m) / T::of(2.0)
}

/// nalgebra: draws `μ + L z` as columns, `l` with zeros above its diagonal.
pub fn nalgebra_draws<T: Real>(
    mean: &DVector<T>,
    l: &DMatrix<T>,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> DMatrix<T> {
    let z = DMatrix::from_fn(mean.len(), count, |_, _| normal(rng));
    let mut draws = l * z;
    for mut column in draws.column_iter_mut() {
        column += mean;
    }
    draws
}

/// One number of the stream that gaussx draws from.
fn normal<T: Real>(rng: &mut ChaCha8Rng) -> T {
    let z: f64 = StandardNormal.sample(rng);
    T::of(z)
}

/// faer: the factor of a matrix.
pub fn faer_factor<T: Real>(matrix: &Mat<T>) -> Llt<T> {
    Llt::new(matrix.as_ref(), Side::Lower).expect("the matrix is positive definite")
}

fn faer_logdet<T: Real>(factor: &Llt<T>) -> T {
    logdet(factor.L().diagonal().column_vector().iter().copied())
}

fn half_solve<T: Real>(factor: &Llt<T>, rhs: MatMut<'_, T>) {
    solve_lower_triangular_in_place(factor.L(), rhs, Par::Seq);
}

/// `‖L⁻¹ (x - y)‖²`.
fn faer_form<T: Real>(x: &[T], y: &[T], factor: &Llt<T>) -> T {
    let mut z = Mat::from_fn(x.len(), 1, |i, _| x[i] - y[i]);
    half_solve(factor, z.as_mut());
    z.squared_norm_l2()
}

/// `‖L_q⁻¹ L_p‖²`.
fn faer_trace<T: Real>(p: &Llt<T>, q: &Llt<T>) -> T {
    let mut m = p.L().to_owned();
    half_solve(q, m.as_mut());
    m.squared_norm_l2()
}

/// faer: the log-density by a half-solve.
pub fn faer_log_prob<T: Real>(x: &[T], mean: &[T], factor: &Llt<T>) -> T {
    log_density(x.len(), faer_logdet(factor), faer_form(x, mean, factor))
}

/// faer: the log-densities of the columns by one half-solve.
pub fn faer_log_prob_batch<T: Real>(points: MatRef<'_, T>, mean: &[T], factor: &Llt<T>) -> Vec<T> {
    let mut z = points.to_owned();
    for column in z.col_iter_mut() {
        for (z, &m) in column.iter_mut().zip(mean) {
            *z -= m;
        }
    }
    half_solve(factor, z.as_mut());
    let logdet = faer_logdet(factor);
    z.col_iter()
        .map(|z| log_density(mean.len(), logdet, z.squared_norm_l2()))
        .collect()
}

/// faer: KL(p ‖ q) from `‖L_q⁻¹ L_p‖²`, two log-determinants and a half-solve.
pub fn faer_kl<T: Real>(p: &FaerBlock<T>, q: &FaerBlock<T>) -> T {
    let ((mean_p, p), (mean_q, q)) = (p, q);
    let logdets = faer_logdet(q) - faer_logdet(p);
    let form = faer_form(mean_p, mean_q, q);
    (faer_trace(p, q) + form - T::of_count(mean_p.len()) + logdets) / T::of(2.0)
}

/// faer: KL(p ‖ q) of independent blocks, block by block.
pub fn faer_kl_blocks<T: Real>(p: &[FaerBlock<T>], q: &[FaerBlock<T>]) -> T {
    sum(p.iter().zip(q).map(|(p, q)| faer_kl(p, q)))
}

/// faer: the entropy of independent blocks, block by block.
pub fn faer_entropy_blocks<T: Real>(blocks: &[FaerBlock<T>]) -> T {
    sum(blocks
        .iter()
        .map(|(mean, factor)| entropy(mean.len(), faer_logdet(factor))))
}

/// faer: `ln N(y; m, R) - ½ ‖L_R⁻¹ L_C‖²`.
pub fn faer_expected_log_likelihood<T: Real>(y: &[T], q: &FaerBlock<T>, noise: &Llt<T>) -> T {
    faer_log_prob(y, &q.0, noise) - faer_trace(&q.1, noise) / T::of(2.0)
}

/// faer: draws `μ + L z` as columns.
pub fn faer_draws<T: Real>(
    mean: &[T],
    factor: &Llt<T>,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Mat<T> {
    let z = Mat::from_fn(mean.len(), count, |_, _| normal::<T>(rng));
    let mut draws = factor.L() * z;
    for column in draws.col_iter_mut() {
        for (x, &m) in column.iter_mut().zip(mean) {
            *x += m;
        }
    }
    draws
}

/// statrs: log-densities by its distribution, which inverts the matrix once.
pub fn statrs_log_prob(mean: Vec<f64>, matrix: Vec<f64>) -> impl FnMut(&[f64]) -> f64 {
    let normal = MultivariateNormal::new(mean, matrix).expect("the matrix is positive definite");
    // A vector of the nalgebra that statrs has, which need not be ours.
    let mut point = MeanN::mean(&normal).unwrap_or_default();
    move |x| {
        point.copy_from_slice(x);
        normal.ln_pdf(&point)
    }
}

/// statrs: draws by its distribution, one after another.
pub fn statrs_draws(
    mean: Vec<f64>,
    matrix: Vec<f64>,
) -> impl FnMut(usize, &mut ChaCha8Rng) -> Vec<f64> {
    let normal = MultivariateNormal::new(mean, matrix).expect("the matrix is positive definite");
    move |count, rng| {
        let mut draws = Vec::new();
        for _ in 0..count {
            draws.extend_from_slice(normal.sample(rng).as_slice());
        }
        draws
    }
}

/// A loop: the log-density over a diagonal covariance.
pub fn loop_log_prob<T: Real>(x: &[T], mean: &[T], variances: &[T]) -> T {
    let terms = x.iter().zip(mean).zip(variances).map(|((&x, &m), &v)| {
        let delta = x - m;
        ln(v) + delta * delta / v
    });
    log_density(x.len(), sum(terms), T::of(0.0))
}

/// A loop: the log-densities of the columns, the log-determinant taken once.
pub fn loop_log_prob_batch<T: Real>(points: &[T], mean: &[T], variances: &[T]) -> Vec<T> {
    let logdet = sum(variances.iter().map(|&v| ln(v)));
    points
        .chunks_exact(mean.len())
        .map(|x| {
            let terms = x.iter().zip(mean).zip(variances).map(|((&x, &m), &v)| {
                let delta = x - m;
                delta * delta / v
            });
            log_density(x.len(), logdet, sum(terms))
        })
        .collect()
}

/// A loop: the entropy of a diagonal covariance.
pub fn loop_entropy<T: Real>(variances: &[T]) -> T {
    entropy(variances.len(), sum(variances.iter().map(|&v| ln(v))))
}

/// A loop: KL(p ‖ q) of two diagonal covariances.
pub fn loop_kl<T: Real>(mean_p: &[T], p: &[T], mean_q: &[T], q: &[T]) -> T {
    let means = mean_p.iter().zip(mean_q);
    let terms = means.zip(p.iter().zip(q)).map(|((&a, &b), (&p, &q))| {
        let (ratio, delta) = (p / q, a - b);
        ratio - T::of(1.0) - ln(ratio) + delta * delta / q
    });
    sum(terms) / T::of(2.0)
}

/// A loop: KL(p ‖ q) of two scaled identities.
pub fn loop_kl_scaled<T: Real>(mean_p: &[T], p: T, mean_q: &[T], q: T) -> T {
    let squares = mean_p.iter().zip(mean_q).map(|(&a, &b)| (a - b) * (a - b));
    let ratio = p / q;
    let spread = T::of_count(mean_p.len()) * (ratio - T::of(1.0) - ln(ratio));
    (spread + sum(squares) / q) / T::of(2.0)
}

/// A loop: the expected log-likelihood with independent noise, from the variances of q.
pub fn loop_expected_log_likelihood<T: Real>(
    y: &[T],
    mean_q: &[T],
    variances_q: &[T],
    noise: &[T],
) -> T {
    let spread = sum(variances_q.iter().zip(noise).map(|(&c, &r)| c / r));
    loop_log_prob(y, mean_q, noise) - spread / T::of(2.0)
}

/// A loop: draws over a diagonal covariance.
pub fn loop_draws<T: Real>(
    mean: &[T],
    deviations: &[T],
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<T> {
    let mut draws = Vec::with_capacity(mean.len() * count);
    for _ in 0..count {
        draws.extend(
            mean.iter()
                .zip(deviations)
                .map(|(&m, &s)| m + s * normal::<T>(rng)),
        );
    }
    draws
}
