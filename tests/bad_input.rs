//! Every public door refuses what it must, with the numbers in the error, and leaves the
//! object that was asked as it was.

use std::fmt::Debug;

use gaussx::faer::{Mat, MatMut, mat};
use gaussx::{
    Adjust, BlockDiagonal, CholeskyFactor, CovarianceOperator, DenseCovariance, DiagonalCovariance,
    Error, LowerTriangular, MultivariateNormal, Rejected, Scalar, Scaled, ScaledIdentity,
    Workspace,
};
use gaussx_tests::random::Random;
use gaussx_tests::structures::structures;

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

#[track_caller]
fn assert_message<R: Debug>(result: Result<R, impl Into<Error>>, message: &str) {
    match result {
        Ok(value) => panic!("{value:?} instead of: {message}"),
        Err(error) => assert_eq!(error.into().to_string(), message),
    }
}

fn gaussian() -> MultivariateNormal<f64, DenseCovariance<f64>> {
    let sigma = DenseCovariance::new(mat![[2.0, 0.5], [0.5, 1.0]]).unwrap();
    MultivariateNormal::new([1.0, 2.0], sigma).unwrap()
}

fn other_size() -> MultivariateNormal<f64, ScaledIdentity<f64>> {
    MultivariateNormal::centered(ScaledIdentity::new(3, 1.0).unwrap()).unwrap()
}

#[test]
fn dense_constructors_refuse_what_is_no_covariance() {
    type Constructor = fn(Mat<f64>) -> Result<DenseCovariance<f64>, Rejected<f64>>;
    let new: Constructor = DenseCovariance::new;
    let lower: Constructor = DenseCovariance::from_lower_triangle;
    let factor: Constructor = DenseCovariance::from_cholesky;
    let precision: Constructor = DenseCovariance::from_precision;
    let cases: [(Constructor, Mat<f64>, &str); 25] = [
        (new, Mat::zeros(2, 3), "covariance is not square: 2 x 3"),
        (
            new,
            mat![[1.0, NAN], [0.0, 1.0]],
            "covariance has a non-finite entry (NaN) at row 0, column 1",
        ),
        (
            new,
            mat![[1.0, 0.0], [NAN, 1.0]],
            "covariance has a non-finite entry (NaN) at row 1, column 0",
        ),
        (
            new,
            mat![[INF, 0.0], [0.0, 1.0]],
            "covariance has a non-finite entry (inf) at row 0, column 0",
        ),
        (
            new,
            mat![[1.0, 0.0], [0.0, -INF]],
            "covariance has a non-finite entry (-inf) at row 1, column 1",
        ),
        (
            new,
            mat![[1.0, 0.25], [0.5, 1.0]],
            "covariance is not symmetric: entries (1, 0) and (0, 1) differ by 0.25",
        ),
        (
            new,
            mat![[1.0, 2.0], [2.0, 1.0]],
            "covariance is not positive definite: pivot 1 is -3",
        ),
        (
            new,
            mat![[1.0, 1.0], [1.0, 1.0]],
            "covariance is not positive definite: pivot 1 is 0",
        ),
        (
            new,
            mat![[0.0]],
            "covariance is not positive definite: pivot 0 is 0",
        ),
        (
            new,
            mat![[-0.0]],
            "covariance is not positive definite: pivot 0 is -0",
        ),
        (
            new,
            mat![[1.0, 0.0], [0.0, -1.0]],
            "covariance is not positive definite: pivot 1 is -1",
        ),
        (
            new,
            mat![[0.0, 0.0], [0.0, 0.0]],
            "covariance is not positive definite: pivot 0 is 0",
        ),
        (lower, Mat::zeros(3, 1), "covariance is not square: 3 x 1"),
        (
            lower,
            mat![[1.0, 0.0], [NAN, 1.0]],
            "covariance has a non-finite entry (NaN) at row 1, column 0",
        ),
        (
            lower,
            mat![[1.0, NAN], [2.0, 1.0]],
            "covariance is not positive definite: pivot 1 is -3",
        ),
        (
            factor,
            Mat::zeros(1, 2),
            "Cholesky factor is not square: 1 x 2",
        ),
        (
            factor,
            mat![[1.0, NAN], [0.0, 1.0]],
            "Cholesky factor has a non-finite entry (NaN) at row 0, column 1",
        ),
        (
            factor,
            mat![[1.0, 0.5], [0.0, 1.0]],
            "Cholesky factor is not lower triangular: entry (0, 1) is 0.5",
        ),
        (
            factor,
            mat![[1.0, 0.0], [0.5, 0.0]],
            "covariance is not positive definite: pivot 1 is 0",
        ),
        (
            factor,
            mat![[-1.0]],
            "covariance is not positive definite: pivot 0 is -1",
        ),
        (
            factor,
            mat![[1e200]],
            "variance of the given Cholesky factor is not representable: an intermediate value overflowed, underflowed or was not a number",
        ),
        (
            precision,
            Mat::zeros(2, 1),
            "precision is not square: 2 x 1",
        ),
        (
            precision,
            mat![[1.0, 0.0], [INF, 1.0]],
            "precision has a non-finite entry (inf) at row 1, column 0",
        ),
        (
            precision,
            mat![[1.0, 0.5], [0.0, 1.0]],
            "precision is not symmetric: entries (1, 0) and (0, 1) differ by -0.5",
        ),
        (
            precision,
            mat![[1.0, 2.0], [2.0, 1.0]],
            "covariance is not positive definite: pivot 0 is -3",
        ),
    ];
    for (constructor, matrix, message) in cases {
        let rejected = constructor(matrix.clone()).unwrap_err();
        assert_eq!(rejected.error.to_string(), message);
        // The matrix comes back; only a failed factorisation mirrors its lower triangle.
        for j in 0..matrix.ncols() {
            for i in j..matrix.nrows() {
                let (found, given) = (rejected.matrix[(i, j)], matrix[(i, j)]);
                assert!(
                    found == given || (found.is_nan() && given.is_nan()),
                    "{message}"
                );
            }
        }
    }
}

#[test]
fn the_failing_pivot_is_named_in_every_block_of_the_factorisation() {
    for n in [5, 40, 129, 300] {
        for pivot in [0, 1, n / 2, n - 1] {
            let mut sigma: Mat<f64> = Random::new(1).covariance(n);
            sigma[(pivot, pivot)] = -1.0;
            let error = DenseCovariance::new(sigma).unwrap_err().error;
            let Error::NotPositiveDefinite {
                pivot: found,
                value,
                ..
            } = error
            else {
                panic!("{error}");
            };
            assert_eq!((found, value < 0.0), (pivot, true));
        }
    }
}

#[test]
fn singular_matrices_are_refused_whatever_their_units() {
    for scale in [1e-150, 1e-8, 1.0, 1e150] {
        for n in [2, 3, 10, 50, 200] {
            // Rank n - 1: the last coordinate is the sum of the others.
            let full: Mat<f64> = Random::new(2).covariance(n);
            let entry = |i: usize, j: usize| -> f64 {
                let weight = |i: usize, k: usize| f64::from(u8::from(i == k || i == n - 1));
                let mut sum = 0.0;
                for k in 0..n - 1 {
                    for l in 0..n - 1 {
                        sum += weight(i, k) * full[(k, l)] * weight(j, l);
                    }
                }
                sum * scale
            };
            if n > 60 {
                continue;
            }
            let singular = Mat::from_fn(n, n, |i, j| entry(i.max(j), i.min(j)));
            let error = DenseCovariance::new(singular).unwrap_err().error;
            assert!(matches!(error, Error::NotPositiveDefinite { pivot, .. } if pivot == n - 1));
        }
    }
}

#[test]
fn nearly_symmetric_matrices_pass() {
    let sigma = mat![[1.0, 0.5], [0.5 + 1e-12, 1.0]];
    let sigma = DenseCovariance::new(sigma).unwrap();
    // The lower triangle is the matrix.
    assert_eq!(sigma.to_dense().unwrap()[(0, 1)], 0.5 + 1e-12);
}

#[test]
fn diagonal_and_scaled_constructors_refuse_what_is_no_variance() {
    use gaussx::{DiagonalCovariance as D, ScaledIdentity as S};
    let overflow = "variance is not representable: an intermediate value overflowed, underflowed or was not a number";
    assert_message(
        D::new([1.0, 0.0]),
        "covariance is not positive definite: pivot 1 is 0",
    );
    assert_message(
        D::new([1.0, -0.0]),
        "covariance is not positive definite: pivot 1 is -0",
    );
    assert_message(
        D::new([-3.0]),
        "covariance is not positive definite: pivot 0 is -3",
    );
    assert_message(
        D::new([1.0, NAN]),
        "variances has a non-finite entry (NaN) at row 1, column 0",
    );
    assert_message(
        D::new([INF]),
        "variances has a non-finite entry (inf) at row 0, column 0",
    );
    assert_message(D::from_std_devs([1e-200]), overflow);
    assert_message(D::from_std_devs([1e200]), overflow);
    assert_message(
        D::from_std_devs([-1.0]),
        "covariance is not positive definite: pivot 0 is -1",
    );
    assert_message(
        D::from_precisions([0.0]),
        "covariance is not positive definite: pivot 0 is 0",
    );
    assert_message(D::from_precisions([1e-310]), overflow);
    assert_message(
        D::from_precisions([NAN]),
        "precisions has a non-finite entry (NaN) at row 0, column 0",
    );
    assert_message(
        S::new(2, 0.0),
        "covariance is not positive definite: pivot 0 is 0",
    );
    assert_message(
        S::new(2, NAN),
        "variance has a non-finite entry (NaN) at row 0, column 0",
    );
    assert_message(
        S::new(0, -1.0),
        "covariance is not positive definite: pivot 0 is -1",
    );
    assert_message(S::from_std_dev(2, 1e-170), overflow);
    assert_message(S::from_precision(2, 1e-320), overflow);
}

#[test]
fn blocks_name_the_path_to_the_failing_pivot() {
    let bad = || mat![[1.0, 0.0], [0.0, -2.0]];
    let error = BlockDiagonal::from_matrices(vec![mat![[1.0]], bad()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "covariance is not positive definite: block 1, pivot 1 is -2"
    );
    let inner = BlockDiagonal::from_matrices(vec![mat![[1.0]]]).unwrap();
    let outer = BlockDiagonal::new(vec![inner]).unwrap();
    let error = outer
        .try_map(|_, inner| inner.try_map(|_, _| DenseCovariance::new(bad()).map_err(Error::from)))
        .unwrap_err();
    let Error::NotPositiveDefinite { path, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(path.indices(), [0, 0]);
    let huge = ScaledIdentity::new(usize::MAX, 1.0).unwrap();
    assert!(BlockDiagonal::new(vec![huge, huge]).is_err());
}

#[test]
fn adjustments_refuse_bad_numbers() {
    let sigma = gaussian().into_parts().1;
    let blocks = BlockDiagonal::new(vec![sigma.clone()]).unwrap();
    let none = BlockDiagonal::<f64, ScaledIdentity<f64>>::new(vec![]).unwrap();
    for factor in [0.0, -1.0, NAN, INF] {
        assert!(matches!(
            sigma.clone().scale(factor),
            Err(Error::InvalidParameter { .. })
        ));
        assert!(matches!(
            blocks.clone().scale(factor),
            Err(Error::InvalidParameter { .. })
        ));
        assert!(matches!(
            none.clone().scale(factor),
            Err(Error::InvalidParameter { .. })
        ));
        let diagonal = DiagonalCovariance::new([1.0]).unwrap();
        assert!(matches!(
            diagonal.scale(factor),
            Err(Error::InvalidParameter { .. })
        ));
        let scaled = ScaledIdentity::new(1, 1.0).unwrap();
        assert!(matches!(
            scaled.scale(factor),
            Err(Error::InvalidParameter { .. })
        ));
    }
    for jitter in [-1e-9, NAN, INF] {
        assert!(matches!(
            sigma.clone().add_jitter(jitter),
            Err(Error::InvalidParameter { .. })
        ));
        assert!(matches!(
            none.clone().add_jitter(jitter),
            Err(Error::InvalidParameter { .. })
        ));
    }
    assert_message(
        sigma.clone().add_jitter(-1.0),
        "jitter is -1, required: finite and not negative",
    );
    assert_message(
        sigma.clone().add_diagonal([1.0]),
        "diagonal to add has dimension 1, expected 2",
    );
    assert!(sigma.clone().add_diagonal([1.0, NAN]).is_err());
    assert!(sigma.clone().scale(1e308).is_err());
    assert!(
        DiagonalCovariance::new([1e300])
            .unwrap()
            .scale(1e300)
            .is_err()
    );
    assert!(
        DiagonalCovariance::new([1e300])
            .unwrap()
            .add_diagonal([f64::MAX; 2])
            .is_err()
    );
    assert!(
        ScaledIdentity::new(1, 1e-300)
            .unwrap()
            .scale(1e-300)
            .is_err()
    );
    assert!(
        sigma
            .add_jitter(f64::MAX)
            .unwrap()
            .add_jitter(f64::MAX)
            .is_err()
    );
}

#[test]
fn quantities_refuse_wrong_sizes() {
    let (p, r) = (gaussian(), other_size());
    let noise = ScaledIdentity::new(2, 1.0).unwrap();
    let points = Mat::<f64>::zeros(3, 4);
    assert_message(p.log_prob([1.0]), "point has dimension 1, expected 2");
    assert_message(
        p.quadratic_form([1.0; 3]),
        "point has dimension 3, expected 2",
    );
    assert_message(
        p.mahalanobis_p_value([0.0; 0]),
        "point has dimension 0, expected 2",
    );
    assert_message(p.score([1.0]), "point has dimension 1, expected 2");
    assert_message(
        p.log_prob_batch(&points),
        "point has dimension 3, expected 2",
    );
    assert_message(
        p.quadratic_form_batch(&points),
        "point has dimension 3, expected 2",
    );
    assert_message(
        p.mahalanobis_p_value_batch(&points),
        "point has dimension 3, expected 2",
    );
    assert_message(p.score_batch(&points), "point has dimension 3, expected 2");
    assert_message(
        p.cross_entropy(&r),
        "covariance q has dimension 3, expected 2",
    );
    assert_message(
        p.kl_divergence(&r),
        "covariance q has dimension 3, expected 2",
    );
    assert_message(
        p.expected_log_likelihood([1.0; 2], r.covariance()),
        "noise covariance has dimension 3, expected 2",
    );
    assert_message(
        p.expected_log_likelihood([1.0; 3], &noise),
        "observation has dimension 3, expected 2",
    );
    assert_message(
        p.elbo([1.0; 2], &noise, &r),
        "covariance of the prior has dimension 3, expected 2",
    );
    assert_message(
        MultivariateNormal::new([0.0; 3], noise),
        "mean has dimension 3, expected 2",
    );
    assert_message(
        gaussx::kl_divergence([0.0; 3], &noise, [0.0; 2], &noise),
        "mean of p has dimension 3, expected 2",
    );
    assert_message(
        gaussx::kl_divergence([0.0; 2], &noise, [0.0; 3], &noise),
        "mean of q has dimension 3, expected 2",
    );
    assert_message(
        gaussx::sample([0.0; 3], &noise, &mut Random::new(0).0),
        "mean has dimension 3, expected 2",
    );
    assert_message(
        gaussx::kl_standard_normal([0.0; 3], &noise),
        "mean has dimension 3, expected 2",
    );
    // The object that was asked is unharmed.
    assert_eq!(p, gaussian());
}

#[test]
fn quantities_refuse_numbers_that_are_not_finite() {
    let (p, mean) = (gaussian(), [0.0, 0.0]);
    let sigma = p.covariance();
    for bad in [NAN, INF, -INF] {
        let x = [0.0, bad];
        let points = mat![[0.0, 0.0], [0.0, bad]];
        let results = [
            p.log_prob(x),
            p.quadratic_form(x),
            p.mahalanobis_p_value(x),
            p.expected_log_likelihood(x, sigma),
            p.elbo(x, sigma, &p),
            p.score(x).map(|_| 0.0),
            p.log_prob_batch(&points).map(|_| 0.0),
            p.quadratic_form_batch(&points).map(|_| 0.0),
            p.mahalanobis_p_value_batch(&points).map(|_| 0.0),
            p.score_batch(&points).map(|_| 0.0),
            p.whiten(&points).map(|_| 0.0),
            gaussx::log_prob(mean, x, sigma),
            gaussx::score(mean, x, sigma).map(|_| 0.0),
            gaussx::kl_divergence(x, sigma, mean, sigma),
            gaussx::kl_divergence(mean, sigma, x, sigma),
            gaussx::cross_entropy(x, sigma, mean, sigma),
            gaussx::kl_standard_normal(x, sigma),
            gaussx::sample(x, sigma, &mut Random::new(0).0).map(|_| 0.0),
            MultivariateNormal::new(x, sigma).map(|_| 0.0),
            gaussx::fit_dense(mat![[0.0, 1.0, bad]]).map(|_| 0.0),
            gaussx::fit_diagonal(mat![[0.0, 1.0, bad]]).map(|_| 0.0),
            gaussx::fit_scaled_identity(mat![[0.0, 1.0, bad]]).map(|_| 0.0),
        ];
        for (index, result) in results.into_iter().enumerate() {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::NonFinite { .. }), "{index}: {error}");
        }
        let error = p.log_prob_batch(&points).unwrap_err();
        assert!(matches!(
            error,
            Error::NonFinite {
                row: 1,
                column: 1,
                ..
            }
        ));
    }
}

#[test]
fn both_points_infinite_is_an_error_and_not_nan() {
    let sigma = ScaledIdentity::new(1, 1.0).unwrap();
    let error = gaussx::quadratic_form([INF], [INF], &sigma).unwrap_err();
    assert!(matches!(error, Error::NonFinite { .. }));
}

#[test]
fn an_overflow_is_infinite_or_an_error_but_never_nan() {
    let dense = DenseCovariance::new(mat![[1.0, 0.9], [0.9, 1.0]]).unwrap();
    let (far, near) = ([f64::MAX, f64::MAX], [-f64::MAX, f64::MAX]);
    for result in [
        gaussx::quadratic_form(far, near, &dense),
        gaussx::quadratic_form(near, far, &dense),
        gaussx::kl_divergence(far, &dense, near, &dense),
        gaussx::log_prob(far, near, &dense),
        gaussx::mahalanobis_p_value(far, near, &dense),
    ] {
        assert!(result.is_err() || !result.unwrap().is_nan());
    }
    let tiny = DiagonalCovariance::new([1e-300, 1e-300]).unwrap();
    let huge = DiagonalCovariance::new([1e300, 1e300]).unwrap();
    assert_eq!(
        gaussx::kl_divergence([0.0; 2], &huge, [0.0; 2], &tiny),
        Ok(INF)
    );
    let kl = gaussx::kl_divergence([0.0; 2], &tiny, [0.0; 2], &huge).unwrap();
    assert!((kl - (1200.0 * std::f64::consts::LN_10 - 2.0) / 2.0).abs() < 1e-12 * kl);
    assert!(matches!(
        gaussx::score([1e300, 0.0], [0.0; 2], &tiny),
        Err(Error::NotRepresentable { .. })
    ));
}

#[test]
fn what_leaves_the_range_is_refused_where_it_is_built() {
    let overflow = |what: &str| {
        format!(
            "{what} is not representable: an intermediate value overflowed, underflowed or was not a number"
        )
    };
    let huge = mat![[f64::MAX, 1e154], [1e154, 0.5]];
    assert_message(
        DenseCovariance::with_jitter(huge, 1.0),
        &overflow("variance with jitter"),
    );
    let tiny = DenseCovariance::new(mat![[1e-300]]).unwrap();
    assert_message(tiny.scale(1e-100), &overflow("scaled covariance"));
    let small = DenseCovariance::new(mat![[1e-10]]).unwrap();
    let scaled = Scaled::new(small, f64::MAX).unwrap();
    assert_message(Scaled::new(scaled, 2.0), &overflow("variance"));
    let point = ScaledIdentity::new(0, 694.0).unwrap();
    assert_message(Scaled::new(point, f64::MAX), &overflow("variance"));
}

#[test]
fn a_linear_map_that_overflows_into_nan_is_an_error() {
    let sigma = DenseCovariance::new(mat![[0.25, 0.0], [0.0, 1.0]]).unwrap();
    let answer = sigma.solve(mat![[f64::MAX], [1.0]].as_ref());
    assert!(!answer.is_ok_and(|x| x[(0, 0)].is_nan() || x[(1, 0)].is_nan()));
    let sigma = DenseCovariance::new(mat![[1.0, 0.0, 2.0], [0.0, 1.0, -2.0], [2.0, -2.0, 9.0]]);
    let answer = sigma
        .unwrap()
        .apply(mat![[f64::MAX], [f64::MAX], [0.0]].as_ref());
    assert!(answer.is_err());
    let largest = DenseCovariance::new(mat![[f64::MAX]]).unwrap();
    assert_eq!(gaussx::summary(&largest).unwrap().condition_number, 1.0);
}

#[test]
fn index_sets_are_checked() {
    let p = MultivariateNormal::centered(
        DenseCovariance::new(Random::new(3).covariance::<f64>(4)).unwrap(),
    )
    .unwrap();
    assert_message(
        p.mutual_information(&[], &[1]),
        "size of index set a is 0, required: at least one",
    );
    assert_message(
        p.mutual_information(&[1], &[]),
        "size of index set b is 0, required: at least one",
    );
    assert_message(
        p.mutual_information(&[0, 4], &[1]),
        "index set a holds index 4, but the dimension is 4",
    );
    assert_message(
        p.mutual_information(&[0], &[usize::MAX]),
        "index set b holds index 18446744073709551615, but the dimension is 4",
    );
    assert_message(
        p.mutual_information(&[0, 0], &[1]),
        "index set a holds index 0 more than once",
    );
    assert_message(
        p.mutual_information(&[0, 1], &[2, 1]),
        "union of index sets a and b holds index 1 more than once",
    );
    assert_message(
        p.marginal(&[2, 2]),
        "sub-block holds index 2 more than once",
    );
    assert_message(
        p.marginal(&[9]),
        "sub-block holds index 9, but the dimension is 4",
    );
}

#[test]
fn fits_refuse_too_few_or_degenerate_points() {
    assert_message(
        gaussx::fit_dense(mat![[1.0, 2.0], [3.0, 5.0]]),
        "number of points is 2, required: more than the dimension",
    );
    assert_message(
        gaussx::fit_diagonal(mat![[1.0]]),
        "number of points is 1, required: at least two",
    );
    assert_message(
        gaussx::fit_scaled_identity(Mat::<f64>::zeros(3, 0)),
        "number of points is 0, required: at least two",
    );
    assert_message(
        gaussx::fit_scaled_identity(Mat::<f64>::zeros(0, 4)),
        "dimension is 0, required: at least one",
    );
    assert_message(
        gaussx::fit_diagonal(mat![[1.0, 2.0], [3.0, 3.0]]),
        "covariance is not positive definite: pivot 1 is 0",
    );
    let line = mat![[1.0, 2.0, 3.0, 5.0], [2.0, 4.0, 6.0, 10.0]];
    let error = gaussx::fit_dense(&line).unwrap_err();
    assert!(matches!(error, Error::NotPositiveDefinite { pivot: 1, .. }));
    let wide = mat![[f64::MAX, -f64::MAX, 0.0]];
    assert!(gaussx::fit_dense(&wide).is_err());
    assert!(gaussx::fit_diagonal(&wide).is_err());
}

#[test]
fn principal_axes_are_at_most_as_many_as_dimensions() {
    assert_message(
        gaussian().principal_axes(3),
        "number of principal axes is 3, required: at most the dimension",
    );
}

#[test]
fn operators_refuse_wrong_sizes() {
    for s in structures::<f64>(4, &mut Random::new(4)) {
        let (sigma, mut workspace) = (&s.operator, Workspace::new());
        let (mut wrong, mut short) = (Mat::<f64>::zeros(3, 2), [0.0; 3]);
        let factor = sigma.cholesky();
        let failures = [
            sigma.diag_into(&mut short),
            factor.diag_into(&mut short),
            factor.half_solve_in_place(wrong.as_mut(), &mut workspace),
            factor.half_solve_transpose_in_place(wrong.as_mut(), &mut workspace),
            factor.multiply_in_place(wrong.as_mut(), &mut workspace),
            factor.multiply_transpose_in_place(wrong.as_mut(), &mut workspace),
            sigma.solve_in_place(wrong.as_mut(), &mut workspace),
            sigma.apply_in_place(wrong.as_mut(), &mut workspace),
            sigma.solve(wrong.as_ref()).map(|_| ()),
            sigma.apply(wrong.as_ref()).map(|_| ()),
            sigma.columns_into(&[0, 1], wrong.as_mut(), &mut workspace),
            sigma.sub_block_into(&[0], &[1], wrong.as_mut(), &mut workspace),
            sigma.quadratic_forms_into(wrong.as_ref(), None, &mut [0.0; 2], &mut workspace),
            sigma.quadratic_forms_into(
                Mat::zeros(4, 2).as_ref(),
                None,
                &mut [0.0; 3],
                &mut workspace,
            ),
            sigma.quadratic_forms_into(
                Mat::zeros(4, 2).as_ref(),
                Some(Mat::zeros(5, 1).col(0)),
                &mut [0.0; 2],
                &mut workspace,
            ),
        ];
        for (index, failure) in failures.into_iter().enumerate() {
            let mismatch = matches!(failure, Err(Error::DimensionMismatch { .. }));
            assert!(mismatch, "{} {index}: {failure:?}", s.name);
        }
        let mut one = Mat::<f64>::zeros(4, 1);
        let failure = sigma.columns_into(&[4], one.as_mut(), &mut workspace);
        assert!(matches!(
            failure,
            Err(Error::IndexOutOfRange { index: 4, .. })
        ));
    }
}

#[test]
fn memory_that_cannot_be_had_is_an_error() {
    let huge = ScaledIdentity::new(usize::MAX, 1.0).unwrap();
    assert!(matches!(huge.diag(), Err(Error::AllocationFailed { .. })));
    assert!(matches!(
        huge.to_dense(),
        Err(Error::AllocationFailed { .. })
    ));
    assert!(matches!(
        huge.diag_inverse(),
        Err(Error::AllocationFailed { .. })
    ));
    assert!(matches!(
        huge.principal_axes(2),
        Err(Error::AllocationFailed { .. })
    ));
    assert!(matches!(
        MultivariateNormal::centered(huge),
        Err(Error::AllocationFailed { .. })
    ));
    assert!(gaussx::forward_diagonal_fit(&huge).is_err());
    assert!(gaussx::reverse_diagonal_fit(&huge).is_err());
    assert!(gaussx::summary(&huge).is_ok());
    let wide = ScaledIdentity::new(10_000_000, 1.0).unwrap();
    assert!(matches!(
        wide.to_dense(),
        Err(Error::AllocationFailed { .. })
    ));
    let draws = gaussx::sample_batch(
        [0.0],
        &ScaledIdentity::new(1, 1.0).unwrap(),
        usize::MAX,
        &mut Random::new(0).0,
    );
    assert!(matches!(draws, Err(Error::AllocationFailed { .. })));
}

/// A factor that claims another size than its operator, or gives NaN.
#[derive(Debug)]
struct Liar {
    factor_dim: usize,
    value: f64,
}

impl LowerTriangular<f64> for Liar {
    fn factor_dim(&self) -> usize {
        self.factor_dim
    }
    fn factor_diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
        out.fill(self.value);
        Ok(())
    }
    fn half_solve_in_place(
        &self,
        mut x: MatMut<'_, f64>,
        _: &mut Workspace<f64>,
    ) -> Result<(), Error> {
        x.fill(self.value);
        Ok(())
    }
    fn half_solve_transpose_in_place(
        &self,
        mut x: MatMut<'_, f64>,
        _: &mut Workspace<f64>,
    ) -> Result<(), Error> {
        x.fill(self.value);
        Ok(())
    }
    fn multiply_in_place(
        &self,
        mut x: MatMut<'_, f64>,
        _: &mut Workspace<f64>,
    ) -> Result<(), Error> {
        x.fill(self.value);
        Ok(())
    }
    fn multiply_transpose_in_place(
        &self,
        mut x: MatMut<'_, f64>,
        _: &mut Workspace<f64>,
    ) -> Result<(), Error> {
        x.fill(self.value);
        Ok(())
    }
}

impl CovarianceOperator<f64> for Liar {
    fn dim(&self) -> usize {
        2
    }
    fn diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
        out.fill(self.value);
        Ok(())
    }
    fn cholesky(&self) -> CholeskyFactor<'_, f64> {
        CholeskyFactor::custom(self)
    }
}

#[test]
fn an_operator_that_breaks_its_contract_gives_an_error() {
    let honest = gaussian();
    for (factor_dim, value) in [(1, 1.0), (3, 1.0), (2, NAN), (2, -1.0)] {
        let liar = Liar { factor_dim, value };
        let p = MultivariateNormal::new([0.0, 1.0], &liar).unwrap();
        let scalars = [
            p.log_prob([1.0, 1.0]),
            p.entropy(),
            p.kl_divergence(&honest),
            honest.kl_divergence(&p),
            p.kl_standard_normal(),
            p.cross_entropy(&honest),
            honest.cross_entropy(&p),
            honest.expected_log_likelihood([0.0, 0.0], &liar),
            p.mutual_information(&[0], &[1]),
            p.summary().map(|summary| summary.entropy),
        ];
        for (index, result) in scalars.into_iter().enumerate() {
            let fine = result.as_ref().is_ok_and(|value| !value.is_nan());
            assert!(fine || result.is_err(), "{index}: {result:?}");
            let nan_or_size = value.is_nan() || factor_dim != 2;
            // The diagonal alone never asks a factor of the wrong size.
            assert!(
                !nan_or_size || result.is_err(),
                "{factor_dim}, {value}, {index}: {result:?}"
            );
        }
        let _ = (
            p.score([1.0, 1.0]),
            p.reverse_diagonal_fit(),
            p.forward_diagonal_fit(),
        );
        let _ = p.sample_batch(2, &mut Random::new(0).0);
        let _ = BlockDiagonal::new(vec![Liar { factor_dim, value }]);
    }
}

/// Variances that are not positive, in a factor of a built-in kind.
#[derive(Debug)]
struct Negative(Vec<f64>);

impl CovarianceOperator<f64> for Negative {
    fn dim(&self) -> usize {
        self.0.len()
    }
    fn diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
    fn cholesky(&self) -> CholeskyFactor<'_, f64> {
        CholeskyFactor::diagonal(&self.0)
    }
}

#[test]
fn variances_of_ones_own_that_are_not_positive_give_an_error() {
    for n in [1, 2, 300] {
        for value in [-2.0, -0.0, 0.0, NAN] {
            // The last one only: the first coordinates say nothing of it.
            let mut variances = vec![1.0; n];
            variances[n - 1] = value;
            let p = Negative(variances.clone());
            variances[n - 1] = value / 2.0;
            let q = Negative(variances);
            let honest = DiagonalCovariance::new(vec![0.5; n]).unwrap();
            let (zero, one) = (vec![0.0; n], vec![1.0; n]);
            let results = [
                gaussx::kl_divergence(&zero, &p, &one, &q),
                gaussx::kl_divergence(&zero, &p, &zero, &q),
                gaussx::kl_divergence(&zero, &p, &one, &honest),
                gaussx::kl_divergence(&zero, &honest, &one, &q),
                gaussx::kl_standard_normal(&zero, &p),
                gaussx::cross_entropy(&zero, &p, &one, &q),
                gaussx::log_prob(&one, &zero, &p),
                gaussx::entropy(&p),
            ];
            for (index, result) in results.into_iter().enumerate() {
                let is_refused = result.as_ref().is_err()
                    // A variance of zero is a limit: at infinite distance.
                    || value == 0.0 && result.as_ref().is_ok_and(|x| x.is_infinite());
                assert!(is_refused, "{n}, {value}, {index}: {result:?}");
            }
        }
    }
}

/// What the test below runs in a process of its own.
#[test]
#[ignore = "needs a process that can make no threads"]
fn work_for_a_pool_that_cannot_be_made() {
    let sigma = DiagonalCovariance::new(vec![1.0; 4_000_000]).unwrap();
    let entropy = gaussx::entropy(&sigma).unwrap();
    assert!(entropy > 0.0);
    let cannot = std::thread::Builder::new().spawn(|| ()).is_err();
    assert!(cannot, "threads can be made: nothing was tested");
}

#[test]
fn a_system_that_grants_no_threads_is_no_panic() {
    let test = std::env::current_exe().unwrap();
    let output = std::process::Command::new(test)
        .args([
            "work_for_a_pool_that_cannot_be_made",
            "--ignored",
            "--test-threads=1",
        ])
        .env("RUST_MIN_STACK", (1_u64 << 60).to_string())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
}

#[test]
fn a_factor_whose_pivot_has_no_reciprocal_is_refused() {
    let factor = mat![[1.0, 0.0], [0.5, 1e-310]];
    let rejected = DenseCovariance::from_cholesky(factor.clone()).unwrap_err();
    assert_eq!(rejected.matrix, factor);
    assert!(matches!(
        rejected.error,
        Error::NotPositiveDefinite { pivot: 1, .. }
    ));
}

#[test]
fn a_refused_block_is_named_whatever_is_wrong_with_it() {
    let with = |matrix: Mat<f64>| {
        let mut matrices = vec![Mat::identity(2, 2); 40];
        matrices[37] = matrix;
        BlockDiagonal::from_matrices(matrices)
    };
    assert_message(
        with(mat![[1.0, 0.0], [NAN, 1.0]]),
        "block 37: covariance has a non-finite entry (NaN) at row 1, column 0",
    );
    assert_message(
        with(Mat::zeros(2, 3)),
        "block 37: covariance is not square: 2 x 3",
    );
    assert_message(
        with(mat![[1.0, 2.0], [2.0, 1.0]]),
        "covariance is not positive definite: block 37, pivot 1 is -3",
    );
}

#[test]
fn a_scale_that_leaves_no_reciprocal_of_a_pivot_is_refused() {
    let factor = mat![[1.0, 0.0], [1.0, 1e-300]];
    let sigma = DenseCovariance::from_cholesky(factor).unwrap();
    assert!(Scaled::new(&sigma, 1e-10).is_ok());
    assert_message(
        Scaled::new(&sigma, 1e-30),
        "deviation is not representable: an intermediate value overflowed, underflowed or was not a number",
    );
    assert_message(
        sigma.scale(1e-30),
        "scaled covariance is not representable: an intermediate value overflowed, underflowed or was not a number",
    );
}

/// Digits that a square or a product would lose below the normal numbers.
#[test]
fn variances_that_lost_digits_are_refused() {
    for tiny in [1e-161, 1e-155] {
        let message = "variance is not representable: an intermediate value overflowed, \
            underflowed or was not a number";
        assert_message(DiagonalCovariance::from_std_devs([1.0, tiny]), message);
        assert_message(ScaledIdentity::from_std_dev(2, tiny), message);
        let one = DiagonalCovariance::new([1.0, 1e-300]).unwrap();
        assert_message(one.scale(tiny), message);
        let one = ScaledIdentity::new(2, 1e-300).unwrap();
        assert_message(one.scale(tiny), message);
    }
    assert_message(
        DiagonalCovariance::from_precisions([f64::MAX]),
        "variance is not representable: an intermediate value overflowed, underflowed or was \
         not a number",
    );
    // Given, or added, they are what they are.
    let subnormal = DiagonalCovariance::new([1e-310, 1.0]).unwrap();
    assert!(subnormal.add_jitter(0.0).is_ok());
    let subnormal = ScaledIdentity::new(2, 1e-310).unwrap();
    assert!(subnormal.add_jitter(0.0).is_ok());
}

/// A norm is in range where the entries are, though their squares are not.
#[test]
fn norms_do_not_leave_the_range_on_the_way() {
    fn check<T: Scalar>(values: &[f64]) {
        for &value in values {
            let v = T::of(value);
            let expected = v.as_f64() * 2.0_f64.sqrt();
            let dense =
                DenseCovariance::new(Mat::from_fn(
                    2,
                    2,
                    |i, j| {
                        if i == j { v } else { T::zero() }
                    },
                ));
            let operators: Vec<Box<dyn CovarianceOperator<T>>> = vec![
                Box::new(ScaledIdentity::new(2, v).unwrap()),
                Box::new(DiagonalCovariance::new([v, v]).unwrap()),
                Box::new(BlockDiagonal::new(vec![ScaledIdentity::new(1, v).unwrap(); 2]).unwrap()),
                Box::new(dense.unwrap()),
            ];
            for operator in operators {
                let found = operator.frobenius_norm().unwrap().as_f64();
                let error = (found - expected).abs();
                let unit = T::EPSILON.as_f64() * expected;
                assert!(
                    error <= 4.0 * unit + f64::MIN_POSITIVE,
                    "{value:e}: {found:e}"
                );
            }
        }
    }
    check::<f64>(&[1e200, 1e160, 1.0, 1e-140, 1e-160, 1e-200, 1e-300]);
    check::<f32>(&[1e38, 1e20, 1.0, 1e-17, 1e-20, 1e-30]);
}

/// A point that overflows leaves those beside it alone.
#[test]
fn a_point_that_overflows_is_the_only_one() {
    for n in [1, 3, 8, 20, 100] {
        let sigma = DenseCovariance::from_cholesky(Mat::from_fn(n, n, |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Equal => 1e-150,
            std::cmp::Ordering::Greater => 1e-151,
            std::cmp::Ordering::Less => 0.0,
        }));
        let sigma = sigma.unwrap();
        for at in [0, 7, 15, 16, 39] {
            let points = Mat::from_fn(n, 40, |_, j| if j == at { 1e300 } else { 1e-150 });
            let forms = |points: &Mat<f64>| {
                let mut out = vec![0.0; 40];
                let mut workspace = Workspace::new();
                sigma
                    .quadratic_forms_into(points.as_ref(), None, &mut out, &mut workspace)
                    .unwrap();
                out
            };
            let found = forms(&points);
            let without = forms(&Mat::from_fn(n, 40, |_, _| 1e-150));
            for (j, (&found, &expected)) in found.iter().zip(&without).enumerate() {
                if j == at {
                    assert!(!found.is_finite(), "n = {n}, point {j}");
                } else {
                    assert!(found == expected && found.is_finite(), "n = {n}, point {j}");
                }
            }
        }
    }
}

/// The last jitter that is tried is the limit itself.
#[test]
fn jitter_goes_to_its_limit() {
    // λ = 3 and -0.3: 0.25 is enough of 1.35, the steps of ten before it are not.
    let matrix = || mat![[1.35, 1.65], [1.65, 1.35]];
    let (_, jitter) = DenseCovariance::with_jitter(matrix(), 0.25).unwrap();
    assert_eq!(jitter, 0.25);
    let rejected = DenseCovariance::with_jitter(matrix(), 0.2).unwrap_err();
    let plain = DenseCovariance::new(matrix()).unwrap_err();
    assert_eq!((rejected.error, rejected.matrix), (plain.error, matrix()));
    let huge = DenseCovariance::with_jitter(matrix(), f64::MAX).unwrap();
    assert!(huge.1 > 0.25 && huge.1 < 2.5, "{}", huge.1);
}

/// What scratch holds from before changes nothing.
#[test]
fn scratch_that_is_not_a_number_changes_no_bit() {
    for n in [2, 12, 40, 65, 130, 300] {
        let matrix = |length: f64| {
            Mat::from_fn(n, n, |i, j| {
                (-(i.abs_diff(j) as f64) / length).exp() + f64::from(u8::from(i == j))
            })
        };
        let x = vec![1.0; n];
        let points = Mat::from_fn(n, 40, |i, j| ((i * 5 + j) % 7) as f64);
        let all = |scratch: &dyn Fn() -> Workspace<f64>| {
            let mut bits = Vec::new();
            let mut add = |value: f64| bits.push(value.to_bits());
            let sigma = DenseCovariance::new(matrix(3.0)).unwrap();
            let storage = sigma.clone();
            let p = storage.rebuilt(matrix(2.0), &mut scratch()).unwrap();
            add(p.logdet().unwrap());
            for q in [&p, &sigma] {
                let kl = gaussx::kl_divergence_with(&x, &sigma, &x, q, &mut scratch());
                add(kl.unwrap());
            }
            let close = DenseCovariance::new(matrix(3.01)).unwrap();
            let kl = gaussx::kl_divergence_with(&x, &sigma, &x, &close, &mut scratch());
            add(kl.unwrap());
            for count in [1, 3, 40] {
                let mut out = vec![0.0; count];
                let some = points.as_ref().subcols(0, count);
                let forms = sigma.quadratic_forms_into(some, None, &mut out, &mut scratch());
                forms.unwrap();
                out.into_iter().for_each(&mut add);
            }
            bits
        };
        let expected = all(&Workspace::new);
        let dirty = || {
            let mut workspace = Workspace::new();
            for numbers in [10, 1000, 100_000, 1_000_000] {
                for _ in 0..4 {
                    workspace.give(vec![NAN; numbers]);
                }
            }
            workspace
        };
        assert_eq!(all(&dirty), expected, "n = {n}");
    }
}

/// A quotient of entries of the factor may overflow where no result does.
#[test]
fn entries_that_are_huge_beside_a_pivot_are_no_overflow() {
    fn check<T: Scalar>(huge: f64, pivot: f64) {
        for n in 2..20 {
            let mut l = Mat::from_fn(n, n, |i, j| T::of(f64::from(u8::from(i == j))));
            (l[(1, 0)], l[(1, 1)]) = (T::of(huge), T::of(pivot));
            let sigma = DenseCovariance::from_cholesky(l).unwrap();
            let mean = vec![T::zero(); n];
            for (first, second, expected) in [(0.0, 0.0, 0.0), (1.0, huge, 1.0)] {
                let points = Mat::from_fn(n, 40, |i, _| match i {
                    0 => T::of(first),
                    1 => T::of(second),
                    _ => T::zero(),
                });
                let form = gaussx::quadratic_form(points.col(0), &mean, &sigma);
                assert_eq!(form.unwrap().as_f64(), expected, "n = {n}");
                let forms = gaussx::quadratic_form_batch(&points, &mean, &sigma).unwrap();
                assert_eq!(forms[7].as_f64(), expected, "n = {n}");
            }
        }
    }
    check::<f64>(1e150, 1e-160);
    check::<f32>(10.0, 2e-38);
}

/// Scratch that is refused is no refused batch: another form needs none, or less.
#[test]
fn batches_do_with_what_scratch_there_is() {
    for (n, limit) in [
        (1, 0),
        (5, 10),
        (40, 0),
        (64, 100),
        (200, 200 * 34),
        (256, 256 * 34),
    ] {
        let sigma = DenseCovariance::new(Mat::<f64>::identity(n, n)).unwrap();
        let (points, mut out) = (Mat::ones(n, 34), vec![0.0; 34]);
        let mut workspace = Workspace::new().limited_to(limit);
        sigma
            .quadratic_forms_into(points.as_ref(), None, &mut out, &mut workspace)
            .unwrap();
        assert_eq!(out, vec![n as f64; 34]);
    }
}

/// What is not a positive finite number is found wherever it stands, and the first of them
/// named: what is not finite before what is not positive.
#[test]
fn the_first_bad_variance_is_named() {
    for n in [1, 2, 63, 64, 600, 5000, 100_000] {
        for at in [0, n / 2, n - 1] {
            for bad in [0.0, -0.0, -1.0, -5e-324] {
                let mut variances = vec![2.0_f64; n];
                variances[at] = bad;
                variances[n - 1] = variances[n - 1].min(0.0);
                let error = DiagonalCovariance::new(&variances).unwrap_err();
                let found =
                    matches!(error, Error::NotPositiveDefinite { pivot, .. } if pivot == at);
                assert!(found, "{bad} at {at} of {n}: {error}");
            }
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut variances = vec![2.0_f64; n];
                variances[0] = -1.0;
                variances[at] = bad;
                let error = DiagonalCovariance::new(variances).unwrap_err();
                let found = matches!(error, Error::NonFinite { row, .. } if row == at);
                assert!(found, "{bad} at {at} of {n}: {error}");
            }
            for good in [5e-324, f64::MIN_POSITIVE, f64::MAX] {
                let mut variances = vec![2.0_f64; n];
                variances[at] = good;
                let sigma = DiagonalCovariance::new(variances).unwrap();
                let expected = good.ln() + (n - 1) as f64 * 2.0_f64.ln();
                let error = (sigma.logdet().unwrap() - expected).abs();
                assert!(error <= 4.0 * f64::EPSILON * (good.ln().abs() + n as f64));
            }
        }
    }
}
