//! LAPACK's nine matrix types by its own ratios, families with closed-form inverses, the line
//! between positive definite and not, and numbers at the ends of the range.
//!
//! A ratio is an error over what backward stability allows, `n u` times the natural scale;
//! LAPACK passes at 30.

use gaussx::faer::Mat;
use gaussx::{
    CovarianceOperator, DenseCovariance, DiagonalCovariance, Error, Scalar, ScaledIdentity,
    Workspace,
};
use gaussx_tests::matrices::{SPECTRA, Spectrum, symmetric, with_spectrum};
use gaussx_tests::oracle;
use gaussx_tests::random::Random;

const SIZES: [usize; 16] = [
    0, 1, 2, 3, 5, 10, 31, 32, 33, 63, 64, 65, 127, 128, 129, 256,
];

/// The pass line of every ratio.
const PASS: f64 = 10.0;

fn unit<T: Scalar>() -> f64 {
    T::EPSILON.as_f64() / 2.0
}

/// `Σ b` in compensated `f64` products of numbers of either scalar: exact to `u` of `f64`
/// squared for `f32`, and to twice the digits for `f64`.
fn dot(terms: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut sum, mut low) = (0.0_f64, 0.0_f64);
    for (a, b) in terms {
        let product = a * b;
        let error = a.mul_add(b, -product);
        let next = sum + product;
        let rest = next - sum;
        low += ((sum - (next - rest)) + (product - rest)) + error;
        sum = next;
    }
    sum + low
}

fn factor_of<T: Scalar>(sigma: &DenseCovariance<T>) -> Mat<T> {
    let mut l = Mat::identity(sigma.dim(), sigma.dim());
    let factor = sigma.cholesky();
    factor
        .multiply_in_place(l.as_mut(), &mut Workspace::new())
        .unwrap();
    l
}

/// `max |L Lᵀ - Σ|_ij / √(Σ_ii Σ_jj)` over `n u`.
fn reconstruction<T: Scalar>(matrix: &Mat<T>, sigma: &DenseCovariance<T>) -> f64 {
    let (n, l) = (matrix.nrows(), factor_of(sigma));
    let deviation = |i: usize| matrix[(i, i)].as_f64().sqrt();
    let mut worst = 0.0_f64;
    for i in 0..n {
        for j in 0..=i {
            // Divided first: the products of the largest entries overflow.
            let row = |k: usize| l[(i, k)].as_f64() / deviation(i);
            let column = |k: usize| l[(j, k)].as_f64() / deviation(j);
            let found = dot((0..=j).map(|k| (row(k), column(k))));
            let expected = matrix[(i, j)].as_f64() / deviation(i) / deviation(j);
            worst = worst.max((found - expected).abs());
        }
    }
    worst / (n.max(1) as f64 * unit::<T>())
}

/// The scaled residual of a solve: `max |b - Σ x|_i / (√Σ_ii Σ_j √Σ_jj |x_j|)` over `n u`.
fn residual<T: Scalar>(matrix: &Mat<T>, sigma: &DenseCovariance<T>, columns: usize) -> f64 {
    let n = matrix.nrows();
    let mut random = Random::new(n as u64);
    let deviation = |i: usize| matrix[(i, i)].as_f64().sqrt();
    let b = Mat::from_fn(n, columns, |i, _| {
        T::of(random.uniform::<f64>(-1.0, 1.0) * deviation(i))
    });
    let x = sigma.solve(b.as_ref()).unwrap();
    let mut worst = 0.0_f64;
    for k in 0..columns {
        let size: f64 = (0..n)
            .map(|j| deviation(j) * x[(j, k)].as_f64().abs())
            .sum();
        for i in 0..n {
            let product =
                dot((0..n).map(|j| (matrix[(i, j)].as_f64() / deviation(i), x[(j, k)].as_f64())));
            let rest = (b[(i, k)].as_f64() / deviation(i) - product).abs();
            worst = worst.max(rest / size.max(f64::MIN_POSITIVE));
        }
    }
    worst / (n.max(1) as f64 * unit::<T>())
}

/// Asserts the ratios of a matrix that must be accepted.
fn passes<T: Scalar>(what: &str, matrix: &Mat<T>) -> bool {
    let n = matrix.nrows();
    let Ok(sigma) = DenseCovariance::new(matrix.clone()) else {
        return false;
    };
    let ratio = reconstruction(matrix, &sigma);
    assert!(ratio <= PASS, "{what}, n = {n}: reconstruction {ratio}");
    for columns in [1, 2, 15] {
        let ratio = residual(matrix, &sigma, columns);
        assert!(
            ratio <= PASS,
            "{what}, n = {n}, {columns} columns: residual {ratio}"
        );
    }
    let logdet = sigma.logdet().unwrap();
    assert!(logdet.is_finite(), "{what}, n = {n}: {logdet}");
    true
}

fn nine_types<T: Scalar>() {
    let epsilon = T::EPSILON.as_f64();
    let (tiny, huge) = if epsilon > 1e-10 {
        (1e-33, 1e33)
    } else {
        (1e-290, 1e290)
    };
    for n in SIZES {
        let mut random = Random::new(n as u64);
        let diagonal: Mat<T> = symmetric(n, |i, j| if i == j { 1.0 + i as f64 } else { 0.0 });
        assert!(passes("diagonal", &diagonal));
        let mut with = |kappa: f64, spectrum: Spectrum| -> Mat<T> {
            with_spectrum(&spectrum.eigenvalues(n, kappa), 0.0, &mut random)
        };
        // Of the large ones two spectra: building them is what takes the time.
        let spectra = if n > 65 { &SPECTRA[2..4] } else { &SPECTRA[..] };
        for &spectrum in spectra {
            assert!(passes("condition 2", &with(2.0, spectrum)));
            let large = with((0.1 / epsilon).sqrt(), spectrum);
            assert!(passes("condition √(0.1/ε)", &large));
        }
        // At 0.1/ε the rounding of the entries decides whether the matrix is definite.
        passes("condition 0.1/ε", &with(0.1 / epsilon, Spectrum::Geometric));
        let plain = with(2.0, Spectrum::Geometric);
        for scale in [tiny, huge] {
            let scaled: Mat<T> = symmetric(n, |i, j| plain[(i, j)].as_f64() * scale);
            assert!(passes("scaled to the end of the range", &scaled));
        }
        zero_rows(&plain);
    }
}

/// A zero row and column, first, middle or last: the pivot is named exactly.
fn zero_rows<T: Scalar>(plain: &Mat<T>) {
    let n = plain.nrows();
    if n == 0 {
        return;
    }
    for zero in [0, n / 2, n - 1] {
        let matrix = symmetric(n, |i, j| {
            if i == zero || j == zero {
                0.0
            } else {
                plain[(i, j)].as_f64()
            }
        });
        let rejected = DenseCovariance::<T>::new(matrix.clone()).unwrap_err();
        let Error::NotPositiveDefinite { pivot, value, .. } = rejected.error else {
            panic!("{:?}", rejected.error);
        };
        assert_eq!((pivot, value), (zero, 0.0), "n = {n}");
        assert_eq!(rejected.matrix, matrix);
    }
}

#[test]
fn the_nine_types_pass_in_double_precision() {
    nine_types::<f64>();
}

#[test]
fn the_nine_types_pass_in_single_precision() {
    nine_types::<f32>();
}

/// A family whose log-determinant, and quadratic form of a unit vector, are known.
struct Family {
    name: &'static str,
    matrix: Mat<f64>,
    logdet: f64,
    /// `(Σ⁻¹)_00`.
    first_precision: f64,
    /// `tr(R⁻¹)`, or a number above it.
    condition: f64,
}

fn families(n: usize) -> Vec<Family> {
    let (size, rho) = (n as f64, 0.96875_f64);
    let rest = 1.0 - rho * rho;
    // 1 - ρ is 2⁻⁵: every entry of the two families below is rounded at most once.
    let ar1 = Family {
        name: "AR(1)",
        matrix: symmetric(n, |i, j| rho.powi((i - j) as i32)),
        logdet: (size - 1.0) * (-rho * rho).ln_1p(),
        first_precision: if n == 1 { 1.0 } else { 1.0 / rest },
        condition: size * (1.0 + rho * rho) / rest,
    };
    let equal = Family {
        name: "equicorrelation",
        matrix: symmetric(n, |i, j| if i == j { 1.0 } else { rho }),
        logdet: (size - 1.0) * (1.0 - rho).ln() + (1.0 + (size - 1.0) * rho).ln(),
        first_precision: (1.0 - rho / (1.0 + (size - 1.0) * rho)) / (1.0 - rho),
        condition: size / (1.0 - rho),
    };
    let minimum = Family {
        name: "min(i, j)",
        matrix: symmetric(n, |i, j| (i.min(j) + 1) as f64),
        logdet: 0.0,
        first_precision: if n == 1 { 1.0 } else { 2.0 },
        // The precision is tridiagonal with 2 on the diagonal, the variances are 1, 2, ..
        condition: size * (size + 1.0),
    };
    vec![ar1, equal, minimum]
}

#[test]
fn families_with_known_determinants_give_them() {
    for n in SIZES.into_iter().filter(|&n| n > 0) {
        for family in families(n) {
            let sigma = DenseCovariance::new(family.matrix).unwrap();
            let limit = 2.0 * f64::EPSILON * family.condition;
            let logdet = sigma.logdet().unwrap();
            let error = (logdet - family.logdet).abs();
            assert!(
                error <= limit + 4.0 * f64::EPSILON * family.logdet.abs(),
                "{} n = {n}: {error:e}, limit {limit:e}",
                family.name
            );
            let mut unit = vec![0.0; n];
            unit[0] = 1.0;
            let form = gaussx::quadratic_form(&unit, vec![0.0; n], &sigma).unwrap();
            let error = (form - family.first_precision).abs() / family.first_precision;
            assert!(error <= limit, "{} n = {n}: {error:e}", family.name);
        }
    }
}

#[test]
fn a_pascal_matrix_of_condition_1e11_has_determinant_one() {
    for n in 1..=12_usize {
        let matrix = symmetric(n, |i, j| {
            (1..=j)
                .fold(1.0, |c, k| c * (i + k) as f64 / k as f64)
                .round()
        });
        let exact = oracle::matrix(n, |i, j| matrix[(i, j)]);
        let condition = oracle::scaled_condition(&exact, &oracle::cholesky(&exact));
        let logdet = DenseCovariance::<f64>::new(matrix)
            .unwrap()
            .logdet()
            .unwrap();
        assert!(
            logdet.abs() <= 2.0 * f64::EPSILON * condition,
            "n = {n}: {logdet:e}"
        );
    }
}

/// Equicorrelated coordinates have `λ_min(R) = 1 - ρ` for `ρ > 0` and `1 + (n - 1) ρ` below
/// zero; in units of random powers of two, and with random signs, which change neither.
#[test]
fn the_line_between_definite_and_not_is_where_theory_puts_it() {
    let mut verdicts = [0; 2];
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let n = [2, 10, 40][random.index(3)];
        let band = (n * (n + 1)) as f64 * unit::<f64>();
        // Entries are multiples of 2⁻⁵³, so that λ_min is what is written, to 1 % of the band.
        let smallest = (random.uniform::<f64>(-8.0, 8.0) * band * 2.0_f64.powi(53)).round()
            * 2.0_f64.powi(-53);
        let rho = 1.0 - smallest;
        let sign: Vec<f64> = (0..n).map(|_| [1.0, -1.0][random.index(2)]).collect();
        let units: Vec<f64> = (0..n)
            .map(|i| sign[i] * 2.0_f64.powi(random.index(60) as i32 - 30))
            .collect();
        let exact = 1.0 - rho;
        let matrix: Mat<f64> = symmetric(n, |i, j| {
            units[i] * units[j] * if i == j { 1.0 } else { rho }
        });
        let answer = DenseCovariance::new(matrix);
        if exact >= 2.0 * band {
            assert!(
                answer.is_ok(),
                "seed {seed}: {} bands refused",
                exact / band
            );
            verdicts[0] += 1;
        } else if exact <= -2.0 * band {
            assert!(
                answer.is_err(),
                "seed {seed}: {} bands accepted",
                exact / band
            );
            verdicts[1] += 1;
        } else if let Ok(sigma) = answer {
            let origin = vec![0.0; n];
            assert!(sigma.logdet().unwrap().is_finite());
            assert!(gaussx::kl_standard_normal(&origin, &sigma).unwrap() >= 0.0);
        }
    }
    assert!(verdicts.iter().all(|&count| count > 150), "{verdicts:?}");
}

#[test]
fn variances_forty_decades_apart_factor_and_keep_their_digits() {
    for n in [2, 5, 17, 40] {
        let decades = |i: usize| 10.0_f64.powf(40.0 * i as f64 / (n - 1) as f64 - 20.0);
        let matrix: Mat<f64> = symmetric(n, |i, j| {
            (decades(i) * decades(j)).sqrt() * 0.5_f64.powi((i - j) as i32)
        });
        let exact = oracle::matrix(n, |i, j| matrix[(i, j)]);
        let l = oracle::cholesky(&exact);
        let limit = f64::EPSILON * oracle::scaled_condition(&exact, &l);
        let sigma = DenseCovariance::new(matrix.clone()).unwrap();
        let x: Vec<f64> = (0..n).map(|i| matrix[(i, i)].sqrt()).collect();
        let bigs: Vec<_> = x.iter().map(|&x| oracle::big(x)).collect();
        let origin = vec![oracle::big(0.0); n];
        let form = gaussx::quadratic_form(&x, vec![0.0; n], &sigma).unwrap();
        let expected = oracle::quadratic_form(&bigs, &origin, &l);
        assert!(oracle::error(form, &expected) <= limit * form, "n = {n}");
        let kl = gaussx::kl_standard_normal(vec![0.0; n], &sigma).unwrap();
        assert!(kl.is_finite() && kl > 0.0);
    }
}

/// `ln det(c Σ) = ln det Σ + n ln c`, with `c` at the edge of overflow and of the subnormals.
#[test]
fn a_log_determinant_shifts_by_the_logarithm_of_the_scale() {
    for n in [1, 2, 8, 33, 64] {
        let sigma: Mat<f64> = Random::new(n as u64).covariance(n);
        let base = DenseCovariance::new(sigma.clone())
            .unwrap()
            .logdet()
            .unwrap();
        for power in [-1000, -600, -1, 1, 600, 1010] {
            let scaled: Mat<f64> = symmetric(n, |i, j| sigma[(i, j)] * 2.0_f64.powi(power));
            let found = DenseCovariance::new(scaled).unwrap().logdet().unwrap();
            let shift = n as f64 * f64::from(power) * core::f64::consts::LN_2;
            let magnitude = shift.abs() + base.abs() + n as f64;
            let error = (found - base - shift).abs();
            assert!(
                error <= 4.0 * f64::EPSILON * magnitude,
                "n = {n}, 2^{power}: {error:e}"
            );
        }
    }
}

#[test]
fn subnormal_variances_give_no_nan() {
    for power in [-1022, -1040, -1060, -1074] {
        let tiny = 2.0_f64.powi(-1000) * 2.0_f64.powi(power + 1000);
        let diagonal = DiagonalCovariance::new([tiny, 1.0]).unwrap();
        assert!(gaussx::entropy(&diagonal).unwrap().is_finite());
        let form = gaussx::quadratic_form([tiny, 1.0], [0.0, 0.0], &diagonal).unwrap();
        assert!(form >= 1.0, "2^{power}: {form}");
        let dense = Mat::from_fn(2, 2, |i, j| match (i, j) {
            (0, 0) => tiny,
            (1, 1) => 1.0,
            _ => 0.0,
        });
        if let Ok(dense) = DenseCovariance::new(dense) {
            assert!(gaussx::entropy(&dense).unwrap().is_finite());
            let kl = gaussx::kl_divergence([0.0; 2], &dense, [0.0; 2], &diagonal).unwrap();
            assert_eq!(kl, 0.0, "2^{power}");
        }
    }
}

/// Far pairs with a last coordinate at an end of the range, among so many that logarithms of all are
/// tried first.
fn diagonals_at_the_ends_of_the_range_meet<T: Scalar>() {
    let meet = |last_p: T, last_q: T| {
        let [p, q] = [(T::of(3.0), last_p), (T::one(), last_q)].map(|(most, last)| {
            let mut variances = vec![most; 256];
            variances[255] = last;
            DiagonalCovariance::new(variances).unwrap()
        });
        let zero = [T::zero(); 256];
        gaussx::kl_divergence(zero, &p, zero, &q).unwrap().as_f64()
    };
    let (tiny, huge) = (T::min_positive_value(), T::max_value() / T::of(2.0));
    let cases = [
        (meet(T::of(3.0) * tiny, tiny), 128.0 * (2.0 - 3.0_f64.ln())),
        (meet(huge, T::one()), huge.as_f64() / 2.0),
    ];
    for (found, expected) in cases {
        let bound = 8.0 * T::EPSILON.as_f64() * expected;
        assert!(
            (found - expected).abs() <= bound,
            "{found:e}, not {expected:e}"
        );
    }
}

#[test]
fn diagonals_at_the_ends_of_the_range_meet_in_both_precisions() {
    diagonals_at_the_ends_of_the_range_meet::<f64>();
    diagonals_at_the_ends_of_the_range_meet::<f32>();
}

/// `λ = 2^k` in every coordinate: the divergence is `n (λ - 1 - k ln 2)`.
fn diagonals_keep_their_digits_at_every_ratio<T: Scalar>(powers: std::ops::RangeInclusive<i32>) {
    for power in powers.filter(|power| power.abs() > 2) {
        let ratio = 2.0_f64.powi(power);
        let term = ratio - 1.0 - f64::from(power) * core::f64::consts::LN_2;
        for n in [1, 127, 128, 4096, 4097] {
            let unit = |i: usize| T::of(0.5 + (i % 89) as f64);
            let scaled = |i: usize| unit(i) * T::of(ratio);
            let diagonal = |v: &dyn Fn(usize) -> T| {
                DiagonalCovariance::new((0..n).map(v).collect::<Vec<_>>()).unwrap()
            };
            let mean = vec![T::of(0.0); n];
            let check =
                |what: &str, p: &dyn CovarianceOperator<T>, q: &dyn CovarianceOperator<T>| {
                    let found = gaussx::kl_divergence(&mean, p, &mean, q).unwrap();
                    let expected = 0.5 * n as f64 * term;
                    let error = (found.as_f64() - expected).abs() / T::EPSILON.as_f64() / expected;
                    assert!(error <= 4.0, "{what}, n = {n}, 2^{power}: {error}");
                };
            check("diagonals", &diagonal(&scaled), &diagonal(&unit));
            let one = |v: f64| ScaledIdentity::new(n, T::of(v)).unwrap();
            let each = |v: f64| diagonal(&|_| T::of(v));
            check("identity from diagonal", &one(3.0 * ratio), &each(3.0));
            check("diagonal from identity", &each(3.0 * ratio), &one(3.0));
        }
    }
}

#[test]
fn diagonals_in_double_precision_keep_their_digits_at_every_ratio() {
    diagonals_keep_their_digits_at_every_ratio::<f64>(-50..=50);
}

#[test]
fn diagonals_in_single_precision_keep_their_digits_at_every_ratio() {
    diagonals_keep_their_digits_at_every_ratio::<f32>(-50..=50);
}
