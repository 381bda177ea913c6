//! The condition number that decides how many digits a covariance leaves.

use faer::MatMut;

use crate::{CovarianceOperator, Error, Scalar, Workspace, validate};

/// Estimate of `κ₁(R) = ‖R‖₁ ‖R⁻¹‖₁`, the condition number of the correlation matrix
/// `R_ij = Σ_ij / √(Σ_ii Σ_jj)`.
///
/// The number by which the accuracy statements of this library multiply `ε`: scale-free, so
/// that mixed units do not enter. At least 1, and `n` times the spectral one at most. An
/// estimate from below, almost always within a factor of 3 (Higham), and exact where the
/// covariance is diagonal. The ratio of the extreme eigenvalues of `Σ` itself is
/// `condition_number` in a summary, at the cost of an eigenproblem.
///
/// No unit. 1 in dimension zero.
///
/// Cost: at most seven products and seven solves of one column: `n` for diagonal covariances,
/// `n²` for dense ones.
///
/// # Errors
///
/// [`Error::AllocationFailed`]; [`Error::NotRepresentable`] where an operator breaks its
/// contract.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{DenseCovariance, condition_estimate, faer::mat};
///
/// // Variances twelve decades apart, correlation ½: κ₁ = 1.5 / 0.5.
/// let sigma = DenseCovariance::new(mat![[1e-6, 0.5], [0.5, 1e6]])?;
/// assert!((condition_estimate(&sigma)? - 3.0_f64).abs() < 1e-14);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
///
/// Source: Hager, "Condition estimates" (1984), <https://doi.org/10.1137/0905023>; Higham,
/// *Accuracy and Stability of Numerical Algorithms*, 2nd ed., Algorithm 15.1. That κ of `R`
/// is the one that counts: Demmel, LAPACK Working Note 14 (1989).
pub fn condition_estimate<T: Scalar>(
    covariance: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<T, Error> {
    let n = covariance.dim();
    if n == 0 || covariance.cholesky().is_diagonal() {
        return Ok(T::one());
    }
    let workspace = &mut Workspace::new();
    let mut deviations = workspace.take(n, 1)?;
    covariance.diag_into(&mut deviations)?;
    for v in &mut deviations {
        *v = v.sqrt();
    }
    let product = norm_estimate(n, workspace, |x, workspace| {
        zip(x, &deviations, |value, d| value / d);
        covariance.apply_in_place(column(x), workspace)?;
        zip(x, &deviations, |value, d| value / d);
        Ok(())
    })?;
    let inverse = norm_estimate(n, workspace, |x, workspace| {
        zip(x, &deviations, |value, d| value * d);
        covariance.solve_in_place(column(x), workspace)?;
        zip(x, &deviations, |value, d| value * d);
        Ok(())
    })?;
    validate::representable("condition estimate", (product * inverse).max(T::one()))
}

fn column<T: Scalar>(x: &mut [T]) -> MatMut<'_, T> {
    let n = x.len();
    MatMut::from_column_major_slice_mut(x, n, 1)
}

fn zip<T: Scalar>(x: &mut [T], y: &[T], f: impl Fn(T, T) -> T) {
    for (value, &other) in x.iter_mut().zip(y) {
        *value = f(*value, other);
    }
}

/// Steps of the ascent: two products each. More are rarely taken (Higham).
const STEPS: usize = 3;

/// `max ‖A x‖₁` over the unit vectors and sign patterns that a few steps of Hager's ascent
/// visit, for a symmetric `A` known by `apply`.
fn norm_estimate<T: Scalar>(
    n: usize,
    workspace: &mut Workspace<T>,
    mut apply: impl FnMut(&mut [T], &mut Workspace<T>) -> Result<(), Error>,
) -> Result<T, Error> {
    let sum = |x: &[T]| x.iter().fold(T::zero(), |sum, value| sum + value.abs());
    let mut x = workspace.take(n, 1)?;
    // Alternating signs of growing size defeat the cancellation that fools the ascent.
    for (i, value) in x.iter_mut().enumerate() {
        let size = T::one() + T::of_count(i) / T::of_count(n.max(2) - 1);
        *value = if i % 2 == 0 { size } else { -size };
    }
    apply(&mut x, workspace)?;
    let mut norm = T::of(2.0) * sum(&x) / T::of_count(3 * n);

    x.fill(T::one() / T::of_count(n));
    let mut chosen = None;
    for _ in 0..STEPS {
        apply(&mut x, workspace)?;
        norm = norm.max(sum(&x));
        for value in &mut x {
            *value = if *value < T::zero() {
                -T::one()
            } else {
                T::one()
            };
        }
        apply(&mut x, workspace)?;
        let larger = |best: usize, i: usize| if x[i].abs() > x[best].abs() { i } else { best };
        let steepest = (0..n).fold(0, larger);
        if chosen == Some(steepest) {
            break;
        }
        chosen = Some(steepest);
        x.fill(T::zero());
        x[steepest] = T::one();
    }
    workspace.give(x);
    Ok(norm)
}
