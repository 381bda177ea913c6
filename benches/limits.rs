//! What the machine and faer allow: the rates that the other benchmarks are fractions of.
//!
//! Operations where there are any, else numbers moved.

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use gaussx::faer::Accum;
use gaussx::faer::linalg::matmul::matmul;
use gaussx::faer::{Mat, Par};
use gaussx_benches::{Group, Real, id, kernel, peers, settings, third_of_cube, vector};

fn factorisation<T: Real>(group: &mut Group<'_>, n: usize) {
    let matrix = kernel::<T>(n, 3.0);
    group.throughput(Throughput::Elements(third_of_cube(n)));
    group.bench_function(id::<T>("faer llt", n), |b| {
        b.iter(|| peers::faer_factor(&matrix));
    });
}

fn product<T: Real>(group: &mut Group<'_>, n: usize) {
    let (left, right) = (kernel::<T>(n, 3.0), kernel::<T>(n, 10.0));
    group.throughput(Throughput::Elements(6 * third_of_cube(n)));
    group.bench_function(id::<T>("faer matmul", n), |b| {
        b.iter_batched_ref(
            || Mat::<T>::zeros(n, n),
            |out| {
                let one = T::of(1.0);
                matmul(out, Accum::Replace, &left, &right, one, Par::Seq);
            },
            BatchSize::LargeInput,
        );
    });
}

fn copy<T: Real>(group: &mut Group<'_>, n: usize) {
    let (from, mut to) = (vector::<T>(n, 1), vector::<T>(n, 2));
    group.throughput(Throughput::Elements(n as u64));
    group.bench_function(id::<T>("copy", n), |b| {
        b.iter(|| {
            to.copy_from_slice(&from);
            // Else only the last of the copies need be made.
            core::hint::black_box(to.as_mut_ptr());
        });
    });
}

fn limits(c: &mut Criterion) {
    let mut group = c.benchmark_group("limits");
    for n in [8, 32, 128, 512, 2048] {
        factorisation::<f64>(&mut group, n);
        factorisation::<f32>(&mut group, n);
        product::<f64>(&mut group, n);
        product::<f32>(&mut group, n);
    }
    for n in [10_000, 1_000_000] {
        copy::<f64>(&mut group, n);
        copy::<f32>(&mut group, n);
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = limits);
