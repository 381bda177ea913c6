//! KL between every two structures, operators built.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gaussx::{CovarianceOperator, kl_divergence};
use gaussx_benches::{blocks, dense, diagonal, scaled, vector};

fn small(c: &mut Criterion) {
    let mut group = c.benchmark_group("kl");
    for n in [8, 128, 512, 2048] {
        let (mean_p, mean_q) = (vector(n, 1), vector(n, 2));
        let (dense_p, dense_q) = (dense(n, 3.0), dense(n, 10.0));
        let (diagonal, scaled) = (diagonal(n, 0), scaled(n, 2.0));
        let all: [(
            &str,
            &dyn CovarianceOperator<f64>,
            &dyn CovarianceOperator<f64>,
        ); 4] = [
            ("dense from dense", &dense_p, &dense_q),
            ("dense from diagonal", &dense_p, &diagonal),
            ("diagonal from dense", &diagonal, &dense_q),
            ("dense from scaled identity", &dense_p, &scaled),
        ];
        group.throughput(Throughput::Elements((n * n * n / 3) as u64));
        for (name, p, q) in all {
            group.bench_function(BenchmarkId::new(name, n), |b| {
                b.iter(|| kl_divergence(&mean_p, p, &mean_q, q))
            });
        }
    }
    group.finish();
}

fn large(c: &mut Criterion) {
    let mut group = c.benchmark_group("kl of structured pairs");
    for n in [10_000, 1_000_000] {
        let (mean_p, mean_q) = (vector(n, 1), vector(n, 2));
        let (diagonal_p, diagonal_q) = (diagonal(n, 0), diagonal(n, 3));
        let (scaled_p, scaled_q) = (scaled(n, 2.0), scaled(n, 3.0));
        let (blocks_p, blocks_q) = (blocks(n, 8, 3.0), blocks(n, 8, 10.0));
        let all: [(
            &str,
            &dyn CovarianceOperator<f64>,
            &dyn CovarianceOperator<f64>,
        ); 5] = [
            ("scaled identity from scaled identity", &scaled_p, &scaled_q),
            ("diagonal from diagonal", &diagonal_p, &diagonal_q),
            ("diagonal from scaled identity", &diagonal_p, &scaled_q),
            ("8 x 8 blocks from diagonal", &blocks_p, &diagonal_q),
            ("8 x 8 blocks from 8 x 8 blocks", &blocks_p, &blocks_q),
        ];
        group.throughput(Throughput::Elements(n as u64));
        for (name, p, q) in all {
            group.bench_function(BenchmarkId::new(name, n), |b| {
                b.iter(|| kl_divergence(&mean_p, p, &mean_q, q))
            });
        }
    }
    group.finish();
}

criterion_group!(benches, small, large);
criterion_main!(benches);
