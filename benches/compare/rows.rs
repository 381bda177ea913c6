//! What is compared; `rows.py` has the same rows in NumPy.

use chacha20::ChaCha8Rng;
use gaussx::faer::dyn_stack::{MemBuffer, MemStack};
use gaussx::faer::linalg::cholesky::llt::factor as llt;
use gaussx::faer::linalg::matmul::matmul;
use gaussx::faer::{Accum, Mat, MatRef, Par};
use gaussx::rand::SeedableRng;
use gaussx::{
    BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, Error, entropy,
    expected_log_likelihood, kl_divergence, log_prob, log_prob_batch, quadratic_form_batch,
    sample_batch,
};
use gaussx_benches::{dense, diagonal, kernel, scaled, side_by_side, variances, vector};

use crate::clock::{Measured, measure};

const NUMBER: usize = size_of::<f64>();
const POINTS: usize = 1000;

/// Length scales of p and q: a divergence above 1, one below, and one for which KL has another
/// form if the means are equal.
const FAR: [f64; 2] = [1.0, 30.0];
const NEAR: [f64; 2] = [3.0, 3.1];
const CLOSE: [f64; 2] = [3.0, 3.01];

const ROWS: [(&str, &[usize]); 24] = [
    ("log-density/dense", &[2, 8, 32, 512, 2048]),
    ("log-density/dense, factor given", &[2, 8, 512]),
    ("log-density of 1000/dense", &[8, 32, 128, 512, 2048]),
    ("kl/dense, far", &[8, 128, 512, 2048]),
    ("kl/dense, far, factors given", &[2, 8, 512]),
    ("kl/dense, near", &[8, 128, 512, 2048]),
    ("kl/dense, close, equal means", &[128, 2048]),
    ("kl/scaled identity", &[1_000_000]),
    ("kl/diagonal", &[1_000_000]),
    ("kl/diagonal, given", &[1000, 1_000_000]),
    ("kl/diagonal, near, given", &[1000, 1_000_000]),
    ("kl/8 x 8 blocks", &[100_000, 1_000_000]),
    ("kl/8 x 8 blocks, near", &[100_000]),
    ("kl/64 x 64 blocks", &[2048, 99_968]),
    ("kl/64 x 64 blocks, near", &[99_968]),
    ("entropy/diagonal", &[1_000_000]),
    ("expected log-likelihood/dense, dense noise", &[2048]),
    (
        "expected log-likelihood/dense given, diagonal noise",
        &[2048],
    ),
    ("1000 draws/dense", &[2048]),
    ("1000 draws/dense, factor given", &[2048]),
    ("1000 draws/diagonal", &[2048]),
    ("limit/Cholesky", &[512, 2048]),
    ("limit/matrix product", &[512, 2048]),
    ("limit/copy", &[1_000_000]),
];

pub(crate) fn names() -> impl Iterator<Item = String> {
    let row = |(name, sizes): (&'static str, &'static [usize])| {
        sizes.iter().map(move |n| format!("{name}/{n}"))
    };
    ROWS.into_iter().flat_map(row)
}

/// `None` where there is no such row.
pub(crate) fn measure_row(quantity: &str, n: usize) -> Result<Option<Measured>, Error> {
    let (x, mean) = (vector(n, 1), vector(n, 2));
    let measured = match quantity {
        "log-density/dense" => {
            let matrix = kernel(n, 3.0);
            measure(
                n * n * NUMBER,
                || matrix.clone(),
                |matrix| {
                    let sigma = DenseCovariance::new(matrix)?;
                    Ok((log_prob(&x, &mean, &sigma)?, sigma))
                },
                |(nats, _)| nats,
            )
        }
        "log-density/dense, factor given" => {
            let sigma = dense(n, 3.0);
            given(|| log_prob(&x, &mean, &sigma))
        }
        "log-density of 1000/dense" => {
            let (matrix, data) = (kernel(n, 3.0), vector(n * POINTS, 1));
            let points = MatRef::from_column_major_slice(&data, n, POINTS);
            measure(
                n * n * NUMBER,
                || matrix.clone(),
                |matrix| {
                    let sigma = DenseCovariance::new(matrix)?;
                    Ok((log_prob_batch(points, &mean, &sigma)?, sigma))
                },
                |(densities, _)| densities.sum(),
            )
        }
        "kl/dense, far" => kl_dense(n, FAR, [1, 2]),
        "kl/dense, near" => kl_dense(n, NEAR, [1, 2]),
        "kl/dense, close, equal means" => kl_dense(n, CLOSE, [1, 1]),
        "kl/dense, far, factors given" => kl_given(n, &dense(n, FAR[0]), &dense(n, FAR[1])),
        "kl/scaled identity" => kl_given(n, &scaled(n, 2.0), &scaled(n, 3.0)),
        "kl/diagonal" => kl_diagonal(n),
        "kl/diagonal, given" => kl_given(n, &diagonal(n, 0), &diagonal(n, 3)),
        "kl/diagonal, near, given" => {
            // Within a tenth of those of phase 0.
            let mut near = variances::<f64>(n, 0);
            for (i, v) in near.iter_mut().enumerate() {
                *v *= 1.0 + (i % 11) as f64 / 100.0;
            }
            kl_given(n, &diagonal(n, 0), &DiagonalCovariance::new(near)?)
        }
        "kl/8 x 8 blocks" => kl_blocks(n, 8, FAR),
        "kl/8 x 8 blocks, near" => kl_blocks(n, 8, NEAR),
        "kl/64 x 64 blocks" => kl_blocks(n, 64, FAR),
        "kl/64 x 64 blocks, near" => kl_blocks(n, 64, NEAR),
        "entropy/diagonal" => {
            let v = variances::<f64>(n, 0);
            measure(
                n * NUMBER,
                || v.clone(),
                |v| {
                    let sigma = DiagonalCovariance::new(v)?;
                    Ok((entropy(&sigma)?, sigma))
                },
                |(nats, _)| nats,
            )
        }
        "expected log-likelihood/dense, dense noise" => {
            let (covariance, noise) = (kernel(n, FAR[0]), kernel(n, FAR[1]));
            measure(
                2 * n * n * NUMBER,
                || (covariance.clone(), noise.clone()),
                |(q, noise)| {
                    let (q, noise) = (DenseCovariance::new(q)?, DenseCovariance::new(noise)?);
                    let nats = expected_log_likelihood(&x, &mean, &q, &noise)?;
                    Ok((nats, q, noise))
                },
                |(nats, ..)| nats,
            )
        }
        "expected log-likelihood/dense given, diagonal noise" => {
            let (q, noise) = (dense(n, 3.0), variances::<f64>(n, 0));
            given(|| {
                let noise = DiagonalCovariance::new(&noise)?;
                expected_log_likelihood(&x, &mean, &q, &noise)
            })
        }
        "1000 draws/dense" => {
            let (matrix, mut rng) = (kernel(n, 3.0), ChaCha8Rng::seed_from_u64(1));
            measure(
                n * n * NUMBER,
                || matrix.clone(),
                |matrix| {
                    let sigma = DenseCovariance::new(matrix)?;
                    Ok((sample_batch(&mean, &sigma, POINTS, &mut rng)?, sigma))
                },
                |(draws, sigma)| spread(&draws, &mean, &sigma),
            )
        }
        "1000 draws/dense, factor given" => draws(&mean, &dense(n, 3.0)),
        "1000 draws/diagonal" => draws(&mean, &diagonal(n, 0)),
        "limit/Cholesky" => cholesky(n),
        "limit/matrix product" => {
            let (a, b, mut c) = (
                kernel::<f64>(n, 3.0),
                kernel::<f64>(n, 10.0),
                Mat::zeros(n, n),
            );
            given(|| {
                matmul(&mut c, Accum::Replace, &a, &b, 1.0, Par::Seq);
                Ok(c[(n / 2, n / 3)])
            })
        }
        "limit/copy" => {
            let mut to = mean.clone();
            given(|| {
                to.copy_from_slice(&x);
                Ok(to[n / 2])
            })
        }
        _ => return Ok(None),
    };
    measured.map(Some)
}

/// A call that consumes nothing.
fn given(mut call: impl FnMut() -> Result<f64, Error>) -> Result<Measured, Error> {
    measure(0, || (), |()| call(), |value| value)
}

fn kl_given(
    n: usize,
    p: &impl CovarianceOperator<f64>,
    q: &impl CovarianceOperator<f64>,
) -> Result<Measured, Error> {
    let (mean_p, mean_q) = (vector(n, 1), vector(n, 2));
    given(|| kl_divergence(&mean_p, p, &mean_q, q))
}

fn kl_dense(n: usize, lengths: [f64; 2], means: [usize; 2]) -> Result<Measured, Error> {
    let [mean_p, mean_q] = means.map(|seed| vector(n, seed));
    let [p, q] = lengths.map(|length| kernel(n, length));
    measure(
        2 * n * n * NUMBER,
        || (p.clone(), q.clone()),
        |(p, q)| {
            let (p, q) = (DenseCovariance::new(p)?, DenseCovariance::new(q)?);
            Ok((kl_divergence(&mean_p, &p, &mean_q, &q)?, p, q))
        },
        |(nats, ..)| nats,
    )
}

fn kl_diagonal(n: usize) -> Result<Measured, Error> {
    let (mean_p, mean_q) = (vector(n, 1), vector(n, 2));
    let [p, q] = [0, 3].map(|phase| variances::<f64>(n, phase));
    measure(
        2 * n * NUMBER,
        || (p.clone(), q.clone()),
        |(p, q)| {
            let (p, q) = (DiagonalCovariance::new(p)?, DiagonalCovariance::new(q)?);
            Ok((kl_divergence(&mean_p, &p, &mean_q, &q)?, p, q))
        },
        |(nats, ..)| nats,
    )
}

fn kl_blocks(n: usize, size: usize, lengths: [f64; 2]) -> Result<Measured, Error> {
    let (mean_p, mean_q) = (vector(n, 1), vector(n, 2));
    let [p, q] = lengths.map(|length| side_by_side(&kernel::<f64>(size, length), n / size));
    measure(
        2 * n * size * NUMBER,
        || (p.clone(), q.clone()),
        |(p, q)| {
            let p = BlockDiagonal::from_side_by_side(p)?;
            let q = BlockDiagonal::from_side_by_side(q)?;
            Ok((kl_divergence(&mean_p, &p, &mean_q, &q)?, p, q))
        },
        |(nats, ..)| nats,
    )
}

fn draws(mean: &[f64], sigma: &impl CovarianceOperator<f64>) -> Result<Measured, Error> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    measure(
        0,
        || (),
        |()| sample_batch(mean, sigma, POINTS, &mut rng),
        |draws| spread(&draws, mean, sigma),
    )
}

/// The mean square of the whitened entries of draws, 1 but for chance.
fn spread(draws: &Mat<f64>, mean: &[f64], sigma: &impl CovarianceOperator<f64>) -> f64 {
    quadratic_form_batch(draws, mean, sigma).map_or(f64::NAN, |forms| {
        forms.sum() / (draws.nrows() * draws.ncols()) as f64
    })
}

/// faer's factorisation, in place, scratch made beforehand.
fn cholesky(n: usize) -> Result<Measured, Error> {
    let matrix = kernel::<f64>(n, 3.0);
    let request = llt::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(request);
    measure(
        n * n * NUMBER,
        || matrix.clone(),
        |mut a| {
            let stack = MemStack::new(&mut memory);
            let result = llt::cholesky_in_place(
                a.as_mut(),
                Default::default(),
                Par::Seq,
                stack,
                Default::default(),
            );
            result.map_err(|_| Error::invalid_parameter("pivot", 0.0, "positive"))?;
            Ok(a)
        },
        |l| l.diagonal().column_vector().iter().map(|d| d.ln()).sum(),
    )
}
