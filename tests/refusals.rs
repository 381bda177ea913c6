//! The table of invalid questions: every entry point, every argument, every defect, on every
//! structure, in both scalars; the exact variant, its fields and the message.

use gaussx::faer::{ColRef, Mat};
use gaussx::{
    Adjust, CovarianceOperator, DenseCovariance, DiagonalCovariance, Error, MultivariateNormal,
    Scalar, Scaled, ScaledIdentity, StructuredCovariance, Workspace,
};
use gaussx_tests::random::Random;
use gaussx_tests::structures::structures;

/// The dimension of every operator here.
const N: usize = 3;

type Call<'a, A> = Box<dyn Fn(A) -> Result<(), Error> + 'a>;

/// An entry point with one argument left open, and what errors call that argument.
type Entry<'a, A> = (&'static str, &'static str, Call<'a, A>);

/// The rows that were tried.
#[derive(Default)]
struct Table(usize);

impl Table {
    /// Asserts that a call answers with the error that prints so, as data and as a message.
    #[track_caller]
    fn row(&mut self, name: &str, answer: Result<(), Error>, data: &str, message: &str) {
        self.0 += 1;
        match answer {
            Ok(()) => panic!("{name}: Ok instead of: {message}"),
            Err(error) => {
                assert_eq!(format!("{error:?}"), data, "{name}");
                assert_eq!(error.to_string(), message, "{name}");
            }
        }
    }

    #[track_caller]
    fn mismatch(&mut self, name: &str, answer: Result<(), Error>, what: &str, sizes: [usize; 2]) {
        let [expected, found] = sizes;
        self.row(
            name,
            answer,
            &format!(
                "DimensionMismatch {{ what: {what:?}, expected: {expected}, found: {found} }}"
            ),
            &format!("{what} has dimension {found}, expected {expected}"),
        );
    }

    #[track_caller]
    fn non_finite(
        &mut self,
        name: &str,
        answer: Result<(), Error>,
        what: &str,
        at: (usize, usize, f64),
    ) {
        let (row, column, value) = at;
        self.row(
            name,
            answer,
            &format!(
                "NonFinite {{ what: {what:?}, row: {row}, column: {column}, value: {value:?} }}"
            ),
            &format!("{what} has a non-finite entry ({value}) at row {row}, column {column}"),
        );
    }

    #[track_caller]
    fn parameter(&mut self, name: &str, answer: Result<(), Error>, parameter: (&str, f64, &str)) {
        let (what, value, requirement) = parameter;
        self.row(
            name,
            answer,
            &format!(
                "InvalidParameter {{ name: {what:?}, value: {value:?}, requirement: {requirement:?} }}"
            ),
            &format!("{what} is {value}, required: {requirement}"),
        );
    }

    #[track_caller]
    fn pivot(&mut self, name: &str, answer: Result<(), Error>, pivot: usize, value: f64) {
        self.row(
            name,
            answer,
            &format!(
                "NotPositiveDefinite {{ pivot: {pivot}, value: {value:?}, path: BlockPath([]) }}"
            ),
            &format!("covariance is not positive definite: pivot {pivot} is {value}"),
        );
    }
}

/// What stands where a number should.
const NOT_FINITE: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

type Boxed<T> = Box<dyn CovarianceOperator<T>>;

fn nothing<R, E: Into<Error>>(answer: Result<R, E>) -> Result<(), Error> {
    answer.map(|_| ()).map_err(Into::into)
}

/// Every call with a vector argument, the others being right.
fn vectors<'a, T: Scalar>(s: &'a Boxed<T>, x: &'a [T]) -> Vec<Entry<'a, &'a [T]>> {
    use gaussx as g;
    let rng = || Random::new(1).0;
    let points = Mat::from_fn(N, 2, |i, _| x[i]);
    let batch = points.clone();
    let (forms, p_values, scores, white) = (points.clone(), points.clone(), points.clone(), points);
    let p = move || MultivariateNormal::new(x, s).expect("a mean of the right size");
    vec![
        (
            "log_prob, x",
            "point",
            Box::new(move |v| nothing(g::log_prob(v, x, s))),
        ),
        (
            "log_prob, mean",
            "mean",
            Box::new(move |v| nothing(g::log_prob(x, v, s))),
        ),
        (
            "log_prob_batch, mean",
            "mean",
            Box::new(move |v| nothing(g::log_prob_batch(&batch, v, s))),
        ),
        (
            "quadratic_form, x",
            "point",
            Box::new(move |v| nothing(g::quadratic_form(v, x, s))),
        ),
        (
            "quadratic_form, mean",
            "mean",
            Box::new(move |v| nothing(g::quadratic_form(x, v, s))),
        ),
        (
            "quadratic_form_batch, mean",
            "mean",
            Box::new(move |v| nothing(g::quadratic_form_batch(&forms, v, s))),
        ),
        (
            "quadratic_form_bounded, x",
            "point",
            Box::new(move |v| nothing(g::quadratic_form_bounded(v, x, s))),
        ),
        (
            "quadratic_form_bounded, mean",
            "mean",
            Box::new(move |v| nothing(g::quadratic_form_bounded(x, v, s))),
        ),
        (
            "mahalanobis_p_value, x",
            "point",
            Box::new(move |v| nothing(g::mahalanobis_p_value(v, x, s))),
        ),
        (
            "mahalanobis_p_value, mean",
            "mean",
            Box::new(move |v| nothing(g::mahalanobis_p_value(x, v, s))),
        ),
        (
            "mahalanobis_p_value_batch, mean",
            "mean",
            Box::new(move |v| nothing(g::mahalanobis_p_value_batch(&p_values, v, s))),
        ),
        (
            "score, x",
            "point",
            Box::new(move |v| nothing(g::score(v, x, s))),
        ),
        (
            "score, mean",
            "mean",
            Box::new(move |v| nothing(g::score(x, v, s))),
        ),
        (
            "score_batch, mean",
            "mean",
            Box::new(move |v| nothing(g::score_batch(&scores, v, s))),
        ),
        (
            "whiten, mean",
            "mean",
            Box::new(move |v| nothing(g::whiten(&white, v, s))),
        ),
        (
            "sample, mean",
            "mean",
            Box::new(move |v| nothing(g::sample(v, s, &mut rng()))),
        ),
        (
            "sample_batch, mean",
            "mean",
            Box::new(move |v| nothing(g::sample_batch(v, s, 2, &mut rng()))),
        ),
        (
            "kl_divergence, mean of p",
            "mean of p",
            Box::new(move |v| nothing(g::kl_divergence(v, s, x, s))),
        ),
        (
            "kl_divergence, mean of q",
            "mean of q",
            Box::new(move |v| nothing(g::kl_divergence(x, s, v, s))),
        ),
        (
            "kl_divergence_bounded, mean of p",
            "mean of p",
            Box::new(move |v| nothing(g::kl_divergence_bounded(v, s, x, s))),
        ),
        (
            "kl_divergence_bounded, mean of q",
            "mean of q",
            Box::new(move |v| nothing(g::kl_divergence_bounded(x, s, v, s))),
        ),
        (
            "kl_standard_normal, mean",
            "mean",
            Box::new(move |v| nothing(g::kl_standard_normal(v, s))),
        ),
        (
            "cross_entropy, mean of p",
            "mean of p",
            Box::new(move |v| nothing(g::cross_entropy(v, s, x, s))),
        ),
        (
            "cross_entropy, mean of q",
            "mean of q",
            Box::new(move |v| nothing(g::cross_entropy(x, s, v, s))),
        ),
        (
            "expected_log_likelihood, y",
            "observation",
            Box::new(move |v| nothing(g::expected_log_likelihood(v, x, s, s))),
        ),
        (
            "expected_log_likelihood, mean",
            "mean of q",
            Box::new(move |v| nothing(g::expected_log_likelihood(x, v, s, s))),
        ),
        (
            "elbo, y",
            "observation",
            Box::new(move |v| nothing(g::elbo(v, s, x, s, x, s))),
        ),
        (
            "elbo, mean",
            "mean of q",
            Box::new(move |v| nothing(g::elbo(x, s, v, s, x, s))),
        ),
        (
            "elbo, mean of the prior",
            "mean of the prior",
            Box::new(move |v| nothing(g::elbo(x, s, x, s, v, s))),
        ),
        (
            "MultivariateNormal::new",
            "mean",
            Box::new(move |v| nothing(MultivariateNormal::new(v, s))),
        ),
        (
            "p.log_prob",
            "point",
            Box::new(move |v| nothing(p().log_prob(v))),
        ),
        ("p.score", "point", Box::new(move |v| nothing(p().score(v)))),
        (
            "p.quadratic_form",
            "point",
            Box::new(move |v| nothing(p().quadratic_form(v))),
        ),
        (
            "p.quadratic_form_bounded",
            "point",
            Box::new(move |v| nothing(p().quadratic_form_bounded(v))),
        ),
        (
            "p.mahalanobis_p_value",
            "point",
            Box::new(move |v| nothing(p().mahalanobis_p_value(v))),
        ),
        (
            "p.expected_log_likelihood",
            "observation",
            Box::new(move |v| nothing(p().expected_log_likelihood(v, s))),
        ),
        (
            "p.elbo",
            "observation",
            Box::new(move |v| nothing(p().elbo(v, s, &p()))),
        ),
    ]
}

fn vector_arguments<T: Scalar>(table: &mut Table) {
    for structure in structures::<T>(N, &mut Random::new(1)) {
        let good: Vec<T> = Random::new(2).vector(N);
        let (long, short) = (vec![T::one(); N + 1], vec![T::one(); N - 1]);
        let broken: Vec<(usize, f64, Vec<T>)> = (0..N)
            .flat_map(|row| NOT_FINITE.map(|value| (row, value)))
            .map(|(row, value)| {
                let mut x = good.clone();
                x[row] = T::of(value);
                (row, value, x)
            })
            .collect();
        for (name, what, call) in vectors(&structure.operator, &good) {
            let name = format!("{name}, {}", structure.name);
            assert!(call(&good).is_ok(), "{name}: the right question is refused");
            for wrong in [&long[..], &short[..], &[]] {
                table.mismatch(&name, call(wrong), what, [N, wrong.len()]);
            }
            for (row, value, x) in &broken {
                table.non_finite(&name, call(x), what, (*row, 0, *value));
            }
        }
    }
}

fn batches<T: Scalar>(table: &mut Table) {
    for structure in structures::<T>(N, &mut Random::new(1)) {
        let (s, mean) = (&structure.operator, vec![T::one(); N]);
        let p = MultivariateNormal::new(&mean, s).unwrap();
        let calls: Vec<Entry<'_, Mat<T>>> = vec![
            (
                "log_prob_batch",
                "point",
                Box::new(|m| nothing(gaussx::log_prob_batch(&m, &mean, s))),
            ),
            (
                "quadratic_form_batch",
                "point",
                Box::new(|m| nothing(gaussx::quadratic_form_batch(&m, &mean, s))),
            ),
            (
                "mahalanobis_p_value_batch",
                "point",
                Box::new(|m| nothing(gaussx::mahalanobis_p_value_batch(&m, &mean, s))),
            ),
            (
                "score_batch",
                "point",
                Box::new(|m| nothing(gaussx::score_batch(&m, &mean, s))),
            ),
            (
                "whiten",
                "point",
                Box::new(|m| nothing(gaussx::whiten(&m, &mean, s))),
            ),
            (
                "p.log_prob_batch",
                "point",
                Box::new(|m| nothing(p.log_prob_batch(&m))),
            ),
            (
                "p.quadratic_form_batch",
                "point",
                Box::new(|m| nothing(p.quadratic_form_batch(&m))),
            ),
            (
                "p.mahalanobis_p_value_batch",
                "point",
                Box::new(|m| nothing(p.mahalanobis_p_value_batch(&m))),
            ),
            (
                "p.score_batch",
                "point",
                Box::new(|m| nothing(p.score_batch(&m))),
            ),
            ("p.whiten", "point", Box::new(|m| nothing(p.whiten(&m)))),
        ];
        for (name, what, call) in calls {
            let name = format!("{name}, {}", structure.name);
            assert!(call(Mat::zeros(N, 4)).is_ok(), "{name}");
            for rows in [0, N - 1, N + 1] {
                table.mismatch(&name, call(Mat::zeros(rows, 4)), what, [N, rows]);
            }
            for value in NOT_FINITE {
                let mut points = Mat::zeros(N, 4);
                // The first in column order is named.
                points[(2, 1)] = T::of(value);
                points[(0, 3)] = T::nan();
                table.non_finite(&name, call(points), what, (2, 1, value));
            }
        }
    }
}

/// A second covariance of another size, in every place where one stands.
fn second_covariances<T: Scalar>(table: &mut Table) {
    let x = vec![T::one(); N];
    for size in [0, N - 1, N + 1] {
        let other: Boxed<T> = Box::new(ScaledIdentity::new(size, T::one()).unwrap());
        let y = vec![T::one(); size];
        let r = MultivariateNormal::new(&y, &other).unwrap();
        for structure in structures::<T>(N, &mut Random::new(1)) {
            let s = &structure.operator;
            let p = MultivariateNormal::new(&x, s).unwrap();
            let q = "covariance q";
            let rows: [(&str, &str, Result<(), Error>); 12] = [
                (
                    "kl_divergence",
                    q,
                    nothing(gaussx::kl_divergence(&x, s, &y, &other)),
                ),
                (
                    "kl_divergence_bounded",
                    q,
                    nothing(gaussx::kl_divergence_bounded(&x, s, &y, &other)),
                ),
                (
                    "cross_entropy",
                    q,
                    nothing(gaussx::cross_entropy(&x, s, &y, &other)),
                ),
                (
                    "expected_log_likelihood",
                    "noise covariance",
                    nothing(gaussx::expected_log_likelihood(&x, &x, s, &other)),
                ),
                (
                    "elbo, noise",
                    "noise covariance",
                    nothing(gaussx::elbo(&x, &other, &x, s, &x, s)),
                ),
                (
                    "elbo, prior",
                    "covariance of the prior",
                    nothing(gaussx::elbo(&x, s, &x, s, &y, &other)),
                ),
                ("p.kl_divergence", q, nothing(p.kl_divergence(&r))),
                (
                    "p.kl_divergence_bounded",
                    q,
                    nothing(p.kl_divergence_bounded(&r)),
                ),
                ("p.cross_entropy", q, nothing(p.cross_entropy(&r))),
                (
                    "p.elbo, prior",
                    "covariance of the prior",
                    nothing(p.elbo(&x, s, &r)),
                ),
                (
                    "pair::trace",
                    q,
                    nothing(gaussx::pair::trace(s, &other, &mut Workspace::new())),
                ),
                (
                    "pair::divergence",
                    q,
                    nothing(gaussx::pair::divergence(s, &other, &mut Workspace::new())),
                ),
            ];
            for (name, what, answer) in rows {
                let name = format!("{name}, {}", structure.name);
                table.mismatch(&name, answer, what, [N, size]);
            }
        }
    }
}

fn methods<T: Scalar>(table: &mut Table) {
    let w = &mut Workspace::new();
    for structure in structures::<T>(N, &mut Random::new(1)) {
        let s = &structure.operator;
        let name = |method: &str| format!("{method}, {}", structure.name);
        for size in [0, N - 1, N + 1] {
            let mut out = vec![T::zero(); size];
            let mut m = Mat::<T>::zeros(size, 2);
            let rows = "matrix (rows)";
            table.mismatch(
                &name("diag_into"),
                s.diag_into(&mut out),
                "diagonal",
                [N, size],
            );
            table.mismatch(
                &name("solve_in_place"),
                s.solve_in_place(m.as_mut(), w),
                rows,
                [N, size],
            );
            table.mismatch(
                &name("apply_in_place"),
                s.apply_in_place(m.as_mut(), w),
                rows,
                [N, size],
            );
            let rows = "right-hand side (rows)";
            table.mismatch(
                &name("solve"),
                nothing(s.solve(m.as_ref())),
                rows,
                [N, size],
            );
            table.mismatch(
                &name("apply"),
                nothing(s.apply(m.as_ref())),
                rows,
                [N, size],
            );
            let factor = s.cholesky();
            let rows = "matrix (rows)";
            table.mismatch(
                &name("half_solve"),
                factor.half_solve_in_place(m.as_mut(), w),
                rows,
                [N, size],
            );
            let answer = factor.half_solve_transpose_in_place(m.as_mut(), w);
            table.mismatch(&name("half_solve_transpose"), answer, rows, [N, size]);
            table.mismatch(
                &name("multiply"),
                factor.multiply_in_place(m.as_mut(), w),
                rows,
                [N, size],
            );
            let answer = factor.multiply_transpose_in_place(m.as_mut(), w);
            table.mismatch(&name("multiply_transpose"), answer, rows, [N, size]);
            table.mismatch(
                &name("factor.diag_into"),
                factor.diag_into(&mut out),
                "diagonal",
                [N, size],
            );
            let sums = "sums of squares";
            let answer = factor.squares_below_by_row_into(&mut out, w);
            table.mismatch(&name("squares_below"), answer, sums, [N, size]);
            let answer = factor.inverse_squares_below_by_column_into(&mut out, w);
            table.mismatch(&name("inverse_squares_below"), answer, sums, [N, size]);

            let mut forms = [T::zero(); 2];
            let answer = s.quadratic_forms_into(m.as_ref(), None, &mut forms, w);
            table.mismatch(
                &name("quadratic_forms_into, points"),
                answer,
                "points (rows)",
                [N, size],
            );
            let points = Mat::<T>::zeros(N, 2);
            let center = Some(ColRef::from_slice(&out));
            let answer = s.quadratic_forms_into(points.as_ref(), center, &mut forms, w);
            table.mismatch(
                &name("quadratic_forms_into, center"),
                answer,
                "center",
                [N, size],
            );
            let answer = s.quadratic_forms_into(points.as_ref(), None, &mut forms[..1], w);
            table.mismatch(&name("quadratic_forms_into, out"), answer, "output", [2, 1]);

            let answer = s.columns_into(&[0, 1], m.as_mut(), w);
            table.mismatch(
                &name("columns_into, rows"),
                answer,
                "columns of the covariance (rows)",
                [N, size],
            );
            let mut narrow = Mat::<T>::zeros(N, 1);
            let answer = s.columns_into(&[0, 1], narrow.as_mut(), w);
            table.mismatch(
                &name("columns_into, columns"),
                answer,
                "columns of the covariance (columns)",
                [2, 1],
            );
            let answer = s.sub_block_into(&[0, 1, 2], &[0, 1], m.as_mut(), w);
            table.mismatch(
                &name("sub_block_into, rows"),
                answer,
                "sub-block (rows)",
                [N, size],
            );
            let answer = s.sub_block_into(&[0, 1, 2], &[0, 1], narrow.as_mut(), w);
            table.mismatch(
                &name("sub_block_into, columns"),
                answer,
                "sub-block (columns)",
                [2, 1],
            );
        }
        for count in [N + 1, 1000] {
            let number = (
                "number of principal axes",
                count as f64,
                "at most the dimension",
            );
            table.parameter(
                &name("principal_axes"),
                nothing(gaussx::principal_axes(s, count)),
                number,
            );
            table.parameter(
                &name("s.principal_axes"),
                nothing(s.principal_axes(count)),
                number,
            );
        }
    }
}

fn index_sets<T: Scalar>(table: &mut Table) {
    let w = &mut Workspace::new();
    for structure in structures::<T>(N, &mut Random::new(1)) {
        let s = &structure.operator;
        let p = MultivariateNormal::new(vec![T::one(); N], s).unwrap();
        let name = |call: &str| format!("{call}, {}", structure.name);
        let mut out = Mat::<T>::zeros(N, 2);
        let mut out_of_range = |call: &str, what: &str, answer: Result<(), Error>, index: usize| {
            table.row(
                &name(call),
                answer,
                &format!("IndexOutOfRange {{ what: {what:?}, index: {index}, dim: {N} }}"),
                &format!("{what} holds index {index}, but the dimension is {N}"),
            );
        };
        for index in [N, usize::MAX] {
            let set = [0, index];
            out_of_range(
                "mutual_information, a",
                "index set a",
                nothing(gaussx::mutual_information(s, &set, &[1])),
                index,
            );
            out_of_range(
                "mutual_information, b",
                "index set b",
                nothing(gaussx::mutual_information(s, &[1], &set)),
                index,
            );
            out_of_range(
                "p.mutual_information",
                "index set b",
                nothing(p.mutual_information(&[1], &set)),
                index,
            );
            out_of_range(
                "sub_block",
                "sub-block",
                nothing(StructuredCovariance::sub_block(s, &set)),
                index,
            );
            out_of_range("marginal", "sub-block", nothing(p.marginal(&set)), index);
            out_of_range(
                "permuted",
                "permutation",
                nothing(StructuredCovariance::permuted(s, &[0, 1, index])),
                index,
            );
            out_of_range(
                "columns_into",
                "columns",
                s.columns_into(&set, out.as_mut(), w),
                index,
            );
            out_of_range(
                "sub_block_into, rows",
                "rows",
                s.sub_block_into(&[0, 1, index], &[0, 1], out.as_mut(), w),
                index,
            );
            out_of_range(
                "sub_block_into, columns",
                "columns",
                s.sub_block_into(&[0, 1, 2], &set, out.as_mut(), w),
                index,
            );
        }
        let mut twice = |call: &str, what: &str, answer: Result<(), Error>| {
            table.row(
                &name(call),
                answer,
                &format!("DuplicateIndex {{ what: {what:?}, index: 1 }}"),
                &format!("{what} holds index 1 more than once"),
            );
        };
        twice(
            "mutual_information, a",
            "index set a",
            nothing(gaussx::mutual_information(s, &[1, 1], &[0])),
        );
        twice(
            "mutual_information, both",
            "union of index sets a and b",
            nothing(gaussx::mutual_information(s, &[0, 1], &[1, 2])),
        );
        twice(
            "p.mutual_information",
            "union of index sets a and b",
            nothing(p.mutual_information(&[1], &[2, 1])),
        );
        twice(
            "sub_block",
            "sub-block",
            nothing(StructuredCovariance::sub_block(s, &[1, 0, 1])),
        );
        twice("marginal", "sub-block", nothing(p.marginal(&[1, 1])));
        twice(
            "permuted",
            "permutation",
            nothing(StructuredCovariance::permuted(s, &[1, 0, 1])),
        );
        for (what, answer) in [
            (
                "size of index set a",
                gaussx::mutual_information(s, &[], &[1]),
            ),
            (
                "size of index set b",
                gaussx::mutual_information(s, &[1], &[]),
            ),
        ] {
            table.parameter(&name(what), nothing(answer), (what, 0.0, "at least one"));
        }
        for order in [&[0, 1][..], &[]] {
            let answer = nothing(StructuredCovariance::permuted(s, order));
            table.mismatch(&name("permuted"), answer, "permutation", [N, order.len()]);
        }
    }
}

/// Constructors and adjustments with a number that is no variance, scale or jitter.
fn numbers<T: Scalar>(table: &mut Table) {
    let identity = || ScaledIdentity::new(2, T::one()).unwrap();
    let diagonal = || DiagonalCovariance::new(vec![T::one(); 2]).unwrap();
    let dense = || DenseCovariance::new(Mat::<T>::identity(2, 2)).unwrap();
    for value in NOT_FINITE {
        let v = T::of(value);
        let at = |row: usize| {
            vec![
                if row == 0 { v } else { T::one() },
                if row == 1 { v } else { T::one() },
            ]
        };
        table.non_finite(
            "ScaledIdentity::new",
            nothing(ScaledIdentity::new(2, v)),
            "variance",
            (0, 0, value),
        );
        for row in [0, 1] {
            table.non_finite(
                "DiagonalCovariance::new",
                nothing(DiagonalCovariance::new(at(row))),
                "variances",
                (row, 0, value),
            );
            table.non_finite(
                "from_std_devs",
                nothing(DiagonalCovariance::from_std_devs(at(row))),
                "standard deviations",
                (row, 0, value),
            );
            table.non_finite(
                "from_precisions",
                nothing(DiagonalCovariance::from_precisions(at(row))),
                "precisions",
                (row, 0, value),
            );
        }
    }
    for value in [0.0, -0.0, -2.5] {
        let v = T::of(value);
        let at = |row: usize| {
            vec![
                if row == 0 { v } else { T::one() },
                if row == 1 { v } else { T::one() },
            ]
        };
        table.pivot(
            "ScaledIdentity::new",
            nothing(ScaledIdentity::new(2, v)),
            0,
            value,
        );
        for row in [0, 1] {
            table.pivot(
                "DiagonalCovariance::new",
                nothing(DiagonalCovariance::new(at(row))),
                row,
                value,
            );
            let matrix = Mat::from_fn(2, 2, |i, j| if i == j { at(row)[i] } else { T::zero() });
            table.pivot(
                "DenseCovariance::new",
                nothing(DenseCovariance::new(matrix.clone())),
                row,
                value,
            );
            table.pivot(
                "from_lower_triangle",
                nothing(DenseCovariance::from_lower_triangle(matrix.clone())),
                row,
                value,
            );
            table.pivot(
                "from_cholesky",
                nothing(DenseCovariance::from_cholesky(matrix.clone())),
                row,
                value,
            );
            table.pivot(
                "with_jitter",
                nothing(DenseCovariance::with_jitter(matrix, T::zero())),
                row,
                value,
            );
        }
    }
    for value in [0.0, -0.0, -2.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let scale = ("scale", value, "finite and greater than zero");
        let v = T::of(value);
        table.parameter("ScaledIdentity.scale", nothing(identity().scale(v)), scale);
        table.parameter(
            "DiagonalCovariance.scale",
            nothing(diagonal().scale(v)),
            scale,
        );
        table.parameter("DenseCovariance.scale", nothing(dense().scale(v)), scale);
        table.parameter("Scaled::new", nothing(Scaled::new(dense(), v)), scale);
        table.parameter(
            "Scaled.scale",
            nothing(Scaled::new(dense(), T::one()).unwrap().scale(v)),
            scale,
        );
    }
    for value in [-2.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let jitter = ("jitter", value, "finite and not negative");
        let v = T::of(value);
        table.parameter(
            "ScaledIdentity.add_jitter",
            nothing(identity().add_jitter(v)),
            jitter,
        );
        table.parameter(
            "DiagonalCovariance.add_jitter",
            nothing(diagonal().add_jitter(v)),
            jitter,
        );
        table.parameter(
            "DenseCovariance.add_jitter",
            nothing(dense().add_jitter(v)),
            jitter,
        );
        table.parameter(
            "jittered",
            nothing(StructuredCovariance::jittered(&dense(), v)),
            jitter,
        );
        let limit = ("jitter limit", value, "finite and not negative");
        table.parameter(
            "with_jitter",
            nothing(DenseCovariance::with_jitter(Mat::<T>::identity(1, 1), v)),
            limit,
        );
    }
}

/// What is wrong with a whole matrix.
fn matrices<T: Scalar>(table: &mut Table) {
    type Constructor<T> = fn(Mat<T>) -> Result<(), Error>;
    let constructors: [(&str, &str, Constructor<T>); 5] = [
        ("new", "covariance", |m| nothing(DenseCovariance::new(m))),
        ("with_jitter", "covariance", |m| {
            nothing(DenseCovariance::with_jitter(m, T::one()))
        }),
        ("from_lower_triangle", "covariance", |m| {
            nothing(DenseCovariance::from_lower_triangle(m))
        }),
        ("from_cholesky", "Cholesky factor", |m| {
            nothing(DenseCovariance::from_cholesky(m))
        }),
        ("from_precision", "precision", |m| {
            nothing(DenseCovariance::from_precision(m))
        }),
    ];
    for (name, what, build) in constructors {
        for (rows, columns) in [(2, 3), (3, 2), (0, 1), (1, 0)] {
            table.row(
                name,
                build(Mat::zeros(rows, columns)),
                &format!("NotSquare {{ what: {what:?}, rows: {rows}, columns: {columns} }}"),
                &format!("{what} is not square: {rows} x {columns}"),
            );
        }
        for value in NOT_FINITE {
            for (i, j) in [(0, 0), (2, 1), (2, 2)] {
                let mut m = Mat::<T>::identity(3, 3);
                m[(i, j)] = T::of(value);
                table.non_finite(name, build(m), what, (i, j, value));
            }
        }
    }
    for (name, what, build) in [constructors[0], constructors[1], constructors[4]] {
        for (i, j) in [(1, 0), (2, 0), (2, 1)] {
            let mut m = Mat::<T>::identity(3, 3);
            m[(j, i)] = T::of(0.25);
            table.row(
                name,
                build(m),
                &format!(
                    "NotSymmetric {{ what: {what:?}, row: {i}, column: {j}, difference: -0.25 }}"
                ),
                &format!(
                    "{what} is not symmetric: entries ({i}, {j}) and ({j}, {i}) differ by -0.25"
                ),
            );
        }
    }
    for (i, j) in [(0, 1), (0, 2), (1, 2)] {
        let mut m = Mat::<T>::identity(3, 3);
        m[(i, j)] = T::of(0.25);
        table.row(
            "from_cholesky",
            nothing(DenseCovariance::from_cholesky(m)),
            &format!("NotLowerTriangular {{ what: \"Cholesky factor\", row: {i}, column: {j}, value: 0.25 }}"),
            &format!("Cholesky factor is not lower triangular: entry ({i}, {j}) is 0.25"),
        );
    }
    // Correlation 2 between two coordinates: the pivot is 1 - 4.
    for (i, j) in [(1, 0), (2, 0), (2, 1)] {
        let mut m = Mat::<T>::identity(3, 3);
        (m[(i, j)], m[(j, i)]) = (T::of(2.0), T::of(2.0));
        for (name, _, build) in &constructors[..3] {
            let value = if *name == "with_jitter" {
                continue;
            } else {
                -3.0
            };
            table.pivot(name, build(m.clone()), i, value);
        }
    }
}

fn fits<T: Scalar>(table: &mut Table) {
    for value in NOT_FINITE {
        let mut points = Mat::<T>::zeros(2, 5);
        points[(1, 3)] = T::of(value);
        table.non_finite(
            "fit_dense",
            nothing(gaussx::fit_dense(&points)),
            "point",
            (1, 3, value),
        );
        table.non_finite(
            "fit_diagonal",
            nothing(gaussx::fit_diagonal(&points)),
            "point",
            (1, 3, value),
        );
        table.non_finite(
            "fit_scaled_identity",
            nothing(gaussx::fit_scaled_identity(&points)),
            "point",
            (1, 3, value),
        );
    }
    for count in [0, 1, 2] {
        let number = ("number of points", count as f64, "more than the dimension");
        table.parameter(
            "fit_dense",
            nothing(gaussx::fit_dense(Mat::<T>::zeros(2, count))),
            number,
        );
    }
    // All points in one place.
    let same = Mat::<T>::zeros(2, 5);
    table.pivot("fit_dense", nothing(gaussx::fit_dense(&same)), 0, 0.0);
    table.pivot("fit_diagonal", nothing(gaussx::fit_diagonal(&same)), 0, 0.0);
    table.pivot(
        "fit_scaled_identity",
        nothing(gaussx::fit_scaled_identity(&same)),
        0,
        0.0,
    );
}

fn every_row<T: Scalar>() {
    let mut table = Table::default();
    vector_arguments::<T>(&mut table);
    batches::<T>(&mut table);
    second_covariances::<T>(&mut table);
    methods::<T>(&mut table);
    index_sets::<T>(&mut table);
    numbers::<T>(&mut table);
    matrices::<T>(&mut table);
    fits::<T>(&mut table);
    println!("{} rows", table.0);
    assert!(table.0 > 6000, "{} rows", table.0);
}

#[test]
fn every_invalid_question_in_double_precision_gets_its_error() {
    every_row::<f64>();
}

#[test]
fn every_invalid_question_in_single_precision_gets_its_error() {
    every_row::<f32>();
}
