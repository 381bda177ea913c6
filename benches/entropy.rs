//! Entropies of structured covariances: their log-determinants.

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use gaussx::{DiagonalCovariance, entropy};
use gaussx_benches::{Group, Real, blocks, id, kernel, peers, settings, variances, vector};

fn diagonal_row<T: Real>(group: &mut Group<'_>, n: usize) {
    group.throughput(Throughput::Elements(n as u64));
    let variances = variances::<T>(n, 0);
    // The log-determinant is found when the covariance is built.
    group.bench_function(id::<T>("gaussx", n), |b| {
        b.iter_batched(
            || variances.clone(),
            |v| DiagonalCovariance::new(v).and_then(|sigma| Ok((entropy(&sigma)?, sigma))),
            BatchSize::LargeInput,
        );
    });
    group.bench_function(id::<T>("loop", n), |b| {
        b.iter(|| peers::loop_entropy(&variances));
    });
}

fn block_row<T: Real>(group: &mut Group<'_>, size: usize, n: usize) {
    let (mean, matrix) = (vector::<T>(n, 1), kernel(size, 3.0));
    group.throughput(Throughput::Elements(n as u64));
    let sigma = blocks(&matrix, n / size);
    group.bench_function(id::<T>("gaussx", n), |b| {
        b.iter(|| entropy(&sigma));
    });
    let factor = peers::faer_factor(&matrix);
    let means = mean.chunks(size);
    let blocks: Vec<_> = means.map(|x| (x.to_vec(), factor.clone())).collect();
    group.bench_function(id::<T>("faer", n), |b| {
        b.iter(|| peers::faer_entropy_blocks(&blocks));
    });
    let factor = peers::nalgebra_factor_of(&factor);
    let means = mean.chunks(size).map(peers::nalgebra_vector);
    let blocks: Vec<_> = means.map(|x| (x, factor.clone())).collect();
    group.bench_function(id::<T>("nalgebra", n), |b| {
        b.iter(|| peers::nalgebra_entropy_blocks(&blocks));
    });
}

fn structured(c: &mut Criterion) {
    let mut group = c.benchmark_group("entropy/diagonal");
    for n in [10_000, 1_000_000] {
        diagonal_row::<f64>(&mut group, n);
        diagonal_row::<f32>(&mut group, n);
    }
    group.finish();
    // Whole numbers of blocks.
    for (size, sizes) in [(8, [100_000, 1_000_000]), (64, [2048, 99_968])] {
        let mut group = c.benchmark_group(format!("entropy/{size} x {size} blocks"));
        for n in sizes {
            block_row::<f64>(&mut group, size, n);
            block_row::<f32>(&mut group, size, n);
        }
        group.finish();
    }
}

criterion_group!(name = benches; config = settings(); targets = structured);
