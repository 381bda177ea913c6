//! The covariances that the benchmarks share.

use gaussx::faer::Mat;
use gaussx::{BlockDiagonal, DenseCovariance, DiagonalCovariance, ScaledIdentity};

/// A well-conditioned covariance matrix: an exponential kernel with a ridge.
pub fn kernel(n: usize, length: f64) -> Mat<f64> {
    Mat::from_fn(n, n, |i, j| {
        let ridge = if i == j { 0.5 } else { 0.0 };
        // Rational quadratic: its far entries stay normal numbers.
        let distance = i.abs_diff(j) as f64 / length;
        1.0 / (1.0 + distance * distance) + ridge
    })
}

pub fn dense(n: usize, length: f64) -> DenseCovariance<f64> {
    DenseCovariance::new(kernel(n, length)).expect("a kernel with a ridge is positive definite")
}

pub fn diagonal(n: usize, phase: usize) -> DiagonalCovariance<f64> {
    let variances: Vec<f64> = (0..n).map(|i| 1.0 + ((i + phase) % 7) as f64).collect();
    DiagonalCovariance::new(variances).expect("variances are positive")
}

pub fn scaled(n: usize, variance: f64) -> ScaledIdentity<f64> {
    ScaledIdentity::new(n, variance).expect("the variance is positive")
}

/// Blocks of `size`, `n / size` of them.
pub fn blocks(n: usize, size: usize, length: f64) -> BlockDiagonal<f64, DenseCovariance<f64>> {
    BlockDiagonal::new(vec![dense(size, length); n / size]).expect("blocks are valid")
}

/// Numbers between -1 and 1 without a pattern that helps a predictor.
pub fn vector(n: usize, seed: usize) -> Vec<f64> {
    (0..n)
        .map(|i| ((i * 7919 + seed * 104_729) % 2003) as f64 / 1001.5 - 1.0)
        .collect()
}
