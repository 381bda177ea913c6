//! Covariances of prescribed conditioning, and pairs at a prescribed distance.

use gaussx::Scalar;
use gaussx::faer::Mat;

use crate::random::Random;

/// How eigenvalues between 1 and `1/κ` are spread: the modes of LAPACK's `dlatms`.
#[derive(Clone, Copy, Debug)]
pub enum Spectrum {
    OneLarge,
    OneSmall,
    Geometric,
    Arithmetic,
    Clustered,
}

pub const SPECTRA: [Spectrum; 5] = [
    Spectrum::OneLarge,
    Spectrum::OneSmall,
    Spectrum::Geometric,
    Spectrum::Arithmetic,
    Spectrum::Clustered,
];

impl Spectrum {
    /// The `n` eigenvalues, the largest first.
    pub fn eigenvalues(self, n: usize, kappa: f64) -> Vec<f64> {
        let share = |k: usize| k as f64 / (n.max(2) - 1) as f64;
        let value = |k: usize| match self {
            Self::OneLarge => f64::from(u8::from(k == 0)).max(1.0 / kappa),
            Self::OneSmall if k + 1 == n && n > 1 => 1.0 / kappa,
            Self::OneSmall => 1.0,
            Self::Geometric => kappa.powf(-share(k)),
            Self::Arithmetic => 1.0 - share(k) * (1.0 - 1.0 / kappa),
            Self::Clustered if 2 * k >= n && n > 1 => 1.0 / kappa,
            Self::Clustered => 1.0,
        };
        (0..n).map(value).collect()
    }
}

/// A random orthogonal matrix, by Gram-Schmidt done twice.
pub fn orthogonal(n: usize, random: &mut Random) -> Vec<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> = Vec::new();
    while rows.len() < n {
        let mut v: Vec<f64> = random.vector(n);
        for _ in 0..2 {
            for u in &rows {
                let dot: f64 = u.iter().zip(&v).map(|(a, b)| a * b).sum();
                v.iter_mut().zip(u).for_each(|(a, b)| *a -= dot * b);
            }
        }
        let norm = v.iter().map(|a| a * a).sum::<f64>().sqrt();
        rows.push(v.iter().map(|a| a / norm).collect());
    }
    rows
}

/// A symmetric matrix with the given eigenvalues, its coordinates in units `10^±spread`.
pub fn with_spectrum<T: Scalar>(eigenvalues: &[f64], spread: f64, random: &mut Random) -> Mat<T> {
    let n = eigenvalues.len();
    let q = orthogonal(n, random);
    let units: Vec<f64> = (0..n)
        .map(|_| {
            if spread > 0.0 {
                random.log_uniform(-spread, spread)
            } else {
                1.0
            }
        })
        .collect();
    symmetric(n, |i, j| {
        let terms = (0..n).map(|k| q[k][i] * q[k][j] * eigenvalues[k]);
        units[i] * units[j] * terms.sum::<f64>()
    })
}

/// The symmetric matrix whose lower triangle is `entry`, rounded to the scalar.
pub fn symmetric<T: Scalar>(n: usize, entry: impl Fn(usize, usize) -> f64) -> Mat<T> {
    Mat::from_fn(n, n, |i, j| T::of(entry(i.max(j), i.min(j))))
}

/// A matrix at a relative distance of about `t`: every entry moves by a random part of
/// `t √(a_ii a_jj)`, in a direction that keeps it positive definite for small `t`.
pub fn near<T: Scalar>(sigma: &Mat<T>, t: f64, random: &mut Random) -> Mat<T> {
    let n = sigma.nrows();
    let noise: Vec<f64> = (0..n).map(|_| random.uniform(-1.0, 1.0)).collect();
    let deviation = |i: usize| sigma[(i, i)].as_f64().sqrt();
    symmetric(n, |i, j| {
        let bump = t * noise[i] * noise[j] * deviation(i) * deviation(j);
        let ridge = if i == j {
            t * sigma[(i, i)].as_f64() / 3.0
        } else {
            0.0
        };
        sigma[(i, j)].as_f64() + bump + ridge
    })
}

/// The matrix with the given diagonal blocks.
pub fn block_matrix<T: Scalar>(blocks: &[Mat<T>]) -> Mat<T> {
    let n = blocks.iter().map(Mat::nrows).sum();
    let mut out = Mat::zeros(n, n);
    let mut start = 0;
    for block in blocks {
        for j in 0..block.ncols() {
            for i in 0..block.nrows() {
                out[(start + i, start + j)] = block[(i, j)];
            }
        }
        start += block.nrows();
    }
    out
}
