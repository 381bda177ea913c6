//! One covariance of every structure, with its matrix built independently.

use std::sync::Arc;

use gaussx::faer::Mat;
use gaussx::{
    BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, Scalar, ScaledIdentity,
};

use crate::ar1::Ar1;
use crate::naive::Naive;
use crate::random::Random;

/// A covariance, its matrix, and what it is.
#[derive(Debug)]
pub struct Structured<T: Scalar> {
    pub name: &'static str,
    pub operator: Box<dyn CovarianceOperator<T>>,
    pub matrix: Naive,
}

type Boxed<T> = Box<dyn CovarianceOperator<T>>;

/// Every structure in dimension `n`, with numbers drawn from `random`.
pub fn structures<T: Scalar>(n: usize, random: &mut Random) -> Vec<Structured<T>> {
    let mut all = Vec::new();
    let mut add = |name, (operator, matrix): (Boxed<T>, Naive)| {
        all.push(Structured {
            name,
            operator,
            matrix,
        });
    };
    add("scaled identity", scaled(n, random));
    add("diagonal", diagonal(n, random));
    add("dense", dense(n, random));
    add("dense from factor", from_factor(n, random));
    add("equal blocks", blocks(&equal_sizes(n), random));
    add("unequal blocks", blocks(&unequal_sizes(n), random));
    add("mixed blocks", mixed_blocks(n, random));
    add("nested blocks", nested_blocks(n, random));
    add("AR(1)", ar1(n, random));
    let (operator, matrix) = dense(n, random);
    add(
        "shared",
        (
            Box::new(Arc::<dyn CovarianceOperator<T>>::from(operator)),
            matrix,
        ),
    );
    all
}

fn scaled<T: Scalar>(n: usize, random: &mut Random) -> (Boxed<T>, Naive) {
    let variance = random.variance::<T>();
    let operator = ScaledIdentity::new(n, variance).unwrap();
    let matrix = Naive::from_fn(n, |i, j| if i == j { variance.as_f64() } else { 0.0 });
    (Box::new(operator), matrix)
}

fn diagonal<T: Scalar>(n: usize, random: &mut Random) -> (Boxed<T>, Naive) {
    let v: Vec<T> = (0..n).map(|_| random.variance()).collect();
    let operator = DiagonalCovariance::new(&v).unwrap();
    let matrix = Naive::from_fn(n, |i, j| if i == j { v[i].as_f64() } else { 0.0 });
    (Box::new(operator), matrix)
}

fn dense<T: Scalar>(n: usize, random: &mut Random) -> (Boxed<T>, Naive) {
    let sigma = random.covariance::<T>(n);
    let matrix = Naive::from_fn(n, |i, j| sigma[(i, j)].as_f64());
    (Box::new(DenseCovariance::new(sigma).unwrap()), matrix)
}

fn from_factor<T: Scalar>(n: usize, random: &mut Random) -> (Boxed<T>, Naive) {
    let sigma = random.covariance::<f64>(n);
    let l = Naive::from_fn(n, |i, j| sigma[(i, j)]).cholesky();
    let l: Mat<T> = Mat::from_fn(n, n, |i, j| T::of(l.at(i, j)));
    let matrix = Naive::from_fn(n, |i, j| {
        (0..n)
            .map(|k| l[(i, k)].as_f64() * l[(j, k)].as_f64())
            .sum()
    });
    (Box::new(DenseCovariance::from_cholesky(l).unwrap()), matrix)
}

fn blocks<T: Scalar>(sizes: &[usize], random: &mut Random) -> (Boxed<T>, Naive) {
    let sigmas: Vec<Mat<T>> = sizes.iter().map(|&m| random.covariance(m)).collect();
    let matrices: Vec<Naive> = sigmas
        .iter()
        .map(|s| Naive::from_fn(s.nrows(), |i, j| s[(i, j)].as_f64()))
        .collect();
    let operator = BlockDiagonal::from_matrices(sigmas).unwrap();
    (Box::new(operator), Naive::block_diagonal(&matrices))
}

fn mixed_blocks<T: Scalar>(n: usize, random: &mut Random) -> (Boxed<T>, Naive) {
    let first = n / 3;
    let second = (n - first) / 2;
    let parts = [
        dense(first, random),
        diagonal(second, random),
        scaled(n - first - second, random),
    ];
    join(parts)
}

fn nested_blocks<T: Scalar>(n: usize, random: &mut Random) -> (Boxed<T>, Naive) {
    let inner = n / 2;
    let parts = [
        blocks(&unequal_sizes(inner), random),
        ar1((n - inner) / 2, random),
        dense(n - inner - (n - inner) / 2, random),
    ];
    join(parts)
}

fn join<T: Scalar, const N: usize>(parts: [(Boxed<T>, Naive); N]) -> (Boxed<T>, Naive) {
    let (operators, matrices): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let operator = BlockDiagonal::new(operators).unwrap();
    (Box::new(operator), Naive::block_diagonal(&matrices))
}

fn ar1<T: Scalar>(n: usize, random: &mut Random) -> (Boxed<T>, Naive) {
    let (rho, variance) = (random.uniform::<T>(-0.8, 0.8), random.variance::<T>());
    let operator = Ar1::new(n, rho, variance).unwrap();
    let matrix = Naive::from_fn(n, |i, j| {
        let lag = i32::try_from(i.abs_diff(j)).unwrap();
        variance.as_f64() * rho.as_f64().powi(lag)
    });
    (Box::new(operator), matrix)
}

fn equal_sizes(n: usize) -> Vec<usize> {
    let size = (1..=4).rev().find(|&m| n.is_multiple_of(m)).unwrap_or(1);
    vec![size; n / size]
}

fn unequal_sizes(n: usize) -> Vec<usize> {
    let mut sizes = Vec::new();
    let (mut left, mut size) = (n, 1);
    while left > 0 {
        sizes.push(size.min(left));
        left -= size.min(left);
        size = size % 5 + 2;
    }
    sizes
}

/// Matrices of one size, side by side in one.
pub fn side_by_side<T: Scalar>(matrices: &[Mat<T>]) -> Mat<T> {
    let n = matrices[0].nrows();
    Mat::from_fn(n, n * matrices.len(), |i, j| matrices[j / n][(i, j % n)])
}
