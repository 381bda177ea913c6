//! A thousand draws. All but statrs turn one stream of normals into them.

use chacha20::ChaCha8Rng;
use criterion::{Criterion, Throughput, criterion_group};
use gaussx::rand::SeedableRng;
use gaussx::sample_batch;
use gaussx_benches::{
    Group, Real, covariance, diagonal, id, kernel, peers, settings, variances, vector,
};

const DRAWS: usize = 1000;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn dense_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (mean, matrix) = (vector::<T>(n, 1), kernel(n, 3.0));
    let sigma = covariance(&matrix);
    group.bench_function(id::<T>("gaussx", n), |b| {
        let mut rng = rng();
        b.iter(|| sample_batch(&mean, &sigma, DRAWS, &mut rng));
    });
    let factor = peers::faer_factor(&matrix);
    group.bench_function(id::<T>("faer", n), |b| {
        let mut rng = rng();
        b.iter(|| peers::faer_draws(&mean, &factor, DRAWS, &mut rng));
    });
    if n <= 128 {
        let l = peers::nalgebra_factor_of(&factor).l();
        let mean = peers::nalgebra_vector(&mean);
        group.bench_function(id::<T>("nalgebra", n), |b| {
            let mut rng = rng();
            b.iter(|| peers::nalgebra_draws(&mean, &l, DRAWS, &mut rng));
        });
    }
}

/// statrs has `f64` only.
fn statrs_row(group: &mut Group<'_>, n: usize) {
    let matrix = peers::nalgebra_matrix(&kernel::<f64>(n, 3.0));
    let mut draws = peers::statrs_draws(vector(n, 1), matrix.data.into());
    group.bench_function(id::<f64>("statrs", n), |b| {
        let mut rng = rng();
        b.iter(|| draws(DRAWS, &mut rng));
    });
}

fn diagonal_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (mean, sigma) = (vector::<T>(n, 1), diagonal(n, 0));
    group.bench_function(id::<T>("gaussx", n), |b| {
        let mut rng = rng();
        b.iter(|| sample_batch(&mean, &sigma, DRAWS, &mut rng));
    });
    let deviations: Vec<T> = variances::<f64>(n, 0)
        .into_iter()
        .map(|v| T::of(v.sqrt()))
        .collect();
    group.bench_function(id::<T>("loop", n), |b| {
        let mut rng = rng();
        b.iter(|| peers::loop_draws(&mean, &deviations, DRAWS, &mut rng));
    });
}

fn draws(c: &mut Criterion) {
    let mut group = c.benchmark_group("1000 draws/dense");
    for n in [8, 128, 2048] {
        group.throughput(Throughput::Elements((n * DRAWS) as u64));
        dense_row::<f64>(&mut group, n);
        dense_row::<f32>(&mut group, n);
        if n <= 128 {
            statrs_row(&mut group, n);
        }
    }
    group.finish();
    let mut group = c.benchmark_group("1000 draws/diagonal");
    for n in [8, 128, 2048] {
        group.throughput(Throughput::Elements((n * DRAWS) as u64));
        diagonal_row::<f64>(&mut group, n);
        diagonal_row::<f32>(&mut group, n);
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = draws);
