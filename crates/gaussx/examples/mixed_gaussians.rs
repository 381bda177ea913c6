//! Gaussians of different structure side by side, and the KL matrix between them, its rows
//! found by as many threads.
//!
//! `cargo run --release --example mixed_gaussians`

use std::process::ExitCode;
use std::thread;

use gaussx::prelude::*;

type Any = MultivariateNormal<f64, Box<dyn CovarianceOperator<f64>>>;

/// Six covariances of the same four coordinates: from all that is known of them to less.
fn gaussians() -> Result<Vec<(&'static str, Any)>, Error> {
    let matrix = mat![
        [2.0, 0.6, 0.1, 0.0],
        [0.6, 1.5, 0.2, 0.1],
        [0.1, 0.2, 1.0, 0.4],
        [0.0, 0.1, 0.4, 0.8],
    ];
    let dense = DenseCovariance::new(matrix.clone())?;
    let pairs = BlockDiagonal::from_matrices(vec![
        matrix.submatrix(0, 0, 2, 2).to_owned(),
        matrix.submatrix(2, 2, 2, 2).to_owned(),
    ])?;
    let mixed: Vec<Box<dyn CovarianceOperator<f64>>> = vec![
        Box::new(DenseCovariance::new(
            matrix.submatrix(0, 0, 2, 2).to_owned(),
        )?),
        Box::new(DiagonalCovariance::new([1.0, 0.8])?),
    ];
    let (marginals, conditionals) = (
        gaussx::forward_diagonal_fit(&dense)?,
        gaussx::reverse_diagonal_fit(&dense)?,
    );
    let average = dense.trace()? / 4.0;
    let all: Vec<(&str, Box<dyn CovarianceOperator<f64>>)> = vec![
        ("dense", Box::new(dense)),
        ("two pairs", Box::new(pairs)),
        ("pair, singles", Box::new(BlockDiagonal::new(mixed)?)),
        ("marginals", Box::new(marginals)),
        ("conditionals", Box::new(conditionals)),
        ("one variance", Box::new(ScaledIdentity::new(4, average)?)),
    ];
    let center = |(name, sigma)| Ok((name, MultivariateNormal::centered(sigma)?));
    all.into_iter().map(center).collect()
}

/// Row by row, each on a thread of its own: operators are shared, not copied.
fn divergences(gaussians: &[(&str, Any)]) -> Result<Vec<Vec<f64>>, Error> {
    let row = |p: &Any| -> Result<Vec<f64>, Error> {
        gaussians.iter().map(|(_, q)| p.kl_divergence(q)).collect()
    };
    thread::scope(|scope| {
        let workers: Vec<_> = gaussians
            .iter()
            .map(|(_, p)| scope.spawn(move || row(p)))
            .collect();
        let rows = workers.into_iter().map(|worker| match worker.join() {
            Ok(row) => row,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        rows.collect()
    })
}

fn run() -> Result<(), Error> {
    let gaussians = gaussians()?;
    println!("KL(row ‖ column), in nats\n");
    print!("{:15}", "");
    for (name, _) in &gaussians {
        print!("{name:>15}");
    }
    for ((name, _), row) in gaussians.iter().zip(divergences(&gaussians)?) {
        print!("\n{name:15}");
        for nats in row {
            print!("{nats:15.6}");
        }
    }
    println!();
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mixed_gaussians: {error}");
            ExitCode::FAILURE
        }
    }
}
