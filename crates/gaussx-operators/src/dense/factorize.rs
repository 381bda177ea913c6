//! Cholesky factorisation in the storage of the matrix, which stays recoverable.

use faer::linalg::triangular_inverse;
use faer::{Mat, MatMut, MatRef, Par};

use super::Variances;
use crate::columns::{Triangle, mirror};
use crate::kernel::{self, NoPivot, Positive};
use crate::memory::copied_mat;
use crate::validate::{self, Symmetry};
use crate::{Error, Rejected, Scalar, Workspace, parallel};

/// Up to this size a plain loop beats the set-up of a blocked kernel.
const SMALL: usize = 16;

/// [`in_place`] of a matrix of which nothing is known yet.
pub(super) fn checked_in_place<T: Scalar>(
    a: MatMut<'_, T>,
    diag: &mut Variances<T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    match validate::covariance("covariance", a.as_ref())? {
        Symmetry::Exact => mirrored_in_place(a, diag, workspace),
        Symmetry::Rounded => in_place(a, diag, workspace),
    }
}

/// Replaces the lower triangle of a symmetric matrix by its Cholesky factor, leaves the
/// entries in the strict upper triangle and the diagonal in `diag`.
///
/// Only the lower triangle is read. On failure the matrix is restored, symmetric.
pub(super) fn in_place<T: Scalar>(
    mut a: MatMut<'_, T>,
    diag: &mut Variances<T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    mirror(a.as_mut(), Triangle::Lower);
    mirrored_in_place(a, diag, workspace)
}

/// [`in_place`] of a matrix whose triangles already are each other's mirror image.
fn mirrored_in_place<T: Scalar>(
    mut a: MatMut<'_, T>,
    diag: &mut Variances<T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    read_diagonal(a.as_ref(), diag)?;
    let factored = check_variances(diag)
        .and_then(|()| factor_lower(a.as_mut(), diag, workspace))
        .and_then(|()| check_pivots(a.as_ref(), diag));
    if factored.is_err() {
        restore(a, diag);
    }
    factored
}

/// The diagonal of a matrix, in the storage of what was there.
pub(super) fn read_diagonal<T: Scalar>(
    a: MatRef<'_, T>,
    diag: &mut Variances<T>,
) -> Result<(), Error> {
    let n = a.nrows();
    diag.clear();
    diag.try_reserve_exact(n)
        .map_err(|_| Error::AllocationFailed {
            what: "variances",
            rows: n,
            columns: 1,
        })?;
    diag.resize(n, T::zero());
    for (j, variance) in diag.iter_mut().enumerate() {
        *variance = a[(j, j)];
    }
    Ok(())
}

/// Puts the symmetric matrix back where its factor is.
pub(super) fn restore<T: Scalar>(mut a: MatMut<'_, T>, diag: &[T]) {
    for j in 0..a.nrows() {
        a[(j, j)] = diag[j];
        for i in j + 1..a.nrows() {
            a[(i, j)] = a[(j, i)];
        }
    }
}

/// The Cholesky factor of the inverse of a precision matrix.
///
/// With `J` the reversal of the coordinates and `J P J = G Gᵀ`, `P = U Uᵀ` for the upper
/// triangular `U = J G J`, so that `P⁻¹ = L Lᵀ` with `L = U⁻ᵀ = J G⁻ᵀ J`.
pub(super) fn inverse_factor<T: Scalar>(mut precision: Mat<T>) -> Result<Mat<T>, Rejected<T>> {
    let n = precision.nrows();
    let reversed = precision.as_ref().reverse_rows_and_cols();
    let factored = copied_mat("Cholesky factor", reversed).and_then(|mut g| {
        in_place(g.as_mut(), &mut Variances::new(), &mut Workspace::new())?;
        Ok(g)
    });
    match factored {
        Ok(g) => {
            precision.fill(T::zero());
            let inverse = precision.as_mut().reverse_rows_and_cols_mut();
            let inverse = inverse.transpose_mut();
            triangular_inverse::invert_lower_triangular(inverse, g.as_ref(), Par::Seq);
            Ok(precision)
        }
        Err(error) => Err(Rejected {
            error: match error {
                Error::NotPositiveDefinite { pivot, value, path } => Error::NotPositiveDefinite {
                    pivot: n - 1 - pivot,
                    value,
                    path,
                },
                other => other,
            },
            matrix: precision,
        }),
    }
}

fn check_variances<T: Scalar>(diag: &[T]) -> Result<(), Error> {
    match diag.iter().position(|&v| !(v > T::zero())) {
        None => Ok(()),
        Some(i) => Err(Error::not_positive_definite(i, diag[i])),
    }
}

/// A pivot is the variance left in its coordinate given those before it; within `n ε` of
/// that variance it is rounding. Scale-free, and below every `λ_min` of the correlation
/// matrix that must be accepted (Higham, ASNA 2nd ed., Theorem 10.7).
fn check_pivots<T: Scalar>(l: MatRef<'_, T>, diag: &[T]) -> Result<(), Error> {
    let noise = noise(diag.len());
    for (i, &variance) in diag.iter().enumerate() {
        let pivot = l[(i, i)];
        if !is_above_noise(pivot, variance, noise) {
            return Err(Error::not_positive_definite(i, pivot * pivot));
        }
    }
    Ok(())
}

/// Twice what a variance is refused for, as its share: no rounding of a root is as much, and
/// what is above it need not be looked at again.
pub(super) fn doubt<T: Scalar>(n: usize) -> T {
    T::of(2.0) * T::of_count(n) * T::EPSILON
}

/// The rounding of a pivot, in standard deviations.
fn noise<T: Scalar>(n: usize) -> T {
    (T::of_count(n) * T::EPSILON).sqrt()
}

fn is_above_noise<T: Scalar>(pivot: T, variance: T, noise: T) -> bool {
    pivot > noise * variance.sqrt()
}

/// Cholesky factorisation of the lower triangle; the strict upper one is neither read nor
/// written.
fn factor_lower<T: Scalar>(
    mut a: MatMut<'_, T>,
    diag: &[T],
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let n = a.nrows();
    if n <= SMALL {
        return factor_by_columns(a);
    }
    let operations = n.saturating_mul(n).saturating_mul(n);
    let factored = parallel::inside(operations, || {
        kernel::factor(a.as_mut(), &mut Positive, workspace)
    });
    match factored {
        Ok(Ok(())) => Ok(()),
        Ok(Err(NoPivot { index, value })) => Err(Error::not_positive_definite(index, value)),
        // There is no scratch.
        Err(_) => {
            restore(a.as_mut(), diag);
            factor_by_columns(a)
        }
    }
}

/// Column by column, in plain loops.
fn factor_by_columns<T: Scalar>(mut a: MatMut<'_, T>) -> Result<(), Error> {
    let n = a.nrows();
    for j in 0..n {
        let mut pivot = a[(j, j)];
        for k in 0..j {
            pivot -= a[(j, k)] * a[(j, k)];
        }
        if !(pivot > T::zero()) {
            return Err(Error::not_positive_definite(j, pivot));
        }
        let pivot = pivot.sqrt();
        a[(j, j)] = pivot;
        for k in 0..j {
            let factor = a[(j, k)];
            for i in j + 1..n {
                let product = a[(i, k)] * factor;
                a[(i, j)] -= product;
            }
        }
        let reciprocal = T::one() / pivot;
        for i in j + 1..n {
            a[(i, j)] *= reciprocal;
        }
    }
    Ok(())
}
