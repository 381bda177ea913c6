//! Expected log-likelihoods under a dense q.

use criterion::{Criterion, Throughput, criterion_group};
use gaussx::expected_log_likelihood;
use gaussx_benches::{
    Group, Real, affordable, covariance, diagonal, far_kernel, id, kernel, peers, settings,
    third_of_cube, variances, vector,
};

fn dense_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (y, mean) = (vector::<T>(n, 1), vector(n, 2));
    let (matrix_q, matrix_noise) = (kernel(n, 3.0), far_kernel(n));
    group.throughput(Throughput::Elements(third_of_cube(n)));
    let (q, noise) = (covariance(&matrix_q), covariance(&matrix_noise));
    group.bench_function(id::<T>("gaussx", n), |b| {
        b.iter(|| expected_log_likelihood(&y, &mean, &q, &noise));
    });
    let noise = peers::faer_factor(&matrix_noise);
    let q = (mean, peers::faer_factor(&matrix_q));
    group.bench_function(id::<T>("faer", n), |b| {
        b.iter(|| peers::faer_expected_log_likelihood(&y, &q, &noise));
    });
    if affordable(n) {
        let (y, noise) = (
            peers::nalgebra_vector(&y),
            peers::nalgebra_factor_of(&noise),
        );
        let q = (
            peers::nalgebra_vector(&q.0),
            peers::nalgebra_factor_of(&q.1),
        );
        group.bench_function(id::<T>("nalgebra", n), |b| {
            b.iter(|| peers::nalgebra_expected_log_likelihood(&y, &q, &noise));
        });
    }
}

fn diagonal_noise_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (y, mean, matrix) = (vector::<T>(n, 1), vector(n, 2), kernel(n, 3.0));
    group.throughput(Throughput::Elements(n as u64));
    let (q, noise) = (covariance(&matrix), diagonal(n, 0));
    group.bench_function(id::<T>("gaussx", n), |b| {
        b.iter(|| expected_log_likelihood(&y, &mean, &q, &noise));
    });
    let variances_q: Vec<T> = (0..n).map(|i| matrix[(i, i)]).collect();
    let noise = variances(n, 0);
    group.bench_function(id::<T>("loop", n), |b| {
        b.iter(|| peers::loop_expected_log_likelihood(&y, &mean, &variances_q, &noise));
    });
}

fn dense_q(c: &mut Criterion) {
    let mut group = c.benchmark_group("expected_log_likelihood/dense noise");
    for n in [512, 2048] {
        dense_row::<f64>(&mut group, n);
        dense_row::<f32>(&mut group, n);
    }
    group.finish();
    let mut group = c.benchmark_group("expected_log_likelihood/diagonal noise");
    for n in [512, 2048] {
        diagonal_noise_row::<f64>(&mut group, n);
        diagonal_noise_row::<f32>(&mut group, n);
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = dense_q);
