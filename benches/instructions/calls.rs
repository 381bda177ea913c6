//! The calls that are counted.

use std::error::Error;
use std::hint::black_box;

use chacha20::ChaCha8Rng;
use gaussx::faer::MatRef;
use gaussx::rand::SeedableRng;
use gaussx::{
    CovarianceOperator, DenseCovariance, DiagonalCovariance, kl_divergence, log_prob,
    log_prob_batch, mutual_information, sample_batch,
};
use gaussx_benches::{blocks, dense, diagonal, kernel, variances, vector};

pub(crate) const NAMES: &[&str] = &[
    "build/dense/8",
    "build/dense/128",
    "log_prob/dense/2",
    "log_prob/dense/8",
    "log_prob/dense/128",
    "log_prob_batch/dense/8",
    "log_prob_batch/dense/32",
    "kl/dense-far/8",
    "kl/dense-far/128",
    "kl/dense-near/8",
    "kl/dense-near/128",
    "kl/diagonal/10000",
    "kl/8x8-blocks/8000",
    "build/diagonal/10000",
    "mutual_information/dense/32",
    "sample_batch/dense/32",
];

type Result = std::result::Result<(), Box<dyn Error>>;

/// Makes the call `calls` times.
pub(crate) fn make(name: &str, calls: usize) -> Result {
    let (quantity, n) = name.rsplit_once('/').ok_or("a call is quantity/size")?;
    let n: usize = n.parse()?;
    let (x, mean): (Vec<f64>, Vec<f64>) = (vector(n, 1), vector(n, 2));
    match quantity {
        // With the copy of the matrix that the constructor consumes.
        "build/dense" => {
            let matrix = kernel::<f64>(n, 3.0);
            repeat(calls, || Ok(DenseCovariance::new(matrix.clone())?))
        }
        "log_prob/dense" => {
            let sigma = dense::<f64>(n, 3.0);
            repeat(calls, || Ok(log_prob(&x, &mean, &sigma)?))
        }
        "log_prob_batch/dense" => {
            let (sigma, data) = (dense(n, 3.0), vector::<f64>(n * 1000, 1));
            let points = MatRef::from_column_major_slice(&data, n, 1000);
            repeat(calls, || Ok(log_prob_batch(points, &mean, &sigma)?))
        }
        // Far or close, where the means are equal: KL has a form for each.
        "kl/dense-far" => kl(n, calls, &dense(n, 1.0), &dense(n, 30.0)),
        "kl/dense-near" => {
            let [p, q] = [3.0, 3.01].map(|length| dense::<f64>(n, length));
            repeat(calls, || Ok(kl_divergence(&mean, &p, &mean, &q)?))
        }
        "kl/diagonal" => kl(n, calls, &diagonal(n, 0), &diagonal(n, 3)),
        "kl/8x8-blocks" => {
            let [p, q] = [1.0, 30.0].map(|length| blocks::<f64>(&kernel(8, length), n / 8));
            kl(n, calls, &p, &q)
        }
        // With the log-determinant.
        "build/diagonal" => {
            let v = variances::<f64>(n, 0);
            repeat(calls, || Ok(DiagonalCovariance::new(&v)?))
        }
        "mutual_information/dense" => {
            let sigma = dense::<f64>(n, 3.0);
            let (a, b): (Vec<_>, Vec<_>) = (0..n).partition(|i| i % 2 == 0);
            repeat(calls, || Ok(mutual_information(&sigma, &a, &b)?))
        }
        "sample_batch/dense" => {
            let sigma = dense::<f64>(n, 3.0);
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            repeat(calls, || Ok(sample_batch(&mean, &sigma, 100, &mut rng)?))
        }
        _ => Err(format!("no call is named {name}").into()),
    }
}

fn kl(
    n: usize,
    calls: usize,
    p: &impl CovarianceOperator<f64>,
    q: &impl CovarianceOperator<f64>,
) -> Result {
    let (mean_p, mean_q) = (vector(n, 1), vector(n, 2));
    repeat(calls, || Ok(kl_divergence(&mean_p, p, &mean_q, q)?))
}

fn repeat<R>(
    calls: usize,
    mut call: impl FnMut() -> std::result::Result<R, Box<dyn Error>>,
) -> Result {
    for _ in 0..calls {
        black_box(call()?);
    }
    Ok(())
}
