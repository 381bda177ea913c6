//! A hundred thousand adversarial pairs of up to 4 coordinates, and some of up to 256: no distance
//! is negative, none is `-0.0` or NaN, and equal arguments are at exactly zero.

use gaussx::faer::{Mat, Scale};
use gaussx::{
    BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, Scalar, ScaledIdentity,
};
use gaussx_tests::random::Random;

/// Pairs of few coordinates, of each scalar.
const FEW: u64 = 50_000;

/// Pairs of many.
const MANY: u64 = 300;

type Boxed<T> = Box<dyn CovarianceOperator<T>>;

/// A number one or two units in the last place away.
fn neighbour<T: Scalar>(x: T, up: bool) -> T {
    let step = x.abs() * T::EPSILON;
    if up { x + step } else { x - step }
}

fn dense<T: Scalar>(m: &Mat<T>) -> Option<Boxed<T>> {
    DenseCovariance::new(m.clone())
        .ok()
        .map(|d| Box::new(d) as Boxed<T>)
}

/// A small covariance whose correlations go up to the edge.
fn matrix<T: Scalar>(n: usize, random: &mut Random) -> Mat<T> {
    let single = T::EPSILON.as_f64() > 1e-10;
    let spread = if single { 5.0 } else { 60.0 };
    let units: Vec<f64> = match random.index(3) {
        0 => vec![1.0; n],
        1 => (0..n).map(|_| random.log_uniform(-2.0, 2.0)).collect(),
        _ => (0..n)
            .map(|_| random.log_uniform(-spread, spread))
            .collect(),
    };
    let edge = [0.0, 0.5, 0.999, 1.0 - 1e-6][random.index(4)];
    // Equicorrelation is positive definite for any 0 <= edge < 1.
    Mat::from_fn(n, n, |i, j| {
        let r = if i == j { 1.0 } else { edge };
        T::of(units[i.max(j)] * units[i.min(j)] * r)
    })
}

/// The same matrix with one adversarial change.
fn changed<T: Scalar>(m: &Mat<T>, random: &mut Random) -> Mat<T> {
    let n = m.nrows();
    let mut other = m.clone();
    let (i, j) = (random.index(n), random.index(n));
    match random.index(6) {
        0 => {}
        1 => {
            let moved = neighbour(m[(i, j)], random.index(2) == 0);
            other[(i, j)] = moved;
            other[(j, i)] = moved;
        }
        2 => other = Mat::from_fn(n, n, |a, b| m[(n - 1 - a, n - 1 - b)]),
        3 => other *= Scale(T::one() + T::EPSILON),
        4 => other *= Scale(T::of(0.5)),
        _ => other[(i, i)] *= T::of(1.0 + 1e-4),
    }
    other
}

/// A structure for the matrix, or for its diagonal.
fn structured<T: Scalar>(m: &Mat<T>, kind: usize) -> Option<Boxed<T>> {
    let n = m.nrows();
    let diagonal: Vec<T> = (0..n).map(|i| m[(i, i)]).collect();
    match kind {
        0 => Some(Box::new(ScaledIdentity::new(n, diagonal[0]).ok()?)),
        1 => Some(Box::new(DiagonalCovariance::new(diagonal).ok()?)),
        2 if n > 1 => {
            let last = Mat::from_fn(1, 1, |_, _| m[(n - 1, n - 1)]);
            let first = m.as_ref().submatrix(0, 0, n - 1, n - 1).to_owned();
            Some(Box::new(
                BlockDiagonal::from_matrices(vec![first, last]).ok()?,
            ))
        }
        _ => dense(m),
    }
}

#[track_caller]
fn check<T: Scalar>(what: &str, seed: u64, value: T) {
    let sound = value >= T::zero() && !value.is_sign_negative();
    assert!(sound, "{what} is {value:e}, seed {seed}");
}

/// Checks as many pairs, of up to `most` coordinates, and gives how many were valid.
fn pairs<T: Scalar>(count: u64, most: usize) -> u64 {
    let mut tried = 0;
    for seed in 0..count {
        let mut random = Random::new(seed);
        let n = 1 + random.index(most);
        let m = matrix::<T>(n, &mut random);
        let (kind_p, kind_q) = (random.index(5), random.index(5));
        let other = changed(&m, &mut random);
        let (Some(p), Some(q)) = (structured(&other, kind_p), structured(&m, kind_q)) else {
            continue;
        };
        tried += 1;
        let mean: Vec<T> = random.vector(n);
        let moved: Vec<T> = mean
            .iter()
            .map(|&x| neighbour(x, seed.is_multiple_of(3)))
            .collect();
        let zero = vec![T::zero(); n];
        let kl = |a: &[T], p: &Boxed<T>, b: &[T], q: &Boxed<T>| {
            gaussx::kl_divergence(a, p, b, q).unwrap()
        };
        check("KL", seed, kl(&mean, &p, &moved, &q));
        check("KL", seed, kl(&zero, &p, &zero, &q));
        check("KL, swapped", seed, kl(&zero, &q, &zero, &p));
        assert_eq!(
            kl(&mean, &p, &mean, &p).as_f64().to_bits(),
            0,
            "KL of equals, seed {seed}"
        );
        check(
            "standard",
            seed,
            gaussx::kl_standard_normal(&mean, &p).unwrap(),
        );
        check(
            "form",
            seed,
            gaussx::quadratic_form(&mean, &moved, &q).unwrap(),
        );
        let none = gaussx::quadratic_form(&mean, &mean, &q).unwrap();
        assert_eq!(none.as_f64().to_bits(), 0, "form of equals, seed {seed}");
        if n > 1 {
            let rest: Vec<usize> = (1..n).collect();
            let nats = gaussx::mutual_information(&p, &[0], &rest).unwrap();
            check("information", seed, nats);
            if kind_p < 2 {
                assert_eq!(nats.as_f64().to_bits(), 0, "independent, seed {seed}");
            }
        }
    }
    tried
}

fn pairs_of_few_and_many<T: Scalar>() {
    let few = pairs::<T>(FEW, 4);
    assert!(few > FEW * 3 / 4, "only {few} pairs were valid");
    let many = pairs::<T>(MANY, 256);
    assert!(many > MANY / 2, "only {many} larger pairs were valid");
}

#[test]
fn adversarial_pairs_in_double_precision_are_at_no_negative_distance() {
    pairs_of_few_and_many::<f64>();
}

#[test]
fn adversarial_pairs_in_single_precision_are_at_no_negative_distance() {
    pairs_of_few_and_many::<f32>();
}
