//! Cholesky factorisation in the storage of the matrix, which stays recoverable.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor;
use faer::linalg::triangular_inverse;
use faer::{Mat, MatMut, MatRef, Par};

use crate::memory::{zero_mat, zero_vec};
use crate::sum::sum_map;
use crate::{Error, Rejected, Scalar};

/// Below this size a plain loop beats the set-up of a blocked kernel.
const SMALL: usize = 16;

/// Replaces the lower triangle of a symmetric matrix by its Cholesky factor, leaves the
/// entries in the strict upper triangle and returns the diagonal.
///
/// Only the lower triangle is read. On failure the matrix is restored, symmetric.
pub(super) fn in_place<T: Scalar>(mut a: MatMut<'_, T>, par: Par) -> Result<Vec<T>, Error> {
    let n = a.nrows();
    let mut diag = zero_vec("variances", n)?;
    for j in 0..n {
        diag[j] = a[(j, j)];
        for i in j + 1..n {
            a[(j, i)] = a[(i, j)];
        }
    }
    let factored = check_variances(&diag)
        .and_then(|()| factor_lower(a.as_mut(), &diag, par))
        .and_then(|()| check_pivots(a.as_ref(), &diag));
    match factored {
        Ok(()) => Ok(diag),
        Err(error) => {
            restore(a, &diag);
            Err(error)
        }
    }
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
    let mut l = match zero_mat("Cholesky factor", n, n) {
        Ok(l) => l,
        Err(error) => {
            return Err(Rejected {
                error,
                matrix: precision,
            });
        }
    };
    if let Err(error) = in_place(precision.as_mut().reverse_rows_and_cols_mut(), Par::Seq) {
        let error = match error {
            Error::NotPositiveDefinite { pivot, value, path } => Error::NotPositiveDefinite {
                pivot: n - 1 - pivot,
                value,
                path,
            },
            other => other,
        };
        return Err(Rejected {
            error,
            matrix: precision,
        });
    }
    let g = precision.as_ref().reverse_rows_and_cols();
    triangular_inverse::invert_lower_triangular(
        l.as_mut().reverse_rows_and_cols_mut().transpose_mut(),
        g,
        Par::Seq,
    );
    Ok(l)
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
    let n = diag.len();
    let noise = T::of_count(n) * <T as num_traits::Float>::epsilon();
    for i in 1..n {
        let pivot = l[(i, i)];
        if !(pivot / diag[i].sqrt() > noise.sqrt()) {
            return Err(Error::not_positive_definite(i, pivot * pivot));
        }
    }
    Ok(())
}

fn factor_lower<T: Scalar>(mut a: MatMut<'_, T>, diag: &[T], par: Par) -> Result<(), Error> {
    let n = a.nrows();
    if n <= SMALL {
        return factor_small(a);
    }
    let scratch = factor::cholesky_in_place_scratch::<T>(n, par, faer::prelude::default());
    let mut memory = MemBuffer::try_new(scratch).map_err(|_| Error::AllocationFailed {
        what: "scratch memory",
        rows: n,
        columns: 1,
    })?;
    let result = factor::cholesky_in_place(
        a.as_mut(),
        faer::prelude::default(),
        par,
        MemStack::new(&mut memory),
        faer::prelude::default(),
    );
    match result {
        Ok(_) => Ok(()),
        Err(factor::LltError::NonPositivePivot { index }) => {
            let pivot = pivot_at(a.as_ref(), diag, index);
            Err(Error::not_positive_definite(index, pivot))
        }
    }
}

/// The pivot that failed, `Σ_ii - ‖L_11⁻¹ σ_i‖²`: the factor's own storage may hold an
/// intermediate value there.
fn pivot_at<T: Scalar>(a: MatRef<'_, T>, diag: &[T], index: usize) -> T {
    // The mirror holds column `index` above the diagonal; `L_11` is final.
    let mut z: Vec<T> = (0..index).map(|i| a[(i, index)]).collect();
    for j in 0..index {
        z[j] = (z[j] - sum_map(j, |k| a[(j, k)] * z[k])) / a[(j, j)];
    }
    diag[index] - sum_map(index, |j| z[j] * z[j])
}

fn factor_small<T: Scalar>(mut a: MatMut<'_, T>) -> Result<(), Error> {
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
                a[(i, j)] = a[(i, j)] - a[(i, k)] * factor;
            }
        }
        for i in j + 1..n {
            a[(i, j)] /= pivot;
        }
    }
    Ok(())
}
