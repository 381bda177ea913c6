//! The conformance kit passes what is right and names what is wrong.

use gaussx::conformance::{self, Report};
use gaussx::faer::{Mat, MatMut};
use gaussx::{
    BlockDiagonal, CholeskyFactor, CovarianceOperator, DenseCovariance, DiagonalCovariance, Error,
    LowerTriangular, Scalar, ScaledIdentity, Workspace,
};
use gaussx_tests::ar1::Ar1;
use gaussx_tests::random::Random;

fn passes(report: Report) {
    assert!(report.checks() > 1000, "{}", report.checks());
    assert!(report.is_ok(), "{report}");
}

fn every_operator<T: Scalar>() {
    let t = T::of;
    passes(conformance::check_sizes(|n| ScaledIdentity::new(n, t(0.3))));
    passes(conformance::check_sizes(|n| {
        DiagonalCovariance::new(
            Random::new(1)
                .vector::<T>(n)
                .iter()
                .map(|x| *x * *x + t(0.1))
                .collect::<Vec<T>>(),
        )
    }));
    passes(conformance::check_sizes(|n| {
        Ok(DenseCovariance::new(Random::new(2).covariance::<T>(n))?)
    }));
    passes(conformance::check_sizes(|n| {
        let first = n / 3;
        BlockDiagonal::from_matrices(vec![
            Random::new(3).covariance::<T>(first),
            Random::new(4).covariance::<T>(n - first),
        ])
    }));
    passes(conformance::check_sizes(|n| {
        let blocks: Vec<Box<dyn CovarianceOperator<T>>> = vec![
            Box::new(Ar1::new(n / 2, t(0.6), t(2.0))?),
            Box::new(ScaledIdentity::new(n - n / 2, t(0.5))?),
        ];
        BlockDiagonal::new(blocks)
    }));
    passes(conformance::check_sizes(|n| Ar1::new(n, t(-0.7), t(1.5))));
}

#[test]
fn every_operator_keeps_its_promises_in_single_precision() {
    every_operator::<f32>();
}

#[test]
fn every_operator_keeps_its_promises_in_double_precision() {
    every_operator::<f64>();
}

#[test]
fn two_operators_of_one_kind_meet_as_their_matrices_do() {
    let reports = [
        conformance::check_pair_sizes(|n| Ar1::new(n, -0.7, 1.5), |n| Ar1::new(n, 0.4, 0.8)),
        conformance::check_pair_sizes(|n| Ar1::new(n, 0.9_f32, 1.5), |n| Ar1::new(n, 0.8, 1.6)),
        conformance::check_pair_sizes(
            |n| Ok(DenseCovariance::new(Random::new(2).covariance::<f64>(n))?),
            |n| Ok(DenseCovariance::new(Random::new(3).covariance::<f64>(n))?),
        ),
    ];
    for report in reports {
        assert!(report.checks() > 100, "{report}");
        assert!(report.is_ok(), "{report}");
    }
}

#[test]
fn structured_operators_work_at_a_size_whose_square_does_not_fit() {
    let reports = [
        conformance::check_large(|n| ScaledIdentity::new(n, 2.0)),
        conformance::check_large(|n| DiagonalCovariance::new(vec![2.0; n])),
        conformance::check_large(|n| Ar1::new(n, 0.5, 2.0)),
    ];
    for report in reports {
        assert!(report.is_ok(), "{report}");
        assert!(report.skipped().is_empty(), "{report}");
    }
}

/// Independent coordinates through a factor that overrides nothing.
#[derive(Debug)]
struct Bare {
    n: usize,
}

impl LowerTriangular<f64> for Bare {
    fn factor_dim(&self) -> usize {
        self.n
    }
    fn factor_diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
        out.fill(1.0);
        Ok(())
    }
    fn half_solve_in_place(&self, _: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Answer {
        Ok(())
    }
    fn half_solve_transpose_in_place(&self, _: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Answer {
        Ok(())
    }
    fn multiply_in_place(&self, _: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Answer {
        Ok(())
    }
    fn multiply_transpose_in_place(&self, _: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Answer {
        Ok(())
    }
}

impl CovarianceOperator<f64> for Bare {
    fn dim(&self) -> usize {
        self.n
    }
    fn diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
        gaussx::validate::dimension("diagonal", self.n, out.len())?;
        out.fill(1.0);
        Ok(())
    }
    fn cholesky(&self) -> CholeskyFactor<'_, f64> {
        CholeskyFactor::custom(self)
    }
}

/// A log-determinant that is a logarithm of a product: right until the product overflows.
#[derive(Debug)]
struct Overflowing(DiagonalCovariance<f64>);

impl CovarianceOperator<f64> for Overflowing {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
        self.0.diag_into(out)
    }
    fn cholesky(&self) -> CholeskyFactor<'_, f64> {
        self.0.cholesky()
    }
    fn logdet(&self) -> Result<f64, Error> {
        Ok(self.0.variances().iter().product::<f64>().ln())
    }
}

#[test]
fn a_log_determinant_that_overflows_is_named_at_a_large_size() {
    let build = |n| Ok(Overflowing(DiagonalCovariance::new(vec![2.0; n])?));
    assert!(conformance::check_sizes(build).is_ok());
    let report = conformance::check_large(build);
    assert!(report.broke(conformance::LOGDET), "{report}");
    assert!(report.broke(conformance::MEMORY), "{report}");
}

#[test]
fn meetings_that_would_take_quadratic_time_are_skipped_and_named() {
    let report = conformance::check_large(|n| Ok(Bare { n }));
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.skipped().len(), 5, "{report}");
    assert!(
        report
            .to_string()
            .contains("not checked: KL from its own kind")
    );
    let report = conformance::check_sizes(|n| Ok(Bare { n }));
    assert!(report.is_ok(), "{report}");
}

/// What is wrong with a [`Faulty`] operator.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    SignInHalfSolve,
    TransposedSolve,
    HalfSolveForgetsPivot,
    TransposeSolveForgetsPivot,
    MultiplyForgetsPivot,
    MultiplyTransposeIsMultiply,
    UpperFactor,
    LogdetOfL,
    LogdetTwice,
    LogdetMissesFirst,
    LogdetNegated,
    DiagOfL,
    DiagOffByOne,
    DiagPrecisions,
    DimensionOfFactor,
    NegativePivot,
    ZeroPivot,
    NanPivot,
    FactorDiagSquared,
    RowSquaresCountPivot,
    RowSquaresOfColumns,
    InverseSquaresCountPivot,
    InverseSquaresOfL,
    StateBetweenColumns,
    TraceOfInverse,
    QuadraticFormRoot,
    QuadraticFormIgnoresCenter,
    SolveIsHalfSolve,
    ApplyIsMultiply,
    MeetForgetsSquares,
    MeetDropsOneSquare,
    MeetIsMirrored,
    MeetForgetsRatio,
    MeetScalesPivotByRatio,
    SinglePrecisionConstant,
    StaleFactor,
    AcceptsWrongSize,
    Panics,
}

const FAULTS: [(Fault, &str); 38] = [
    (Fault::SignInHalfSolve, conformance::HALF_SOLVE),
    (Fault::TransposedSolve, conformance::HALF_SOLVE),
    (Fault::HalfSolveForgetsPivot, conformance::HALF_SOLVE),
    (
        Fault::TransposeSolveForgetsPivot,
        conformance::HALF_SOLVE_TRANSPOSE,
    ),
    (Fault::MultiplyForgetsPivot, conformance::FACTOR),
    (
        Fault::MultiplyTransposeIsMultiply,
        conformance::MULTIPLY_TRANSPOSE,
    ),
    (Fault::UpperFactor, conformance::FACTOR),
    (Fault::LogdetOfL, conformance::LOGDET),
    (Fault::LogdetTwice, conformance::LOGDET),
    (Fault::LogdetMissesFirst, conformance::LOGDET),
    (Fault::LogdetNegated, conformance::LOGDET),
    (Fault::DiagOfL, conformance::DIAG),
    (Fault::DiagOffByOne, conformance::DIAG),
    (Fault::DiagPrecisions, conformance::DIAG),
    (Fault::DimensionOfFactor, conformance::FACTOR_DIM),
    (Fault::NegativePivot, conformance::PIVOTS),
    (Fault::ZeroPivot, conformance::PIVOTS),
    (Fault::NanPivot, conformance::PIVOTS),
    (Fault::FactorDiagSquared, conformance::FACTOR_DIAG),
    (Fault::RowSquaresCountPivot, conformance::ROW_SQUARES),
    (Fault::RowSquaresOfColumns, conformance::ROW_SQUARES),
    (
        Fault::InverseSquaresCountPivot,
        conformance::INVERSE_COLUMN_SQUARES,
    ),
    (
        Fault::InverseSquaresOfL,
        conformance::INVERSE_COLUMN_SQUARES,
    ),
    (Fault::StateBetweenColumns, conformance::COLUMNS),
    (Fault::TraceOfInverse, conformance::TRACE),
    (Fault::QuadraticFormRoot, conformance::QUADRATIC_FORMS),
    (
        Fault::QuadraticFormIgnoresCenter,
        conformance::QUADRATIC_FORMS,
    ),
    (Fault::SolveIsHalfSolve, conformance::SOLVE),
    (Fault::ApplyIsMultiply, conformance::APPLY),
    (Fault::MeetForgetsSquares, conformance::PAIRS),
    (Fault::MeetDropsOneSquare, conformance::PAIRS),
    (Fault::MeetForgetsRatio, conformance::PAIRS),
    (Fault::MeetScalesPivotByRatio, conformance::PAIRS),
    (Fault::MeetIsMirrored, conformance::PAIRS),
    (Fault::SinglePrecisionConstant, conformance::LOGDET),
    (Fault::StaleFactor, conformance::FACTOR),
    (Fault::AcceptsWrongSize, conformance::SIZES),
    (Fault::Panics, conformance::NO_PANIC),
];

/// A small dense operator written as a user would, with one mistake.
#[derive(Debug)]
struct Faulty {
    l: Vec<Vec<f64>>,
    fault: Option<Fault>,
}

impl Faulty {
    fn new(fault: Option<Fault>) -> Self {
        let l = vec![
            vec![1.5, 0.0, 0.0],
            vec![0.4, 0.8, 0.0],
            vec![-0.3, 0.7, 1.2],
        ];
        Self { l, fault }
    }

    /// Another covariance of the same kind, as far from this one as the two differ.
    fn partner(fault: Option<Fault>) -> Self {
        let l = vec![
            vec![1.1, 0.0, 0.0],
            vec![0.9, 1.3, 0.0],
            vec![0.2, -0.4, 0.7],
        ];
        Self { l, fault }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn sigma(&self) -> Mat<f64> {
        Mat::from_fn(3, 3, |i, j| {
            (0..3).map(|k| self.l[i][k] * self.l[j][k]).sum()
        })
    }

    /// `x ← A x` for each column, with `A` given by its entries.
    fn multiply(mut x: MatMut<'_, f64>, a: impl Fn(usize, usize) -> f64) {
        for k in 0..x.ncols() {
            let old: Vec<f64> = (0..3).map(|i| x[(i, k)]).collect();
            for i in 0..3 {
                x[(i, k)] = (0..3).map(|j| a(i, j) * old[j]).sum();
            }
        }
    }

    /// `L⁻¹`, by forward substitution on the unit vectors.
    fn inverse(&self) -> Vec<Vec<f64>> {
        let mut inverse = vec![vec![0.0; 3]; 3];
        for c in 0..3 {
            for i in 0..3 {
                let unit = if i == c { 1.0 } else { 0.0 };
                let sum: f64 = (0..i).map(|j| self.l[i][j] * inverse[j][c]).sum();
                let sign = if self.has(Fault::SignInHalfSolve) {
                    -1.0
                } else {
                    1.0
                };
                let pivot = if self.has(Fault::HalfSolveForgetsPivot) {
                    1.0
                } else {
                    self.l[i][i]
                };
                inverse[i][c] = (unit - sign * sum) / pivot;
            }
        }
        inverse
    }

    fn true_inverse(&self) -> Vec<Vec<f64>> {
        Self {
            l: self.l.clone(),
            fault: None,
        }
        .inverse()
    }
}

type Answer = Result<(), Error>;

impl LowerTriangular<f64> for Faulty {
    fn factor_dim(&self) -> usize {
        if self.has(Fault::DimensionOfFactor) {
            4
        } else {
            3
        }
    }
    fn factor_diag_into(&self, out: &mut [f64]) -> Answer {
        for (i, value) in out.iter_mut().enumerate() {
            *value = self.l[i][i];
        }
        match self.fault {
            Some(Fault::NegativePivot) => out[1] = -out[1],
            Some(Fault::ZeroPivot) => out[2] = 0.0,
            Some(Fault::NanPivot) => out[0] = f64::NAN,
            Some(Fault::FactorDiagSquared) => out.iter_mut().for_each(|v| *v *= *v),
            _ => {}
        }
        Ok(())
    }
    fn half_solve_in_place(&self, mut x: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Answer {
        assert!(!self.has(Fault::Panics), "index out of bounds");
        let inverse = self.inverse();
        let transposed = self.has(Fault::TransposedSolve);
        Self::multiply(x.as_mut(), |i, j| {
            if transposed {
                inverse[j][i]
            } else {
                inverse[i][j]
            }
        });
        if self.has(Fault::StateBetweenColumns) {
            for k in 1..x.ncols() {
                x[(0, k)] += 1e-3 * x[(0, k - 1)];
            }
        }
        Ok(())
    }
    fn half_solve_transpose_in_place(&self, x: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Answer {
        let inverse = self.true_inverse();
        let forgets = self.has(Fault::TransposeSolveForgetsPivot);
        Self::multiply(x, |i, j| {
            if forgets && i == j {
                1.0
            } else {
                inverse[j][i]
            }
        });
        Ok(())
    }
    fn multiply_in_place(&self, x: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Answer {
        let forgets = self.has(Fault::MultiplyForgetsPivot);
        let upper = self.has(Fault::UpperFactor);
        let stale = if self.has(Fault::StaleFactor) {
            1.001
        } else {
            1.0
        };
        Self::multiply(x, |i, j| match (forgets && i == j, upper) {
            (true, _) => 1.0,
            (_, true) => self.l[j][i],
            _ => stale * self.l[i][j],
        });
        Ok(())
    }
    fn multiply_transpose_in_place(&self, x: MatMut<'_, f64>, _: &mut Workspace<f64>) -> Answer {
        let same = self.has(Fault::MultiplyTransposeIsMultiply);
        Self::multiply(x, |i, j| if same { self.l[i][j] } else { self.l[j][i] });
        Ok(())
    }
    fn factor_logdet(&self) -> Result<f64, Error> {
        let logs: Vec<f64> = (0..3).map(|i| self.l[i][i].ln()).collect();
        let sum: f64 = logs.iter().sum();
        Ok(match self.fault {
            Some(Fault::LogdetOfL) => sum,
            Some(Fault::LogdetTwice) => 4.0 * sum,
            Some(Fault::LogdetMissesFirst) => 2.0 * (sum - logs[0]),
            Some(Fault::LogdetNegated) => -2.0 * sum,
            Some(Fault::SinglePrecisionConstant) => f64::from((2.0 * sum) as f32),
            _ => 2.0 * sum,
        })
    }
    fn squares_below_by_row_into(&self, out: &mut [f64], _: &mut Workspace<f64>) -> Answer {
        for i in 0..3 {
            out[i] = match self.fault {
                Some(Fault::RowSquaresCountPivot) => (0..=i).map(|j| self.l[i][j].powi(2)).sum(),
                Some(Fault::RowSquaresOfColumns) => (i + 1..3).map(|j| self.l[j][i].powi(2)).sum(),
                _ => (0..i).map(|j| self.l[i][j].powi(2)).sum(),
            };
        }
        Ok(())
    }
    fn inverse_squares_below_by_column_into(
        &self,
        out: &mut [f64],
        _: &mut Workspace<f64>,
    ) -> Answer {
        let inverse = self.true_inverse();
        for j in 0..3 {
            out[j] = match self.fault {
                Some(Fault::InverseSquaresCountPivot) => {
                    (j..3).map(|i| inverse[i][j].powi(2)).sum()
                }
                Some(Fault::InverseSquaresOfL) => (j + 1..3).map(|i| self.l[i][j].powi(2)).sum(),
                _ => (j + 1..3).map(|i| inverse[i][j].powi(2)).sum(),
            };
        }
        Ok(())
    }
    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
    fn meet(
        &self,
        p: &dyn LowerTriangular<f64>,
        ratio: f64,
        _: &mut Workspace<f64>,
    ) -> Result<Option<gaussx::pair::PairTerms<f64>>, Error> {
        let Some(p) = p.as_any().and_then(|any| any.downcast_ref::<Self>()) else {
            return Ok(None);
        };
        let (q, p) = if self.has(Fault::MeetIsMirrored) {
            (p, self)
        } else {
            (self, p)
        };
        let (pivot_scale, square_scale) = match self.fault {
            Some(Fault::MeetForgetsRatio) => (1.0, 1.0),
            Some(Fault::MeetScalesPivotByRatio) => (ratio, ratio),
            _ => (ratio.sqrt(), ratio),
        };
        let inverse = q.true_inverse();
        let mut terms = gaussx::pair::PairTerms::new();
        for i in 0..3 {
            terms.add_pivot(pivot_scale * p.l[i][i], q.l[i][i]);
            for j in 0..i {
                let dropped = self.has(Fault::MeetForgetsSquares)
                    || self.has(Fault::MeetDropsOneSquare) && (i, j) == (2, 0);
                // The difference first: exactly zero for equal factors.
                let m: f64 = (0..3)
                    .map(|k| inverse[i][k] * (p.l[k][j] - q.l[k][j]))
                    .sum();
                terms.add_squares_below(if dropped { 0.0 } else { square_scale * m * m });
            }
        }
        Ok(Some(terms))
    }
}

impl CovarianceOperator<f64> for Faulty {
    fn dim(&self) -> usize {
        3
    }
    fn diag_into(&self, out: &mut [f64]) -> Answer {
        if !self.has(Fault::AcceptsWrongSize) {
            gaussx::validate::dimension("diagonal", 3, out.len())?;
        }
        let sigma = self.sigma();
        for (i, value) in out.iter_mut().take(3).enumerate() {
            *value = match self.fault {
                Some(Fault::DiagOfL) => self.l[i][i],
                Some(Fault::DiagOffByOne) => sigma[((i + 1) % 3, (i + 1) % 3)],
                Some(Fault::DiagPrecisions) => sigma[(i, i)].recip(),
                _ => sigma[(i, i)],
            };
        }
        Ok(())
    }
    fn cholesky(&self) -> CholeskyFactor<'_, f64> {
        CholeskyFactor::custom(self)
    }
    fn trace(&self) -> Result<f64, Error> {
        let trace: f64 = (0..3).map(|i| self.sigma()[(i, i)]).sum();
        Ok(if self.has(Fault::TraceOfInverse) {
            trace.recip()
        } else {
            trace
        })
    }
    fn quadratic_forms_into(
        &self,
        points: gaussx::faer::MatRef<'_, f64>,
        center: Option<gaussx::faer::ColRef<'_, f64>>,
        out: &mut [f64],
        _: &mut Workspace<f64>,
    ) -> Answer {
        gaussx::validate::dimension("points", 3, points.nrows())?;
        let inverse = self.true_inverse();
        for (k, value) in out.iter_mut().enumerate() {
            let ignores = self.has(Fault::QuadraticFormIgnoresCenter);
            let shift = |j: usize| center.filter(|_| !ignores).map_or(0.0, |c| c[j]);
            let z = |i: usize| -> f64 {
                (0..3)
                    .map(|j| inverse[i][j] * (points[(j, k)] - shift(j)))
                    .sum()
            };
            *value = (0..3).map(|i| z(i).powi(2)).sum();
            if self.has(Fault::QuadraticFormRoot) {
                *value = value.sqrt();
            }
        }
        Ok(())
    }
    fn solve_in_place(&self, mut x: MatMut<'_, f64>, workspace: &mut Workspace<f64>) -> Answer {
        gaussx::validate::dimension("matrix", 3, x.nrows())?;
        self.half_solve_in_place(x.as_mut(), workspace)?;
        if self.has(Fault::SolveIsHalfSolve) {
            return Ok(());
        }
        self.half_solve_transpose_in_place(x, workspace)
    }
    fn apply_in_place(&self, mut x: MatMut<'_, f64>, workspace: &mut Workspace<f64>) -> Answer {
        gaussx::validate::dimension("matrix", 3, x.nrows())?;
        if !self.has(Fault::ApplyIsMultiply) {
            self.multiply_transpose_in_place(x.as_mut(), workspace)?;
        }
        self.multiply_in_place(x, workspace)
    }
}

#[test]
fn the_operator_without_a_mistake_passes() {
    let honest = Faulty::new(None);
    let report = conformance::check_against(&honest, honest.sigma().as_ref());
    assert!(report.is_ok(), "{report}");
    let report = conformance::check(&honest);
    assert!(report.is_ok(), "{report}");
    let report = conformance::check_pair(&honest, &Faulty::partner(None));
    assert!(report.is_ok(), "{report}");
}

#[test]
fn every_seeded_mistake_is_caught_and_named() {
    // The panic that the kit catches is part of the test: keep it off the screen.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let sigma = Faulty::new(None).sigma();
    let reports: Vec<(Fault, &str, Report)> = FAULTS
        .iter()
        .map(|&(fault, promise)| {
            let faulty = Faulty::new(Some(fault));
            let single = conformance::check_against(&faulty, sigma.as_ref());
            let pair = conformance::check_pair(&faulty, &Faulty::partner(Some(fault)));
            (fault, promise, single.and(pair))
        })
        .collect();
    std::panic::set_hook(hook);
    for (fault, promise, report) in reports {
        assert!(
            report.broke(promise),
            "{fault:?} is not named by «{promise}»: {report}"
        );
    }
}

#[test]
fn a_report_reads_as_a_list_of_broken_promises() {
    let faulty = Faulty::new(Some(Fault::DiagOfL));
    let report = conformance::check_against(&faulty, faulty.sigma().as_ref());
    let text = report.to_string();
    assert!(
        text.contains("diag is the diagonal of the covariance: n = 3, entry 0: found 1.500000, expected 2.250000"),
        "{text}"
    );
    assert!(report.clone().into_result().is_err());
    assert!(report.failures().iter().all(|failure| failure.dim == 3));
    assert_eq!(format!("{report:?}"), text);
}

#[test]
fn a_promise_that_breaks_at_many_sizes_is_said_once() {
    let wrong = |n: usize| {
        let sigma = DiagonalCovariance::new(vec![1.0; n]).unwrap();
        conformance::check_against(&sigma, (Mat::<f64>::identity(n, n) * 2.0).as_ref())
    };
    let report = wrong(8).and(wrong(2)).and(wrong(3)).and(wrong(3));
    let failures = report.failures();
    let diag = failures.iter().filter(|f| f.promise == conformance::DIAG);
    assert_eq!(diag.count(), 1);
    assert!(
        report.to_string().contains("n = 8 (also 2, 3), entry 0"),
        "{report}"
    );
}

#[test]
fn a_matrix_that_is_no_covariance_is_said_to_be_none() {
    let report = conformance::check_against(&Faulty::new(None), Mat::zeros(2, 2).as_ref());
    assert!(report.broke(conformance::MATRIX));
}
