//! Large dimensions and extreme numbers: structure keeps memory linear, logarithms keep
//! determinants in range.

use gaussx::faer::Mat;
use gaussx::{
    BlockDiagonal, CompensatedSum, CovarianceOperator, DenseCovariance, DiagonalCovariance,
    MultivariateNormal, Scalar, ScaledIdentity, Workspace, pair,
};
use gaussx_tests::ar1::Ar1;
use gaussx_tests::compare::assert_close;
use gaussx_tests::random::Random;

const MILLION: usize = 1_000_000;

/// `n²` numbers at this size are 8 TB: any densification fails to allocate.
#[test]
fn structured_pairs_of_a_million_coordinates_stay_linear() {
    let zero = vec![0.0; MILLION];
    let variances: Vec<f64> = (0..MILLION).map(|i| 1.0 + (i % 7) as f64).collect();
    let scaled = ScaledIdentity::new(MILLION, 2.0).unwrap();
    let diagonal = DiagonalCovariance::new(&variances).unwrap();
    let block =
        DenseCovariance::new(Mat::from_fn(4, 4, |i, j| if i == j { 2.0 } else { 0.5 })).unwrap();
    let blocks = BlockDiagonal::new(vec![block; MILLION / 4]).unwrap();
    let ar1 = Ar1::new(MILLION, 0.5, 1.0).unwrap();
    let slower = Ar1::new(MILLION, 0.6, 1.5).unwrap();
    let all: [&dyn CovarianceOperator<f64>; 5] = [&scaled, &diagonal, &blocks, &ar1, &slower];
    for (i, &p) in all.iter().enumerate() {
        for (j, &q) in all.iter().enumerate() {
            // Blocks against a factor that knows no blocks go by panels: quadratic time.
            let blocks_and_custom = (i == 2 && j > 2) || (j == 2 && i > 2);
            if blocks_and_custom {
                continue;
            }
            let kl = gaussx::kl_divergence(&zero, p, &zero, q).unwrap();
            assert!(kl.is_finite() && (kl == 0.0) == (i == j), "{i}, {j}: {kl}");
        }
    }
    let per_coordinate = 0.5 * (2.0 - 1.0 - 2.0_f64.ln());
    let expected = per_coordinate * MILLION as f64;
    let kl = gaussx::kl_standard_normal(&zero, &scaled).unwrap();
    assert_close(
        "n times one coordinate",
        kl,
        expected,
        8.0 * f64::EPSILON * expected,
    );
}

#[test]
fn meetings_of_ar1_processes_match_the_dense_ones() {
    let n = 200;
    let zero = vec![0.0; n];
    let fast = Ar1::new(n, 0.5, 1.0).unwrap();
    let slow = Ar1::new(n, 0.9, 1.7).unwrap();
    let diagonal = DiagonalCovariance::new(vec![1.2; n]).unwrap();
    let all: [&dyn CovarianceOperator<f64>; 3] = [&fast, &slow, &diagonal];
    for p in all {
        for q in all {
            let dense_p = DenseCovariance::new(p.to_dense().unwrap()).unwrap();
            let dense_q = DenseCovariance::new(q.to_dense().unwrap()).unwrap();
            let expected = gaussx::kl_divergence(&zero, &dense_p, &zero, &dense_q).unwrap();
            let found = gaussx::kl_divergence(&zero, p, &zero, q).unwrap();
            assert_close("KL", found, expected, 1e-12 * (expected + 1.0));
        }
    }
}

#[test]
fn densities_in_high_dimension_do_not_leave_the_range() {
    for (n, variance) in [(400, 1.0), (400, 0.01), (2000, 1e-3), (2000, 1e3)] {
        let x = vec![0.0; n];
        let expected = -0.5 * n as f64 * (1.8378770664093456 + f64::ln(variance));
        let scaled = ScaledIdentity::new(n, variance).unwrap();
        let diagonal = DiagonalCovariance::new(vec![variance; n]).unwrap();
        let all: [&dyn CovarianceOperator<f64>; 2] = [&scaled, &diagonal];
        for sigma in all {
            let found = gaussx::log_prob(&x, &x, sigma).unwrap();
            assert_close("log-density", found, expected, 1e-13 * expected.abs());
        }
    }
}

#[test]
fn mixed_units_factor_and_keep_their_digits() {
    // Variances over eighty decades, correlations as in metres.
    let base = Mat::from_fn(4, 4, |i, j| if i == j { 1.0 } else { 0.3 });
    let units = [2.0_f64.powi(-66), 1.0, 2.0_f64.powi(66), 2.0_f64.powi(20)];
    let mixed = Mat::from_fn(4, 4, |i, j| units[i] * base[(i, j)] * units[j]);
    let x = [0.4, -0.3, 0.2, 1.0];
    let scaled_x: Vec<f64> = x.iter().zip(&units).map(|(x, u)| x * u).collect();
    let plain = MultivariateNormal::centered(DenseCovariance::new(base).unwrap()).unwrap();
    let mixed = MultivariateNormal::centered(DenseCovariance::new(mixed).unwrap()).unwrap();
    // Powers of two change no bit.
    assert_eq!(
        plain.quadratic_form(x).unwrap().to_bits(),
        mixed.quadratic_form(scaled_x).unwrap().to_bits()
    );
    let wide = MultivariateNormal::centered(
        DenseCovariance::new(mixed.covariance().to_dense().unwrap() * gaussx::faer::Scale(3.0))
            .unwrap(),
    )
    .unwrap();
    let expected = 2.0 * (3.0 - 1.0 - 3.0_f64.ln());
    let found = wide.kl_divergence(&mixed).unwrap();
    assert_close("KL", found, expected, 1e-14 * expected);
}

/// Close ratios and far ones, few and many, are summed in ways of their own.
fn divergences_are_sums_over_coordinates<T: Scalar>() {
    let mut random = Random::new(11);
    // Decades that the variances spread over.
    for (low, high) in [
        (-0.01, 0.01),
        (-0.3, 0.3),
        (0.0, 0.85),
        (-1.0, 1.0),
        (-6.0, 6.0),
    ] {
        for n in [7, 8, 31, 48, 49, 100, 255, 256, 1023, 5000, 40_000] {
            let mut draw = || -> Vec<T> { (0..n).map(|_| random.log_uniform(low, high)).collect() };
            let (a, b, mean, zero) = (draw(), draw(), draw(), vec![T::zero(); n]);
            let [p, q] = [&a, &b].map(|v| DiagonalCovariance::new(v).unwrap());
            let common = ScaledIdentity::new(n, T::of(1.25)).unwrap();
            let one = |x: T, a: T, b: T| -> f64 {
                let [p, q] = [a, b].map(|v| ScaledIdentity::new(1, v.as_f64()).unwrap());
                gaussx::kl_divergence([x.as_f64()], &p, [0.0], &q).unwrap()
            };
            let sum = |of: &dyn Fn(usize) -> f64| {
                let mut sum = CompensatedSum::new();
                for i in 0..n {
                    sum.add(of(i));
                }
                sum.value()
            };
            let v = common.variance();
            let found = [
                gaussx::kl_divergence(&mean, &p, &zero, &q),
                gaussx::kl_divergence(&zero, &p, &zero, &common),
                gaussx::kl_divergence(&zero, &common, &zero, &q),
                gaussx::kl_divergence(&mean, &p, &zero, &common),
                gaussx::kl_divergence(&mean, &common, &zero, &q),
                pair::divergence(&p, &q, &mut Workspace::new()).map(|twice| twice / T::of(2.0)),
            ];
            let expected = [
                sum(&|i| one(mean[i], a[i], b[i])),
                sum(&|i| one(T::zero(), a[i], v)),
                sum(&|i| one(T::zero(), v, b[i])),
                sum(&|i| one(mean[i], a[i], v)),
                sum(&|i| one(mean[i], v, b[i])),
                sum(&|i| one(T::zero(), a[i], b[i])),
            ];
            for (found, expected) in found.into_iter().zip(expected) {
                let bound = 16.0 * T::EPSILON.as_f64() * expected;
                assert_close(&format!("n = {n}, {low}"), found.unwrap(), expected, bound);
            }
        }
    }
}

#[test]
fn divergences_in_double_precision_are_sums_over_coordinates() {
    divergences_are_sums_over_coordinates::<f64>();
}

#[test]
fn divergences_in_single_precision_are_sums_over_coordinates() {
    divergences_are_sums_over_coordinates::<f32>();
}

#[test]
fn a_million_single_precision_terms_lose_nothing() {
    let variances: Vec<f32> = (0..MILLION).map(|i| 1.0 + (i % 3) as f32).collect();
    let diagonal = DiagonalCovariance::new(&variances).unwrap();
    let wide: Vec<f64> = variances.iter().map(|&v| f64::from(v)).collect();
    let reference = DiagonalCovariance::new(&wide).unwrap();
    let expected = reference.logdet().unwrap();
    let found = diagonal.logdet().unwrap();
    assert_close(
        "logdet",
        found,
        expected,
        2.0 * f64::from(f32::EPSILON) * expected,
    );
    let zero = vec![0.0_f32; MILLION];
    let found = gaussx::kl_standard_normal(&zero, &diagonal).unwrap();
    let expected = gaussx::kl_standard_normal(vec![0.0; MILLION], &reference).unwrap();
    assert_close(
        "KL",
        found,
        expected,
        8.0 * f64::from(f32::EPSILON) * expected,
    );
}

/// Matrices on the stack of a function that recurses would need many times as much.
#[test]
fn threads_of_small_stacks_are_enough() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .stack_size(192 << 10);
    let pool = pool.build().unwrap();
    for (size, count) in [(2, 300_000), (16, 40_000)] {
        let block = |v: f64| Mat::from_fn(size, size, |i, j| if i == j { v } else { 0.5 });
        let blocks = |v: f64| BlockDiagonal::from_matrices(vec![block(v); count]).unwrap();
        let mean = vec![0.0; size * count];
        let points = Mat::<f64>::zeros(size, 1_000_000 / size);
        let (kl, form) = pool.install(|| {
            let (p, q) = (blocks(2.0), blocks(4.0));
            let sigma = DenseCovariance::new(block(3.0)).unwrap();
            let forms = gaussx::quadratic_form_batch(&points, &mean[..size], &sigma).unwrap();
            assert_eq!(forms.sum(), 0.0);
            (
                gaussx::kl_divergence(&mean, &p, &mean, &q).unwrap(),
                gaussx::quadratic_form(&mean, &mean, &p).unwrap(),
            )
        });
        assert!(kl > 0.0);
        assert_eq!(form, 0.0);
    }
    let points = Mat::<f64>::zeros(256, 10_000);
    let forms = pool.install(|| {
        let sigma = DenseCovariance::new(Mat::identity(256, 256)).unwrap();
        gaussx::quadratic_form_batch(&points, vec![0.0; 256], &sigma)
    });
    assert_eq!(forms.unwrap().sum(), 0.0);
}
