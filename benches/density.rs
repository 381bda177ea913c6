//! Log-densities of one point and of a batch, with and without the factorisation.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gaussx::faer::MatRef;
use gaussx::{CovarianceOperator, DenseCovariance, log_prob, log_prob_batch};
use gaussx_benches::{blocks, dense, diagonal, kernel, scaled, vector};

fn one_point(c: &mut Criterion) {
    let mut group = c.benchmark_group("log_prob");
    for n in [2, 8, 32, 128, 512, 2048] {
        let (x, mean, matrix) = (vector(n, 1), vector(n, 2), kernel(n, 3.0));
        let sigma = dense(n, 3.0);
        group.throughput(Throughput::Elements((n * n) as u64));
        group.bench_function(BenchmarkId::new("dense", n), |b| {
            b.iter(|| log_prob(&x, &mean, &sigma))
        });
        group.bench_function(BenchmarkId::new("dense with factor", n), |b| {
            b.iter(|| log_prob(&x, &mean, &DenseCovariance::new(matrix.clone())?))
        });
    }
    for n in [1000, 1_000_000] {
        let (x, mean) = (vector(n, 1), vector(n, 2));
        let all: [(&str, &dyn CovarianceOperator<f64>); 3] = [
            ("diagonal", &diagonal(n, 0)),
            ("scaled identity", &scaled(n, 2.0)),
            ("8 x 8 blocks", &blocks(n, 8, 3.0)),
        ];
        group.throughput(Throughput::Elements(n as u64));
        for (name, sigma) in all {
            group.bench_function(BenchmarkId::new(name, n), |b| {
                b.iter(|| log_prob(&x, &mean, sigma))
            });
        }
    }
    group.finish();
}

fn batch(c: &mut Criterion) {
    let mut group = c.benchmark_group("log_prob_batch of 1000");
    for n in [8, 32, 128, 512] {
        let data = vector(n * 1000, 1);
        let (points, mean) = (
            MatRef::from_column_major_slice(&data, n, 1000),
            vector(n, 2),
        );
        group.throughput(Throughput::Elements((n * n * 1000) as u64));
        group.bench_function(BenchmarkId::new("dense", n), |b| {
            let sigma = dense(n, 3.0);
            b.iter(|| log_prob_batch(points, &mean, &sigma))
        });
        group.bench_function(BenchmarkId::new("diagonal", n), |b| {
            let sigma = diagonal(n, 0);
            b.iter(|| log_prob_batch(points, &mean, &sigma))
        });
    }
    group.finish();
}

criterion_group!(benches, one_point, batch);
criterion_main!(benches);
