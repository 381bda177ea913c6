//! What the benchmarks share: covariances, the words of a report, and the peers.

use core::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion};
use gaussx::faer::Mat;
use gaussx::{BlockDiagonal, DenseCovariance, DiagonalCovariance, Scalar, ScaledIdentity};

pub mod peers;

/// A scalar of every library that is timed.
pub trait Real: Scalar + nalgebra::RealField {
    const NAME: &'static str;
}

impl Real for f32 {
    const NAME: &'static str = "f32";
}

impl Real for f64 {
    const NAME: &'static str = "f64";
}

pub type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Few samples and no plots: all benchmarks together are to take minutes.
pub fn settings() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(400))
        .nresamples(1000)
        .without_plots()
}

/// The library and the scalar, then the size.
pub fn id<T: Real>(who: &str, n: usize) -> BenchmarkId {
    BenchmarkId::new(format!("{who} {}", T::NAME), n)
}

/// Whether a peer without blocked algorithms is asked for `n³` operations: above 512 it
/// takes seconds per call, and is asked only with `SLOW_PEERS` in the environment.
pub fn affordable(n: usize) -> bool {
    n <= 512 || std::env::var_os("SLOW_PEERS").is_some()
}

/// `n²`: the operations of one triangular solve, of a column.
pub fn square(n: usize) -> u64 {
    (n * n) as u64
}

/// `n³/3`: the operations of one Cholesky factorisation, and of `L_q⁻¹ L_p`.
pub fn third_of_cube(n: usize) -> u64 {
    ((n * n * n) as u64).div_ceil(3)
}

/// A well-conditioned covariance matrix: a rational quadratic kernel with a ridge.
pub fn kernel<T: Scalar>(n: usize, length: f64) -> Mat<T> {
    Mat::from_fn(n, n, |i, j| {
        let ridge = if i == j { 0.5 } else { 0.0 };
        // Its far entries stay normal numbers, as an exponential's do not.
        let distance = i.abs_diff(j) as f64 / length;
        T::of(1.0 / (1.0 + distance * distance) + ridge)
    })
}

/// A kernel of four times the scale: far from [`kernel`] by any measure.
pub fn far_kernel<T: Scalar>(n: usize) -> Mat<T> {
    let kernel = kernel::<T>(n, 10.0);
    Mat::from_fn(n, n, |i, j| kernel[(i, j)] * T::of(4.0))
}

pub fn covariance<T: Scalar>(matrix: &Mat<T>) -> DenseCovariance<T> {
    DenseCovariance::new(matrix.clone()).expect("a kernel with a ridge is positive definite")
}

pub fn dense<T: Scalar>(n: usize, length: f64) -> DenseCovariance<T> {
    covariance(&kernel(n, length))
}

pub fn variances<T: Scalar>(n: usize, phase: usize) -> Vec<T> {
    (0..n)
        .map(|i| T::of(1.0 + ((i + phase) % 7) as f64))
        .collect()
}

pub fn diagonal<T: Scalar>(n: usize, phase: usize) -> DiagonalCovariance<T> {
    DiagonalCovariance::new(variances(n, phase)).expect("variances are positive")
}

pub fn scaled<T: Scalar>(n: usize, variance: f64) -> ScaledIdentity<T> {
    ScaledIdentity::new(n, T::of(variance)).expect("the variance is positive")
}

/// `count` equal blocks with the given matrix.
pub fn blocks<T: Scalar>(matrix: &Mat<T>, count: usize) -> BlockDiagonal<T, DenseCovariance<T>> {
    BlockDiagonal::from_side_by_side(side_by_side(matrix, count)).expect("blocks are valid")
}

/// `count` times the given matrix, side by side.
pub fn side_by_side<T: Scalar>(matrix: &Mat<T>, count: usize) -> Mat<T> {
    let n = matrix.nrows();
    Mat::from_fn(n, n * count, |i, j| matrix[(i, j % n)])
}

/// Numbers between -1 and 1 without a pattern that helps a predictor.
pub fn vector<T: Scalar>(n: usize, seed: usize) -> Vec<T> {
    (0..n)
        .map(|i| T::of(((i * 7919 + seed * 104_729) % 2003) as f64 / 1001.5 - 1.0))
        .collect()
}
