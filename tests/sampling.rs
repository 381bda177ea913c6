//! Draws: moments within their own standard errors, and the same draws from every
//! representation.
//!
//! Seeds are fixed. A bound of six standard errors is passed by chance in all but two of a
//! billion cases.

use gaussx::faer::Mat;
use gaussx::rand::distr::Distribution;
use gaussx::{
    CovarianceOperator, DenseCovariance, DiagonalCovariance, MultivariateNormal, Scalar,
    ScaledIdentity,
};
use gaussx_tests::compare::{assert_close, unit};
use gaussx_tests::random::Random;
use gaussx_tests::structures::structures;

const STANDARD_ERRORS: f64 = 6.0;

#[test]
fn moments_are_those_of_the_distribution() {
    let count = 40_000;
    for s in structures::<f64>(6, &mut Random::new(1)) {
        let mean: Vec<f64> = Random::new(2).vector(6);
        let p = MultivariateNormal::new(&mean, &s.operator).unwrap();
        let draws = p.sample_batch(count, &mut Random::new(3).0).unwrap();
        let average: Vec<f64> = (0..6)
            .map(|i| draws.row(i).iter().sum::<f64>() / count as f64)
            .collect();
        for i in 0..6 {
            let error = (s.matrix.at(i, i) / count as f64).sqrt();
            assert_close(s.name, average[i], mean[i], STANDARD_ERRORS * error);
            for j in 0..=i {
                // About the known mean: Var = (σ_ii σ_jj + σ_ij²) / N.
                let moment = (0..count)
                    .map(|k| (draws[(i, k)] - mean[i]) * (draws[(j, k)] - mean[j]))
                    .sum::<f64>()
                    / count as f64;
                let (v, w, c) = (s.matrix.at(i, i), s.matrix.at(j, j), s.matrix.at(i, j));
                let error = ((v * w + c * c) / count as f64).sqrt();
                assert_close(s.name, moment, c, STANDARD_ERRORS * error);
            }
        }
    }
}

#[test]
fn squared_distances_follow_the_chi_squared_law() {
    let (count, bins) = (20_000, 50);
    for s in structures::<f64>(5, &mut Random::new(4)) {
        let p = MultivariateNormal::centered(&s.operator).unwrap();
        let draws = p.sample_batch(count, &mut Random::new(5).0).unwrap();
        let mut counts = vec![0_usize; bins];
        for p_value in p.mahalanobis_p_value_batch(&draws).unwrap().iter() {
            counts[((p_value * bins as f64) as usize).min(bins - 1)] += 1;
        }
        // Uniform p-values: Pearson's statistic has mean 49 and variance 98.
        let expected = count as f64 / bins as f64;
        let statistic: f64 = counts
            .iter()
            .map(|&c| (c as f64 - expected).powi(2) / expected)
            .sum();
        let limit = 49.0 + STANDARD_ERRORS * 98.0_f64.sqrt();
        assert!(statistic < limit, "{}: {statistic}", s.name);
    }
}

#[test]
fn one_stream_gives_the_same_draws_for_every_representation() {
    fn check<T: Scalar>() {
        for n in [1, 4, 9, 40] {
            for s in structures::<T>(n, &mut Random::new(6)) {
                let mean: Vec<T> = Random::new(7).vector(n);
                let p = MultivariateNormal::new(&mean, &s.operator).unwrap();
                let dense = DenseCovariance::new(s.operator.to_dense().unwrap()).unwrap();
                let dense = MultivariateNormal::new(&mean, dense).unwrap();
                let batch = p.sample_batch(70, &mut Random::new(8).0).unwrap();
                let from_dense = dense.sample_batch(70, &mut Random::new(8).0).unwrap();
                let mut random = Random::new(8);
                for j in 0..70 {
                    let single = p.sample(&mut random.0);
                    for i in 0..n {
                        let bound = unit::<T>(20.0, n, s.matrix.kappa())
                            * (s.matrix.at(i, i).sqrt() + mean[i].as_f64().abs());
                        let x = batch[(i, j)].as_f64();
                        assert_close(s.name, single[i], x, bound);
                        assert_close(s.name, from_dense[(i, j)], x, bound);
                    }
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn single_precision_draws_are_the_double_ones_rounded() {
    let double = ScaledIdentity::new(7, 1.0_f64).unwrap();
    let single = ScaledIdentity::new(7, 1.0_f32).unwrap();
    let x = gaussx::sample([0.0; 7], &double, &mut Random::new(9).0).unwrap();
    let y = gaussx::sample([0.0; 7], &single, &mut Random::new(9).0).unwrap();
    for i in 0..7 {
        assert_eq!(x[i] as f32, y[i]);
    }
}

#[test]
fn a_seed_repeats_its_draws() {
    let p = MultivariateNormal::centered(ScaledIdentity::new(5, 2.0).unwrap()).unwrap();
    let draw = |seed| p.sample_batch(4, &mut Random::new(seed).0).unwrap();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn fits_recover_the_parameters_of_the_draws() {
    let (n, count) = (4, 50_000);
    let sigma = Random::new(10).covariance::<f64>(n);
    let mean: Vec<f64> = Random::new(11).vector(n);
    let p = MultivariateNormal::new(&mean, DenseCovariance::new(sigma.clone()).unwrap()).unwrap();
    let draws = p.sample_batch(count, &mut Random::new(12).0).unwrap();
    let dense = MultivariateNormal::<f64, DenseCovariance<f64>>::fit(&draws).unwrap();
    let diagonal = MultivariateNormal::<f64, DiagonalCovariance<f64>>::fit(&draws).unwrap();
    let scaled = MultivariateNormal::<f64, ScaledIdentity<f64>>::fit(&draws).unwrap();
    let fitted = dense.covariance().to_dense().unwrap();
    let root = (count as f64).sqrt();
    for i in 0..n {
        let error = sigma[(i, i)].sqrt() / root;
        assert_close("mean", dense.mean()[i], mean[i], STANDARD_ERRORS * error);
        for j in 0..n {
            let (v, w, c) = (sigma[(i, i)], sigma[(j, j)], sigma[(i, j)]);
            let error = (v * w + c * c).sqrt() / root;
            assert_close("covariance", fitted[(i, j)], c, STANDARD_ERRORS * error);
        }
        let v = fitted[(i, i)];
        assert_close(
            "variance",
            diagonal.covariance().variances()[i],
            v,
            1e-13 * v,
        );
    }
    let average = (0..n).map(|i| fitted[(i, i)]).sum::<f64>() / n as f64;
    assert_close(
        "scaled",
        scaled.covariance().variance(),
        average,
        1e-13 * average,
    );
    assert_eq!(dense.mean(), diagonal.mean());
    assert_eq!(dense.mean(), scaled.mean());
}

#[test]
fn a_fit_is_where_the_likelihood_is_largest() {
    let points = Mat::from_fn(3, 20, |i, j| ((7 * i + 3 * j * j) % 11) as f64 + 1e6);
    let fit = gaussx::fit_dense(&points).unwrap();
    let likelihood = |p: &MultivariateNormal<f64, DenseCovariance<f64>>| -> f64 {
        p.log_prob_batch(&points).unwrap().iter().sum()
    };
    let best = likelihood(&fit);
    for i in 0..3 {
        for step in [-1e-3, 1e-3] {
            let mut mean = fit.mean().clone();
            mean[i] += step;
            let moved = MultivariateNormal::new(&mean, fit.covariance().clone()).unwrap();
            assert!(likelihood(&moved) < best);
        }
    }
    for factor in [0.99, 1.01] {
        let sigma = gaussx::Adjust::scale(fit.covariance().clone(), factor).unwrap();
        let other = MultivariateNormal::new(fit.mean(), sigma).unwrap();
        assert!(likelihood(&other) < best);
    }
}
