//! Log-densities of one point.

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use gaussx::{CovarianceOperator, DenseCovariance, log_prob};
use gaussx_benches::{
    Group, Real, affordable, blocks, covariance, diagonal, id, kernel, peers, scaled, settings,
    square, third_of_cube, variances, vector,
};

const SIZES: [usize; 7] = [2, 8, 32, 128, 512, 2048, 4096];

/// The covariance is there, checked and factored.
fn dense_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (x, mean, matrix) = (vector::<T>(n, 1), vector(n, 2), kernel(n, 3.0));
    group.throughput(Throughput::Elements(square(n)));
    let sigma = covariance(&matrix);
    group.bench_function(id::<T>("gaussx", n), |b| {
        b.iter(|| log_prob(&x, &mean, &sigma));
    });
    let factor = peers::faer_factor(&matrix);
    group.bench_function(id::<T>("faer", n), |b| {
        b.iter(|| peers::faer_log_prob(&x, &mean, &factor));
    });
    let factor = peers::nalgebra_factor_of(&factor);
    let (x, mean) = (peers::nalgebra_vector(&x), peers::nalgebra_vector(&mean));
    group.bench_function(id::<T>("nalgebra", n), |b| {
        b.iter(|| peers::nalgebra_log_prob(&x, &mean, &factor));
    });
}

/// From the matrix: in a copy that is made beforehand, but for faer, which makes its own.
fn factored_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (x, mean, matrix) = (vector::<T>(n, 1), vector(n, 2), kernel(n, 3.0));
    group.throughput(Throughput::Elements(third_of_cube(n) + square(n)));
    group.bench_function(id::<T>("gaussx", n), |b| {
        b.iter_batched(
            || matrix.clone(),
            |matrix| log_prob(&x, &mean, &DenseCovariance::new(matrix)?),
            BatchSize::LargeInput,
        );
    });
    group.bench_function(id::<T>("faer", n), |b| {
        b.iter(|| peers::faer_log_prob(&x, &mean, &peers::faer_factor(&matrix)));
    });
    if affordable(n) {
        let (x, mean) = (peers::nalgebra_vector(&x), peers::nalgebra_vector(&mean));
        let matrix = peers::nalgebra_matrix(&matrix);
        group.bench_function(id::<T>("nalgebra", n), |b| {
            b.iter_batched(
                || matrix.clone(),
                |matrix| peers::nalgebra_log_prob(&x, &mean, &peers::nalgebra_factor(matrix)),
                BatchSize::LargeInput,
            );
        });
    }
}

/// statrs has `f64` only. At 512 its result is infinite, in the same time.
fn statrs_row(group: &mut Group<'_>, n: usize) {
    let (x, mean) = (vector::<f64>(n, 1), vector(n, 2));
    let matrix: Vec<f64> = peers::nalgebra_matrix(&kernel::<f64>(n, 3.0)).data.into();
    group.throughput(Throughput::Elements(square(n)));
    let mut log_prob = peers::statrs_log_prob(mean, matrix);
    group.bench_function(id::<f64>("statrs", n), |b| {
        b.iter(|| log_prob(&x));
    });
}

fn statrs_factored_row(group: &mut Group<'_>, n: usize) {
    let (x, mean) = (vector::<f64>(n, 1), vector(n, 2));
    let matrix: Vec<f64> = peers::nalgebra_matrix(&kernel::<f64>(n, 3.0)).data.into();
    group.throughput(Throughput::Elements(third_of_cube(n) + square(n)));
    group.bench_function(id::<f64>("statrs", n), |b| {
        b.iter_batched(
            || (mean.clone(), matrix.clone()),
            |(mean, matrix)| peers::statrs_log_prob(mean, matrix)(&x),
            BatchSize::LargeInput,
        );
    });
}

fn structured_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (x, mean) = (vector::<T>(n, 1), vector(n, 2));
    let all: [(&str, &dyn CovarianceOperator<T>); 3] = [
        ("diagonal gaussx", &diagonal(n, 0)),
        ("scaled identity gaussx", &scaled(n, 2.0)),
        ("8 x 8 blocks gaussx", &blocks(&kernel(8, 3.0), n / 8)),
    ];
    group.throughput(Throughput::Elements(n as u64));
    for (name, sigma) in all {
        group.bench_function(id::<T>(name, n), |b| {
            b.iter(|| log_prob(&x, &mean, sigma));
        });
    }
    let variances = variances(n, 0);
    group.bench_function(id::<T>("diagonal loop", n), |b| {
        b.iter(|| peers::loop_log_prob(&x, &mean, &variances));
    });
}

fn dense(c: &mut Criterion) {
    let mut group = c.benchmark_group("log_prob/dense, built");
    for n in SIZES {
        dense_row::<f64>(&mut group, n);
        dense_row::<f32>(&mut group, n);
        if n <= 512 {
            statrs_row(&mut group, n);
        }
    }
    group.finish();
    let mut group = c.benchmark_group("log_prob/dense, with the factorisation");
    for n in SIZES {
        factored_row::<f64>(&mut group, n);
        factored_row::<f32>(&mut group, n);
        if n <= 512 {
            statrs_factored_row(&mut group, n);
        }
    }
    group.finish();
}

fn structured(c: &mut Criterion) {
    let mut group = c.benchmark_group("log_prob");
    for n in [10_000, 1_000_000] {
        structured_row::<f64>(&mut group, n);
        structured_row::<f32>(&mut group, n);
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = dense, structured);
