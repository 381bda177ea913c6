//! Identities between the quantities, on random ill-conditioned Gaussians.
//!
//! Each says that two numbers are equal up to `10 n ε κ` of the size given with them, the
//! largest term on the way; `κ` is `tr(R⁻¹)` of the worse of the two covariances. Cases are
//! made from a seed, a dimension and a condition number, so that they shrink.

use gaussx::faer::Mat;
use gaussx::prelude::*;
use gaussx::{Bounded, Scalar};
use gaussx_tests::matrices::{SPECTRA, near, with_spectrum};
use gaussx_tests::random::Random;
use proptest::prelude::*;

type Gaussian = MultivariateNormal<f64, DenseCovariance<f64>>;

/// Two Gaussians, points, and the unit of error.
struct Case {
    n: usize,
    p: Gaussian,
    q: Gaussian,
    x: Vec<f64>,
    y: Vec<f64>,
    /// `n ε κ`.
    unit: f64,
    random: Random,
}

/// Two numbers that must agree, and the size of the terms that they are made of.
type Equation = (f64, f64, f64);

impl Case {
    fn new(seed: u64, n: usize, log_kappa: f64) -> Self {
        let mut random = Random::new(seed);
        let mut matrix = || -> Mat<f64> {
            let spectrum = SPECTRA[random.index(SPECTRA.len())];
            let values = spectrum.eigenvalues(n, 10_f64.powf(log_kappa));
            with_spectrum(&values, 0.5, &mut random)
        };
        let (first, second) = (matrix(), matrix());
        let first = if seed.is_multiple_of(2) {
            near(&second, 0.1, &mut random)
        } else {
            first
        };
        let gaussian = |m: &Mat<f64>, mean: Vec<f64>| {
            MultivariateNormal::new(mean, DenseCovariance::new(m.clone()).unwrap()).unwrap()
        };
        let p = gaussian(&first, random.vector(n));
        let q = gaussian(&second, random.vector(n));
        let kappa = [&p, &q].map(|g| condition(g.covariance()));
        let unit = n as f64 * f64::EPSILON * kappa[0].max(kappa[1]);
        let (x, y) = (random.vector(n), random.vector(n));
        Self {
            n,
            p,
            q,
            x,
            y,
            unit,
            random,
        }
    }

    /// A random invertible matrix, well conditioned, and its determinant's logarithm.
    fn map(&mut self) -> (Mat<f64>, f64) {
        let n = self.n;
        let mut a = Mat::<f64>::identity(n, n) * gaussx::faer::Scale(2.0);
        let mut log = 0.0;
        for j in 0..n {
            a[(j, j)] = self.random.uniform(1.0, 3.0);
            log += a[(j, j)].ln();
            for i in j + 1..n {
                a[(i, j)] = self.random.uniform(-0.3, 0.3);
            }
        }
        (a, log)
    }

    fn half(&self) -> (Vec<usize>, Vec<usize>) {
        ((0..self.n / 2).collect(), (self.n / 2..self.n).collect())
    }
}

/// `tr(R⁻¹)`.
fn condition(sigma: &impl CovarianceOperator<f64>) -> f64 {
    let (v, p) = (sigma.diag().unwrap(), sigma.diag_inverse().unwrap());
    (0..sigma.dim()).map(|i| v[i] * p[i]).sum()
}

/// `Σ |ln v_i|` and the like: the size of a log-determinant.
fn logs(g: &Gaussian) -> f64 {
    let diag = g.covariance().diag().unwrap();
    let precision = g.covariance().diag_inverse().unwrap();
    diag.iter()
        .chain(precision.iter())
        .map(|v| v.ln().abs() + 1.0)
        .sum()
}

/// `N(A μ + b, A Σ Aᵀ)`.
fn mapped(g: &Gaussian, a: &Mat<f64>, b: &[f64]) -> Gaussian {
    let sigma = g.covariance().to_dense().unwrap();
    let image = a * sigma * a.transpose();
    let image = Mat::from_fn(a.nrows(), a.nrows(), |i, j| image[(i.max(j), i.min(j))]);
    let mean = a * g.mean().to_owned();
    let mean: Vec<f64> = (0..b.len()).map(|i| mean[i] + b[i]).collect();
    MultivariateNormal::new(mean, DenseCovariance::new(image).unwrap()).unwrap()
}

fn trace_of_pair(p: &Gaussian, q: &Gaussian) -> f64 {
    gaussx::pair::trace(p.covariance(), q.covariance(), &mut Workspace::new()).unwrap()
}

fn marginal(g: &Gaussian, set: &[usize]) -> Gaussian {
    let sigma = g.covariance().to_dense().unwrap();
    let part = Mat::from_fn(set.len(), set.len(), |i, j| sigma[(set[i], set[j])]);
    let mean: Vec<f64> = set.iter().map(|&i| g.mean()[i]).collect();
    MultivariateNormal::new(mean, DenseCovariance::new(part).unwrap()).unwrap()
}

fn plus(x: &[f64], y: &[f64], t: f64) -> Vec<f64> {
    x.iter().zip(y).map(|(a, b)| a + t * b).collect()
}

/// At most: an inequality as an equation with what is above it.
fn at_most(smaller: f64, larger: f64, size: f64) -> Equation {
    (smaller.max(larger), larger, size)
}

macro_rules! properties {
    ($($name:ident = $body:expr;)*) => {$(
        proptest! {
            #![proptest_config(ProptestConfig {
                cases: 256,
                failure_persistence: None,
                ..ProptestConfig::default()
            })]
            #[test]
            fn $name(seed in any::<u64>(), n in 2_usize..9, log_kappa in 0.0_f64..5.0) {
                let mut case = Case::new(seed, n, log_kappa);
                let equations: Vec<Equation> = $body(&mut case);
                prop_assert!(!equations.is_empty());
                for (found, expected, size) in equations {
                    let error = (found - expected).abs();
                    let bound = 10.0 * case.unit * size;
                    prop_assert!(error <= bound, "{found:e} {expected:e}: {} bounds", error / bound);
                }
            }
        }
    )*};
}

properties! {
    the_log_density_is_the_normalizer_minus_half_the_form = |c: &mut Case| {
        let at_mean = c.p.log_prob(c.p.mean()).unwrap();
        let form = c.p.quadratic_form(&c.x).unwrap();
        vec![(c.p.log_prob(&c.x).unwrap(), at_mean - form / 2.0, logs(&c.p) + form)]
    };
    the_log_density_at_the_mean_is_minus_the_entropy_plus_half_the_dimension = |c: &mut Case| {
        let expected = c.n as f64 / 2.0 - c.p.entropy().unwrap();
        vec![(c.p.log_prob(c.p.mean()).unwrap(), expected, logs(&c.p))]
    };
    the_form_is_symmetric_in_point_and_mean = |c: &mut Case| {
        let sigma = c.p.covariance();
        let one = gaussx::quadratic_form(&c.x, &c.y, sigma).unwrap();
        let other = gaussx::quadratic_form(&c.y, &c.x, sigma).unwrap();
        vec![(one, other, one)]
    };
    the_form_grows_with_the_square_of_the_distance = |c: &mut Case| {
        let (sigma, zero) = (c.p.covariance(), vec![0.0; c.n]);
        let one = gaussx::quadratic_form(&c.x, &zero, sigma).unwrap();
        let three = gaussx::quadratic_form(plus(&c.x, &c.x, 2.0), &zero, sigma).unwrap();
        vec![(three, 9.0 * one, three)]
    };
    the_form_obeys_the_parallelogram_law = |c: &mut Case| {
        let (sigma, zero) = (c.p.covariance(), vec![0.0; c.n]);
        let form = |v: Vec<f64>| gaussx::quadratic_form(v, &zero, sigma).unwrap();
        let (sum, difference) = (form(plus(&c.x, &c.y, 1.0)), form(plus(&c.x, &c.y, -1.0)));
        let (a, b) = (form(c.x.clone()), form(c.y.clone()));
        vec![(sum + difference, 2.0 * (a + b), 2.0 * (a + b))]
    };
    the_form_is_the_product_of_residual_and_score = |c: &mut Case| {
        let score = c.p.score(&c.x).unwrap();
        let dot: f64 = (0..c.n).map(|i| (c.p.mean()[i] - c.x[i]) * score[i]).sum();
        let form = c.p.quadratic_form(&c.x).unwrap();
        vec![(dot, form, form)]
    };
    the_score_vanishes_at_the_mean = |c: &mut Case| {
        let score = c.p.score(c.p.mean()).unwrap();
        score.iter().map(|&s| (s, 0.0, 0.0)).collect()
    };
    the_score_is_affine_in_the_point = |c: &mut Case| {
        let middle = plus(&c.x, &plus(&c.y, &c.x, -1.0), 0.5);
        let score = |v: &[f64]| c.p.score(v).unwrap();
        let (a, b, m) = (score(&c.x), score(&c.y), score(&middle));
        let precision = c.p.covariance().diag_inverse().unwrap();
        let form = c.p.quadratic_form(&c.x).unwrap() + c.p.quadratic_form(&c.y).unwrap();
        (0..c.n).map(|i| (m[i], (a[i] + b[i]) / 2.0, (precision[i] * form).sqrt())).collect()
    };
    the_score_of_a_sum_of_log_densities_is_the_sum = |c: &mut Case| {
        let batch = Mat::from_fn(c.n, 2, |i, j| if j == 0 { c.x[i] } else { c.y[i] });
        let together = c.p.score_batch(&batch).unwrap();
        let alone = [c.p.score(&c.x).unwrap(), c.p.score(&c.y).unwrap()];
        let precision = c.p.covariance().diag_inverse().unwrap();
        let form = c.p.quadratic_form(&c.x).unwrap() + c.p.quadratic_form(&c.y).unwrap();
        (0..2 * c.n).map(|k| {
            let (i, j) = (k % c.n, k / c.n);
            (together[(i, j)], alone[j][i], (precision[i] * form).sqrt())
        }).collect()
    };
    a_batch_is_its_points_one_by_one = |c: &mut Case| {
        let batch = Mat::from_fn(c.n, 2, |i, j| if j == 0 { c.x[i] } else { c.y[i] });
        let forms = c.p.quadratic_form_batch(&batch).unwrap();
        [&c.x, &c.y].iter().enumerate().map(|(k, v)| {
            let form = c.p.quadratic_form(*v).unwrap();
            (forms[k], form, form)
        }).collect()
    };
    whitened_points_have_the_form_as_their_square = |c: &mut Case| {
        let point = Mat::from_fn(c.n, 1, |i, _| c.x[i]);
        let white = c.p.whiten(&point).unwrap();
        let squares: f64 = (0..c.n).map(|i| white[(i, 0)] * white[(i, 0)]).sum();
        let form = c.p.quadratic_form(&c.x).unwrap();
        vec![(squares, form, form)]
    };
    what_is_whitened_and_coloured_is_what_it_was = |c: &mut Case| {
        let point = Mat::from_fn(c.n, 1, |i, _| c.x[i]);
        let mut white = c.p.whiten(&point).unwrap();
        let factor = c.p.covariance().cholesky();
        factor.multiply_in_place(white.as_mut(), &mut Workspace::new()).unwrap();
        let size = c.p.quadratic_form(&c.x).unwrap().sqrt();
        let diag = c.p.covariance().diag().unwrap();
        (0..c.n).map(|i| (white[(i, 0)], c.x[i] - c.p.mean()[i], size * diag[i].sqrt())).collect()
    };
    a_solve_undoes_a_product = |c: &mut Case| {
        let point = Mat::from_fn(c.n, 1, |i, _| c.x[i]);
        let sigma = c.p.covariance();
        let image = sigma.apply(point.as_ref()).unwrap();
        let back = sigma.solve(image.as_ref()).unwrap();
        let diag = sigma.diag().unwrap();
        let size: f64 = (0..c.n).map(|i| diag[i].sqrt() * c.x[i].abs()).sum();
        // In the units of the coordinates, with the condition number once more.
        (0..c.n).map(|i| (back[(i, 0)] * diag[i].sqrt(), c.x[i] * diag[i].sqrt(), size)).collect()
    };
    precisions_are_the_diagonal_of_the_inverse = |c: &mut Case| {
        let sigma = c.p.covariance();
        let inverse = sigma.solve(Mat::<f64>::identity(c.n, c.n).as_ref()).unwrap();
        let precision = sigma.diag_inverse().unwrap();
        let mut all: Vec<_> = (0..c.n).map(|i| (precision[i], inverse[(i, i)], precision[i])).collect();
        let sum: f64 = precision.iter().sum();
        all.push((sigma.trace_inverse().unwrap(), sum, sum));
        all
    };
    the_trace_is_the_sum_of_the_eigenvalues = |c: &mut Case| {
        let sigma = c.p.covariance();
        let axes = sigma.principal_axes(c.n).unwrap();
        let sum: f64 = axes.variances.iter().sum();
        let squares: f64 = axes.variances.iter().map(|v| v * v).sum();
        let trace = sigma.trace().unwrap();
        vec![(sum, trace, trace), (squares.sqrt(), sigma.frobenius_norm().unwrap(), trace)]
    };
    extreme_eigenvalues_bound_the_form = |c: &mut Case| {
        let (low, high) = c.p.covariance().extreme_eigenvalues().unwrap();
        let form = c.p.quadratic_form(&c.x).unwrap();
        let squares: f64 = (0..c.n).map(|i| (c.x[i] - c.p.mean()[i]).powi(2)).sum();
        vec![at_most(squares / high, form, form), at_most(form, squares / low, squares / low)]
    };
    a_scaled_covariance_shifts_the_log_determinant = |c: &mut Case| {
        let sigma = c.p.covariance();
        let scaled = Scaled::new(sigma, 3.7).unwrap();
        let expected = sigma.logdet().unwrap() + c.n as f64 * 3.7_f64.ln();
        let size = logs(&c.p) + c.n as f64 * 2.0;
        vec![
            (scaled.logdet().unwrap(), expected, size),
            (sigma.clone().scale(3.7).unwrap().logdet().unwrap(), expected, size),
        ]
    };
    entropy_is_half_the_log_determinant_and_a_constant = |c: &mut Case| {
        let constant = c.n as f64 / 2.0 * (1.0 + f64::LN_2PI);
        let expected = constant + c.p.covariance().logdet().unwrap() / 2.0;
        vec![(c.p.entropy().unwrap(), expected, logs(&c.p))]
    };
    entropy_is_at_most_the_sum_of_those_of_the_parts = |c: &mut Case| {
        let (a, b) = c.half();
        let parts = marginal(&c.p, &a).entropy().unwrap() + marginal(&c.p, &b).entropy().unwrap();
        vec![at_most(c.p.entropy().unwrap(), parts, logs(&c.p))]
    };
    information_is_the_entropy_that_the_parts_have_too_much = |c: &mut Case| {
        let (a, b) = c.half();
        let parts = marginal(&c.p, &a).entropy().unwrap() + marginal(&c.p, &b).entropy().unwrap();
        let nats = c.p.mutual_information(&a, &b).unwrap();
        vec![(nats, parts - c.p.entropy().unwrap(), logs(&c.p))]
    };
    hadamard_bounds_the_determinant_by_the_variances = |c: &mut Case| {
        let sum: f64 = c.p.covariance().diag().unwrap().iter().map(|v| v.ln()).sum();
        vec![at_most(c.p.covariance().logdet().unwrap(), sum, logs(&c.p))]
    };
    information_is_symmetric = |c: &mut Case| {
        let (a, b) = c.half();
        let nats = c.p.mutual_information(&a, &b).unwrap();
        vec![(nats, c.p.mutual_information(&b, &a).unwrap(), nats)]
    };
    information_obeys_the_chain_rule = |c: &mut Case| {
        // I(x_0; x_1, x_2..) - I(x_0; x_1) is never negative.
        let rest: Vec<usize> = (1..c.n).collect();
        let whole = c.p.mutual_information(&[0], &rest).unwrap();
        vec![at_most(c.p.mutual_information(&[0], &[1]).unwrap(), whole, whole)]
    };
    information_does_not_depend_on_the_order_of_the_indices = |c: &mut Case| {
        let (a, mut b) = c.half();
        let nats = c.p.mutual_information(&a, &b).unwrap();
        b.reverse();
        vec![(c.p.mutual_information(&a, &b).unwrap(), nats, nats)]
    };
    information_is_invariant_under_maps_of_each_set = |c: &mut Case| {
        let (a, b) = c.half();
        let nats = c.p.mutual_information(&a, &b).unwrap();
        let (mut map, _) = c.map();
        for &i in &b {
            for &j in &a {
                map[(i, j)] = 0.0;
            }
        }
        let image = mapped(&c.p, &map, &vec![0.0; c.n]);
        let kappa = condition(image.covariance()) / condition(c.p.covariance());
        vec![(image.mutual_information(&a, &b).unwrap(), nats, (1.0 + nats) * (1.0 + kappa))]
    };
    divergence_of_marginals_is_no_larger = |c: &mut Case| {
        let (a, _) = c.half();
        let kl = c.p.kl_divergence(&c.q).unwrap();
        let part = marginal(&c.p, &a).kl_divergence(&marginal(&c.q, &a)).unwrap();
        vec![at_most(part, kl, kl)]
    };
    divergence_is_cross_entropy_minus_entropy = |c: &mut Case| {
        let cross = c.p.cross_entropy(&c.q).unwrap();
        let size = logs(&c.p) + logs(&c.q) + cross.abs();
        vec![(c.p.kl_divergence(&c.q).unwrap(), cross - c.p.entropy().unwrap(), size)]
    };
    divergence_splits_into_shape_and_location = |c: &mut Case| {
        let moved = MultivariateNormal::new(c.q.mean(), c.p.covariance()).unwrap();
        let form = c.q.quadratic_form(c.p.mean()).unwrap();
        let kl = c.p.kl_divergence(&c.q).unwrap();
        vec![(moved.kl_divergence(&c.q).unwrap() + form / 2.0, kl, kl)]
    };
    both_divergences_add_up_to_a_sum_of_traces = |c: &mut Case| {
        let both = c.p.kl_divergence(&c.q).unwrap() + c.q.kl_divergence(&c.p).unwrap();
        let traces = trace_of_pair(&c.p, &c.q) + trace_of_pair(&c.q, &c.p);
        let forms = c.q.quadratic_form(c.p.mean()).unwrap() + c.p.quadratic_form(c.q.mean()).unwrap();
        let expected = (traces + forms) / 2.0 - c.n as f64;
        vec![(both, expected, traces + forms)]
    };
    divergence_from_the_standard_normal_is_that_from_a_scaled_identity = |c: &mut Case| {
        let standard = MultivariateNormal::centered(ScaledIdentity::new(c.n, 1.0).unwrap()).unwrap();
        let kl = c.p.kl_divergence(&standard).unwrap();
        vec![(c.p.kl_standard_normal().unwrap(), kl, kl)]
    };
    divergence_of_scaled_covariances_is_that_of_the_scales = |c: &mut Case| {
        let wide = c.p.covariance().clone().scale(1.5).unwrap();
        let origin = vec![0.0; c.n];
        let kl = gaussx::kl_divergence(&origin, &wide, &origin, c.p.covariance()).unwrap();
        let expected = c.n as f64 / 2.0 * (0.5 - 1.5_f64.ln());
        vec![(kl, expected, expected)]
    };
    divergence_is_convex_in_the_mean = |c: &mut Case| {
        let at = |t: f64| {
            let mean = plus(&c.x, &plus(&c.y, &c.x, -1.0), t);
            gaussx::kl_divergence(mean, c.p.covariance(), c.q.mean(), c.q.covariance()).unwrap()
        };
        let ends = (at(0.0) + at(1.0)) / 2.0;
        vec![at_most(at(0.5), ends, ends)]
    };
    divergence_is_invariant_under_a_permutation = |c: &mut Case| {
        let order: Vec<usize> = (0..c.n).rev().collect();
        let permuted = |g: &Gaussian| g.marginal(&order).unwrap();
        let kl = c.p.kl_divergence(&c.q).unwrap();
        vec![(permuted(&c.p).kl_divergence(&permuted(&c.q)).unwrap(), kl, kl)]
    };
    divergence_under_a_map_is_unchanged_and_entropy_shifts = |c: &mut Case| {
        let (map, log) = c.map();
        let b = c.y.clone();
        let (p, q) = (mapped(&c.p, &map, &b), mapped(&c.q, &map, &b));
        let kl = c.p.kl_divergence(&c.q).unwrap();
        // The images are rounded: their condition numbers count too.
        let kappa = condition(p.covariance()).max(condition(q.covariance()));
        let size = (1.0 + kl) * (1.0 + kappa * c.n as f64 * f64::EPSILON / c.unit);
        vec![
            (p.kl_divergence(&q).unwrap(), kl, size * 2.0),
            (p.entropy().unwrap(), c.p.entropy().unwrap() + log, logs(&c.p) * size),
        ]
    };
    an_expected_log_likelihood_is_minus_a_cross_entropy = |c: &mut Case| {
        let at_y = MultivariateNormal::new(&c.y, c.q.covariance()).unwrap();
        let cross = c.p.cross_entropy(&at_y).unwrap();
        let found = c.p.expected_log_likelihood(&c.y, c.q.covariance()).unwrap();
        vec![(found, -cross, logs(&c.q) + cross.abs())]
    };
    an_expected_log_likelihood_is_at_most_the_one_at_the_mean = |c: &mut Case| {
        let at_mean = gaussx::log_prob(&c.y, c.p.mean(), c.q.covariance()).unwrap();
        let found = c.p.expected_log_likelihood(&c.y, c.q.covariance()).unwrap();
        vec![at_most(found, at_mean, logs(&c.q) + found.abs())]
    };
    the_elbo_is_the_expected_likelihood_minus_the_divergence = |c: &mut Case| {
        let noise = ScaledIdentity::new(c.n, 0.5).unwrap();
        let likelihood = c.p.expected_log_likelihood(&c.y, &noise).unwrap();
        let kl = c.p.kl_divergence(&c.q).unwrap();
        let elbo = c.p.elbo(&c.y, &noise, &c.q).unwrap();
        vec![(elbo, likelihood - kl, likelihood.abs() + kl)]
    };
    the_forward_fit_has_the_variances_and_gains_the_total_correlation = |c: &mut Case| {
        let fit = c.p.forward_diagonal_fit().unwrap();
        let kl = c.p.kl_divergence(&fit).unwrap();
        let gap = fit.entropy().unwrap() - c.p.entropy().unwrap();
        vec![(kl, gap, logs(&c.p))]
    };
    the_reverse_fit_has_the_precisions = |c: &mut Case| {
        let fit = c.p.reverse_diagonal_fit().unwrap();
        let precision = c.p.covariance().diag_inverse().unwrap();
        let variances = fit.covariance().variances();
        let mut all: Vec<_> = (0..c.n).map(|i| (variances[i] * precision[i], 1.0, 1.0)).collect();
        // No other scale of it is nearer.
        let kl = fit.kl_divergence(&c.p).unwrap();
        for by in [0.9, 1.1] {
            let other = MultivariateNormal::new(c.p.mean(), fit.covariance().clone().scale(by).unwrap());
            all.push(at_most(kl, other.unwrap().kl_divergence(&c.p).unwrap(), 1.0 + kl));
        }
        all
    };
    blocks_have_sums_of_what_their_parts_have = |c: &mut Case| {
        let blocks = BlockDiagonal::new(vec![c.p.covariance().clone(), c.q.covariance().clone()]).unwrap();
        let x: Vec<f64> = c.x.iter().chain(&c.y).copied().collect();
        let mean: Vec<f64> = c.p.mean().iter().chain(c.q.mean().iter()).copied().collect();
        let whole = MultivariateNormal::new(mean, blocks).unwrap();
        let size = logs(&c.p) + logs(&c.q);
        let form = c.p.quadratic_form(&c.x).unwrap() + c.q.quadratic_form(&c.y).unwrap();
        vec![
            (whole.entropy().unwrap(), c.p.entropy().unwrap() + c.q.entropy().unwrap(), size),
            (whole.quadratic_form(&x).unwrap(), form, form),
            (whole.kl_standard_normal().unwrap(),
             c.p.kl_standard_normal().unwrap() + c.q.kl_standard_normal().unwrap(),
             whole.kl_standard_normal().unwrap()),
        ]
    };
    a_fit_has_the_mean_and_covariance_of_its_points = |c: &mut Case| {
        let count = 3 * c.n;
        let points = c.p.sample_batch(count, &mut c.random.0).unwrap();
        let fit = gaussx::fit_dense(&points).unwrap();
        let forms = fit.quadratic_form_batch(&points).unwrap();
        // Σ (x - m)ᵀ S⁻¹ (x - m) = N n for the fitted m and S.
        let expected = (count * c.n) as f64;
        let kappa = condition(fit.covariance()) * c.n as f64 * f64::EPSILON / c.unit;
        let sum: f64 = forms.iter().sum();
        vec![(sum, expected, expected * (1.0 + kappa))]
    };
    no_other_scale_has_a_larger_likelihood_than_the_fit = |c: &mut Case| {
        let points = c.p.sample_batch(3 * c.n, &mut c.random.0).unwrap();
        let likelihood = |g: &Gaussian| -> f64 { g.log_prob_batch(&points).unwrap().iter().sum() };
        let fit = gaussx::fit_dense(&points).unwrap();
        let best = likelihood(&fit);
        [0.9, 1.1].map(|by| {
            let sigma = fit.covariance().clone().scale(by).unwrap();
            let other = MultivariateNormal::new(fit.mean(), sigma).unwrap();
            at_most(likelihood(&other), best, 1.0 + best.abs())
        }).to_vec()
    };
    a_draw_is_the_mean_plus_the_factor_times_noise = |c: &mut Case| {
        // The same stream through the standard normal gives the noise itself.
        let seed = c.random.index(1000) as u64;
        let standard = MultivariateNormal::<f64, _>::centered(ScaledIdentity::new(c.n, 1.0).unwrap()).unwrap();
        let mut noise = standard.sample_batch(1, &mut Random::new(seed).0).unwrap();
        let draw = c.p.sample_batch(1, &mut Random::new(seed).0).unwrap();
        let factor = c.p.covariance().cholesky();
        factor.multiply_in_place(noise.as_mut(), &mut Workspace::new()).unwrap();
        let diag = c.p.covariance().diag().unwrap();
        (0..c.n).map(|i| {
            let expected = noise[(i, 0)] + c.p.mean()[i];
            (draw[(i, 0)], expected, 10.0 * (diag[i].sqrt() + expected.abs()))
        }).collect()
    };
    a_precision_given_is_the_inverse_of_the_covariance = |c: &mut Case| {
        let sigma = c.p.covariance();
        let inverse = sigma.solve(Mat::<f64>::identity(c.n, c.n).as_ref()).unwrap();
        let precision = Mat::from_fn(c.n, c.n, |i, j| inverse[(i.max(j), i.min(j))]);
        let back = DenseCovariance::from_precision(precision).unwrap();
        let kappa = condition(sigma);
        vec![(back.logdet().unwrap(), sigma.logdet().unwrap(), logs(&c.p) * kappa)]
    };
    a_factor_given_is_the_covariance_that_it_makes = |c: &mut Case| {
        let mut l = Mat::<f64>::identity(c.n, c.n);
        let sigma = c.p.covariance();
        sigma.cholesky().multiply_in_place(l.as_mut(), &mut Workspace::new()).unwrap();
        let from_factor = DenseCovariance::from_cholesky(l).unwrap();
        let form = gaussx::quadratic_form(&c.x, c.p.mean(), &from_factor).unwrap();
        vec![
            (from_factor.logdet().unwrap(), sigma.logdet().unwrap(), logs(&c.p)),
            (form, c.p.quadratic_form(&c.x).unwrap(), form),
        ]
    };
    a_claimed_bound_covers_another_way_to_the_same_number = |c: &mut Case| {
        let Bounded { value, error } = c.p.kl_divergence_bounded(&c.q).unwrap();
        let kl = c.p.kl_divergence(&c.q).unwrap();
        // The bound is no larger than the promise, and the value is the plain one.
        vec![(value, kl, 0.0), at_most(error, 10.0 * c.unit * kl, kl)]
    };
}
