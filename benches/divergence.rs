//! KL divergences.
//!
//! Operations are counted as `n³/3` for `L_q⁻¹ L_p` and for each factor, whatever a library
//! does: what it does beyond them is seen as a lower rate.

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use gaussx::faer::Mat;
use gaussx::{CovarianceOperator, DenseCovariance, kl_divergence};
use gaussx_benches::peers::{self, FaerBlock, NalgebraBlock};
use gaussx_benches::{
    Group, Real, affordable, blocks, covariance, dense, diagonal, far_kernel, id, kernel, scaled,
    settings, square, third_of_cube, variances, vector,
};

const SIZES: [usize; 6] = [2, 8, 32, 128, 512, 2048];

/// The second covariance of a near pair: close enough for the difference form, where the means are
/// equal.
fn near_kernel<T: Real>(n: usize) -> Mat<T> {
    kernel(n, 3.001)
}

fn nalgebra_block<T: Real>((mean, factor): &FaerBlock<T>) -> NalgebraBlock<T> {
    (
        peers::nalgebra_vector(mean),
        peers::nalgebra_factor_of(factor),
    )
}

fn faer_block<T: Real>(mean: &[T], matrix: &Mat<T>) -> FaerBlock<T> {
    (mean.to_vec(), peers::faer_factor(matrix))
}

/// Both covariances are there. The peers' formula costs the same for both pairs.
fn dense_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (mean_p, mean_q) = (vector::<T>(n, 1), vector(n, 2));
    let (matrix_p, matrix_q) = (kernel(n, 3.0), far_kernel(n));
    group.throughput(Throughput::Elements(third_of_cube(n)));
    for (name, mean_q, matrix_q) in [
        ("gaussx, far", &mean_q, &matrix_q),
        ("gaussx, near", &mean_p, &near_kernel(n)),
    ] {
        let (p, q) = (covariance(&matrix_p), covariance(matrix_q));
        group.bench_function(id::<T>(name, n), |b| {
            b.iter(|| kl_divergence(&mean_p, &p, mean_q, &q));
        });
    }
    let p = faer_block(&mean_p, &matrix_p);
    let q = faer_block(&mean_q, &matrix_q);
    group.bench_function(id::<T>("faer", n), |b| {
        b.iter(|| peers::faer_kl(&p, &q));
    });
    if affordable(n) {
        let (p, q) = (nalgebra_block(&p), nalgebra_block(&q));
        group.bench_function(id::<T>("nalgebra", n), |b| {
            b.iter(|| peers::nalgebra_kl(&p, &q));
        });
    }
}

/// From two matrices: in copies that are made beforehand, but for faer, which makes its own.
fn factored_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (mean_p, mean_q) = (vector::<T>(n, 1), vector(n, 2));
    let (matrix_p, matrix_q) = (kernel(n, 3.0), far_kernel(n));
    group.throughput(Throughput::Elements(3 * third_of_cube(n)));
    for (name, mean_q, matrix_q) in [
        ("gaussx, far", &mean_q, &matrix_q),
        ("gaussx, near", &mean_p, &near_kernel(n)),
    ] {
        group.bench_function(id::<T>(name, n), |b| {
            b.iter_batched(
                || (matrix_p.clone(), matrix_q.clone()),
                |(p, q)| {
                    let (p, q) = (DenseCovariance::new(p)?, DenseCovariance::new(q)?);
                    kl_divergence(&mean_p, &p, mean_q, &q)
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.bench_function(id::<T>("faer", n), |b| {
        b.iter(|| {
            let p = faer_block(&mean_p, &matrix_p);
            peers::faer_kl(&p, &faer_block(&mean_q, &matrix_q))
        });
    });
    if affordable(n) {
        let means = [&mean_p, &mean_q].map(|mean| peers::nalgebra_vector(mean));
        let matrices = [&matrix_p, &matrix_q].map(peers::nalgebra_matrix);
        group.bench_function(id::<T>("nalgebra", n), |b| {
            b.iter_batched(
                || (means.clone(), matrices.clone()),
                |([mean_p, mean_q], [p, q])| {
                    let p = (mean_p, peers::nalgebra_factor(p));
                    peers::nalgebra_kl(&p, &(mean_q, peers::nalgebra_factor(q)))
                },
                BatchSize::LargeInput,
            );
        });
    }
}

fn mixed_row<T: Real>(group: &mut Group<'_>, n: usize) {
    type Operator<'a, T> = &'a dyn CovarianceOperator<T>;
    let (mean_p, mean_q) = (vector::<T>(n, 1), vector(n, 2));
    let (dense, diagonal, scaled) = (dense(n, 3.0), diagonal(n, 0), scaled(n, 2.0));
    let all: [(&str, Operator<'_, T>, Operator<'_, T>, u64); 3] = [
        ("dense from diagonal", &dense, &diagonal, square(n)),
        ("diagonal from dense", &diagonal, &dense, third_of_cube(n)),
        ("dense from scaled identity", &dense, &scaled, square(n)),
    ];
    for (name, p, q, operations) in all {
        group.throughput(Throughput::Elements(operations));
        group.bench_function(id::<T>(name, n), |b| {
            b.iter(|| kl_divergence(&mean_p, p, &mean_q, q));
        });
    }
}

fn diagonal_row<T: Real>(group: &mut Group<'_>, n: usize) {
    let (mean_p, mean_q) = (vector::<T>(n, 1), vector(n, 2));
    group.throughput(Throughput::Elements(n as u64));
    let (p, q) = (diagonal(n, 0), diagonal(n, 3));
    group.bench_function(id::<T>("diagonal gaussx", n), |b| {
        b.iter(|| kl_divergence(&mean_p, &p, &mean_q, &q));
    });
    let (p, q) = (variances(n, 0), variances(n, 3));
    group.bench_function(id::<T>("diagonal loop", n), |b| {
        b.iter(|| peers::loop_kl(&mean_p, &p, &mean_q, &q));
    });
    let (p, q) = (scaled(n, 2.0), scaled(n, 3.0));
    group.bench_function(id::<T>("scaled identity gaussx", n), |b| {
        b.iter(|| kl_divergence(&mean_p, &p, &mean_q, &q));
    });
    let (p, q) = (T::of(2.0), T::of(3.0));
    group.bench_function(id::<T>("scaled identity loop", n), |b| {
        b.iter(|| peers::loop_kl_scaled(&mean_p, p, &mean_q, q));
    });
}

fn block_row<T: Real>(group: &mut Group<'_>, size: usize, n: usize) {
    let (mean_p, mean_q) = (vector::<T>(n, 1), vector(n, 2));
    let (matrix_p, matrix_q) = (kernel(size, 3.0), far_kernel(size));
    let operations = (n / size) as u64 * third_of_cube(size);
    group.throughput(Throughput::Elements(operations));
    let (p, q) = (blocks(&matrix_p, n / size), blocks(&matrix_q, n / size));
    group.bench_function(id::<T>("gaussx", n), |b| {
        b.iter(|| kl_divergence(&mean_p, &p, &mean_q, &q));
    });
    let of = |mean: &[T], matrix| -> Vec<_> {
        let means = mean.chunks(size);
        means.map(|mean| faer_block(mean, matrix)).collect()
    };
    let (p, q) = (of(&mean_p, &matrix_p), of(&mean_q, &matrix_q));
    group.bench_function(id::<T>("faer", n), |b| {
        b.iter(|| peers::faer_kl_blocks(&p, &q));
    });
    let [p, q] = [p, q].map(|blocks| blocks.iter().map(nalgebra_block).collect::<Vec<_>>());
    group.bench_function(id::<T>("nalgebra", n), |b| {
        b.iter(|| peers::nalgebra_kl_blocks(&p, &q));
    });
}

fn dense_pairs(c: &mut Criterion) {
    let mut group = c.benchmark_group("kl/dense, built");
    for n in SIZES {
        dense_row::<f64>(&mut group, n);
        dense_row::<f32>(&mut group, n);
    }
    group.finish();
    let mut group = c.benchmark_group("kl/dense, with the factorisations");
    for n in SIZES {
        factored_row::<f64>(&mut group, n);
        factored_row::<f32>(&mut group, n);
    }
    group.finish();
    let mut group = c.benchmark_group("kl/mixed pairs");
    for n in [8, 128, 2048] {
        mixed_row::<f64>(&mut group, n);
    }
    group.finish();
}

fn structured(c: &mut Criterion) {
    let mut group = c.benchmark_group("kl");
    for n in [10_000, 1_000_000] {
        diagonal_row::<f64>(&mut group, n);
        diagonal_row::<f32>(&mut group, n);
    }
    group.finish();
    // Whole numbers of blocks.
    for (size, sizes) in [(8, [100_000, 1_000_000]), (64, [2048, 99_968])] {
        let mut group = c.benchmark_group(format!("kl/{size} x {size} blocks"));
        for n in sizes {
            block_row::<f64>(&mut group, size, n);
            block_row::<f32>(&mut group, size, n);
        }
        group.finish();
    }
}

criterion_group!(name = benches; config = settings(); targets = dense_pairs, structured);
