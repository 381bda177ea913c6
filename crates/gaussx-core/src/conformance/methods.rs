//! The factor and the methods of the operator, one by one.

use faer::Mat;
use gaussx_operators::{CovarianceOperator, DenseCovariance, Error, Scalar, Workspace, memory};

use super::{Report, number, unit};

/// Wide enough for two panels of streamed columns at the largest size tried.
const WIDTH: usize = 3;

/// Whether the factor can be worked with: of the operator's size, with positive pivots.
pub(super) fn pivots<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    report: &mut Report,
) -> Result<bool, Error> {
    let (n, factor) = (operator.dim(), operator.cholesky());
    report.count();
    if factor.dim() != n {
        let detail = format!("the factor has dimension {}", factor.dim());
        report.fail(super::FACTOR_DIM, n, String::new(), detail);
        return Ok(false);
    }
    let mut pivots = memory::zero_vec("pivots", n)?;
    factor.diag_into(&mut pivots)?;
    let mut sound = true;
    for (i, &pivot) in pivots.iter().enumerate() {
        report.count();
        if !(pivot > T::zero() && pivot.is_finite()) {
            let (place, detail) = (format!("pivot {i}"), format!("{pivot}"));
            report.fail(super::PIVOTS, n, place, detail);
            sound = false;
        }
    }
    Ok(sound)
}

/// Checks what the factor does.
pub(super) fn factor<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    dense: &DenseCovariance<T>,
    report: &mut Report,
) -> Result<(), Error> {
    let (n, factor) = (operator.dim(), operator.cholesky());
    let mut pivots = memory::zero_vec("pivots", n)?;
    factor.diag_into(&mut pivots)?;

    let bound = unit(dense)?;
    let variances = dense.diag()?;
    let workspace = &mut Workspace::new();
    let l = lower(dense)?;
    let row = |i: usize| variances[i].sqrt();
    let mut found: Mat<T> = Mat::identity(n, n);
    factor.multiply_in_place(found.as_mut(), workspace)?;
    for j in 0..n {
        for i in 0..n {
            let numbers = [found[(i, j)], l[(i, j)], bound * row(i)];
            report.compare(super::FACTOR, n, || format!("entry ({i}, {j})"), numbers);
        }
        let numbers = [pivots[j], l[(j, j)], bound * row(j)];
        report.compare(super::FACTOR_DIAG, n, || format!("entry {j}"), numbers);
    }

    let x: Mat<T> = Mat::from_fn(n, WIDTH, number);
    let mut transposed = x.clone();
    factor.multiply_transpose_in_place(transposed.as_mut(), workspace)?;
    let mut solved = x.clone();
    factor.half_solve_in_place(solved.as_mut(), workspace)?;
    let mut solved_transposed = x.clone();
    factor.half_solve_transpose_in_place(solved_transposed.as_mut(), workspace)?;
    // Against the inverse itself, so that two wrongs do not undo each other.
    let mut inverse: Mat<T> = Mat::identity(n, n);
    dense
        .cholesky()
        .half_solve_in_place(inverse.as_mut(), workspace)?;
    for k in 0..WIDTH {
        for i in 0..n {
            let expected = (i..n).map(|j| l[(j, i)] * x[(j, k)]);
            let size = (i..n).map(|j| (l[(j, i)] * x[(j, k)]).abs());
            let scale = size.fold(row(i), |a, b| a + b);
            let expected = expected.fold(T::zero(), |a, b| a + b);
            let numbers = [transposed[(i, k)], expected, bound * scale];
            let place = || format!("row {i} of column {k}");
            report.compare(super::MULTIPLY_TRANSPOSE, n, place, numbers);

            let (expected, size) = dot(n, |j| (inverse[(i, j)], x[(j, k)]));
            let numbers = [solved[(i, k)], expected, bound * size];
            report.compare(super::HALF_SOLVE, n, place, numbers);

            let (expected, size) = dot(n, |j| (inverse[(j, i)], x[(j, k)]));
            let numbers = [solved_transposed[(i, k)], expected, bound * size];
            report.compare(super::HALF_SOLVE_TRANSPOSE, n, place, numbers);
        }
    }
    columns_and_strides(operator, &x, &solved, report)?;

    let (found, expected) = (factor.logdet()?, dense.logdet()?);
    let scale = pivots.iter().fold(T::one(), |sum, l| sum + l.ln().abs());
    let numbers = [found, expected, bound * scale];
    report.compare(super::LOGDET, n, String::new, numbers);
    let numbers = [operator.logdet()?, expected, bound * scale];
    report.compare(super::LOGDET, n, || "the operator's".to_owned(), numbers);

    let mut rows = memory::zero_vec("sums of squares", n)?;
    factor.squares_below_by_row_into(&mut rows, workspace)?;
    let mut columns = memory::zero_vec("sums of squares", n)?;
    factor.inverse_squares_below_by_column_into(&mut columns, workspace)?;
    for i in 0..n {
        let expected = (0..i).fold(T::zero(), |sum, j| sum + l[(i, j)] * l[(i, j)]);
        let numbers = [rows[i], expected, bound * variances[i]];
        report.compare(super::ROW_SQUARES, n, || format!("row {i}"), numbers);
        let below = (i + 1..n).map(|k| inverse[(k, i)] * inverse[(k, i)]);
        let expected = below.fold(T::zero(), |sum, square| sum + square);
        let scale = expected + inverse[(i, i)] * inverse[(i, i)];
        let numbers = [columns[i], expected, bound * scale];
        let place = || format!("column {i}");
        report.compare(super::INVERSE_COLUMN_SQUARES, n, place, numbers);
    }
    Ok(())
}

/// The factor of a dense covariance as a matrix.
fn lower<T: Scalar>(dense: &DenseCovariance<T>) -> Result<Mat<T>, Error> {
    let n = dense.dim();
    let mut l = memory::zero_mat("Cholesky factor", n, n)?;
    for i in 0..n {
        l[(i, i)] = T::one();
    }
    dense
        .cholesky()
        .multiply_in_place(l.as_mut(), &mut Workspace::new())?;
    Ok(l)
}

/// `Σ a_j b_j`, and the sum of the magnitudes.
fn dot<T: Scalar>(n: usize, terms: impl Fn(usize) -> (T, T)) -> (T, T) {
    (0..n).fold((T::zero(), T::zero()), |(sum, size), j| {
        let (a, b) = terms(j);
        (sum + a * b, size + (a * b).abs())
    })
}

/// One column at a time, and through a strided view, each action gives what it gave for
/// all columns at once.
fn columns_and_strides<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    x: &Mat<T>,
    solved: &Mat<T>,
    report: &mut Report,
) -> Result<(), Error> {
    let (n, factor) = (x.nrows(), operator.cholesky());
    let workspace = &mut Workspace::new();
    let mut single = x.clone();
    for k in 0..x.ncols() {
        let column = single.as_mut().subcols_mut(k, 1);
        factor.half_solve_in_place(column, workspace)?;
    }
    let mut rows = x.transpose().to_owned();
    factor.half_solve_in_place(rows.as_mut().transpose_mut(), workspace)?;
    for k in 0..x.ncols() {
        let size = (0..n).fold(T::zero(), |m, i| m.max(solved[(i, k)].abs()));
        let bound = T::of(super::UNITS) * T::of_count(n) * T::EPSILON * size;
        for i in 0..n {
            let place = || format!("row {i} of column {k}");
            let numbers = [single[(i, k)], solved[(i, k)], bound];
            report.compare(super::COLUMNS, n, place, numbers);
            let numbers = [rows[(k, i)], solved[(i, k)], bound];
            report.compare(super::STRIDES, n, place, numbers);
        }
    }
    Ok(())
}

/// Checks the required and the provided methods of the operator.
pub(super) fn operator<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    dense: &DenseCovariance<T>,
    report: &mut Report,
) -> Result<(), Error> {
    let n = operator.dim();
    let bound = unit(dense)?;
    let sigma = dense.to_dense()?;
    let inverse = dense.solve(Mat::<T>::identity(n, n).as_ref())?;
    let deviation = |i: usize| sigma[(i, i)].sqrt();
    let near = |i: usize, j: usize| bound * deviation(i) * deviation(j);

    vectors(operator, dense, report)?;

    let x: Mat<T> = Mat::from_fn(n, WIDTH, number);
    let (applied, solved) = (operator.apply(x.as_ref())?, operator.solve(x.as_ref())?);
    for k in 0..WIDTH {
        for i in 0..n {
            let place = || format!("row {i} of column {k}");
            let (expected, _) = dot(n, |j| (sigma[(i, j)], x[(j, k)]));
            let reach = (0..n).fold(T::zero(), |sum, j| sum + deviation(j));
            let numbers = [applied[(i, k)], expected, bound * deviation(i) * reach];
            report.compare(super::APPLY, n, place, numbers);
            let (expected, _) = dot(n, |j| (inverse[(i, j)], x[(j, k)]));
            let reach = (0..n).fold(T::zero(), |sum, j| sum + inverse[(j, j)].sqrt());
            let numbers = [
                solved[(i, k)],
                expected,
                bound * inverse[(i, i)].sqrt() * reach,
            ];
            report.compare(super::SOLVE, n, place, numbers);
        }
    }

    let (workspace, order) = (&mut Workspace::new(), (0..n).rev().collect::<Vec<_>>());
    let mut columns = memory::zero_mat("columns", n, n)?;
    operator.columns_into(&order, columns.as_mut(), workspace)?;
    let half = &order[n / 2..];
    let mut block = memory::zero_mat("sub-block", n, half.len())?;
    operator.sub_block_into(&order, half, block.as_mut(), workspace)?;
    let whole = operator.to_dense()?;
    for (k, &j) in order.iter().enumerate() {
        for i in 0..n {
            let place = || format!("entry ({i}, {j})");
            let numbers = [columns[(i, k)], sigma[(i, j)], near(i, j)];
            report.compare(super::MATRIX_COLUMNS, n, place, numbers);
            let numbers = [whole[(i, j)], sigma[(i, j)], near(i, j)];
            report.compare(super::TO_DENSE, n, place, numbers);
            report.compare(
                super::TO_DENSE,
                n,
                place,
                [whole[(i, j)], whole[(j, i)], T::zero()],
            );
        }
    }
    for (k, &j) in half.iter().enumerate() {
        for (m, &i) in order.iter().enumerate() {
            let numbers = [block[(m, k)], sigma[(i, j)], near(i, j)];
            let place = || format!("entry ({i}, {j})");
            report.compare(super::SUB_BLOCKS, n, place, numbers);
        }
    }
    spectrum(operator, dense, report)
}

/// Diagonals, traces and quadratic forms.
fn vectors<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    dense: &DenseCovariance<T>,
    report: &mut Report,
) -> Result<(), Error> {
    let (n, bound) = (operator.dim(), unit(dense)?);
    let (found, expected) = (operator.diag()?, dense.diag()?);
    let (inverse, expected_inverse) = (operator.diag_inverse()?, dense.diag_inverse()?);
    let mut diag = memory::zero_vec("diagonal", n)?;
    operator.diag_into(&mut diag)?;
    for i in 0..n {
        let place = || format!("entry {i}");
        let (v, p) = (expected[i], expected_inverse[i]);
        report.compare(super::DIAG, n, place, [diag[i], v, bound * v]);
        report.compare(super::DIAG, n, place, [found[i], v, bound * v]);
        report.compare(super::DIAG_INVERSE, n, place, [inverse[i], p, bound * p]);
    }
    let trace = dense.trace()?;
    let numbers = [operator.trace()?, trace, bound * trace];
    report.compare(super::TRACE, n, String::new, numbers);
    let trace = dense.trace_inverse()?;
    let numbers = [operator.trace_inverse()?, trace, bound * trace];
    report.compare(super::TRACE_INVERSE, n, String::new, numbers);

    let points: Mat<T> = Mat::from_fn(n, WIDTH, number);
    let center: Mat<T> = Mat::from_fn(n, 1, |i, j| number(i, j + WIDTH));
    for center in [None, Some(center.col(0))] {
        let (mut found, mut expected) = ([T::zero(); WIDTH], [T::zero(); WIDTH]);
        let workspace = &mut Workspace::new();
        operator.quadratic_forms_into(points.as_ref(), center, &mut found, workspace)?;
        dense.quadratic_forms_into(points.as_ref(), center, &mut expected, workspace)?;
        for (k, (&found, &form)) in found.iter().zip(&expected).enumerate() {
            let place = || format!("point {k}");
            report.compare(
                super::QUADRATIC_FORMS,
                n,
                place,
                [found, form, bound * form],
            );
        }
    }
    Ok(())
}

fn spectrum<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    dense: &DenseCovariance<T>,
    report: &mut Report,
) -> Result<(), Error> {
    let (n, bound) = (operator.dim(), unit(dense)?);
    let norm = dense.frobenius_norm()?;
    let numbers = [operator.frobenius_norm()?, norm, bound * norm];
    report.compare(super::FROBENIUS, n, String::new, numbers);
    let ((low, high), (smallest, largest)) = (
        operator.extreme_eigenvalues()?,
        dense.extreme_eigenvalues()?,
    );
    let place = || "largest".to_owned();
    report.compare(
        super::EIGENVALUES,
        n,
        place,
        [high, largest, bound * largest],
    );
    let place = || "smallest".to_owned();
    report.compare(
        super::EIGENVALUES,
        n,
        place,
        [low, smallest, bound * smallest],
    );

    let count = n.min(2);
    let (found, expected) = (
        operator.principal_axes(count)?,
        dense.principal_axes(count)?,
    );
    let images = dense.apply(found.directions.as_ref())?;
    for k in 0..count {
        let (v, w) = (found.variances[k], expected.variances[k]);
        report.compare(
            super::AXES,
            n,
            || format!("variance {k}"),
            [v, w, bound * largest],
        );
        for i in 0..n {
            let numbers = [
                images[(i, k)],
                v * found.directions[(i, k)],
                bound * largest,
            ];
            report.compare(super::AXES, n, || format!("axis {k}"), numbers);
        }
    }
    Ok(())
}

/// Wrong sizes come back as errors, from the methods that take a size.
pub(super) fn sizes<T: Scalar>(operator: &dyn CovarianceOperator<T>, report: &mut Report) {
    let n = operator.dim();
    let workspace = &mut Workspace::new();
    let mut wrong: Mat<T> = Mat::zeros(n + 1, 1);
    let mut long = vec![T::zero(); n + 1];
    let answers = [
        ("diag_into", operator.diag_into(&mut long)),
        (
            "solve_in_place",
            operator.solve_in_place(wrong.as_mut(), workspace),
        ),
        (
            "apply_in_place",
            operator.apply_in_place(wrong.as_mut(), workspace),
        ),
        (
            "columns_into",
            operator.columns_into(&[n], wrong.as_mut(), workspace),
        ),
        (
            "sub_block_into",
            operator.sub_block_into(&[n], &[n], wrong.as_mut(), workspace),
        ),
        (
            "quadratic_forms_into",
            operator.quadratic_forms_into(wrong.as_ref(), None, &mut long[..1], workspace),
        ),
    ];
    for (method, answer) in answers {
        report.count();
        if answer.is_ok() {
            let detail = "Ok for one row or index too many".to_owned();
            report.fail(super::SIZES, n, method.to_owned(), detail);
        }
    }
}
