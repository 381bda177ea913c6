//! A thousand draws.

use chacha20::ChaCha8Rng;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gaussx::rand::SeedableRng;
use gaussx::{CovarianceOperator, sample_batch};
use gaussx_benches::{dense, diagonal, vector};

fn draws(c: &mut Criterion) {
    let mut group = c.benchmark_group("1000 draws");
    for n in [8, 128, 2048] {
        let mean = vector(n, 1);
        let all: [(&str, &dyn CovarianceOperator<f64>); 2] =
            [("dense", &dense(n, 3.0)), ("diagonal", &diagonal(n, 0))];
        group.throughput(Throughput::Elements((n * 1000) as u64));
        for (name, sigma) in all {
            group.bench_function(BenchmarkId::new(name, n), |b| {
                let mut rng = ChaCha8Rng::seed_from_u64(1);
                b.iter(|| sample_batch(&mean, sigma, 1000, &mut rng))
            });
        }
    }
    group.finish();
}

criterion_group!(benches, draws);
criterion_main!(benches);
