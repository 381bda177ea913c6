//! What must hold between the quantities, whatever the numbers.
//!
//! The cases are parameters (a seed, a dimension, a distance) from which covariances are
//! built, so that a failure shrinks and repeats.

use gaussx::faer::{Mat, MatRef};
use gaussx::{
    BlockDiagonal, CovarianceOperator, DenseCovariance, MultivariateNormal, ScaledIdentity,
    Workspace,
};
use gaussx_tests::compare::{assert_close, unit};
use gaussx_tests::naive::Naive;
use gaussx_tests::random::Random;
use gaussx_tests::structures::{Structured, structures};
use proptest::prelude::*;

/// Identities add the errors of several quantities, each a few `n ε κ`.
const UNITS: f64 = 40.0;

type Dense = MultivariateNormal<f64, DenseCovariance<f64>>;
type Gaussian = MultivariateNormal<f64, Box<dyn CovarianceOperator<f64>>>;

/// Two Gaussians of any two structures, and their error unit.
fn pair(seed: u64, n: usize) -> (Gaussian, Gaussian, f64) {
    let mut random = Random::new(seed);
    let mut draw = |seed_offset: usize| {
        let mut all = structures::<f64>(n, &mut random);
        let index = (random.index(all.len()) + seed_offset) % all.len();
        let Structured {
            operator, matrix, ..
        } = all.swap_remove(index);
        let mean = random.vector(n);
        (MultivariateNormal::new(mean, operator).unwrap(), matrix)
    };
    let (p, matrix_p) = draw(0);
    let (q, matrix_q) = draw(1);
    let kappa = matrix_p.kappa().max(matrix_q.kappa());
    (p, q, unit::<f64>(UNITS, n, kappa))
}

fn random_dense(n: usize, random: &mut Random) -> (DenseCovariance<f64>, f64) {
    let sigma = random.covariance::<f64>(n);
    let kappa = Naive::from_fn(n, |i, j| sigma[(i, j)]).kappa();
    (DenseCovariance::new(sigma).unwrap(), kappa)
}

/// `A Σ Aᵀ`.
fn congruence(a: &Mat<f64>, sigma: MatRef<'_, f64>) -> DenseCovariance<f64> {
    DenseCovariance::from_lower_triangle(a * sigma * a.transpose()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: Some(Box::new(
            proptest::test_runner::FileFailurePersistence::WithSource("regressions"),
        )),
        ..ProptestConfig::default()
    })]

    #[test]
    fn cross_entropy_is_entropy_plus_divergence(seed in any::<u64>(), n in 1_usize..12) {
        let (p, q, bound) = pair(seed, n);
        let (entropy, kl) = (p.entropy().unwrap(), p.kl_divergence(&q).unwrap());
        let scale = entropy.abs() + kl + 3.0 * n as f64;
        let found = p.cross_entropy(&q).unwrap();
        assert_close("H(p, q)", found, entropy + kl, bound * scale);
    }

    #[test]
    fn divergence_is_never_negative_and_zero_for_equals(seed in any::<u64>(), n in 1_usize..12) {
        let (p, q, _) = pair(seed, n);
        prop_assert!(p.kl_divergence(&q).unwrap() >= 0.0);
        prop_assert_eq!(p.kl_divergence(&p).unwrap().to_bits(), 0.0_f64.to_bits());
        // One Gaussian in two representations: what is left is the rounding of the factors.
        let between = p.kl_divergence(&densified(&p)).unwrap();
        prop_assert!((0.0..1e-24).contains(&between), "{between:e}");
    }

    #[test]
    fn self_cross_entropy_is_entropy(seed in any::<u64>(), n in 1_usize..12) {
        let (p, _, bound) = pair(seed, n);
        let entropy = p.entropy().unwrap();
        let scale = entropy.abs() + 3.0 * n as f64;
        assert_close("H(p, p)", p.cross_entropy(&p).unwrap(), entropy, bound * scale);
    }

    #[test]
    fn elbo_plus_gap_is_evidence(seed in any::<u64>(), n in 1_usize..10) {
        // y = f + e, f ~ N(m, K), e ~ N(0, R): posterior and evidence by conditioning.
        let mut random = Random::new(seed);
        let (prior, kappa_prior) = random_dense(n, &mut random);
        let (noise, kappa_noise) = random_dense(n, &mut random);
        let (mean, y) = (random.vector::<f64>(n), random.vector::<f64>(n));
        let (k, r) = (prior.to_dense().unwrap(), noise.to_dense().unwrap());
        let total = DenseCovariance::new(&k + &r).unwrap();
        let gain = total.solve(k.as_ref()).unwrap();
        let residual = Mat::from_fn(n, 1, |i, _| y[i] - mean[i]);
        let shift = gain.transpose() * &residual;
        let posterior_mean: Vec<f64> = (0..n).map(|i| mean[i] + shift[(i, 0)]).collect();
        // K - K G without the cancellation, where the noise is small.
        let spread = &r * &gain;
        let posterior = DenseCovariance::from_lower_triangle(spread).unwrap();
        let evidence = gaussx::log_prob(&y, &mean, &total).unwrap();

        let prior = MultivariateNormal::new(&mean, prior).unwrap();
        let posterior = MultivariateNormal::new(posterior_mean, posterior).unwrap();
        let (q, _, _) = pair(seed.wrapping_add(1), n);
        // The posterior itself was computed with a loss of n ε κ.
        let bound = unit::<f64>(UNITS, n, kappa_prior * kappa_noise);
        let (elbo, gap) = (q.elbo(&y, &noise, &prior).unwrap(), q.kl_divergence(&posterior).unwrap());
        let scale = elbo.abs() + gap + evidence.abs() + 1.0;
        assert_close("ELBO + KL", elbo + gap, evidence, bound * scale);

        let tight = posterior.elbo(&y, &noise, &prior).unwrap();
        assert_close("ELBO at the posterior", tight, evidence, bound * scale);
    }

    #[test]
    fn information_is_the_divergence_from_independence(seed in any::<u64>(), n in 2_usize..12) {
        let mut random = Random::new(seed);
        let (joint, kappa) = random_dense(n, &mut random);
        let split = 1 + random.index(n - 1);
        let (a, b): (Vec<usize>, Vec<usize>) = ((0..split).collect(), (split..n).collect());
        let found = gaussx::mutual_information(&joint, &a, &b).unwrap();
        let joint = MultivariateNormal::centered(joint).unwrap();
        let (part_a, part_b) = (joint.marginal(&a).unwrap(), joint.marginal(&b).unwrap());

        let bound = unit::<f64>(UNITS, n, kappa);
        let (h_a, h_b) = (part_a.entropy().unwrap(), part_b.entropy().unwrap());
        let h = joint.entropy().unwrap();
        let scale = h_a.abs() + h_b.abs() + h.abs() + 1.0;
        assert_close("H_a + H_b - H_ab", found, h_a + h_b - h, bound * scale);

        let product = BlockDiagonal::new(vec![
            part_a.covariance().clone(),
            part_b.covariance().clone(),
        ]).unwrap();
        let product = MultivariateNormal::centered(product).unwrap();
        let kl = joint.kl_divergence(&product).unwrap();
        // Both are relative to themselves: neither is a difference of entropies.
        assert_close("KL from the product", found, kl, bound * kl);
    }

    #[test]
    fn information_of_two_coordinates_is_that_of_their_correlation(rho in -0.999_f64..0.999) {
        let sigma = Mat::from_fn(2, 2, |i, j| if i == j { 1.0 } else { rho });
        let sigma = DenseCovariance::new(sigma).unwrap();
        let found = gaussx::mutual_information(&sigma, &[0], &[1]).unwrap();
        let expected = -0.5 * ((1.0 - rho) * (1.0 + rho)).ln();
        // The logarithm of a number near 1 carries an absolute ε.
        assert_close("-½ ln(1 - ρ²)", found, expected, 4.0 * f64::EPSILON * (1.0 + expected));
    }

    #[test]
    fn divergence_adds_up_over_blocks(seed in any::<u64>(), n in 1_usize..8, m in 1_usize..8) {
        let mut random = Random::new(seed);
        let mut draw = |n| random_dense(n, &mut random);
        let ((p1, k1), (q1, k2), (p2, k3), (q2, k4)) = (draw(n), draw(n), draw(m), draw(m));
        let kl = |p: &DenseCovariance<f64>, q: &DenseCovariance<f64>| {
            let p = MultivariateNormal::centered(p).unwrap();
            p.kl_divergence(&MultivariateNormal::centered(q).unwrap()).unwrap()
        };
        let sum = kl(&p1, &q1) + kl(&p2, &q2);
        let p = BlockDiagonal::new(vec![p1, p2]).unwrap();
        let q = BlockDiagonal::new(vec![q1, q2]).unwrap();
        let (dense_p, dense_q) = (p.to_dense().unwrap(), q.to_dense().unwrap());
        let p = MultivariateNormal::centered(p).unwrap();
        let q = MultivariateNormal::centered(q).unwrap();
        let bound = unit::<f64>(UNITS, n + m, k1.max(k2).max(k3).max(k4)) * sum;
        assert_close("blocks", p.kl_divergence(&q).unwrap(), sum, bound);
        let whole = kl(&DenseCovariance::new(dense_p).unwrap(), &DenseCovariance::new(dense_q).unwrap());
        assert_close("dense", whole, sum, bound);
    }

    #[test]
    fn divergence_is_invariant_under_a_common_affine_map(seed in any::<u64>(), n in 1_usize..10) {
        let mut random = Random::new(seed);
        let ((p, kappa_p), (q, kappa_q)) = (random_dense(n, &mut random), random_dense(n, &mut random));
        let (mean_p, mean_q, shift): (Vec<f64>, Vec<f64>, Vec<f64>) =
            (random.vector(n), random.vector(n), random.vector(n));
        let a = Mat::from_fn(n, n, |i, j| {
            random.uniform::<f64>(-0.3, 0.3) + if i == j { 2.0 } else { 0.0 }
        });
        let map = |mean: &[f64]| -> Vec<f64> {
            (0..n).map(|i| shift[i] + (0..n).map(|j| a[(i, j)] * mean[j]).sum::<f64>()).collect()
        };
        let mapped_p = congruence(&a, p.to_dense().unwrap().as_ref());
        let mapped_q = congruence(&a, q.to_dense().unwrap().as_ref());
        let kappa_map = Naive::from_fn(n, |i, j| mapped_q.to_dense().unwrap()[(i, j)]).kappa();
        let before = gaussx::kl_divergence(&mean_p, &p, &mean_q, &q).unwrap();
        let after =
            gaussx::kl_divergence(map(&mean_p), &mapped_p, map(&mean_q), &mapped_q).unwrap();
        let bound = unit::<f64>(UNITS, n, kappa_p.max(kappa_q).max(kappa_map));
        assert_close("affine map", after, before, bound * (1.0 + before));
    }

    #[test]
    fn score_is_the_gradient_of_the_log_density(seed in any::<u64>(), n in 1_usize..8) {
        let (p, _, _) = pair(seed, n);
        let x: Vec<f64> = Random::new(seed).vector(n);
        let score = p.score(&x).unwrap();
        for i in 0..n {
            // A quadratic has no third derivative: the central difference is exact but for
            // rounding, ε |ln p| / h, which a wide step makes small.
            let h = 0.5;
            let at = |step: f64| {
                let mut moved = x.clone();
                moved[i] += step;
                p.log_prob(&moved).unwrap()
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            let size = at(h).abs() + at(-h).abs() + score[i].abs() + 3.0 * n as f64;
            assert_close("score", score[i], slope, 1e-12 * size);
        }
    }

    #[test]
    fn diagonal_fits_are_the_best_of_their_kind(seed in any::<u64>(), n in 1_usize..8) {
        let mut random = Random::new(seed);
        let (sigma, _) = random_dense(n, &mut random);
        let p = MultivariateNormal::centered(sigma).unwrap();
        let (forward, reverse) =
            (p.forward_diagonal_fit().unwrap(), p.reverse_diagonal_fit().unwrap());
        let changed = |v: &[f64], random: &mut Random| {
            let v: Vec<f64> = v.iter().map(|v| v * random.uniform::<f64>(0.8, 1.25)).collect();
            MultivariateNormal::centered(gaussx::DiagonalCovariance::new(v).unwrap()).unwrap()
        };
        let other = changed(forward.covariance().variances(), &mut random);
        prop_assert!(p.kl_divergence(&forward).unwrap() <= p.kl_divergence(&other).unwrap());
        let other = changed(reverse.covariance().variances(), &mut random);
        prop_assert!(reverse.kl_divergence(&p).unwrap() <= other.kl_divergence(&p).unwrap());
    }

    #[test]
    fn divergence_keeps_its_digits_near_equality(
        seed in any::<u64>(), n in 1_usize..10, exponent in 2_i32..28,
    ) {
        // Σ_p = (1 + t) Σ_q with t a power of two, exactly: KL = ½ n (t - ln(1 + t)).
        let mut random = Random::new(seed);
        let q = random.covariance::<f64>(n);
        let coarse = Mat::from_fn(n, n, |i, j| f64::from(q[(i, j)] as f32));
        let t = 0.5_f64.powi(exponent);
        let p = Mat::from_fn(n, n, |i, j| coarse[(i, j)] * (1.0 + t));
        let kappa = Naive::from_fn(n, |i, j| coarse[(i, j)]).kappa();
        let p = MultivariateNormal::centered(DenseCovariance::new(p).unwrap()).unwrap();
        let q = MultivariateNormal::centered(DenseCovariance::new(coarse).unwrap()).unwrap();
        // t - ln(1 + t) = t²/2 - t³/3 + .., summed from the small end.
        let series: f64 = (2..60).rev().map(|k| (-t).powi(k) / f64::from(k)).sum();
        let expected = 0.5 * n as f64 * series;
        let found = p.kl_divergence(&q).unwrap();
        assert_close("KL", found, expected, unit::<f64>(UNITS, n, kappa) * expected);
    }
}

/// Two covariances whose divergence is known exactly.
struct ExactPair {
    sigma_p: Mat<f64>,
    sigma_q: Mat<f64>,
    divergence: f64,
    /// A mean at a distance of `½` from the origin.
    mean: Vec<f64>,
}

impl ExactPair {
    /// `Σ_q = L D Lᵀ` of small integers, `Σ_p` with `L (I + E)` for `L` and `E` of up to `most`
    /// steps of 2⁻²⁰. No entry is rounded, their roots are, and the divergence is a sum of squares.
    fn new(n: usize, most: usize, random: &mut Random) -> Self {
        let mut l = Mat::<f64>::zeros(n, n);
        let mut e = l.clone();
        for j in 0..n {
            l[(j, j)] = 2.0;
            for i in j + 1..n.min(j + 4) {
                l[(i, j)] = random.index(3) as f64 - 1.0;
            }
            for i in j..n {
                let steps = random.index(2 * most + 1) as f64 - most as f64;
                e[(i, j)] = steps * 0.5_f64.powi(20);
            }
        }
        let d = |i: usize| (2 + i % 5) as f64;
        let diagonal = Mat::from_fn(n, n, |i, j| if i == j { d(i) } else { 0.0 });
        let mut divergence = 0.0;
        for j in 0..n {
            let x: f64 = e[(j, j)];
            // x - ln(1 + x), summed from the small end.
            let series: f64 = (2..40).rev().map(|k| (-x).powi(k) / f64::from(k)).sum();
            divergence += x * x + 2.0 * series;
            let squares = (j + 1..n).map(|i| e[(i, j)] * e[(i, j)] * d(j) / d(i));
            divergence += squares.sum::<f64>();
        }
        let mean = l.col(0).iter().copied().collect();
        let l_p = &l + &l * &e;
        let [sigma_p, sigma_q] = [l_p, l].map(|l| &l * &diagonal * l.transpose());
        Self {
            sigma_p,
            sigma_q,
            divergence,
            mean,
        }
    }

    fn kappa(&self) -> f64 {
        let sigma = &self.sigma_q;
        Naive::from_fn(sigma.nrows(), |i, j| sigma[(i, j)]).kappa()
    }
}

/// How many steps the entries of `E` take: from far below where the forms of the divergence meet
/// to above.
const STEPS: [usize; 5] = [1, 1 << 5, 1 << 10, 1 << 14, 1 << 18];

/// What means are multiplied by, whose distance may make the digits of the divergence matter less.
const SHIFTS: [f64; 4] = [0.0, 1.0 / 1024.0, 0.25, 4.0];

/// Twice KL with means on both sides of where the forms meet, within one part in `n` of the
/// promise.
fn keeps_its_digits(
    what: &str,
    p: &impl CovarianceOperator<f64>,
    q: &impl CovarianceOperator<f64>,
    mean: &[f64],
    [divergence, distance, kappa]: [f64; 3],
) {
    let zero = vec![0.0; mean.len()];
    for shift in SHIFTS {
        let mean: Vec<f64> = mean.iter().map(|m| shift * m).collect();
        let found = 2.0 * gaussx::kl_divergence(&mean, p, &zero, q).unwrap();
        let expected = divergence + shift * shift * distance;
        let bound = f64::EPSILON * kappa * expected;
        assert_close(&format!("{what}, shift {shift}"), found, expected, bound);
    }
}

#[test]
fn divergence_keeps_its_digits_where_its_forms_meet() {
    for n in [2, 8, 17, 40, 120] {
        let meets_at = 16.0 / n.max(16) as f64;
        let divergences = STEPS.map(|most| {
            let pair = ExactPair::new(n, most, &mut Random::new(1));
            let figures = [pair.divergence, 0.5, pair.kappa()];
            let ExactPair {
                sigma_p, sigma_q, ..
            } = pair;
            let [p, q] = [sigma_p, sigma_q].map(|sigma| DenseCovariance::new(sigma).unwrap());
            keeps_its_digits(
                &format!("n = {n}, {most} steps"),
                &p,
                &q,
                &pair.mean,
                figures,
            );
            pair.divergence
        });
        assert!(divergences[0] < 0.1 * meets_at);
        assert!(divergences[4] > meets_at || n < 16);
    }
}

/// Also where each of many blocks is close, and all of them are not.
#[test]
fn divergence_of_blocks_keeps_its_digits_where_its_forms_meet() {
    for (count, size) in [(2, 8), (50, 8), (3, 20), (30, 20)] {
        for most in STEPS {
            let mut random = Random::new(1);
            let pairs = Vec::from_iter((0..count).map(|_| ExactPair::new(size, most, &mut random)));
            let divergence = pairs.iter().map(|pair| pair.divergence).sum();
            let kappa = pairs.iter().map(ExactPair::kappa).fold(1.0, f64::max);
            let mean = Vec::from_iter(pairs.iter().flat_map(|pair| pair.mean.iter().copied()));
            let (p, q) = pairs
                .into_iter()
                .map(|pair| (pair.sigma_p, pair.sigma_q))
                .unzip();
            let [p, q] = [p, q].map(|all| BlockDiagonal::from_matrices(all).unwrap());
            let figures = [divergence, 0.5 * count as f64, kappa];
            let what = format!("{count} blocks of {size}, {most} steps");
            keeps_its_digits(&what, &p, &q, &mean, figures);
        }
    }
}

/// The same Gaussian with a dense covariance.
fn densified(p: &MultivariateNormal<f64, impl CovarianceOperator<f64>>) -> Dense {
    let sigma = p.covariance().to_dense().unwrap();
    MultivariateNormal::new(p.mean(), DenseCovariance::new(sigma).unwrap()).unwrap()
}

#[test]
fn standard_normal_is_at_no_distance_from_itself() {
    let standard = MultivariateNormal::centered(ScaledIdentity::new(5, 1.0).unwrap()).unwrap();
    assert_eq!(standard.kl_standard_normal().unwrap(), 0.0);
    assert_eq!(standard.kl_divergence(&densified(&standard)).unwrap(), 0.0);
}

#[test]
fn information_of_independent_sets_is_exactly_zero() {
    let mut random = Random::new(1);
    for (n, m) in [(1, 1), (2, 3), (5, 40), (30, 4)] {
        let parts = vec![random.covariance::<f64>(n), random.covariance(m)];
        let blocks = BlockDiagonal::from_matrices(parts).unwrap();
        let dense = DenseCovariance::new(blocks.to_dense().unwrap()).unwrap();
        let (a, b): (Vec<usize>, Vec<usize>) = ((0..n).collect(), (n..n + m).collect());
        for sigma in [&blocks as &dyn CovarianceOperator<f64>, &dense] {
            let nats = gaussx::mutual_information(sigma, &a, &b).unwrap();
            assert_eq!(nats.to_bits(), 0.0_f64.to_bits());
        }
    }
}

/// Entries within a millionth of each other, and a divergence that is not small: pairs of
/// coordinates that are nearly one, so that it is known in closed form.
#[test]
fn nearly_singular_covariances_that_look_alike_are_told_apart() {
    let pairs = |count: usize, gap: f64| {
        let entry = |i: usize, j: usize| match (i == j, i / 2 == j / 2) {
            (true, _) => 1.0,
            (_, true) => 1.0 - gap,
            _ => 0.0,
        };
        DenseCovariance::new(Mat::from_fn(2 * count, 2 * count, entry)).unwrap()
    };
    for count in [10, 40, 100] {
        for (gap_p, gap_q) in [(1e-6, 2e-8), (2e-6, 1.25e-6), (1e-7, 1e-6)] {
            let (p, q) = (pairs(count, gap_p), pairs(count, gap_q));
            let divergence = gaussx::pair::divergence(&p, &q, &mut Workspace::new()).unwrap();
            // The gaps as they were rounded into the entries.
            let [gap_p, gap_q] = [gap_p, gap_q].map(|gap: f64| 1.0 - (1.0 - gap));
            let term = |ratio: f64| ratio - 1.0 - ratio.ln();
            let expected =
                count as f64 * (term(gap_p / gap_q) + term((2.0 - gap_p) / (2.0 - gap_q)));
            // n ε κ, the condition number being 2 / gap.
            let tolerance = 2.0 * count as f64 * f64::EPSILON * 2.0 / gap_p.min(gap_q);
            let error = (divergence - expected).abs() / expected;
            assert!(
                error < tolerance,
                "{count}, {gap_p:e}, {gap_q:e}: {error:e}"
            );
        }
    }
}
