//! Expected log-likelihoods under a dense q.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gaussx::expected_log_likelihood;
use gaussx_benches::{
    Group, Real, affordable, covariance, diagonal, far_kernel, id, kernel, peers, settings,
    third_of_cube, variances, vector,
};

fn dense_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (y, mean) = (vector::<T>(n, 1), vector(n, 2));
    let (matrix_q, matrix_noise) = (kernel(n, 3.0), far_kernel(n));
    group.throughput(Throughput::Elements(third_of_cube(n)));
    group.bench_function(id::<T>("gaussx", n), |b| {
        let (q, noise) = (covariance(&matrix_q), covariance(&matrix_noise));
        b.iter(|| expected_log_likelihood(&y, &mean, &q, &noise));
    });
    group.bench_function(id::<T>("faer", n), |b| {
        let noise = peers::faer_factor(&matrix_noise);
        let q = (mean.clone(), peers::faer_factor(&matrix_q));
        b.iter(|| peers::faer_expected_log_likelihood(&y, &q, &noise));
    });
    if affordable(n) {
        group.bench_function(id::<T>("nalgebra", n), |b| {
            let factor = |matrix| peers::nalgebra_factor(peers::nalgebra_matrix(matrix));
            let (y, noise) = (peers::nalgebra_vector(&y), factor(&matrix_noise));
            let q = (peers::nalgebra_vector(&mean), factor(&matrix_q));
            b.iter(|| peers::nalgebra_expected_log_likelihood(&y, &q, &noise));
        });
    }
}

fn diagonal_noise_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (y, mean, matrix) = (vector::<T>(n, 1), vector(n, 2), kernel(n, 3.0));
    group.throughput(Throughput::Elements(n as u64));
    group.bench_function(id::<T>("gaussx", n), |b| {
        let (q, noise) = (covariance(&matrix), diagonal(n, 0));
        b.iter(|| expected_log_likelihood(&y, &mean, &q, &noise));
    });
    group.bench_function(id::<T>("loop", n), |b| {
        let variances_q: Vec<T> = (0..n).map(|i| matrix[(i, i)]).collect();
        let noise = variances(n, 0);
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
criterion_main!(benches);
