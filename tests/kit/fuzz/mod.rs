//! A driver that turns bytes into one call of the public surface and judges the answer.
//!
//! Nothing panics; no `Ok` holds NaN; an invalid question, by rules independent of the
//! library's, gets an error; a valid one gets an answer or the name of what overflowed; no
//! distance is negative.

mod bytes;
mod subjects;

use gaussx::faer::{Mat, MatRef};
use gaussx::rand::{RngExt, SeedableRng};
use gaussx::{CovarianceOperator, Error, MultivariateNormal, Scalar, Workspace};

use bytes::{Bytes, are_distinct, are_finite};
use chacha20::ChaCha12Rng;
use subjects::{Boxed, Question, fits, operator};

/// The calls that [`drive`] chooses from, by the names it returns.
pub const CALLS: [&str; 52] = [
    "log_prob",
    "log_prob_batch",
    "score",
    "score_batch",
    "quadratic_form",
    "quadratic_form_batch",
    "mahalanobis_p_value",
    "mahalanobis_p_value_batch",
    "whiten",
    "entropy",
    "summary",
    "principal_axes",
    "forward_diagonal_fit",
    "reverse_diagonal_fit",
    "mutual_information",
    "sample",
    "sample_batch",
    "logdet",
    "trace",
    "diag_into",
    "diag_inverse",
    "trace_inverse",
    "frobenius_norm",
    "extreme_eigenvalues",
    "to_dense",
    "solve",
    "apply",
    "columns_into",
    "sub_block_into",
    "quadratic_forms_into",
    "half_solve",
    "half_solve_transpose",
    "multiply",
    "multiply_transpose",
    "determinant",
    "squares_below",
    "inverse_squares_below",
    "condition_estimate",
    "logdet_bounded",
    "quadratic_form_bounded",
    "kl_divergence_bounded",
    "sub_block",
    "permuted",
    "marginal",
    "fits",
    "kl_divergence",
    "cross_entropy",
    "expected_log_likelihood",
    "elbo",
    "kl_standard_normal",
    "pair",
    "serde",
];

/// Makes one call; its name, if a valid question got an answer.
///
/// # Panics
///
/// Where an answer does not fit the question.
pub fn drive<T: Scalar + serde::Serialize + serde::de::DeserializeOwned>(
    data: &[u8],
) -> Option<&'static str> {
    let mut bytes = Bytes::new(data);
    let name = CALLS[bytes.below(CALLS.len())];
    let n = bytes.dim();
    let answered = match name {
        "kl_divergence"
        | "cross_entropy"
        | "expected_log_likelihood"
        | "elbo"
        | "pair"
        | "kl_divergence_bounded" => pair::<T>(name, &mut bytes, n)?,
        "fits" => maximum_likelihood::<T>(&mut bytes, n),
        "serde" => json::<T>(&mut bytes, n)?,
        _ => {
            let sigma = operator::<T>(&mut bytes, n, 2)?;
            single(name, &mut bytes, &sigma)
        }
    };
    answered.then_some(name)
}

/// Checks an answer: it fits its question, and holds no NaN. True if it answers a valid one.
#[track_caller]
fn judge<T: Scalar>(name: &str, question: Question, answer: Result<Vec<T>, Error>) -> bool {
    fits(name, question, &answer);
    match answer {
        Ok(numbers) => {
            assert!(
                !numbers.iter().any(|x| x.is_nan()),
                "{name}: NaN in {numbers:?}"
            );
            question == Question::Valid
        }
        Err(_) => false,
    }
}

fn one<T>(answer: Result<T, Error>) -> Result<Vec<T>, Error> {
    answer.map(|x| vec![x])
}

fn all<T: Scalar>(m: MatRef<'_, T>) -> Vec<T> {
    (0..m.ncols())
        .flat_map(|j| (0..m.nrows()).map(move |i| m[(i, j)]))
        .collect()
}

fn distance<T: Scalar>(answer: Result<T, Error>) -> Result<Vec<T>, Error> {
    if let Ok(value) = answer {
        assert!(
            value.is_nan() || (value >= T::zero() && !value.is_sign_negative()),
            "{value:e}"
        );
    }
    one(answer)
}

fn single<T: Scalar>(name: &'static str, bytes: &mut Bytes<'_>, sigma: &Boxed<T>) -> bool {
    let n = sigma.dim();
    let rows = bytes.near(n);
    let (x, mean) = (bytes.numbers::<T>(rows), {
        let rows = bytes.near(n);
        bytes.numbers::<T>(rows)
    });
    let sized = x.len() == n && mean.len() == n;
    let valid = Question::from(sized && are_finite(&x) && are_finite(&mean));
    let count = bytes.below(4);
    let rows = bytes.near(n);
    let points: Mat<T> = Mat::from_fn(rows, count, |_, _| bytes.number());
    let finite_points = are_finite(&all(points.as_ref()));
    let right = rows == n && mean.len() == n;
    let valid_batch = Question::from(right && finite_points && are_finite(&mean));
    // Linear maps take any numbers: NaN in, NaN out. They are asked with finite ones.
    let linear = if finite_points {
        Question::from(rows == n)
    } else {
        Question::Unclear
    };
    let workspace = &mut Workspace::new();
    let mut out = points.clone();
    let mut vector = vec![T::zero(); bytes.near(n)];
    let valid_vector = Question::from(vector.len() == n);
    let mut in_place = |act: &mut dyn FnMut(gaussx::faer::MatMut<'_, T>) -> Result<(), Error>| {
        let answer = act(out.as_mut());
        fits(name, linear, &answer);
        answer.is_ok() && linear == Question::Valid
    };
    match name {
        "log_prob" => judge(name, valid, one(gaussx::log_prob(&x, &mean, sigma))),
        "log_prob_batch" => {
            let answer = gaussx::log_prob_batch(&points, &mean, sigma);
            judge(
                name,
                valid_batch,
                answer.map(|c| c.iter().copied().collect()),
            )
        }
        "score" => {
            let answer = gaussx::score(&x, &mean, sigma);
            judge(name, valid, answer.map(|c| c.iter().copied().collect()))
        }
        "score_batch" => {
            let answer = gaussx::score_batch(&points, &mean, sigma);
            judge(name, valid_batch, answer.map(|m| all(m.as_ref())))
        }
        "quadratic_form" => judge(
            name,
            valid,
            distance(gaussx::quadratic_form(&x, &mean, sigma)),
        ),
        "quadratic_form_batch" => {
            let answer = gaussx::quadratic_form_batch(&points, &mean, sigma);
            judge(
                name,
                valid_batch,
                answer.map(|c| c.iter().copied().collect()),
            )
        }
        "mahalanobis_p_value" => judge(
            name,
            valid,
            distance(gaussx::mahalanobis_p_value(&x, &mean, sigma)),
        ),
        "mahalanobis_p_value_batch" => {
            let answer = gaussx::mahalanobis_p_value_batch(&points, &mean, sigma);
            judge(
                name,
                valid_batch,
                answer.map(|c| c.iter().copied().collect()),
            )
        }
        "whiten" => {
            let answer = gaussx::whiten(&points, &mean, sigma);
            judge(name, valid_batch, answer.map(|m| all(m.as_ref())))
        }
        "entropy" => judge(name, Question::Valid, one(gaussx::entropy(sigma))),
        "summary" => {
            let answer = gaussx::summary(sigma);
            let numbers = answer.map(|s| {
                vec![
                    s.trace,
                    s.logdet,
                    s.determinant,
                    s.frobenius_norm,
                    s.spectral_norm,
                    s.condition_number,
                    s.entropy,
                ]
            });
            judge(name, Question::Valid, numbers)
        }
        "principal_axes" => {
            let count = bytes.near(n.min(2));
            let answer = gaussx::principal_axes(sigma, count);
            let question = if count <= n {
                Question::Unclear
            } else {
                Question::Invalid
            };
            let answered = answer.is_ok();
            judge(name, question, answer.map(|a| all(a.directions.as_ref())));
            answered
        }
        "forward_diagonal_fit" => {
            let answer = gaussx::forward_diagonal_fit(sigma);
            judge(
                name,
                Question::Valid,
                answer.map(|d| d.variances().to_vec()),
            )
        }
        "reverse_diagonal_fit" => {
            // A precision, or its inverse, may leave the range.
            let answer = gaussx::reverse_diagonal_fit(sigma);
            let answered = answer.is_ok();
            judge(
                name,
                Question::Unclear,
                answer.map(|d| d.variances().to_vec()),
            );
            answered
        }
        "mutual_information" => {
            let (a, b) = (bytes.indices(n), bytes.indices(n));
            let joint: Vec<usize> = a.iter().chain(&b).copied().collect();
            let valid = are_distinct(&joint, n) && !a.is_empty() && !b.is_empty();
            let question = if valid {
                Question::Unclear
            } else {
                Question::Invalid
            };
            let answer = distance(gaussx::mutual_information(sigma, &a, &b));
            let answered = answer.is_ok();
            judge(name, question, answer);
            answered
        }
        "sample" => {
            let rng = &mut ChaCha12Rng::seed_from_u64(u64::from(bytes.byte()));
            let question = Question::from(mean.len() == n && are_finite(&mean));
            let answer = gaussx::sample(&mean, sigma, rng);
            judge(name, question, answer.map(|c| c.iter().copied().collect()))
        }
        "sample_batch" => {
            let rng = &mut ChaCha12Rng::seed_from_u64(u64::from(bytes.byte()));
            let question = Question::from(mean.len() == n && are_finite(&mean));
            let answer = gaussx::sample_batch(&mean, sigma, count, rng);
            judge(name, question, answer.map(|m| all(m.as_ref())))
        }
        "logdet" => judge(name, Question::Valid, one(sigma.logdet())),
        "trace" => judge(name, Question::Valid, one(sigma.trace())),
        "diag_into" => {
            let answer = sigma.diag_into(&mut vector);
            judge(name, valid_vector, answer.map(|()| vector))
        }
        "diag_inverse" => judge(
            name,
            Question::Valid,
            sigma.diag_inverse().map(|c| c.iter().copied().collect()),
        ),
        "trace_inverse" => judge(name, Question::Valid, one(sigma.trace_inverse())),
        "frobenius_norm" => judge(name, Question::Valid, one(sigma.frobenius_norm())),
        "extreme_eigenvalues" => {
            // The matrix of one that was given by its factor may overflow.
            let answer = sigma.extreme_eigenvalues();
            let answered = answer.is_ok();
            judge(name, Question::Unclear, answer.map(|(a, b)| vec![a, b]));
            answered
        }
        "to_dense" => judge(
            name,
            Question::Valid,
            sigma.to_dense().map(|m| all(m.as_ref())),
        ),
        "solve" => {
            let answer = sigma.solve(points.as_ref());
            fits(name, linear, &answer);
            answer.is_ok() && linear == Question::Valid
        }
        "apply" => {
            let answer = sigma.apply(points.as_ref());
            fits(name, linear, &answer);
            answer.is_ok() && linear == Question::Valid
        }
        "columns_into" => {
            let columns = bytes.indices(n);
            let mut out: Mat<T> = Mat::zeros(bytes.near(n), bytes.near(columns.len()));
            let sized = out.nrows() == n && out.ncols() == columns.len();
            let question = Question::from(sized && columns.iter().all(|&i| i < n));
            let answer = sigma.columns_into(&columns, out.as_mut(), workspace);
            judge(name, question, answer.map(|()| all(out.as_ref())))
        }
        "sub_block_into" => {
            let (a, b) = (bytes.indices(n), bytes.indices(n));
            let mut out: Mat<T> = Mat::zeros(bytes.near(a.len()), bytes.near(b.len()));
            let sized = out.nrows() == a.len() && out.ncols() == b.len();
            let in_range = a.iter().chain(&b).all(|&i| i < n);
            let answer = sigma.sub_block_into(&a, &b, out.as_mut(), workspace);
            judge(
                name,
                Question::from(sized && in_range),
                answer.map(|()| all(out.as_ref())),
            )
        }
        "quadratic_forms_into" => {
            let mut forms = vec![T::zero(); bytes.near(count)];
            let center = gaussx::faer::ColRef::from_slice(&mean);
            let sized = right && forms.len() == count;
            let question = match (sized, finite_points && are_finite(&mean)) {
                (false, _) => Question::Invalid,
                (true, true) => Question::Valid,
                // The caller looks at the points, where a form is not finite.
                (true, false) => Question::Unclear,
            };
            let answer =
                sigma.quadratic_forms_into(points.as_ref(), Some(center), &mut forms, workspace);
            fits(name, question, &answer);
            answer.is_ok() && question == Question::Valid
        }
        "half_solve" => in_place(&mut |x| sigma.cholesky().half_solve_in_place(x, workspace)),
        "half_solve_transpose" => {
            in_place(&mut |x| sigma.cholesky().half_solve_transpose_in_place(x, workspace))
        }
        "multiply" => in_place(&mut |x| sigma.cholesky().multiply_in_place(x, workspace)),
        "multiply_transpose" => {
            in_place(&mut |x| sigma.cholesky().multiply_transpose_in_place(x, workspace))
        }
        "determinant" => judge(name, Question::Valid, one(sigma.cholesky().determinant())),
        "squares_below" => {
            let answer = sigma
                .cholesky()
                .squares_below_by_row_into(&mut vector, workspace);
            judge(name, valid_vector, answer.map(|()| vector))
        }
        "inverse_squares_below" => {
            let answer = sigma
                .cholesky()
                .inverse_squares_below_by_column_into(&mut vector, workspace);
            fits(name, valid_vector, &answer);
            answer.is_ok() && valid_vector == Question::Valid
        }
        "condition_estimate" => {
            let answer = gaussx::condition_estimate(sigma);
            if let Ok(kappa) = answer {
                assert!(kappa >= T::one());
            }
            judge(name, Question::Valid, one(answer))
        }
        "logdet_bounded" => {
            let answer = gaussx::logdet_bounded(sigma);
            judge(
                name,
                Question::Valid,
                answer.map(|b| vec![b.value, b.error]),
            )
        }
        "quadratic_form_bounded" => {
            let answer = gaussx::quadratic_form_bounded(&x, &mean, sigma);
            judge(name, valid, answer.map(|b| vec![b.value, b.error]))
        }
        "sub_block" | "permuted" => {
            let set = bytes.indices(n);
            let whole = name == "sub_block" || set.len() == n;
            let valid = are_distinct(&set, n) && whole;
            let answer = if name == "sub_block" {
                gaussx::StructuredCovariance::sub_block(sigma, &set)
            } else {
                gaussx::StructuredCovariance::permuted(sigma, &set)
            };
            if !valid {
                fits(name, Question::Invalid, &answer);
            }
            let answered = answer.is_ok();
            if let Ok(part) = answer {
                assert_eq!(part.dim(), set.len());
            }
            answered
        }
        "marginal" => {
            let set = bytes.indices(n);
            let Ok(p) = MultivariateNormal::new(&x, sigma) else {
                assert!(x.len() != n || !are_finite(&x));
                return false;
            };
            let answer = p.marginal(&set);
            if !are_distinct(&set, n) {
                fits(name, Question::Invalid, &answer);
            }
            answer.is_ok()
        }
        "kl_standard_normal" => {
            let question = Question::from(x.len() == n && are_finite(&x));
            judge(
                name,
                question,
                distance(gaussx::kl_standard_normal(&x, sigma)),
            )
        }
        _ => unreachable!("every call has its arm"),
    }
}

fn pair<T: Scalar>(name: &'static str, bytes: &mut Bytes<'_>, n: usize) -> Option<bool> {
    let m = bytes.near(n);
    let (p, q) = (operator::<T>(bytes, n, 2)?, operator::<T>(bytes, m, 2)?);
    let lengths = [bytes.near(n), bytes.near(n), bytes.near(n)];
    let [a, b, y] = lengths.map(|size| bytes.numbers::<T>(size));
    let means = a.len() == n && b.len() == n && are_finite(&a) && are_finite(&b);
    let valid = Question::from(m == n && means);
    let answer = match name {
        "kl_divergence" => {
            if means {
                let none = gaussx::kl_divergence(&a, &p, &a, &p);
                // A scaled variance may have left the range.
                let excused = matches!(none, Err(Error::NotRepresentable { .. }));
                assert!(excused || none == Ok(T::zero()), "of itself: {none:?}");
            }
            distance(gaussx::kl_divergence(&a, &p, &b, &q))
        }
        "cross_entropy" => one(gaussx::cross_entropy(&a, &p, &b, &q)),
        "expected_log_likelihood" => one(gaussx::expected_log_likelihood(&a, &b, &p, &q)),
        "pair" => {
            let workspace = &mut Workspace::new();
            let trace = gaussx::pair::trace(&p, &q, workspace);
            let question = Question::from(m == n);
            let divergence = distance(gaussx::pair::divergence(&p, &q, workspace));
            return Some(judge(name, question, one(trace)) && judge(name, question, divergence));
        }
        "elbo" => {
            let valid = Question::from(m == n && means && y.len() == n && are_finite(&y));
            let answer = gaussx::elbo(&y, &q, &a, &p, &b, &q);
            return Some(judge(name, valid, one(answer)));
        }
        _ => gaussx::kl_divergence_bounded(&a, &p, &b, &q).map(|b| vec![b.value, b.error]),
    };
    Some(judge(name, valid, answer))
}

fn maximum_likelihood<T: Scalar>(bytes: &mut Bytes<'_>, n: usize) -> bool {
    let count = bytes.below(9);
    let points: Mat<T> = Mat::from_fn(n, count, |_, _| bytes.number());
    let finite = are_finite(&all(points.as_ref()));
    let enough = count > n;
    let dense = gaussx::fit_dense(&points);
    let diagonal = gaussx::fit_diagonal(&points);
    let scaled = gaussx::fit_scaled_identity(&points);
    if !finite || !enough {
        fits("fit_dense", Question::Invalid, &dense);
    }
    if !finite || count == 0 {
        fits("fit_diagonal", Question::Invalid, &diagonal);
        fits("fit_scaled_identity", Question::Invalid, &scaled);
    }
    if let Ok(fit) = &dense {
        assert!(are_finite(
            fit.mean()
                .try_as_col_major()
                .map_or(&[][..], |c| c.as_slice())
        ));
    }
    dense.is_ok() && diagonal.is_ok() && scaled.is_ok()
}

/// What is written comes back the same, and a changed byte gives an error or a valid value.
fn json<T: Scalar + serde::Serialize + serde::de::DeserializeOwned>(
    bytes: &mut Bytes<'_>,
    n: usize,
) -> Option<bool> {
    let sigma = gaussx::DenseCovariance::new(bytes.matrix::<T>(n)).ok()?;
    let text = serde_json::to_string(&sigma).ok()?;
    let back: gaussx::DenseCovariance<T> = serde_json::from_str(&text).expect("what was written");
    assert_eq!(back.to_dense().ok(), sigma.to_dense().ok());
    let mut changed = text.into_bytes();
    let at = (usize::from(bytes.byte()) * 256 + usize::from(bytes.byte())) % changed.len();
    changed[at] = bytes.byte();
    if let Ok(read) = serde_json::from_slice::<gaussx::DenseCovariance<T>>(&changed) {
        assert!(read.logdet().is_ok_and(|logdet| logdet.is_finite()));
    }
    Some(true)
}

/// Runs the driver over `count` seeded byte strings; how often each call was answered.
///
/// # Panics
///
/// With the bytes in hexadecimal, where [`drive`] panics.
pub fn run<T: Scalar + serde::Serialize + serde::de::DeserializeOwned>(
    seed: u64,
    count: u64,
) -> Vec<(&'static str, u64)> {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let mut answered: Vec<_> = CALLS.iter().map(|&name| (name, 0)).collect();
    for _ in 0..count {
        let mut data = [0_u8; 400];
        data.fill_with(|| rng.random());
        let result = std::panic::catch_unwind(|| drive::<T>(&data));
        match result {
            Ok(Some(name)) => {
                let place = answered.iter_mut().find(|(known, _)| *known == name);
                place.expect("a known call").1 += 1;
            }
            Ok(None) => {}
            Err(panic) => {
                let hex: String = data.iter().map(|b| format!("{b:02x}")).collect();
                eprintln!("bytes: {hex}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    answered
}
