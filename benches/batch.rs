//! Log-densities of a thousand points.

use criterion::{Criterion, Throughput, criterion_group};
use gaussx::faer::MatRef;
use gaussx::log_prob_batch;
use gaussx_benches::{
    Group, Real, affordable, covariance, diagonal, id, kernel, peers, settings, square, variances,
    vector,
};
use nalgebra::DMatrix;

const POINTS: usize = 1000;

fn dense_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (data, mean, matrix) = (vector::<T>(n * POINTS, 1), vector(n, 2), kernel(n, 3.0));
    let points = MatRef::from_column_major_slice(&data, n, POINTS);
    group.throughput(Throughput::Elements(square(n) * POINTS as u64));
    let sigma = covariance(&matrix);
    group.bench_function(id::<T>("gaussx", n), |b| {
        b.iter(|| log_prob_batch(points, &mean, &sigma));
    });
    let factor = peers::faer_factor(&matrix);
    group.bench_function(id::<T>("faer", n), |b| {
        b.iter(|| peers::faer_log_prob_batch(points, &mean, &factor));
    });
    if affordable(n) {
        let factor = peers::nalgebra_factor_of(&factor);
        let mean = peers::nalgebra_vector(&mean);
        let points = DMatrix::from_column_slice(n, POINTS, &data);
        group.bench_function(id::<T>("nalgebra", n), |b| {
            b.iter(|| peers::nalgebra_log_prob_batch(&points, &mean, &factor));
        });
    }
}

fn diagonal_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (data, mean) = (vector::<T>(n * POINTS, 1), vector(n, 2));
    let points = MatRef::from_column_major_slice(&data, n, POINTS);
    group.throughput(Throughput::Elements((n * POINTS) as u64));
    let sigma = diagonal(n, 0);
    group.bench_function(id::<T>("gaussx", n), |b| {
        b.iter(|| log_prob_batch(points, &mean, &sigma));
    });
    let variances = variances(n, 0);
    group.bench_function(id::<T>("loop", n), |b| {
        b.iter(|| peers::loop_log_prob_batch(&data, &mean, &variances));
    });
}

fn batch(c: &mut Criterion) {
    let sizes = [8, 32, 128, 512, 2048];
    let mut group = c.benchmark_group("log_prob_batch of 1000/dense");
    for n in sizes {
        dense_row::<f64>(&mut group, n);
        dense_row::<f32>(&mut group, n);
    }
    group.finish();
    let mut group = c.benchmark_group("log_prob_batch of 1000/diagonal");
    for n in sizes {
        diagonal_row::<f64>(&mut group, n);
        diagonal_row::<f32>(&mut group, n);
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = batch);
