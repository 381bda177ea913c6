//! Prints a fingerprint of the bits of many results: the same from run to run, in debug and
//! in release builds.

use std::error::Error;

use gaussx::Scalar;
use gaussx::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let mut bits = Fingerprint::default();
    for n in [1, 2, 3, 8, 33, 130] {
        let entry = |i: usize, j: usize, length: f64| {
            let distance = f64::of_count(i.abs_diff(j)) / length;
            (-distance).exp() + if i == j { 0.1 } else { 0.0 }
        };
        let kernel =
            |length: f64| DenseCovariance::new(Mat::from_fn(n, n, |i, j| entry(i, j, length)));
        let variances: Vec<f64> = (1..=n).map(|i| 1.0 / f64::of_count(i)).collect();
        let diagonal: Box<dyn CovarianceOperator<f64>> =
            Box::new(DiagonalCovariance::new(variances)?);
        let blocks: Vec<Box<dyn CovarianceOperator<f64>>> = vec![
            Box::new(ScaledIdentity::new(n / 2, 0.7)?),
            Box::new(DenseCovariance::new(Mat::from_fn(
                n - n / 2,
                n - n / 2,
                |i, j| entry(i, j, 2.0),
            ))?),
        ];
        let all: Vec<Box<dyn CovarianceOperator<f64>>> = vec![
            Box::new(kernel(3.0)?),
            Box::new(kernel(3.001)?),
            diagonal,
            Box::new(BlockDiagonal::new(blocks)?),
        ];
        let mean: Vec<f64> = (0..n).map(|i| f64::of_count(i).sin()).collect();
        for p in &all {
            let p = MultivariateNormal::new(&mean, p)?;
            bits.add(p.entropy()?);
            bits.add(p.kl_standard_normal()?);
            let x: Vec<f64> = mean.iter().map(|m| m * m).collect();
            bits.add(p.log_prob(&x)?);
            p.score(&x)?.iter().for_each(|&s| bits.add(s));
            for q in &all {
                bits.add(p.kl_divergence(&MultivariateNormal::new(&x, q)?)?);
                bits.add(p.cross_entropy(&MultivariateNormal::centered(q)?)?);
            }
        }
    }
    println!("{bits:?}");
    Ok(())
}

/// FNV-1a over the bits of every number.
#[derive(Debug)]
struct Fingerprint {
    hash: u64,
    numbers: usize,
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            numbers: 0,
        }
    }
}

impl Fingerprint {
    fn add(&mut self, x: f64) {
        for byte in x.to_bits().to_le_bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.numbers += 1;
    }
}
