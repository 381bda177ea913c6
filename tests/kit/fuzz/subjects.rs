//! Operators of every kind from bytes, and what their constructors must answer.

use gaussx::faer::Mat;
use gaussx::{
    Adjust, BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, Error, Scalar,
    Scaled, ScaledIdentity, StructuredCovariance,
};

use super::bytes::Bytes;
use crate::ar1::Ar1;
use crate::structures::side_by_side;

pub type Boxed<T> = Box<dyn CovarianceOperator<T>>;

/// What an independent, simple rule says of a question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Question {
    /// An answer must be given, or the overflow that prevents it named.
    Valid,
    /// An answer would be a lie.
    Invalid,
    /// The rule is too simple to tell.
    Unclear,
}

impl Question {
    pub fn from(valid: bool) -> Self {
        if valid { Self::Valid } else { Self::Invalid }
    }
}

/// An answer fits its question.
#[track_caller]
pub fn fits<R>(what: &str, question: Question, answer: &Result<R, Error>) {
    match answer {
        Ok(_) => assert!(
            question != Question::Invalid,
            "{what}: Ok for an invalid question"
        ),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let excuse = matches!(
                error,
                Error::NotRepresentable { .. } | Error::NoConvergence { .. }
            );
            assert!(
                question != Question::Valid || excuse,
                "{what}: refused: {error}"
            );
        }
    }
}

/// Diagonal dominance of the correlations proves a matrix definite; a negative variance or a
/// correlation above 1 proves that it is not.
fn definiteness<T: Scalar>(m: &Mat<T>) -> Question {
    let n = m.nrows();
    let entry = |i: usize, j: usize| m[(i, j)].as_f64();
    let all = (0..n * n).map(|k| entry(k % n, k / n));
    if all.clone().any(|x| !x.is_finite()) || (0..n).any(|i| entry(i, i) <= 0.0) {
        return Question::Invalid;
    }
    let correlation = |i: usize, j: usize| entry(i, j) / entry(i, i).sqrt() / entry(j, j).sqrt();
    let mut dominant = true;
    for i in 0..n {
        let mut row = 0.0;
        for j in 0..n {
            let r = correlation(i, j);
            if j != i {
                row += r.abs();
                if (r - correlation(j, i)).abs() > 0.01 || r.abs() > 1.01 {
                    return Question::Invalid;
                }
                dominant &= m[(i, j)] == m[(j, i)];
            }
        }
        dominant &= row < 0.9;
    }
    // Below the normal range a square root or a product has no relative accuracy.
    let least = if T::EPSILON.as_f64() > 1e-10 {
        1e-30
    } else {
        1e-290
    };
    let normal = (0..n).all(|i| entry(i, i) > least && entry(i, i) < 1.0 / least);
    if dominant && normal {
        Question::Valid
    } else {
        Question::Unclear
    }
}

fn positive<T: Scalar>(v: T) -> bool {
    v.is_finite() && v > T::zero()
}

/// An operator in dimension `n`, where the bytes make one.
pub fn operator<T: Scalar>(bytes: &mut Bytes<'_>, n: usize, depth: usize) -> Option<Boxed<T>> {
    let kinds = if depth > 0 { 14 } else { 9 };
    Some(match bytes.below(kinds) {
        0 => Box::new(identity(bytes, n)?),
        1 => Box::new(diagonal(bytes, n)?),
        2..=4 => Box::new(dense(bytes, n)?),
        5 => Box::new(from_factor(bytes, n)?),
        6 => Box::new(from_precision(bytes, n)?),
        7 => {
            let (rho, variance) = (bytes.number::<T>(), bytes.variance::<T>());
            let answer = Ar1::new(n, rho, variance);
            fits(
                "AR(1)",
                Question::from(rho.abs() < T::one() && positive(variance)),
                &answer,
            );
            // A process whose innovation vanishes is an operator that breaks its contract.
            let innovation = (T::one() - rho) * (T::one() + rho) * variance;
            answer
                .ok()
                .filter(|_| innovation.is_normal())
                .map(Box::new)?
        }
        8 => {
            let limit = bytes.variance::<T>();
            let m = bytes.matrix::<T>(n);
            let (covariance, jitter) = DenseCovariance::with_jitter(m, limit).ok()?;
            assert!(jitter >= T::zero() && jitter <= limit);
            Box::new(covariance)
        }
        9 if n > 0 && n.is_multiple_of(2) => {
            let half = n / 2;
            let parts = [bytes.matrix::<T>(half), bytes.matrix::<T>(half)];
            let built = BlockDiagonal::from_side_by_side(side_by_side(&parts));
            let built = built.map_err(Error::from);
            let one_by_one = BlockDiagonal::from_matrices(parts.to_vec());
            // As text: NaN is not itself.
            assert_eq!(format!("{built:?}"), format!("{one_by_one:?}"));
            Box::new(built.ok()?)
        }
        9 | 10 => {
            let first = n / 2;
            let parts: Vec<Boxed<T>> = vec![
                operator(bytes, first, depth - 1)?,
                operator(bytes, n - first, depth - 1)?,
            ];
            Box::new(BlockDiagonal::new(parts).expect("boxes of valid operators"))
        }
        11 => {
            let by = bytes.variance::<T>();
            let answer = Scaled::new(operator(bytes, n, depth - 1)?, by);
            fits("Scaled", Question::from(positive(by)), &answer);
            Box::new(answer.ok()?)
        }
        12 => {
            let jitter = bytes.variance::<T>();
            let inner = operator(bytes, n, depth - 1)?;
            let valid = jitter.is_finite() && jitter >= T::zero();
            let answer = StructuredCovariance::jittered(&inner, jitter);
            if !valid {
                fits("jittered", Question::Invalid, &answer);
            }
            Box::new(answer.ok()?)
        }
        _ => {
            let inner = operator(bytes, n, depth - 1)?;
            let order: Vec<usize> = (0..n).rev().collect();
            Box::new(StructuredCovariance::permuted(&inner, &order).ok()?)
        }
    })
}

fn identity<T: Scalar>(bytes: &mut Bytes<'_>, n: usize) -> Option<ScaledIdentity<T>> {
    let v = bytes.variance::<T>();
    let answer = ScaledIdentity::new(n, v);
    fits("ScaledIdentity::new", Question::from(positive(v)), &answer);
    let scaled = answer.ok()?;
    let by = bytes.variance::<T>();
    let in_range = positive(by) && (v * by).is_normal();
    match scaled.scale(by) {
        Ok(scaled) => {
            assert!(positive(by) && positive(scaled.variance()));
            Some(scaled)
        }
        Err(error) => {
            assert!(!in_range, "scale: {error}");
            None
        }
    }
}

fn diagonal<T: Scalar>(bytes: &mut Bytes<'_>, n: usize) -> Option<DiagonalCovariance<T>> {
    let v: Vec<T> = (0..n).map(|_| bytes.variance()).collect();
    let valid = v.iter().all(|&v| positive(v));
    match bytes.below(3) {
        0 => DiagonalCovariance::from_std_devs(v).ok(),
        1 => DiagonalCovariance::from_precisions(v).ok(),
        _ => {
            let answer = DiagonalCovariance::new(v);
            fits("DiagonalCovariance::new", Question::from(valid), &answer);
            answer.ok()
        }
    }
}

fn dense<T: Scalar>(bytes: &mut Bytes<'_>, n: usize) -> Option<DenseCovariance<T>> {
    let m = bytes.matrix::<T>(n);
    let question = definiteness(&m);
    match DenseCovariance::new(m.clone()) {
        Ok(covariance) => {
            assert!(question != Question::Invalid, "accepted {m:?}");
            Some(covariance)
        }
        Err(rejected) => {
            assert!(question != Question::Valid, "{} for {m:?}", rejected.error);
            // Where the factorisation failed the upper triangle mirrors the lower.
            let same = (0..n).all(|j| {
                (j..n).all(|i| {
                    let (a, b) = (rejected.matrix[(i, j)], m[(i, j)]);
                    a == b || a.is_nan() && b.is_nan()
                })
            });
            assert!(same, "not given back: {m:?}");
            DenseCovariance::from_lower_triangle(rejected.matrix).ok()
        }
    }
}

fn from_factor<T: Scalar>(bytes: &mut Bytes<'_>, n: usize) -> Option<DenseCovariance<T>> {
    let mut l = bytes.matrix::<T>(n);
    for j in 0..n {
        for i in 0..j {
            l[(i, j)] = T::zero();
        }
    }
    let entries: Vec<T> = (0..n * n).map(|k| l[(k % n, k / n)]).collect();
    let valid = super::bytes::are_finite(&entries) && (0..n).all(|i| positive(l[(i, i)]));
    let answer = DenseCovariance::from_cholesky(l).map_err(Error::from);
    if !valid {
        fits("from_cholesky", Question::Invalid, &answer);
    }
    answer.ok()
}

fn from_precision<T: Scalar>(bytes: &mut Bytes<'_>, n: usize) -> Option<DenseCovariance<T>> {
    let m = bytes.matrix::<T>(n);
    let question = definiteness(&m);
    let answer = DenseCovariance::from_precision(m).map_err(Error::from);
    if question == Question::Invalid {
        fits("from_precision", question, &answer);
    }
    answer.ok()
}
