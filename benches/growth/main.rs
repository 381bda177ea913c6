//! How the cost of each quantity grows with `n`, and what threads take off it.
//!
//! `cargo run --release -p gaussx-benches --bin growth` prints, for each quantity, the times
//! on one thread, the exponent `b` of `a nᵇ` fitted to them by least squares in logarithms,
//! and the time at the largest size over that on all threads of the machine.

use std::hint::black_box;
use std::time::Instant;

use gaussx::faer::MatRef;
use gaussx::rand::SeedableRng;
use gaussx::{
    DenseCovariance, Workspace, entropy, expected_log_likelihood_with, kl_divergence_with,
    log_prob_batch_into, log_prob_with, sample_batch,
};
use gaussx_benches::{blocks, dense, diagonal, far_kernel, kernel, scaled, variances, vector};

type Failure = Box<dyn std::error::Error>;

/// A quantity: its name, its sizes, and what makes the call of one size.
type Row = (&'static str, &'static [usize], fn(usize) -> Call);

/// The call, ready to be timed.
type Call = Box<dyn FnMut() + Send>;

const DENSE: &[usize] = &[256, 512, 1024, 2048];
const SOLVES: &[usize] = &[512, 1024, 2048, 4096];
const LONG: &[usize] = &[125_000, 250_000, 500_000, 1_000_000];

const ROWS: [Row; 14] = [
    ("build, dense", DENSE, |n| {
        let (matrix, mut workspace) = (kernel::<f64>(n, 3.0), Workspace::new());
        let mut covariance = Some(dense::<f64>(n, 3.0));
        Box::new(move || {
            let old = covariance.take().expect("put back by the last call");
            let new = old.rebuilt(&matrix, &mut workspace);
            covariance = Some(new.expect("the matrix is positive definite"));
        })
    }),
    ("log-density, dense, built", SOLVES, |n| {
        let (x, mean, sigma) = (vector(n, 1), vector(n, 2), dense(n, 3.0));
        with_workspace(move |w| log_prob_with(&x, &mean, &sigma, w))
    }),
    ("1000 log-densities, dense, built", DENSE, |n| {
        let (data, mean, sigma) = (vector(1000 * n, 1), vector(n, 2), dense(n, 3.0));
        let mut out = vec![0.0; 1000];
        with_workspace(move |w| {
            let points = MatRef::from_column_major_slice(&data, n, 1000);
            log_prob_batch_into(points, &mean, &sigma, &mut out, w)
        })
    }),
    ("KL, dense from dense, far, built", DENSE, |n| {
        let far = DenseCovariance::new(far_kernel(n)).expect("positive definite");
        let (p, q, mean) = (dense(n, 3.0), far, vector::<f64>(n, 1));
        with_workspace(move |w| kl_divergence_with(&mean, &p, &mean, &q, w))
    }),
    ("KL, dense from dense, close, built", DENSE, |n| {
        let (p, q, mean) = (dense(n, 3.0), dense(n, 3.001), vector::<f64>(n, 1));
        with_workspace(move |w| kl_divergence_with(&mean, &p, &mean, &q, w))
    }),
    ("KL, diagonal from dense, built", DENSE, |n| {
        let (p, q, mean) = (diagonal(n, 0), dense(n, 3.0), vector::<f64>(n, 1));
        with_workspace(move |w| kl_divergence_with(&mean, &p, &mean, &q, w))
    }),
    (
        "expected log-likelihood, dense, diagonal noise",
        SOLVES,
        |n| {
            let (q, noise, mean) = (dense(n, 3.0), diagonal(n, 0), vector::<f64>(n, 1));
            with_workspace(move |w| expected_log_likelihood_with(&mean, &mean, &q, &noise, w))
        },
    ),
    ("1000 draws, dense, built", DENSE, |n| {
        let (sigma, mean) = (dense(n, 3.0), vector::<f64>(n, 1));
        let mut rng = chacha20::ChaCha8Rng::seed_from_u64(1);
        Box::new(move || {
            black_box(sample_batch(&mean, &sigma, 1000, &mut rng)).expect("valid");
        })
    }),
    ("build and entropy, diagonal", LONG, |n| {
        let variances = variances::<f64>(n, 0);
        let mut covariance = Some(diagonal::<f64>(n, 3));
        Box::new(move || {
            let old = covariance.take().expect("put back by the last call");
            let new = old.rebuilt(&variances).expect("variances are positive");
            black_box(entropy(&new)).expect("valid");
            covariance = Some(new);
        })
    }),
    ("log-density, diagonal", LONG, |n| {
        let (x, mean, sigma) = (vector(n, 1), vector(n, 2), diagonal(n, 0));
        with_workspace(move |w| log_prob_with(&x, &mean, &sigma, w))
    }),
    ("KL, diagonal from diagonal", LONG, |n| {
        let (p, q, mean) = (diagonal(n, 0), diagonal(n, 3), vector::<f64>(n, 1));
        with_workspace(move |w| kl_divergence_with(&mean, &p, &mean, &q, w))
    }),
    ("KL, scaled identities", LONG, |n| {
        let (p, q) = (scaled(n, 2.0), scaled(n, 3.0));
        let (mean_p, mean_q) = (vector::<f64>(n, 1), vector(n, 2));
        with_workspace(move |w| kl_divergence_with(&mean_p, &p, &mean_q, &q, w))
    }),
    ("KL, 8 x 8 blocks, built", LONG, |n| {
        let p = blocks(&kernel::<f64>(8, 3.0), n / 8);
        let (q, mean) = (blocks(&far_kernel(8), n / 8), vector::<f64>(n, 1));
        with_workspace(move |w| kl_divergence_with(&mean, &p, &mean, &q, w))
    }),
    ("KL, 64 x 64 blocks, built", &[4096, 16_384, 65_536], |n| {
        let p = blocks(&kernel::<f64>(64, 3.0), n / 64);
        let (q, mean) = (blocks(&far_kernel(64), n / 64), vector::<f64>(n, 1));
        with_workspace(move |w| kl_divergence_with(&mean, &p, &mean, &q, w))
    }),
];

fn main() -> Result<(), Failure> {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let all = rayon::ThreadPoolBuilder::new().build()?;
    let threads = all.current_num_threads();
    println!("| quantity | n: time on one thread | exponent | {threads} threads at the last n |");
    println!("|---|---|---|---|");
    for (name, sizes, call) in ROWS {
        let mut times = Vec::new();
        let mut speedup = 1.0;
        for &n in sizes {
            let mut call = call(n);
            let alone = one.install(|| shortest(&mut call));
            speedup = alone / all.install(|| shortest(&mut call));
            times.push((n as f64, alone));
        }
        let shown: Vec<String> = times
            .iter()
            .map(|(n, t)| format!("{n}: {}", time(*t)))
            .collect();
        let exponent = exponent(&times);
        println!(
            "| {name} | {} | {exponent:.2} | {speedup:.2} x |",
            shown.join(", ")
        );
    }
    Ok(())
}

/// A call that keeps its scratch and must not fail.
fn with_workspace<R>(
    mut call: impl FnMut(&mut Workspace<f64>) -> Result<R, gaussx::Error> + Send + 'static,
) -> Call {
    let mut workspace = Workspace::new();
    Box::new(move || {
        black_box(call(&mut workspace)).expect("the question is valid");
    })
}

/// The shortest of many calls, in seconds.
fn shortest(call: &mut Call) -> f64 {
    call();
    let (mut best, mut spent, mut calls) = (f64::INFINITY, 0.0, 0);
    while spent < 0.3 || calls < 5 {
        let start = Instant::now();
        call();
        let elapsed = start.elapsed().as_secs_f64();
        best = best.min(elapsed);
        spent += elapsed;
        calls += 1;
    }
    best
}

/// The slope of the least-squares line through `(ln n, ln t)`.
fn exponent(times: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = times.iter().map(|(n, t)| (n.ln(), t.ln())).collect();
    let count = logs.len() as f64;
    let x = logs.iter().map(|(x, _)| x).sum::<f64>() / count;
    let y = logs.iter().map(|(_, y)| y).sum::<f64>() / count;
    let covariance: f64 = logs.iter().map(|(a, b)| (a - x) * (b - y)).sum();
    let variance: f64 = logs.iter().map(|(a, _)| (a - x) * (a - x)).sum();
    covariance / variance
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.3} µs", s * 1e6),
        s => format!("{:.3} ms", s * 1e3),
    }
}
