//! The closed forms, against the dense covariance and with every kind of partner.

use faer::Mat;
use gaussx_operators::{
    BlockDiagonal, CompensatedSum, CovarianceOperator, DenseCovariance, DiagonalCovariance, Error,
    Scalar, Scaled, ScaledIdentity, Workspace, memory, pair,
};
use rand::{Rng, TryRng};

use super::{Report, debug_name, number, unit};
use crate as quantity;

fn vector<T: Scalar>(n: usize, seed: usize) -> Vec<T> {
    (0..n).map(|i| number(i, seed)).collect()
}

/// Log-density, score, entropy, KL to the standard normal, information, draws.
pub(super) fn single<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    dense: &DenseCovariance<T>,
    report: &mut Report,
) -> Result<(), Error> {
    let (n, bound) = (operator.dim(), unit(dense)?);
    let (x, mean) = (vector::<T>(n, 1), vector::<T>(n, 2));
    let form = quantity::quadratic_form(&x, &mean, dense)?;
    let logs = dense
        .diag()?
        .iter()
        .fold(T::of(3.0), |sum, v| sum + v.ln().abs() + T::of(3.0));
    let scale = bound * (form + logs);
    let mut check = |name: &str, found: T, expected: T| {
        report.compare(
            super::FORMS,
            n,
            || name.to_owned(),
            [found, expected, scale],
        );
    };
    check(
        "log-density",
        quantity::log_prob(&x, &mean, operator)?,
        quantity::log_prob(&x, &mean, dense)?,
    );
    check(
        "entropy",
        quantity::entropy(operator)?,
        quantity::entropy(dense)?,
    );
    let kl = quantity::kl_standard_normal(&mean, dense)?;
    let numbers = [
        quantity::kl_standard_normal(&mean, operator)?,
        kl,
        bound * (T::one() + kl),
    ];
    report.compare(
        super::FORMS,
        n,
        || "KL to the standard normal".to_owned(),
        numbers,
    );

    let (found, expected) = (
        quantity::score(&x, &mean, operator)?,
        quantity::score(&x, &mean, dense)?,
    );
    let precisions = dense.diag_inverse()?;
    for i in 0..n {
        let size = (form * precisions[i]).sqrt();
        let numbers = [found[i], expected[i], bound * size];
        report.compare(
            super::FORMS,
            n,
            || format!("entry {i} of the score"),
            numbers,
        );
    }
    if n >= 2 {
        let (a, b): (Vec<usize>, Vec<usize>) = ((0..n / 2).collect(), (n / 2..n).collect());
        let nats = quantity::mutual_information(dense, &a, &b)?;
        let found = quantity::mutual_information(operator, &a, &b)?;
        let numbers = [found, nats, bound * (T::one() + nats)];
        report.compare(super::FORMS, n, || "mutual information".to_owned(), numbers);
    }
    let draws = quantity::sample_batch(&mean, operator, 2, &mut Counter(1))?;
    let expected = quantity::sample_batch(&mean, dense, 2, &mut Counter(1))?;
    let variances = dense.diag()?;
    for k in 0..2 {
        for i in 0..n {
            let size = T::of(4.0) * (variances[i].sqrt() + mean[i].abs());
            let numbers = [draws[(i, k)], expected[(i, k)], bound * size];
            report.compare(
                super::SAMPLES,
                n,
                || format!("entry {i} of draw {k}"),
                numbers,
            );
        }
    }
    Ok(())
}

/// KL, cross-entropy and expected log-likelihood with every kind of partner, both ways.
pub(super) fn pairs<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    dense: &DenseCovariance<T>,
    report: &mut Report,
) -> Result<(), Error> {
    let n = operator.dim();
    let zero = memory::zero_vec::<T>("mean", n)?;
    report.compare(
        super::EQUALS,
        n,
        String::new,
        [
            quantity::kl_divergence(&zero, operator, &zero, operator)?,
            T::zero(),
            T::zero(),
        ],
    );
    for partner in partners::<T>(n)? {
        let like = DenseCovariance::new(partner.to_dense()?)?;
        compare_pair([operator, &*partner], [dense, &like], report)?;
        compare_pair([&*partner, operator], [&like, dense], report)?;
    }
    compare_with_scaled([operator, operator], [dense, dense], report)
}

/// Two operators, either way round, as they are and with the variances of one scaled.
pub(super) fn both_ways<T: Scalar>(
    [p, q]: [&dyn CovarianceOperator<T>; 2],
    report: &mut Report,
) -> Result<(), Error> {
    let dense_p = DenseCovariance::new(p.to_dense()?)?;
    let dense_q = DenseCovariance::new(q.to_dense()?)?;
    compare_with_scaled([p, q], [&dense_p, &dense_q], report)?;
    compare_with_scaled([q, p], [&dense_q, &dense_p], report)
}

fn compare_with_scaled<T: Scalar>(
    [p, q]: [&dyn CovarianceOperator<T>; 2],
    [dense_p, dense_q]: [&DenseCovariance<T>; 2],
    report: &mut Report,
) -> Result<(), Error> {
    let by = T::of(1.75);
    let dense_scaled = DenseCovariance::new(Scaled::new(dense_q, by)?.to_dense()?)?;
    compare_pair([p, q], [dense_p, dense_q], report)?;
    compare_pair([p, &Scaled::new(q, by)?], [dense_p, &dense_scaled], report)
}

fn compare_pair<T: Scalar>(
    [p, q]: [&dyn CovarianceOperator<T>; 2],
    [dense_p, dense_q]: [&DenseCovariance<T>; 2],
    report: &mut Report,
) -> Result<(), Error> {
    let n = p.dim();
    let bound = unit(dense_p)?.max(unit(dense_q)?);
    let (mean_p, mean_q) = (vector::<T>(n, 3), vector::<T>(n, 4));
    let place = |name: &str| format!("{name} of {} ‖ {}", debug_name(&p), debug_name(&q));
    let expected = quantity::kl_divergence(&mean_p, dense_p, &mean_q, dense_q)?;
    let found = quantity::kl_divergence(&mean_p, p, &mean_q, q)?;
    let numbers = [found, expected, bound * (T::one() + expected)];
    report.compare(super::PAIRS, n, || place("KL"), numbers);

    let workspace = &mut Workspace::new();
    let trace = pair::trace(dense_p, dense_q, workspace)?;
    let found = pair::trace(p, q, workspace)?;
    let logs = dense_q
        .diag()?
        .iter()
        .fold(T::of(3.0), |sum, v| sum + v.ln().abs() + T::of(3.0));
    let distance = quantity::quadratic_form(&mean_p, &mean_q, dense_q)?;
    let scale = bound * (logs + trace + distance);
    let mut check = |name: &str, found: T, expected: T| {
        report.compare(super::PAIRS, n, || place(name), [found, expected, scale]);
    };
    check(
        "cross-entropy",
        quantity::cross_entropy(&mean_p, p, &mean_q, q)?,
        quantity::cross_entropy(&mean_p, dense_p, &mean_q, dense_q)?,
    );
    check(
        "expected log-likelihood",
        quantity::expected_log_likelihood(&mean_q, &mean_p, p, q)?,
        quantity::expected_log_likelihood(&mean_q, &mean_p, dense_p, dense_q)?,
    );
    report.compare(
        super::PAIRS,
        n,
        || place("trace"),
        [found, trace, bound * trace],
    );
    Ok(())
}

/// One of each structure, and a mixed block covariance.
fn partners<T: Scalar>(n: usize) -> Result<Vec<Box<dyn CovarianceOperator<T>>>, Error> {
    let variance = |i: usize| T::one() + number::<T>(i, 9) / T::of(2.0);
    let variances: Vec<T> = (0..n).map(variance).collect();
    let kernel = |size: usize| {
        DenseCovariance::new(Mat::from_fn(size, size, |i, j| {
            let ridge = if i == j { T::one() } else { T::zero() };
            ridge + T::one() / T::of_count(1 + i.abs_diff(j))
        }))
    };
    let third = n / 3;
    let blocks: Vec<Box<dyn CovarianceOperator<T>>> = vec![
        Box::new(kernel(third)?),
        Box::new(ScaledIdentity::new(n - third, T::of(0.7))?),
    ];
    Ok(vec![
        Box::new(ScaledIdentity::new(n, T::of(1.3))?),
        Box::new(DiagonalCovariance::new(variances)?),
        Box::new(kernel(n)?),
        Box::new(BlockDiagonal::new(blocks)?),
    ])
}

/// Behind a pointer every number is the same, bit for bit.
pub(super) fn boxed<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    report: &mut Report,
) -> Result<(), Error> {
    let n = operator.dim();
    let boxed: Box<dyn CovarianceOperator<T> + '_> = Box::new(operator);
    let (x, mean) = (vector::<T>(n, 1), vector::<T>(n, 2));
    let mut same = |name: &str, found: T, expected: T| {
        report.compare(
            super::BOXED,
            n,
            || name.to_owned(),
            [found, expected, T::zero()],
        );
    };
    same("trace", boxed.trace()?, operator.trace()?);
    same("log-determinant", boxed.logdet()?, operator.logdet()?);
    same(
        "log-density",
        quantity::log_prob(&x, &mean, &boxed)?,
        quantity::log_prob(&x, &mean, operator)?,
    );
    same(
        "KL to the standard normal",
        quantity::kl_standard_normal(&mean, &boxed)?,
        quantity::kl_standard_normal(&mean, operator)?,
    );
    Ok(())
}

/// `2 Σ ln L_ii`, each logarithm by itself.
fn logdet_of_pivots<T: Scalar>(operator: &dyn CovarianceOperator<T>) -> Result<T, Error> {
    let mut pivots = memory::zero_vec("pivots", operator.dim())?;
    operator.cholesky().diag_into(&mut pivots)?;
    let mut sum = CompensatedSum::new();
    for pivot in pivots {
        sum.add(T::of(2.0) * pivot.ln());
    }
    Ok(sum.value())
}

/// Numbers of scratch per coordinate that a meeting in linear time may take.
const SCRATCH: usize = 16;

/// What must work at a size whose square cannot be allocated.
pub(super) fn large<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    partner: &dyn CovarianceOperator<T>,
    report: &mut Report,
) {
    let n = operator.dim();
    let (x, mean) = (vector::<T>(n, 1), vector::<T>(n, 2));
    if let (Ok(found), Ok(expected)) = (operator.logdet(), logdet_of_pivots(operator)) {
        let bound = T::of(1e3) * T::EPSILON * (T::of_count(n) + expected.abs());
        let numbers = [found, expected, bound];
        report.compare(super::LOGDET, n, String::new, numbers);
    }
    let answers = [
        ("log-density", quantity::log_prob(&x, &mean, operator)),
        ("score", quantity::score(&x, &mean, operator).map(|s| s[0])),
        ("entropy", quantity::entropy(operator)),
        ("trace", operator.trace()),
        (
            "draw",
            quantity::sample(&mean, operator, &mut Counter(1)).map(|s| s[0]),
        ),
    ];
    for (name, answer) in answers {
        report.accept(n, name, answer);
    }
    // Columns of a factor are streamed through wide panels, and all of them take quadratic
    // time: too little scratch for a panel stops that at the first.
    let workspace = &mut Workspace::new().limited_to(SCRATCH * n);
    let mut meeting = |name: &str, p: &dyn CovarianceOperator<T>, q: &dyn CovarianceOperator<T>| {
        match pair::divergence(p, q, workspace) {
            Err(Error::AllocationFailed { .. }) => report.skip(format!(
                "{name} at n = {n}: streams all columns of a factor, in quadratic time"
            )),
            answer => report.accept(n, name, answer),
        }
    };
    meeting("KL from its own kind", operator, partner);
    if let Ok(scaled) = ScaledIdentity::new(n, T::of(1.5)) {
        meeting("KL from a scaled identity", operator, &scaled);
        meeting("KL of a scaled identity", &scaled, operator);
    }
    if let Ok(diagonal) = DiagonalCovariance::new(vec![T::of(1.2); n]) {
        meeting("KL from a diagonal", operator, &diagonal);
        meeting("KL of a diagonal", &diagonal, operator);
    }
}

/// A generator that needs no dependency: Weyl steps through a mixing function (splitmix64).
struct Counter(u64);

impl TryRng for Counter {
    type Error = core::convert::Infallible;

    #[allow(clippy::cast_possible_truncation, reason = "the low half is the value")]
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        self.try_next_u64().map(|x| x as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Ok(z ^ (z >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}
