//! What may not change a single bit: units that are powers of two, shifts that round nothing,
//! pointers, strides, threads, and asking twice.

use std::sync::Arc;

use gaussx::faer::{Mat, MatRef};
use gaussx::{
    Adjust, BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, Scalar,
    StructuredCovariance, Workspace, pair,
};
use gaussx_tests::matrices::{SPECTRA, near, with_spectrum};
use gaussx_tests::random::Random;

/// Dimensions small and on both sides of the widths in which matrices are cut.
const SIZES: [usize; 14] = [1, 2, 3, 4, 5, 8, 13, 16, 17, 24, 33, 65, 130, 260];

/// Draws for a dimension: many where they are cheap.
fn draws(n: usize) -> u64 {
    match n {
        0..=24 => 100,
        25..=70 => 10,
        _ => 2,
    }
}

/// Numbers compared bit by bit.
fn bits<T: Scalar>(numbers: &[T]) -> Vec<u64> {
    numbers.iter().map(|x| x.as_f64().to_bits()).collect()
}

/// An ill-conditioned covariance, a neighbour or a stranger, and two points.
struct Case<T: Scalar> {
    sigma: Mat<T>,
    other: Mat<T>,
    points: [Vec<T>; 2],
}

impl<T: Scalar> Case<T> {
    fn new(n: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let kappa = random.log_uniform(
            0.0,
            if T::EPSILON.as_f64() < 1e-10 {
                8.0
            } else {
                3.0
            },
        );
        let values = SPECTRA[random.index(5)].eigenvalues(n, kappa);
        let sigma: Mat<T> = with_spectrum(&values, 1.0, &mut random);
        let other = if seed.is_multiple_of(2) {
            near(&sigma, random.log_uniform(-5.0, -1.0), &mut random)
        } else {
            with_spectrum(&values, 1.0, &mut random)
        };
        let points = [random.vector(n), random.vector(n)];
        Self {
            sigma,
            other,
            points,
        }
    }

    fn operators(&self) -> [DenseCovariance<T>; 2] {
        [&self.sigma, &self.other].map(|m| DenseCovariance::new(m.clone()).unwrap())
    }

    /// The case in other units: coordinate `i` times `units[i]`.
    fn in_units(&self, units: &[T]) -> Self {
        let matrix =
            |m: &Mat<T>| Mat::from_fn(m.nrows(), m.nrows(), |i, j| m[(i, j)] * units[i] * units[j]);
        let point = |x: &Vec<T>| x.iter().zip(units).map(|(&x, &u)| x * u).collect();
        Self {
            sigma: matrix(&self.sigma),
            other: matrix(&self.other),
            points: [point(&self.points[0]), point(&self.points[1])],
        }
    }
}

/// What does not depend on the units.
fn scale_free<T: Scalar>(case: &Case<T>) -> Vec<T> {
    let [p, q] = case.operators();
    let [x, mean] = &case.points;
    let n = x.len();
    let mut all = vec![
        gaussx::quadratic_form(x, mean, &p).unwrap(),
        gaussx::mahalanobis_p_value(x, mean, &p).unwrap(),
        gaussx::kl_divergence(x, &p, mean, &q).unwrap(),
        gaussx::kl_divergence(mean, &q, mean, &p).unwrap(),
        gaussx::kl_divergence(mean, &p, mean, &p).unwrap(),
        gaussx::condition_estimate(&p).unwrap(),
    ];
    if n > 1 {
        let sets: (Vec<usize>, Vec<usize>) = ((0..n / 2).collect(), (n / 2..n).collect());
        all.push(gaussx::mutual_information(&p, &sets.0, &sets.1).unwrap());
    }
    let whitened = gaussx::whiten(point(x), mean, &p).unwrap();
    all.extend((0..n).map(|i| whitened[(i, 0)]));
    all
}

fn point<T: Scalar>(x: &[T]) -> MatRef<'_, T> {
    MatRef::from_column_major_slice(x, x.len(), 1)
}

fn units_do_not_matter<T: Scalar>() {
    let most = if T::EPSILON.as_f64() < 1e-10 { 200 } else { 20 };
    for n in SIZES {
        for seed in 0..draws(n) {
            let case = Case::<T>::new(n, seed);
            let mut random = Random::new(seed + 1_000_000);
            let mut power = || T::of(2.0_f64.powi(random.index(2 * most + 1) as i32 - most as i32));
            let units: Vec<T> = (0..n).map(|_| power()).collect();
            let scaled = case.in_units(&units);
            let (found, expected) = (scale_free(&scaled), scale_free(&case));
            assert_eq!(bits(&found), bits(&expected), "n = {n}, seed {seed}");

            // What has units changes by them alone.
            let [p, _] = case.operators();
            let [p_scaled, _] = scaled.operators();
            let score = gaussx::score(&case.points[0], &case.points[1], &p).unwrap();
            let found = gaussx::score(&scaled.points[0], &scaled.points[1], &p_scaled).unwrap();
            let (mut l, mut l_scaled) = (Mat::<T>::identity(n, n), Mat::<T>::identity(n, n));
            let workspace = &mut Workspace::new();
            p.cholesky()
                .multiply_in_place(l.as_mut(), workspace)
                .unwrap();
            p_scaled
                .cholesky()
                .multiply_in_place(l_scaled.as_mut(), workspace)
                .unwrap();
            for i in 0..n {
                assert_eq!(found[i], score[i] / units[i], "n = {n}, seed {seed}");
                for j in 0..=i {
                    assert_eq!(
                        l_scaled[(i, j)],
                        l[(i, j)] * units[i],
                        "n = {n}, seed {seed}"
                    );
                }
            }
        }
    }
}

#[test]
fn units_that_are_powers_of_two_change_no_bit_in_double_precision() {
    units_do_not_matter::<f64>();
}

#[test]
fn units_that_are_powers_of_two_change_no_bit_in_single_precision() {
    units_do_not_matter::<f32>();
}

/// One unit for all, in whose square squares of entries would leave the range.
fn small_and_large_units_do_not_matter<T: Scalar>(most: i32) {
    for n in [2, 8, 16, 17, 40, 130] {
        let mut random = Random::new(n as u64);
        let mut case = Case::<T>::new(n, 0);
        case.sigma = with_spectrum(&SPECTRA[0].eigenvalues(n, 10.0), 1.0, &mut random);
        let above_one = |by: f64| 1.0 + by / n as f64;
        // Below where a pair is close, and on both sides of where it looks so.
        for ratio in [1.001, above_one(4.0), above_one(7.0), above_one(12.0), 3.0] {
            case.other = Mat::from_fn(n, n, |i, j| T::of(ratio) * case.sigma[(i, j)]);
            let expected = bits(&scale_free(&case));
            for power in [-most, most] {
                let scaled = case.in_units(&vec![T::of(2.0_f64.powi(power)); n]);
                let found = bits(&scale_free(&scaled));
                assert_eq!(found, expected, "n = {n}, ratio {ratio}, 2^{power}");
            }
        }
    }
}

#[test]
fn small_and_large_units_change_no_bit() {
    small_and_large_units_do_not_matter::<f64>(300);
    small_and_large_units_do_not_matter::<f32>(40);
}

/// Units up to `2^most`, squared in the variances: beyond where products of four stay in range.
fn units_of_a_diagonal_do_not_matter<T: Scalar>(most: i32) {
    for seed in 0..1000 {
        let mut random = Random::new(seed);
        let many = if seed % 50 == 0 { 5000 } else { 40 };
        let n = 1 + random.index(many);
        let mut draw = || -> Vec<T> {
            let numbers = (0..n).map(|_| random.log_uniform(-3.0, 3.0));
            numbers.map(T::of).collect()
        };
        let (a, mut b, x, mean) = (draw(), draw(), draw(), draw());
        if seed % 100 == 0 {
            b = a.iter().map(|&v| T::of(1.2) * v).collect();
        }
        let mut random = Random::new(seed + 5000);
        let powers: Vec<i32> = (0..n)
            .map(|_| random.index(2 * most as usize) as i32 - most)
            .collect();
        let times = |x: &[T], of_unit: i32| -> Vec<T> {
            let unit = |power: i32| T::of(2.0_f64.powi(of_unit * power));
            x.iter().zip(&powers).map(|(&x, &p)| x * unit(p)).collect()
        };
        let all = |a: Vec<T>, b: Vec<T>, x: &[T], mean: &[T]| {
            let [p, q] = [a, b].map(|v| DiagonalCovariance::new(v).unwrap());
            bits(&[
                gaussx::kl_divergence(x, &p, mean, &q).unwrap(),
                gaussx::quadratic_form(x, mean, &p).unwrap(),
            ])
        };
        let expected = all(a.clone(), b.clone(), &x, &mean);
        let found = all(times(&a, 2), times(&b, 2), &times(&x, 1), &times(&mean, 1));
        assert_eq!(found, expected, "seed {seed}");
    }
}

#[test]
fn units_of_a_diagonal_change_no_bit_in_double_precision() {
    units_of_a_diagonal_do_not_matter::<f64>(240);
}

#[test]
fn units_of_a_diagonal_change_no_bit_in_single_precision() {
    units_of_a_diagonal_do_not_matter::<f32>(25);
}

#[test]
fn a_shift_that_rounds_nothing_changes_no_bit() {
    for seed in 0..1000 {
        let case = Case::<f64>::new(1 + seed as usize % 12, seed);
        let [p, q] = case.operators();
        let on_grid =
            |x: &[f64]| -> Vec<f64> { x.iter().map(|x| (x * 1024.0).round() / 1024.0).collect() };
        let [x, mean] = case.points.each_ref().map(|x| on_grid(x));
        let shift = |x: &[f64]| -> Vec<f64> { x.iter().map(|x| x + 4096.0).collect() };
        let all = |x: &[f64], mean: &[f64]| {
            bits(&[
                gaussx::quadratic_form(x, mean, &p).unwrap(),
                gaussx::log_prob(x, mean, &p).unwrap(),
                gaussx::kl_divergence(x, &p, mean, &q).unwrap(),
                gaussx::cross_entropy(x, &p, mean, &q).unwrap(),
            ])
        };
        assert_eq!(
            all(&shift(&x), &shift(&mean)),
            all(&x, &mean),
            "seed {seed}"
        );
    }
}

/// Every scalar quantity of a case, with the given operators.
fn quantities(
    p: &(impl CovarianceOperator<f64> + ?Sized),
    q: &(impl CovarianceOperator<f64> + ?Sized),
    [x, mean]: &[Vec<f64>; 2],
) -> Vec<u64> {
    let n = p.dim();
    let mut all = vec![
        p.logdet().unwrap(),
        p.trace().unwrap(),
        gaussx::entropy(p).unwrap(),
        gaussx::quadratic_form(x, mean, p).unwrap(),
        gaussx::log_prob(x, mean, p).unwrap(),
        gaussx::kl_divergence(x, p, mean, q).unwrap(),
        gaussx::kl_standard_normal(x, p).unwrap(),
        gaussx::cross_entropy(x, p, mean, q).unwrap(),
        gaussx::expected_log_likelihood(x, mean, p, q).unwrap(),
    ];
    if n > 1 {
        let rest: Vec<usize> = (1..n).collect();
        all.push(gaussx::mutual_information(p, &[0], &rest).unwrap());
    }
    let score = gaussx::score(x, mean, p).unwrap();
    all.extend(score.iter());
    bits(&all)
}

#[test]
fn pointers_wrappers_and_repetition_change_no_bit() {
    for n in SIZES {
        for seed in 0..draws(n).min(20) {
            let case = Case::<f64>::new(n, seed);
            let [p, q] = case.operators();
            let expected = quantities(&p, &q, &case.points);
            assert_eq!(quantities(&p, &q, &case.points), expected, "twice");
            assert_eq!(quantities(&&p, &&q, &case.points), expected, "borrowed");
            let boxed: Box<dyn CovarianceOperator<f64>> = Box::new(p.clone());
            let shared: Arc<dyn CovarianceOperator<f64>> = Arc::new(q.clone());
            assert_eq!(quantities(&boxed, &shared, &case.points), expected, "boxed");
            let known = StructuredCovariance::Dense(p.clone());
            assert_eq!(quantities(&known, &q, &case.points), expected, "structured");
            let [again, _] = case.operators();
            assert_eq!(
                quantities(&again, &q, &case.points),
                expected,
                "built again"
            );
        }
    }
}

#[test]
fn one_block_is_the_matrix_itself() {
    for n in SIZES {
        for seed in 0..draws(n).min(20) {
            let case = Case::<f64>::new(n, seed);
            let [p, q] = case.operators();
            let [p_block, q_block] =
                [&p, &q].map(|operator| BlockDiagonal::new(vec![operator.clone()]).unwrap());
            let [x, mean] = &case.points;
            let all = |p: &dyn CovarianceOperator<f64>, q: &dyn CovarianceOperator<f64>| {
                bits(&[
                    p.logdet().unwrap(),
                    gaussx::quadratic_form(x, mean, p).unwrap(),
                    gaussx::kl_divergence(x, p, mean, q).unwrap(),
                ])
            };
            assert_eq!(all(&p_block, &q_block), all(&p, &q), "n = {n}, seed {seed}");
        }
    }
}

#[test]
fn divergence_between_dense_normals_is_the_sum_of_its_parts() {
    for n in SIZES {
        for seed in 0..draws(n) {
            let case = Case::<f64>::new(n, seed);
            let [p, q] = case.operators();
            let [x, mean] = &case.points;
            let distance = gaussx::quadratic_form(x, mean, &q).unwrap();
            let divergence =
                pair::divergence_beside(distance, &p, &q, &mut Workspace::new()).unwrap();
            let found = gaussx::kl_divergence(x, &p, mean, &q).unwrap();
            assert_eq!(found, (divergence + distance) / 2.0, "n = {n}, seed {seed}");
        }
    }
}

#[test]
fn strides_change_no_bit() {
    for n in SIZES {
        for seed in 0..draws(n).min(20) {
            let case = Case::<f64>::new(n, seed);
            let [p, _] = case.operators();
            let points = Mat::from_fn(n, 3, |i, j| case.points[j % 2][i] + j as f64);
            let rows = points.transpose().to_owned();
            let mean = &case.points[1];
            let found = gaussx::quadratic_form_batch(rows.as_ref().transpose(), mean, &p).unwrap();
            let expected = gaussx::quadratic_form_batch(&points, mean, &p).unwrap();
            for k in 0..3 {
                assert_eq!(
                    found[k].to_bits(),
                    expected[k].to_bits(),
                    "n = {n}, seed {seed}"
                );
            }
            // A matrix that is a view of another, or row-major, is the same matrix.
            let wide = Mat::from_fn(n + 3, n + 2, |i, j| {
                if i < n && j < n {
                    case.sigma[(i, j)]
                } else {
                    f64::NAN
                }
            });
            let view = wide.as_ref().submatrix(0, 0, n, n);
            let from_view = DenseCovariance::new(view.to_owned()).unwrap();
            assert_eq!(from_view, p);
        }
    }
}

/// Runs `f` on a pool of `count` threads.
fn on_threads<R: Send>(count: usize, f: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(count);
    pool.build().unwrap().install(f)
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for n in [5, 40, 260, 700] {
        let all = || {
            let case = Case::<f64>::new(n, 2);
            let [p, q] = case.operators();
            let scaled = p.clone().scale(1.0 + 1e-6).unwrap();
            let mut bits = quantities(&p, &q, &case.points);
            bits.extend(quantities(&p, &scaled, &case.points));
            let points = Mat::from_fn(n, 600, |i, j| case.points[j % 2][i] + j as f64);
            let forms = gaussx::quadratic_form_batch(&points, &case.points[1], &p).unwrap();
            let white = gaussx::whiten(&points, &case.points[1], &p).unwrap();
            let precisions = p.diag_inverse().unwrap();
            bits.extend(forms.iter().chain(precisions.iter()).map(|x| x.to_bits()));
            bits.extend(white.col_iter().flat_map(|c| c.iter().map(|x| x.to_bits())));
            bits
        };
        let expected = on_threads(1, all);
        for count in [2, 3, 8] {
            assert!(
                on_threads(count, all) == expected,
                "n = {n}, {count} threads"
            );
        }
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..4).map(|_| scope.spawn(all)).collect();
            for caller in callers {
                assert!(caller.join().unwrap() == expected, "n = {n}, four callers");
            }
        });
    }
}

#[test]
fn any_number_of_threads_sums_long_vectors_to_the_same_bits() {
    let n = 1_000_003;
    let variances =
        |phase: usize| -> Vec<f64> { (0..n).map(|i| 0.1 + ((i + phase) % 977) as f64).collect() };
    let (p, q) = (variances(0), variances(5));
    let close: Vec<f64> = p.iter().map(|v| v * (1.0 + 1e-9)).collect();
    let all = || {
        let [sigma_p, sigma_q, close] =
            [&p, &q, &close].map(|v| DiagonalCovariance::new(v).unwrap());
        bits(&[
            gaussx::entropy(&sigma_p).unwrap(),
            gaussx::log_prob(&p, &q, &sigma_p).unwrap(),
            gaussx::kl_divergence(&p, &sigma_p, &q, &sigma_q).unwrap(),
            gaussx::kl_divergence(&p, &sigma_p, &p, &close).unwrap(),
            gaussx::cross_entropy(&p, &sigma_p, &q, &sigma_q).unwrap(),
        ])
    };
    let expected = on_threads(1, all);
    for count in [2, 3, 8] {
        assert_eq!(on_threads(count, all), expected, "{count} threads");
    }
}

#[test]
fn any_number_of_threads_meets_empty_blocks_to_the_same_bits() {
    let blocks = |scale: f64| {
        let matrices = (0..2000).map(|b: u64| match b % 3 {
            0 => Mat::zeros(0, 0),
            _ => Random::new(b).covariance::<f64>(5) * gaussx::faer::Scale(scale),
        });
        BlockDiagonal::from_matrices(matrices.collect()).unwrap()
    };
    let (p, q) = (blocks(1.0), blocks(3.0));
    let mean = vec![0.0; p.dim()];
    let kl = || bits(&[gaussx::kl_divergence(&mean, &p, &mean, &q).unwrap()]);
    let expected = on_threads(1, kl);
    for count in [2, 3, 8] {
        assert_eq!(on_threads(count, kl), expected, "{count} threads");
    }
}

/// The number of points decides how they are solved, not their strides.
#[test]
fn strided_batches_need_no_copy_and_give_the_same_bits() {
    for n in [3, 8, 20, 64, 100, 250] {
        let sigma = DenseCovariance::new(Random::new(7).covariance::<f64>(n)).unwrap();
        let mean = vec![0.5; n];
        // None so few that many coordinates would be solved in panels, which are copies.
        for count in [1, 3, 5, 33, 5000]
            .into_iter()
            .filter(|&count| n <= 64 || count > 100)
        {
            let points = Mat::from_fn(n, count, |i, j| ((i * 7 + j * 3) % 11) as f64);
            let rows = points.transpose().to_owned();
            let form = |points: MatRef<'_, f64>| {
                let mut out = vec![0.0; count];
                // A block of the factor and some hundreds of points, packed: not all of them.
                let packed = 128 * (128 + 16) + 256 * (n + 16);
                let mut workspace = Workspace::new().limited_to(packed);
                let center = gaussx::faer::ColRef::from_slice(&mean);
                sigma
                    .quadratic_forms_into(points, Some(center), &mut out, &mut workspace)
                    .unwrap();
                bits(&out)
            };
            let expected = form(points.as_ref());
            assert_eq!(form(rows.transpose()), expected, "n = {n}, {count} points");
        }
    }
}
