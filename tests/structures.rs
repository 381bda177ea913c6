//! Every quantity on every structure, and on every ordered pair, against plain dense
//! formulas.

use gaussx::faer::{Mat, MatRef};
use gaussx::{
    Adjust, BlockDiagonal, CholeskyFactor, CovarianceOperator, DenseCovariance, DiagonalCovariance,
    Error, FactorKind, MultivariateNormal, Scalar, ScaledIdentity, Workspace,
};
use gaussx_tests::compare::{assert_close, unit};
use gaussx_tests::naive::{self, Naive};
use gaussx_tests::random::{Random, exact};
use gaussx_tests::structures::{Structured, side_by_side, structures};

const SIZES: [usize; 7] = [1, 2, 3, 5, 8, 17, 70];

/// Errors are promised in units of `n ε κ`; the plain reference spends as many in `f64`.
const UNITS: f64 = 20.0;

macro_rules! for_both_scalars {
    ($($name:ident),* $(,)?) => {
        mod single {
            $(#[test] fn $name() { super::$name::<f32>(); })*
        }
        mod double {
            $(#[test] fn $name() { super::$name::<f64>(); })*
        }
    };
}

for_both_scalars!(
    single_covariance_quantities_match_the_dense_formulas,
    pair_quantities_match_the_dense_formulas,
    batches_match_single_points,
    batches_of_every_size_are_their_points_one_by_one,
    factor_operations_are_those_of_the_dense_factor,
    sub_blocks_and_columns_are_those_of_the_matrix,
    summaries_match_the_dense_formulas,
    mutual_information_matches_the_dense_formula,
    diagonal_fits_match_the_dense_formulas,
    constructors_agree,
    adjusted_covariances_are_those_of_the_adjusted_matrix,
    dimension_zero_is_a_point_mass,
    blocks_equal_those_built_one_by_one,
);

fn for_each_structure<T: Scalar>(seed: u64, mut f: impl FnMut(&Structured<T>, &mut Random)) {
    let mut random = Random::new(seed);
    for n in SIZES {
        for structured in structures::<T>(n, &mut random) {
            f(&structured, &mut random);
        }
    }
}

/// The sum of magnitudes that a log-density is a signed sum of.
fn magnitude(sigma: &Naive, form: f64) -> f64 {
    let logs = (0..sigma.dim()).map(|i| sigma.at(i, i).ln().abs() + 3.0);
    logs.sum::<f64>() + form
}

fn single_covariance_quantities_match_the_dense_formulas<T: Scalar>() {
    for_each_structure::<T>(1, |s, random| {
        let (n, sigma) = (s.matrix.dim(), &s.matrix);
        let (x, mean): (Vec<T>, Vec<T>) = (random.vector(n), random.vector(n));
        let (x64, mean64) = (exact(&x), exact(&mean));
        let kappa = sigma.kappa();
        let bound = unit::<T>(UNITS, n, kappa);
        let p = MultivariateNormal::new(&mean, &s.operator).unwrap();

        let form = sigma.quadratic_form(&x64, &mean64);
        assert_close(s.name, p.quadratic_form(&x).unwrap(), form, bound * form);

        let scale = magnitude(sigma, form);
        let log_prob = naive::log_prob(&x64, &mean64, sigma);
        assert_close(s.name, p.log_prob(&x).unwrap(), log_prob, bound * scale);

        let entropy = naive::entropy(sigma);
        assert_close(s.name, p.entropy().unwrap(), entropy, bound * scale);

        let delta: Vec<f64> = mean64.iter().zip(&x64).map(|(m, x)| m - x).collect();
        let score = sigma.inverse().times(&delta);
        let norm = |i: usize| form.sqrt() / sigma.at(i, i).sqrt();
        for (i, &value) in p.score(&x).unwrap().iter().enumerate() {
            assert_close(s.name, value, score[i], bound * norm(i) * kappa);
        }

        let identity = Naive::from_fn(n, |i, j| if i == j { 1.0 } else { 0.0 });
        let zero = vec![0.0; n];
        let kl = naive::kl_divergence(&mean64, sigma, &zero, &identity);
        assert_close(
            s.name,
            p.kl_standard_normal().unwrap(),
            kl,
            bound * (kl + 1.0),
        );
    });
}

fn pair_quantities_match_the_dense_formulas<T: Scalar>() {
    let mut random = Random::new(2);
    for n in SIZES {
        let ps = structures::<T>(n, &mut random);
        let qs = structures::<T>(n, &mut random);
        for p in &ps {
            for q in &qs {
                pair_matches(p, q, &mut random);
            }
        }
    }
}

fn pair_matches<T: Scalar>(p: &Structured<T>, q: &Structured<T>, random: &mut Random) {
    let n = p.matrix.dim();
    let what = format!("{} from {}, n = {n}", p.name, q.name);
    let (mean_p, mean_q, y): (Vec<T>, Vec<T>, Vec<T>) =
        (random.vector(n), random.vector(n), random.vector(n));
    let (m_p, m_q, y64) = (exact(&mean_p), exact(&mean_q), exact(&y));
    let bound = unit::<T>(UNITS, n, p.matrix.kappa().max(q.matrix.kappa()));
    let gaussian_p = MultivariateNormal::new(&mean_p, &p.operator).unwrap();
    let gaussian_q = MultivariateNormal::new(&mean_q, &q.operator).unwrap();

    let trace = q.matrix.inverse().product(&p.matrix).trace();
    let scale = magnitude(&q.matrix, q.matrix.quadratic_form(&m_p, &m_q) + trace);
    let kl = naive::kl_divergence(&m_p, &p.matrix, &m_q, &q.matrix);
    let found = gaussian_p.kl_divergence(&gaussian_q).unwrap();
    assert_close(&what, found, kl, bound * (kl + 1.0));
    assert!(found >= T::zero());

    let cross_entropy = naive::cross_entropy(&m_p, &p.matrix, &m_q, &q.matrix);
    let found = gaussian_p.cross_entropy(&gaussian_q).unwrap();
    assert_close(&what, found, cross_entropy, bound * scale);

    let expected = naive::expected_log_likelihood(&y64, &m_p, &p.matrix, &q.matrix);
    let found = gaussian_p.expected_log_likelihood(&y, &q.operator).unwrap();
    let scale = magnitude(&q.matrix, q.matrix.quadratic_form(&y64, &m_p) + trace);
    assert_close(&what, found, expected, bound * scale);

    // p as q(f), q as noise, a third covariance as prior.
    let prior = &structures::<T>(n, random)[random.index(9)];
    let bound = bound.max(unit::<T>(UNITS, n, prior.matrix.kappa()));
    let kl = naive::kl_divergence(&m_p, &p.matrix, &m_q, &prior.matrix);
    let gaussian_prior = MultivariateNormal::new(&mean_q, &prior.operator).unwrap();
    let found = gaussian_p.elbo(&y, &q.operator, &gaussian_prior).unwrap();
    assert_close(&what, found, expected - kl, bound * (scale + kl + 1.0));
}

fn batches_match_single_points<T: Scalar>() {
    for_each_structure::<T>(3, |s, random| {
        let n = s.matrix.dim();
        // More points than a panel holds.
        let count = 1 + random.index(150);
        let data: Vec<T> = random.vector(n * count);
        let points = MatRef::from_column_major_slice(&data, n, count);
        let p = MultivariateNormal::new(random.vector(n), &s.operator).unwrap();
        let kappa = s.matrix.kappa();
        let bound = unit::<T>(UNITS, n, kappa);

        let (forms, densities) = (
            p.quadratic_form_batch(points).unwrap(),
            p.log_prob_batch(points).unwrap(),
        );
        let p_values = p.mahalanobis_p_value_batch(points).unwrap();
        let scores = p.score_batch(points).unwrap();
        let white = p.whiten(points).unwrap();
        for j in 0..count {
            let x = points.col(j);
            let length = white.col(j).squared_norm_l2().as_f64();
            assert_close(s.name, forms[j], length, bound * length);
            let form = p.quadratic_form(x).unwrap().as_f64();
            assert_close(s.name, forms[j], form, bound * form);
            let density = p.log_prob(x).unwrap().as_f64();
            assert_close(
                s.name,
                densities[j],
                density,
                bound * magnitude(&s.matrix, form),
            );
            let p_value = p.mahalanobis_p_value(x).unwrap().as_f64();
            assert_close(s.name, p_values[j], p_value, bound * (1.0 + form) * p_value);
            let score = p.score(x).unwrap();
            for i in 0..n {
                let norm = form.sqrt() * kappa / s.matrix.at(i, i).sqrt();
                assert_close(s.name, scores[(i, j)], score[i].as_f64(), bound * norm);
            }
        }
        // A strided view of the same points.
        let strided = points.transpose().to_owned();
        let again = p.log_prob_batch(strided.transpose()).unwrap();
        for j in 0..count {
            let scale = magnitude(&s.matrix, forms[j].as_f64());
            assert_close(s.name, again[j], densities[j].as_f64(), bound * scale);
        }
    });
}

/// Where one kernel hands over to another, and where groups and panels are not full.
fn batches_of_every_size_are_their_points_one_by_one<T: Scalar>() {
    let mut random = Random::new(12);
    for n in [1, 4, 5, 7, 8, 9, 31, 64, 65, 100, 255, 256, 257] {
        let matrix = random.covariance::<T>(n);
        let sigma = DenseCovariance::new(matrix).unwrap();
        let bound = unit::<T>(UNITS, n, 1.0);
        for count in [5, 8, 15, 17, 33, 100] {
            let points: Mat<T> = Mat::from_fn(n, count, |_, _| random.vector::<T>(1)[0]);
            let mean: Vec<T> = random.vector(n);
            let p = MultivariateNormal::new(mean, &sigma).unwrap();
            let forms = p.quadratic_form_batch(&points).unwrap();
            for j in 0..count {
                let form = p.quadratic_form(points.col(j)).unwrap().as_f64();
                let what = format!("n = {n}, point {j} of {count}");
                assert_close(&what, forms[j], form, bound * form);
            }
        }
    }
}

fn factor_operations_are_those_of_the_dense_factor<T: Scalar>() {
    for_each_structure::<T>(4, |s, random| {
        let n = s.matrix.dim();
        let factor = s.operator.cholesky();
        let mut workspace = Workspace::new();
        let kappa = s.matrix.kappa();
        let bound = unit::<T>(UNITS, n, kappa);
        let l = s.matrix.cholesky();

        // L itself, column by column, is the one lower factor with a positive diagonal.
        let mut found: Mat<T> = Mat::identity(n, n);
        factor
            .multiply_in_place(found.as_mut(), &mut workspace)
            .unwrap();
        let mut diag = vec![T::zero(); n];
        factor.diag_into(&mut diag).unwrap();
        for i in 0..n {
            let row = s.matrix.at(i, i).sqrt();
            for j in 0..n {
                assert_close(s.name, found[(i, j)], l.at(i, j), bound * row);
            }
            assert_close(s.name, diag[i], l.at(i, i), bound * row);
        }

        // Each solve undoes its product, on contiguous and on strided columns.
        let x: Mat<T> = Mat::from_fn(n, 3, |_, _| random.uniform(-1.0, 1.0));
        for transposed in [false, true] {
            let mut contiguous = x.clone();
            let mut strided = x.transpose().to_owned();
            for y in [contiguous.as_mut(), strided.as_mut().transpose_mut()] {
                let mut y = y;
                if transposed {
                    factor
                        .multiply_transpose_in_place(y.as_mut(), &mut workspace)
                        .unwrap();
                    factor
                        .half_solve_transpose_in_place(y.as_mut(), &mut workspace)
                        .unwrap();
                } else {
                    factor
                        .multiply_in_place(y.as_mut(), &mut workspace)
                        .unwrap();
                    factor
                        .half_solve_in_place(y.as_mut(), &mut workspace)
                        .unwrap();
                }
                for j in 0..3 {
                    for i in 0..n {
                        let unit = bound * 10.0 * n as f64 * kappa;
                        assert_close(s.name, y[(i, j)], x[(i, j)].as_f64(), unit);
                    }
                }
            }
        }

        // Σ x = L Lᵀ x, and Σ⁻¹ Σ x = x.
        let mut applied = x.clone();
        s.operator
            .apply_in_place(applied.as_mut(), &mut workspace)
            .unwrap();
        for j in 0..3 {
            let column: Vec<f64> = x.col(j).iter().map(|v| v.as_f64()).collect();
            let expected = s.matrix.times(&column);
            for i in 0..n {
                let row: f64 = (0..n).map(|k| s.matrix.at(i, k).abs()).sum();
                assert_close(s.name, applied[(i, j)], expected[i], bound * row);
            }
        }
        assert_eq!(s.operator.apply(x.as_ref()).unwrap(), applied);
        let solved = s.operator.solve(applied.as_ref()).unwrap();
        for j in 0..3 {
            for i in 0..n {
                let unit = bound * 10.0 * n as f64 * kappa;
                assert_close(s.name, solved[(i, j)], x[(i, j)].as_f64(), unit);
            }
        }
    });
}

fn sub_blocks_and_columns_are_those_of_the_matrix<T: Scalar>() {
    for_each_structure::<T>(5, |s, random| {
        let n = s.matrix.dim();
        let mut workspace = Workspace::new();
        let bound = unit::<T>(UNITS, n, 1.0);
        let near = |found: T, i: usize, j: usize| {
            let unit = bound * (s.matrix.at(i, i) * s.matrix.at(j, j)).sqrt();
            assert_close(s.name, found, s.matrix.at(i, j), unit);
        };
        let dense = s.operator.to_dense().unwrap();
        for i in 0..n {
            for j in 0..n {
                near(dense[(i, j)], i, j);
                assert_eq!(dense[(i, j)], dense[(j, i)], "{}", s.name);
            }
        }
        for (i, &v) in s.operator.diag().unwrap().iter().enumerate() {
            near(v, i, i);
        }
        let rows: Vec<usize> = (0..1 + random.index(n)).map(|_| random.index(n)).collect();
        let columns: Vec<usize> = (0..1 + random.index(n)).map(|_| random.index(n)).collect();
        let mut block = Mat::zeros(rows.len(), columns.len());
        s.operator
            .sub_block_into(&rows, &columns, block.as_mut(), &mut workspace)
            .unwrap();
        let mut whole = Mat::zeros(n, columns.len());
        s.operator
            .columns_into(&columns, whole.as_mut(), &mut workspace)
            .unwrap();
        for (b, &j) in columns.iter().enumerate() {
            for (a, &i) in rows.iter().enumerate() {
                near(block[(a, b)], i, j);
            }
            for i in 0..n {
                near(whole[(i, b)], i, j);
            }
        }
    });
}

fn summaries_match_the_dense_formulas<T: Scalar>() {
    for_each_structure::<T>(6, |s, _| {
        let n = s.matrix.dim();
        let bound = unit::<T>(UNITS, n, s.matrix.kappa());
        let found = gaussx::summary(&s.operator).unwrap();
        let trace = s.matrix.trace();
        assert_eq!(found.dim, n);
        assert_close(s.name, found.trace, trace, bound * trace);
        let logdet = s.matrix.logdet();
        assert_close(
            s.name,
            found.logdet,
            logdet,
            bound * magnitude(&s.matrix, 0.0),
        );
        let determinant = logdet.exp();
        if determinant < 1e30 && determinant > 1e-30 {
            let unit = bound * n as f64 * determinant;
            assert_close(s.name, found.determinant, determinant, unit);
        }
        let squares: f64 = s.matrix.rows.iter().flatten().map(|x| x * x).sum();
        let frobenius = squares.sqrt();
        assert_close(s.name, found.frobenius_norm, frobenius, bound * frobenius);

        // The axes diagonalise the matrix, largest variance first.
        let axes = gaussx::principal_axes(&s.operator, n).unwrap();
        let mut sum = 0.0;
        for k in 0..n {
            let axis: Vec<f64> = axes.directions.col(k).iter().map(|v| v.as_f64()).collect();
            let image = s.matrix.times(&axis);
            let variance = axes.variances[k].as_f64();
            sum += variance;
            for i in 0..n {
                let unit = bound * found.spectral_norm.as_f64();
                assert_close(s.name, T::of(image[i]), variance * axis[i], unit);
            }
            assert!(
                k == 0 || axes.variances[k] <= axes.variances[k - 1],
                "{}",
                s.name
            );
        }
        assert_close(s.name, T::of(sum), trace, bound * trace);
        let largest = axes.variances[0].as_f64();
        assert_close(s.name, found.spectral_norm, largest, bound * largest);
        let ratio = largest / axes.variances[n - 1].as_f64();
        let condition = ratio * found.spectral_norm.as_f64() / found.spectral_norm.as_f64();
        assert_close(
            s.name,
            found.condition_number,
            condition,
            bound * ratio * ratio,
        );

        let one = gaussx::principal_axes(&s.operator, 1).unwrap();
        assert_close(s.name, one.variances[0], largest, bound * largest);

        let inverse = s.matrix.inverse();
        let precisions = s.operator.diag_inverse().unwrap();
        for i in 0..n {
            let expected = inverse.at(i, i);
            assert_close(s.name, precisions[i], expected, bound * expected);
        }
        let total = inverse.trace();
        assert_close(
            s.name,
            s.operator.trace_inverse().unwrap(),
            total,
            bound * total,
        );
    });
}

fn mutual_information_matches_the_dense_formula<T: Scalar>() {
    for_each_structure::<T>(7, |s, random| {
        let n = s.matrix.dim();
        if n < 2 {
            return;
        }
        // A random split of the coordinates, in no order.
        let mut order: Vec<usize> = (0..n).collect();
        for k in (1..n).rev() {
            order.swap(k, random.index(k + 1));
        }
        let first = 1 + random.index(n - 1);
        let second = first + 1 + random.index(n - first);
        let (a, b) = (&order[..first], &order[first..second]);
        let expected = naive::mutual_information(&s.matrix, a, b);
        let found = gaussx::mutual_information(&s.operator, a, b).unwrap();
        let bound = unit::<T>(UNITS, n, s.matrix.kappa());
        assert_close(s.name, found, expected, bound * (1.0 + expected));
        assert!(found >= T::zero());
        let mirrored = gaussx::mutual_information(&s.operator, b, a).unwrap();
        assert_close(s.name, mirrored, found.as_f64(), bound * (1.0 + expected));
    });
}

fn diagonal_fits_match_the_dense_formulas<T: Scalar>() {
    for_each_structure::<T>(8, |s, random| {
        let n = s.matrix.dim();
        let p = MultivariateNormal::new(random.vector::<T>(n), &s.operator).unwrap();
        let inverse = s.matrix.inverse();
        let bound = unit::<T>(UNITS, n, s.matrix.kappa());
        let (forward, reverse) = (
            p.forward_diagonal_fit().unwrap(),
            p.reverse_diagonal_fit().unwrap(),
        );
        for i in 0..n {
            let variance = s.matrix.at(i, i);
            let found = forward.covariance().variances()[i];
            assert_close(s.name, found, variance, bound * variance);
            let variance = 1.0 / inverse.at(i, i);
            let found = reverse.covariance().variances()[i];
            assert_close(s.name, found, variance, bound * variance);
        }
        assert_eq!(forward.mean(), p.mean());
        assert_eq!(reverse.mean(), p.mean());
    });
}

fn constructors_agree<T: Scalar>() {
    let mut random = Random::new(9);
    for n in SIZES {
        let sigma = random.covariance::<T>(n);
        let matrix = Naive::from_fn(n, |i, j| sigma[(i, j)].as_f64());
        let bound = unit::<T>(UNITS, n, matrix.kappa());
        let near = |name: &str, found: &DenseCovariance<T>| {
            let found = found.to_dense().unwrap();
            for i in 0..n {
                for j in 0..n {
                    let unit = bound * (matrix.at(i, i) * matrix.at(j, j)).sqrt();
                    assert_close(name, found[(i, j)], matrix.at(i, j), unit);
                }
            }
        };
        let dense = DenseCovariance::new(sigma.clone()).unwrap();
        near("matrix", &dense);
        assert_eq!(dense.to_dense().unwrap(), sigma);
        assert_eq!(dense.clone().into_matrix().unwrap(), sigma);

        let lower = Mat::from_fn(n, n, |i, j| if i < j { T::nan() } else { sigma[(i, j)] });
        near(
            "lower triangle",
            &DenseCovariance::from_lower_triangle(lower).unwrap(),
        );

        let inverse = matrix.inverse();
        let precision = Mat::from_fn(n, n, |i, j| T::of(inverse.at(i.max(j), i.min(j))));
        near(
            "precision",
            &DenseCovariance::from_precision(precision).unwrap(),
        );

        let l = matrix.cholesky();
        let l = Mat::from_fn(n, n, |i, j| T::of(l.at(i, j)));
        near("factor", &DenseCovariance::from_cholesky(l).unwrap());

        let variances: Vec<T> = (0..n).map(|_| random.variance()).collect();
        let deviations: Vec<T> = variances.iter().map(|v| v.sqrt()).collect();
        let precisions: Vec<T> = variances.iter().map(|v| v.recip()).collect();
        for found in [
            DiagonalCovariance::new(&variances).unwrap(),
            DiagonalCovariance::from_std_devs(&deviations).unwrap(),
            DiagonalCovariance::from_precisions(&precisions).unwrap(),
        ] {
            for (&found, &v) in found.variances().iter().zip(&variances) {
                assert_close("diagonal", found, v.as_f64(), unit::<T>(4.0, 1, v.as_f64()));
            }
        }
    }
}

fn adjusted_covariances_are_those_of_the_adjusted_matrix<T: Scalar>() {
    fn check<T: Scalar>(before: impl Adjust<T> + Clone) {
        let (factor, jitter) = (T::of(3.0), T::of(0.25));
        let n = before.dim();
        let sigma = before.to_dense().unwrap();
        let changed = before.scale(factor).unwrap().add_jitter(jitter).unwrap();
        let found = changed.to_dense().unwrap();
        let matrix = Naive::from_fn(n, |i, j| {
            let ridge = if i == j { 0.25 } else { 0.0 };
            3.0 * sigma[(i, j)].as_f64() + ridge
        });
        let bound = unit::<T>(UNITS, n, matrix.kappa());
        for i in 0..n {
            for j in 0..n {
                let scale = (matrix.at(i, i) * matrix.at(j, j)).sqrt();
                assert_close("entry", found[(i, j)], matrix.at(i, j), bound * scale);
            }
        }
        // The factor was adjusted with the entries.
        let logdet = changed.logdet().unwrap();
        let scale = magnitude(&matrix, 0.0);
        assert_close("logdet", logdet, matrix.logdet(), bound * scale);
    }
    let mut random = Random::new(10);
    for n in [1, 3, 20] {
        let sigma = random.covariance::<T>(n);
        check(DenseCovariance::new(sigma.clone()).unwrap());
        let l = Mat::from_fn(n, n, |i, j| if i < j { T::zero() } else { sigma[(i, j)] });
        check(DenseCovariance::from_cholesky(l).unwrap());
        let variances: Vec<T> = (0..n).map(|_| random.variance()).collect();
        check(DiagonalCovariance::new(&variances).unwrap());
        check(ScaledIdentity::new(n, variances[0]).unwrap());
        check(BlockDiagonal::from_matrices(vec![sigma, random.covariance(2)]).unwrap());

        let dense = DenseCovariance::new(random.covariance::<T>(n)).unwrap();
        let before = dense.to_dense().unwrap();
        let after = dense.add_diagonal(&variances).unwrap().to_dense().unwrap();
        for i in 0..n {
            assert_eq!(after[(i, i)], before[(i, i)] + variances[i]);
        }
    }
}

fn dimension_zero_is_a_point_mass<T: Scalar>() {
    let empty: [T; 0] = [];
    for s in structures::<T>(0, &mut Random::new(11)) {
        let p = MultivariateNormal::new(empty, &s.operator).unwrap();
        assert_eq!(p.log_prob(empty).unwrap(), T::zero(), "{}", s.name);
        assert!(p.log_prob(empty).unwrap().is_sign_positive());
        assert_eq!(p.quadratic_form(empty).unwrap(), T::zero());
        assert_eq!(p.mahalanobis_p_value(empty).unwrap(), T::one());
        assert_eq!(p.score(empty).unwrap().nrows(), 0);
        assert_eq!(p.entropy().unwrap(), T::zero());
        assert_eq!(p.kl_divergence(&p).unwrap(), T::zero());
        assert_eq!(p.kl_standard_normal().unwrap(), T::zero());
        assert_eq!(p.cross_entropy(&p).unwrap(), T::zero());
        assert_eq!(p.elbo(empty, &s.operator, &p).unwrap(), T::zero());
        let summary = p.summary().unwrap();
        assert_eq!(summary.determinant, T::one());
        assert_eq!(summary.condition_number, T::one());
        assert_eq!(summary.trace, T::zero());
        assert_eq!(p.forward_diagonal_fit().unwrap().dim(), 0);
        assert_eq!(p.reverse_diagonal_fit().unwrap().dim(), 0);
        assert_eq!(p.sample_batch(3, &mut Random::new(0).0).unwrap().ncols(), 3);
    }
}

/// Blocks are factored side by side where they are small and equal: the same numbers come
/// out as one by one.
fn blocks_equal_those_built_one_by_one<T: Scalar>() {
    let one_by_one = |matrices: &[Mat<T>]| {
        let dense = |m: &Mat<T>| DenseCovariance::new(m.clone()).unwrap();
        BlockDiagonal::new(matrices.iter().map(dense).collect()).unwrap()
    };
    let sizes = [0, 1, 2, 3, 5, 8, 9, 13, 16, 17, 24];
    for size in sizes {
        for count in [1, 2, 15, 16, 17, 40] {
            let matrices: Vec<Mat<T>> = (0..count)
                .map(|seed| Random::new(seed).covariance(size))
                .collect();
            let expected = one_by_one(&matrices);
            let found = BlockDiagonal::from_side_by_side(side_by_side(&matrices)).unwrap();
            // Without rows there is nothing to count.
            assert!(
                size == 0 || found == expected,
                "{count} blocks of {size}, side by side"
            );
            let found = BlockDiagonal::from_matrices(matrices).unwrap();
            assert!(found == expected, "{count} blocks of {size}");
        }
    }
    // Sizes that change within a group, and matrices that are symmetric up to rounding.
    let matrices: Vec<Mat<T>> = (0..50_u64)
        .map(|seed| {
            let size = sizes[seed as usize % 7];
            let mut matrix: Mat<T> = Random::new(seed).covariance(size);
            if size > 1 && seed % 5 == 2 {
                let entry = matrix[(0, 1)];
                matrix[(1, 0)] = entry + entry * T::EPSILON;
            }
            matrix
        })
        .collect();
    let expected = one_by_one(&matrices);
    assert!(BlockDiagonal::from_matrices(matrices).unwrap() == expected);
}

/// The first matrix that is refused is named, in whatever group it stands.
#[test]
fn the_first_bad_block_is_named() {
    let identity = |n: usize| Mat::<f64>::identity(n, n);
    for (bad, worse) in [(0, 1), (15, 16), (16, 31), (37, 38), (3, 39)] {
        let mut matrices = vec![identity(3); 40];
        matrices[bad][(2, 2)] = -1.0;
        matrices[worse][(0, 0)] = -2.0;
        let expected = format!("block {bad}, pivot 2 is -1");
        let given = side_by_side(&matrices);
        let rejected = BlockDiagonal::from_side_by_side(given.clone()).unwrap_err();
        assert!(rejected.error.to_string().ends_with(&expected));
        assert!(rejected.matrix == given);
        let old =
            BlockDiagonal::from_side_by_side(side_by_side(&vec![identity(3); 40])).map_err(drop);
        let old = old.and_then(|old| {
            let rebuilt = old.rebuilt_side_by_side(&given, &mut Workspace::new());
            rebuilt.map_err(|rejected| assert!(rejected.matrix == given))
        });
        assert!(old.is_err());
        let error = BlockDiagonal::from_matrices(matrices).unwrap_err();
        assert!(error.to_string().ends_with(&expected), "{error}");
    }
}

/// A block that is changed moves to memory of its own, and leaves the others as they were.
#[test]
fn blocks_side_by_side_change_one_by_one() {
    let matrices: Vec<Mat<f64>> = (0..20)
        .map(|seed| Random::new(seed).covariance(5))
        .collect();
    let built = || BlockDiagonal::from_side_by_side(side_by_side(&matrices)).unwrap();
    let one_by_one = BlockDiagonal::from_matrices(matrices.clone()).unwrap();
    let mut workspace = Workspace::new();
    let changed = |blocks: BlockDiagonal<f64, DenseCovariance<f64>>,
                   workspace: &mut Workspace<f64>| {
        let change = |k: usize, block: DenseCovariance<f64>| match k {
            0 => block.scale(3.0),
            1 => block.add_jitter(0.5),
            2 => block.add_diagonal([1.0, 2.0, 3.0, 4.0, 5.0]),
            3 => Ok(block.rebuilt(&matrices[7], workspace)?),
            4 => Ok(block.rebuilt(Mat::identity(2, 2), workspace)?),
            5 => Ok(DenseCovariance::new(block.into_matrix()?)?),
            _ => Ok(block),
        };
        blocks.try_map(change).unwrap()
    };
    let kept = built();
    let found = changed(kept.clone(), &mut workspace);
    assert!(found == changed(one_by_one.clone(), &mut workspace));
    assert!(kept == one_by_one);
    assert!(kept.to_dense().unwrap() == one_by_one.to_dense().unwrap());

    // New numbers for all of them, whatever they were before and whoever shares them.
    let mut random = Random::new(99);
    let factors = vec![DenseCovariance::from_cholesky(Mat::identity(5, 5)).unwrap(); 20];
    let factors = BlockDiagonal::new(factors).unwrap();
    for old in [kept.clone(), found, one_by_one.clone(), built(), factors] {
        for count in [20, 3, 25] {
            let new: Vec<Mat<f64>> = (0..count).map(|_| random.covariance(5)).collect();
            let rebuilt = old
                .clone()
                .rebuilt_side_by_side(side_by_side(&new), &mut workspace);
            assert!(rebuilt.unwrap() == BlockDiagonal::from_matrices(new).unwrap());
        }
    }
    assert!(kept == one_by_one);

    let last = built().blocks().last().cloned();
    assert!(last.as_ref() == one_by_one.blocks().last());

    let wide = || Mat::<f64>::identity(2, 5);
    for refused in [
        BlockDiagonal::from_side_by_side(wide()),
        built().rebuilt_side_by_side(wide(), &mut workspace),
    ] {
        assert_eq!(
            Error::from(refused.unwrap_err()).to_string(),
            "matrix of blocks (columns) has dimension 5, expected 6"
        );
    }
}

/// A divergence and a quadratic form of many blocks are the sums of those of each.
#[test]
fn many_blocks_add_up() {
    for size in [1, 2, 5, 8, 11, 16, 20] {
        for (count, scale) in [(3, 4.0), (16, 4.0), (37, 4.0), (37, 1.001)] {
            let matrix = |seed: u64| Random::new(seed).covariance::<f64>(size);
            let p = (0..count).map(|b| DenseCovariance::new(matrix(b)).unwrap());
            let q = (0..count).map(|b| {
                let other = matrix(if scale > 2.0 { b + 1000 } else { b });
                DenseCovariance::new(other * gaussx::faer::Scale(scale)).unwrap()
            });
            let (p, q): (Vec<_>, Vec<_>) = (p.collect(), q.collect());
            let n = size * count as usize;
            let (x, mean) = (
                vec![0.3; n],
                (0..n).map(|i| (i % 7) as f64).collect::<Vec<_>>(),
            );
            let (mut kl, mut form) = (0.0, 0.0);
            for (b, (p, q)) in p.iter().zip(&q).enumerate() {
                let (x, mean) = (&x[b * size..][..size], &mean[b * size..][..size]);
                kl += gaussx::kl_divergence(x, p, x, q).unwrap();
                form += gaussx::quadratic_form(x, mean, p).unwrap();
            }
            let (p, q) = (
                BlockDiagonal::new(p).unwrap(),
                BlockDiagonal::new(q).unwrap(),
            );
            let found = gaussx::kl_divergence(&x, &p, &x, &q).unwrap();
            let what = format!("{count} blocks of {size}, scale {scale}");
            assert_close(&what, found, kl, 100.0 * f64::EPSILON * kl);
            check_beside_diagonals(&what, &p, scale);
            let found = gaussx::quadratic_form(&x, &mean, &p).unwrap();
            assert_close(&what, found, form, 1e4 * f64::EPSILON * form);
        }
    }
}

/// So are those of blocks whose size or kind changes on the way.
#[test]
fn blocks_of_changing_size_and_kind_add_up() {
    type Boxed = Box<dyn CovarianceOperator<f64>>;
    let runs = [
        (8, 20),
        (3, 1),
        (8, 40),
        (16, 2),
        (1, 1),
        (17, 1),
        (4, 18),
        (5, 2),
    ];
    let sizes: Vec<usize> = runs
        .iter()
        .flat_map(|&(size, count)| [size].repeat(count))
        .collect();
    let block = |b: usize, scale: f64| -> Boxed {
        let matrix = Random::new(b as u64).covariance::<f64>(sizes[b]);
        // In the middle of a run, one that has no dense factor.
        if b == 30 {
            let variances: Vec<f64> = (0..sizes[b]).map(|i| scale * matrix[(i, i)]).collect();
            return Box::new(DiagonalCovariance::new(variances).unwrap());
        }
        Box::new(DenseCovariance::new(matrix * gaussx::faer::Scale(scale)).unwrap())
    };
    for scale in [4.0, 1.001] {
        let p: Vec<Boxed> = (0..sizes.len()).map(|b| block(b, 1.0)).collect();
        let q: Vec<Boxed> = (0..sizes.len()).map(|b| block(b, scale)).collect();
        let n = sizes.iter().sum();
        let (x, mean): (Vec<f64>, Vec<f64>) = (0..n).map(|i| (0.3, (i % 7) as f64)).unzip();
        let (mut near, mut far, mut start) = (0.0, 0.0, 0);
        for (p, q) in p.iter().zip(&q) {
            let end = start + p.dim();
            let (x, mean) = (&x[start..end], &mean[start..end]);
            near += gaussx::kl_divergence(x, p, x, q).unwrap();
            far += gaussx::kl_divergence(x, p, mean, q).unwrap();
            start = end;
        }
        let (p, q) = (
            BlockDiagonal::new(p).unwrap(),
            BlockDiagonal::new(q).unwrap(),
        );
        for (mean, expected) in [(&x, near), (&mean, far)] {
            let found = gaussx::kl_divergence(&x, &p, mean, &q).unwrap();
            let tolerance = 1e3 * f64::EPSILON * expected;
            assert_close(&format!("scale {scale}"), found, expected, tolerance);
        }
    }
}

/// Blocks beside a diagonal and an identity, either way, far and near.
fn check_beside_diagonals(
    what: &str,
    blocks: &BlockDiagonal<f64, DenseCovariance<f64>>,
    scale: f64,
) {
    let n = blocks.dim();
    let zero = vec![0.0; n];
    let mut variances = vec![0.0; n];
    blocks.diag_into(&mut variances).unwrap();
    let diagonal = DiagonalCovariance::new(variances.iter().map(|v| v * scale).collect::<Vec<_>>());
    let others: [Box<dyn CovarianceOperator<f64>>; 2] = [
        Box::new(diagonal.unwrap()),
        Box::new(ScaledIdentity::new(n, 1.3).unwrap()),
    ];
    for other in others {
        let dense = DenseCovariance::new(blocks.to_dense().unwrap()).unwrap();
        let pairs = [
            (
                gaussx::kl_divergence(&zero, blocks, &zero, &other),
                gaussx::kl_divergence(&zero, &dense, &zero, &other),
            ),
            (
                gaussx::kl_divergence(&zero, &other, &zero, blocks),
                gaussx::kl_divergence(&zero, &other, &zero, &dense),
            ),
            (
                gaussx::cross_entropy(&zero, &other, &zero, blocks),
                gaussx::cross_entropy(&zero, &other, &zero, &dense),
            ),
        ];
        for (found, expected) in pairs {
            let (found, expected) = (found.unwrap(), expected.unwrap());
            assert_close(what, found, expected, 500.0 * f64::EPSILON * expected.abs());
        }
    }
}

/// A dense factor in whatever layout its owner likes.
#[derive(Debug)]
struct Strided {
    buffer: Mat<f64>,
    is_reversed: bool,
    variances: Vec<f64>,
}

impl Strided {
    fn new(l: MatRef<'_, f64>, is_reversed: bool) -> Self {
        let variance = |i: usize| (0..=i).map(|j| l[(i, j)] * l[(i, j)]).sum();
        Self {
            buffer: if is_reversed {
                l.reverse_rows_and_cols().to_owned()
            } else {
                l.transpose().to_owned()
            },
            is_reversed,
            variances: (0..l.nrows()).map(variance).collect(),
        }
    }
}

impl CovarianceOperator<f64> for Strided {
    fn dim(&self) -> usize {
        self.variances.len()
    }

    fn diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
        out.copy_from_slice(&self.variances);
        Ok(())
    }

    fn cholesky(&self) -> CholeskyFactor<'_, f64> {
        let buffer = self.buffer.as_ref();
        CholeskyFactor::dense(if self.is_reversed {
            buffer.reverse_rows_and_cols()
        } else {
            buffer.transpose()
        })
    }
}

#[test]
fn factors_of_any_strides_give_the_same_answers() {
    for n in [1, 2, 5, 8, 12, 16, 17, 40, 64, 128, 130] {
        let count = if n <= 17 { 20 } else { 1 };
        let dense = |seed: u64| DenseCovariance::new(Random::new(seed).covariance(n)).unwrap();
        let (x, mean) = (vec![0.3; count * n], vec![0.1; count * n]);
        let (points, means) = (vec![0.3; n], vec![0.1; n]);
        for is_reversed in [false, true] {
            let strided = |sigma: &DenseCovariance<f64>| match sigma.cholesky().kind() {
                FactorKind::Dense { l, .. } => Strided::new(l, is_reversed),
                other => unreachable!("{other:?}"),
            };
            let check = |what: &str, found: f64, expected: f64| {
                let what = format!("{what}, n = {n}, reversed: {is_reversed}");
                assert_close(&what, found, expected, 1e-9 * expected.abs());
            };
            let (p, q) = (dense(1), dense(2).scale(9.0).unwrap());
            let expected = gaussx::kl_divergence(&points, &p, &means, &q).unwrap();
            let (a, b) = (strided(&p), strided(&q));
            let pairs: [[&dyn CovarianceOperator<f64>; 2]; 3] = [[&a, &b], [&p, &b], [&a, &q]];
            for [p, q] in pairs {
                let found = gaussx::kl_divergence(&points, p, &means, q).unwrap();
                check("KL", found, expected);
            }

            let all = |f: &dyn Fn(u64) -> Strided| {
                BlockDiagonal::new((0..count as u64).map(f).collect()).unwrap()
            };
            let wide = |seed| dense(seed).scale(9.0).unwrap();
            let p = BlockDiagonal::new((0..count as u64).map(dense).collect()).unwrap();
            let q = BlockDiagonal::new((50..50 + count as u64).map(wide).collect()).unwrap();
            let a = all(&|seed| strided(&dense(seed)));
            let b = all(&|seed| strided(&wide(seed + 50)));
            let expected = gaussx::kl_divergence(&x, &p, &mean, &q).unwrap();
            let pairs: [[&dyn CovarianceOperator<f64>; 2]; 2] = [[&a, &b], [&p, &b]];
            for [p, q] in pairs {
                let found = gaussx::kl_divergence(&x, p, &mean, q).unwrap();
                check("blocks", found, expected);
            }
            let expected = gaussx::quadratic_form(&x, &mean, &p).unwrap();
            check(
                "form",
                gaussx::quadratic_form(&x, &mean, &a).unwrap(),
                expected,
            );
        }
    }
}
