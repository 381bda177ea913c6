//! Cholesky factorisation in the storage of the matrix, which stays recoverable.

use core::mem::MaybeUninit;

use faer::dyn_stack::MemStack;
use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::triangular_inverse;
use faer::prelude::default;
use faer::{Mat, MatMut, MatRef, Par};

use super::triangular::{half_solve_rows, subtract_lower};
use crate::columns::mirror_lower;
use crate::memory::{resize, zero_mat};
use crate::{Error, Rejected, Scalar, Workspace, parallel};

/// Below this size a plain loop beats the set-up of a blocked kernel.
const SMALL: usize = 16;

/// Below this size a block is factored by faer's own kernel.
const BLOCK: usize = 64;

/// Replaces the lower triangle of a symmetric matrix by its Cholesky factor, leaves the
/// entries in the strict upper triangle and the diagonal in `diag`.
///
/// Only the lower triangle is read. On failure the matrix is restored, symmetric.
pub(super) fn in_place<T: Scalar>(
    mut a: MatMut<'_, T>,
    diag: &mut Vec<T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    mirror_lower(a.as_mut());
    mirrored_in_place(a, diag, workspace)
}

/// [`in_place`] of a matrix whose triangles already are each other's mirror image.
pub(super) fn mirrored_in_place<T: Scalar>(
    mut a: MatMut<'_, T>,
    diag: &mut Vec<T>,
    workspace: &mut Workspace<T>,
) -> Result<(), Error> {
    let n = a.nrows();
    resize(diag, "variances", n)?;
    for j in 0..n {
        diag[j] = a[(j, j)];
    }
    let factored = check_variances(diag)
        .and_then(|()| factor_lower(a.as_mut(), workspace))
        .and_then(|()| check_pivots(a.as_ref(), diag));
    if factored.is_err() {
        restore(a, diag);
    }
    factored
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
    let reversed = precision.as_mut().reverse_rows_and_cols_mut();
    if let Err(error) = in_place(reversed, &mut Vec::new(), &mut Workspace::new()) {
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
    let noise = (T::of_count(n) * T::EPSILON).sqrt();
    for i in 1..n {
        let pivot = l[(i, i)];
        if !(pivot > noise * diag[i].sqrt()) {
            return Err(Error::not_positive_definite(i, pivot * pivot));
        }
    }
    Ok(())
}

/// Cholesky factorisation of the lower triangle; the strict upper one is neither read nor
/// written.
fn factor_lower<T: Scalar>(a: MatMut<'_, T>, workspace: &mut Workspace<T>) -> Result<(), Error> {
    let n = a.nrows();
    if n <= SMALL {
        return factor_small(a, 0);
    }
    let block = n.min(BLOCK);
    workspace.with_any(block, block, |storage, _| {
        let storage = MatMut::from_column_major_slice_mut(storage, block, block);
        let operations = n.saturating_mul(n).saturating_mul(n);
        parallel::inside(operations, || factor_halves(a, 0, storage))
    })
}

/// `[A_11 ·; A_21 A_22]`: factor `A_11`, `L_21 = A_21 L_11⁻ᵀ`, factor `A_22 - L_21 L_21ᵀ`.
///
/// `first` is the index of the first pivot, for errors.
fn factor_halves<T: Scalar>(
    a: MatMut<'_, T>,
    first: usize,
    mut storage: MatMut<'_, T>,
) -> Result<(), Error> {
    let n = a.nrows();
    if n <= BLOCK {
        return factor_block(a, first, storage);
    }
    let half = (n / 2).next_multiple_of(BLOCK);
    let (mut l_11, _, mut l_21, mut a_22) = a.split_at_mut(half, half);
    factor_halves(l_11.as_mut(), first, storage.as_mut())?;
    half_solve_rows(l_11.as_ref(), l_21.as_mut());
    subtract_lower(a_22.as_mut(), l_21.as_ref(), l_21.as_ref());
    factor_halves(a_22, first + half, storage)
}

/// faer's kernel on a copy: it uses the upper triangle of its argument as scratch.
fn factor_block<T: Scalar>(
    a: MatMut<'_, T>,
    first: usize,
    storage: MatMut<'_, T>,
) -> Result<(), Error> {
    let n = a.nrows();
    if n <= SMALL {
        return factor_small(a, first);
    }
    let mut bytes = [MaybeUninit::uninit(); 4 * BLOCK * size_of::<f64>()];
    let stack = MemStack::new(&mut bytes);
    let mut copy = storage.submatrix_mut(0, 0, n, n);
    copy_lower(copy.as_mut(), a.as_ref());
    match llt::cholesky_in_place(copy.as_mut(), default(), Par::Seq, stack, default()) {
        Ok(_) => {
            copy_lower(a, copy.as_ref());
            Ok(())
        }
        // The plain loop knows the value of the pivot that failed.
        Err(llt::LltError::NonPositivePivot { .. }) => factor_small(a, first),
    }
}

/// The lower triangle of `from`, column by column.
fn copy_lower<T: Scalar>(mut to: MatMut<'_, T>, from: MatRef<'_, T>) {
    let n = from.nrows();
    for j in 0..n {
        let below = from.col(j).subrows(j, n - j);
        to.as_mut()
            .col_mut(j)
            .subrows_mut(j, n - j)
            .copy_from(below);
    }
}

/// Column by column, in plain loops; `first` is the index of the first pivot, for errors.
fn factor_small<T: Scalar>(mut a: MatMut<'_, T>, first: usize) -> Result<(), Error> {
    let n = a.nrows();
    for j in 0..n {
        let mut pivot = a[(j, j)];
        for k in 0..j {
            pivot -= a[(j, k)] * a[(j, k)];
        }
        if !(pivot > T::zero()) {
            return Err(Error::not_positive_definite(first + j, pivot));
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
        for i in j + 1..n {
            a[(i, j)] /= pivot;
        }
    }
    Ok(())
}
