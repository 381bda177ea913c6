//! What is timed beside gaussx is the same quantity.

use gaussx::faer::MatRef;
use gaussx::rand::SeedableRng;
use gaussx::{
    CovarianceOperator, entropy, expected_log_likelihood, kl_divergence, log_prob, log_prob_batch,
    sample_batch,
};

use super::*;
use crate::{blocks, covariance, diagonal, far_kernel, kernel, scaled, variances, vector};

/// Cancellation in the textbook formulas costs the digits between this and `ε`.
const TOLERANCE: f64 = 1e-9;

const SIZES: [usize; 4] = [2, 8, 32, 100];

#[track_caller]
fn assert_same(peer: f64, ours: f64) {
    assert!(
        (peer - ours).abs() <= TOLERANCE * ours.abs(),
        "{peer} for {ours}"
    );
}

#[track_caller]
fn assert_all_same(peer: impl IntoIterator<Item = f64>, ours: impl IntoIterator<Item = f64>) {
    let (peer, ours): (Vec<_>, Vec<_>) = (peer.into_iter().collect(), ours.into_iter().collect());
    assert_eq!(peer.len(), ours.len());
    for (peer, ours) in peer.into_iter().zip(ours) {
        assert_same(peer, ours);
    }
}

fn nalgebra_block(mean: &[f64], matrix: &Mat<f64>) -> NalgebraBlock<f64> {
    let factor = nalgebra_factor(nalgebra_matrix(matrix));
    (nalgebra_vector(mean), factor)
}

fn faer_block(mean: &[f64], matrix: &Mat<f64>) -> FaerBlock<f64> {
    (mean.to_vec(), faer_factor(matrix))
}

fn column_major(matrix: &Mat<f64>) -> Vec<f64> {
    matrix.col_iter().flat_map(|c| c.iter().copied()).collect()
}

#[test]
fn log_densities_are_the_same() {
    for n in SIZES {
        let (x, mean, matrix) = (vector(n, 1), vector(n, 2), kernel(n, 3.0));
        let ours = log_prob(&x, &mean, &covariance(&matrix)).unwrap();
        let (mean_n, factor) = nalgebra_block(&mean, &matrix);
        assert_same(
            nalgebra_log_prob(&nalgebra_vector(&x), &mean_n, &factor),
            ours,
        );
        let factor = nalgebra_factor_of(&faer_factor(&matrix));
        assert_same(
            nalgebra_log_prob(&nalgebra_vector(&x), &mean_n, &factor),
            ours,
        );
        assert_same(faer_log_prob(&x, &mean, &faer_factor(&matrix)), ours);
        let mut statrs = statrs_log_prob(mean.clone(), column_major(&matrix));
        assert_same(statrs(&x), ours);

        let ours = log_prob(&x, &mean, &diagonal(n, 0)).unwrap();
        assert_same(loop_log_prob(&x, &mean, &variances(n, 0)), ours);
    }
}

#[test]
fn batches_are_the_same() {
    for n in SIZES {
        let (data, mean, matrix) = (vector(n * 5, 1), vector(n, 2), kernel(n, 3.0));
        let points = MatRef::from_column_major_slice(&data, n, 5);
        let ours = log_prob_batch(points, &mean, &covariance(&matrix)).unwrap();
        let (mean_n, factor) = nalgebra_block(&mean, &matrix);
        let points_n = DMatrix::from_column_slice(n, 5, &data);
        let peer = nalgebra_log_prob_batch(&points_n, &mean_n, &factor);
        assert_all_same(peer, ours.iter().copied());
        let peer = faer_log_prob_batch(points, &mean, &faer_factor(&matrix));
        assert_all_same(peer, ours.iter().copied());

        let ours = log_prob_batch(points, &mean, &diagonal(n, 0)).unwrap();
        let peer = loop_log_prob_batch(&data, &mean, &variances(n, 0));
        assert_all_same(peer, ours.iter().copied());
    }
}

#[test]
fn divergences_are_the_same() {
    for n in SIZES {
        let (mean_p, mean_q) = (vector(n, 1), vector(n, 2));
        for matrix_q in [far_kernel(n), kernel(n, 3.3)] {
            let matrix_p = kernel(n, 3.0);
            let (p, q) = (covariance(&matrix_p), covariance(&matrix_q));
            let ours = kl_divergence(&mean_p, &p, &mean_q, &q).unwrap();
            let p = nalgebra_block(&mean_p, &matrix_p);
            let q = nalgebra_block(&mean_q, &matrix_q);
            assert_same(nalgebra_kl(&p, &q), ours);
            let p = faer_block(&mean_p, &matrix_p);
            let q = faer_block(&mean_q, &matrix_q);
            assert_same(faer_kl(&p, &q), ours);
        }
        let (p, q) = (diagonal(n, 0), diagonal(n, 3));
        let ours = kl_divergence(&mean_p, &p, &mean_q, &q).unwrap();
        let (p, q) = (variances(n, 0), variances(n, 3));
        assert_same(loop_kl(&mean_p, &p, &mean_q, &q), ours);

        let ours = kl_divergence(&mean_p, &scaled(n, 2.0), &mean_q, &scaled(n, 3.0)).unwrap();
        assert_same(loop_kl_scaled(&mean_p, 2.0, &mean_q, 3.0), ours);
    }
}

#[test]
fn blocks_are_the_same() {
    let (size, count) = (8, 5);
    let (mean_p, mean_q) = (vector(size * count, 1), vector(size * count, 2));
    let (matrix_p, matrix_q) = (kernel(size, 3.0), far_kernel(size));
    let (p, q) = (blocks(&matrix_p, count), blocks(&matrix_q, count));
    let divergence = kl_divergence(&mean_p, &p, &mean_q, &q).unwrap();
    let entropy = entropy(&p).unwrap();

    let of = |mean: &[f64], matrix| -> Vec<_> {
        let means = mean.chunks(size);
        means.map(|mean| nalgebra_block(mean, matrix)).collect()
    };
    let (p, q) = (of(&mean_p, &matrix_p), of(&mean_q, &matrix_q));
    assert_same(nalgebra_kl_blocks(&p, &q), divergence);
    assert_same(nalgebra_entropy_blocks(&p), entropy);

    let of = |mean: &[f64], matrix| -> Vec<_> {
        let means = mean.chunks(size);
        means.map(|mean| faer_block(mean, matrix)).collect()
    };
    let (p, q) = (of(&mean_p, &matrix_p), of(&mean_q, &matrix_q));
    assert_same(faer_kl_blocks(&p, &q), divergence);
    assert_same(faer_entropy_blocks(&p), entropy);
}

#[test]
fn entropies_are_the_same() {
    for n in SIZES {
        let ours = entropy(&diagonal::<f64>(n, 0)).unwrap();
        assert_same(loop_entropy(&variances(n, 0)), ours);
    }
}

#[test]
fn expected_log_likelihoods_are_the_same() {
    for n in SIZES {
        let (y, mean) = (vector(n, 1), vector(n, 2));
        let (matrix_q, matrix_noise) = (kernel(n, 3.0), far_kernel(n));
        let (q, noise) = (covariance(&matrix_q), covariance(&matrix_noise));
        let ours = expected_log_likelihood(&y, &mean, &q, &noise).unwrap();
        let noise = nalgebra_factor(nalgebra_matrix(&matrix_noise));
        let q_n = nalgebra_block(&mean, &matrix_q);
        let peer = nalgebra_expected_log_likelihood(&nalgebra_vector(&y), &q_n, &noise);
        assert_same(peer, ours);
        let q_f = faer_block(&mean, &matrix_q);
        let peer = faer_expected_log_likelihood(&y, &q_f, &faer_factor(&matrix_noise));
        assert_same(peer, ours);

        let ours = expected_log_likelihood(&y, &mean, &q, &diagonal(n, 0)).unwrap();
        let variances_q: Vec<f64> = q.diag().unwrap().iter().copied().collect();
        let peer = loop_expected_log_likelihood(&y, &mean, &variances_q, &variances(n, 0));
        assert_same(peer, ours);
    }
}

#[test]
fn draws_from_one_stream_are_the_same() {
    let rng = || ChaCha8Rng::seed_from_u64(1);
    for n in SIZES {
        let (mean, matrix) = (vector(n, 1), kernel(n, 3.0));
        let ours = sample_batch(&mean, &covariance(&matrix), 5, &mut rng()).unwrap();
        let ours = column_major(&ours);
        let (mean_n, factor) = nalgebra_block(&mean, &matrix);
        let peer = nalgebra_draws(&mean_n, &factor.l(), 5, &mut rng());
        assert_all_same(peer.iter().copied(), ours.iter().copied());
        let peer = faer_draws(&mean, &faer_factor(&matrix), 5, &mut rng());
        assert_all_same(column_major(&peer), ours);

        let ours = sample_batch(&mean, &diagonal(n, 0), 5, &mut rng()).unwrap();
        let deviations: Vec<f64> = variances::<f64>(n, 0).iter().map(|v| v.sqrt()).collect();
        let peer = loop_draws(&mean, &deviations, 5, &mut rng());
        assert_all_same(peer, column_major(&ours));
    }
}

/// statrs has another stream of normals: its draws are held to their moments, five standard
/// errors wide.
#[test]
fn draws_of_statrs_have_the_same_moments() {
    let (n, count) = (8, 10_000);
    let (mean, matrix) = (vector::<f64>(n, 1), kernel::<f64>(n, 3.0));
    let mut draws = statrs_draws(mean.clone(), column_major(&matrix));
    let draws = draws(count, &mut ChaCha8Rng::seed_from_u64(1));
    let average = |f: &dyn Fn(&[f64]) -> f64| {
        let total: f64 = draws.chunks(n).map(f).sum();
        total / count as f64
    };
    let error = 5.0 / (count as f64).sqrt();
    for i in 0..n {
        let variance = matrix[(i, i)];
        assert!((average(&|x| x[i]) - mean[i]).abs() < error * variance.sqrt());
        for j in 0..n {
            let product = average(&|x| (x[i] - mean[i]) * (x[j] - mean[j]));
            // The standard error of a product is at most √2 of the variance.
            assert!((product - matrix[(i, j)]).abs() < error * variance * 1.5);
        }
    }
}
