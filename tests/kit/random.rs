//! Seeded random numbers, vectors and covariances.

use chacha20::ChaCha12Rng;
use gaussx::Scalar;
use gaussx::faer::Mat;
use gaussx::rand::{RngExt, SeedableRng};

/// A stream of random test data that a seed repeats.
#[derive(Debug)]
pub struct Random(pub ChaCha12Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    pub fn uniform<T: Scalar>(&mut self, low: f64, high: f64) -> T {
        T::of(self.0.random_range(low..high))
    }

    /// Log-uniform in `[10^low, 10^high]`.
    pub fn log_uniform<T: Scalar>(&mut self, low: f64, high: f64) -> T {
        T::of(10_f64.powf(self.0.random_range(low..high)))
    }

    pub fn index(&mut self, below: usize) -> usize {
        self.0.random_range(0..below)
    }

    pub fn variance<T: Scalar>(&mut self) -> T {
        self.log_uniform(-1.0, 1.0)
    }

    pub fn vector<T: Scalar>(&mut self, n: usize) -> Vec<T> {
        (0..n).map(|_| self.uniform(-2.0, 2.0)).collect()
    }

    /// `A Aᵀ / n + ½ I` with its rows scaled: well conditioned, of mixed units.
    pub fn covariance<T: Scalar>(&mut self, n: usize) -> Mat<T> {
        let a: Vec<f64> = (0..n * n).map(|_| self.uniform(-1.5, 1.5)).collect();
        let units: Vec<f64> = (0..n).map(|_| self.log_uniform(-0.5, 0.5)).collect();
        let entry = |i: usize, j: usize| {
            let dot: f64 = (0..n).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let ridge = if i == j { 0.5 } else { 0.0 };
            units[i] * units[j] * (dot / n as f64 + ridge)
        };
        Mat::from_fn(n, n, |i, j| T::of(entry(i.max(j), i.min(j))))
    }
}

/// A vector of any scalar in `f64`, exactly.
pub fn exact<T: Scalar>(x: &[T]) -> Vec<f64> {
    x.iter().map(|value| value.as_f64()).collect()
}
