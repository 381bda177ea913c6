//! Owned vectors and matrices whose allocation can fail without ending the program.
//!
//! ```
//! use gaussx_operators::{Error, memory};
//!
//! let error = memory::zero_mat::<f64>("kernel matrix", 1 << 40, 1 << 40).unwrap_err();
//! assert!(matches!(error, Error::AllocationFailed { .. }));
//! ```

use faer::{Col, Mat, MatRef};

use crate::{Error, Scalar};

/// A zero column of length `n`.
///
/// # Errors
///
/// [`Error::AllocationFailed`].
pub fn zero_col<T: Scalar>(what: &'static str, n: usize) -> Result<Col<T>, Error> {
    reservable::<T>(what, n, 1)?;
    Ok(Col::zeros(n))
}

/// A column of length `n` that `fill` writes.
///
/// # Errors
///
/// [`Error::AllocationFailed`], and what `fill` returns.
pub fn filled_col<T: Scalar>(
    what: &'static str,
    n: usize,
    fill: impl FnOnce(&mut [T]) -> Result<(), Error>,
) -> Result<Col<T>, Error> {
    let mut col = zero_col(what, n)?;
    match col.try_as_col_major_mut() {
        Some(contiguous) => fill(contiguous.as_slice_mut())?,
        None => unreachable!("an owned column is contiguous"),
    }
    Ok(col)
}

/// A zero matrix.
///
/// # Errors
///
/// [`Error::AllocationFailed`].
pub fn zero_mat<T: Scalar>(
    what: &'static str,
    rows: usize,
    columns: usize,
) -> Result<Mat<T>, Error> {
    reservable::<T>(what, rows, columns)?;
    Ok(Mat::zeros(rows, columns))
}

/// A copy of a matrix.
pub(crate) fn copied_mat<T: Scalar>(
    what: &'static str,
    matrix: MatRef<'_, T>,
) -> Result<Mat<T>, Error> {
    let mut copy = zero_mat(what, matrix.nrows(), matrix.ncols())?;
    copy.copy_from(matrix);
    Ok(copy)
}

/// A zero vector.
///
/// # Errors
///
/// [`Error::AllocationFailed`].
pub fn zero_vec<T: Scalar>(what: &'static str, n: usize) -> Result<Vec<T>, Error> {
    let mut v = Vec::new();
    reserve(&mut v, what, n)?;
    v.resize(n, T::zero());
    Ok(v)
}

/// Room for `n` elements more in `v`.
pub(crate) fn reserve<E>(v: &mut Vec<E>, what: &'static str, n: usize) -> Result<(), Error> {
    v.try_reserve_exact(n).map_err(|_| Error::AllocationFailed {
        what,
        rows: n,
        columns: 1,
    })
}

/// Above this many numbers a reservation is tried first: faer's constructors abort where
/// memory is short, and the trial costs a system call that small sizes should not pay.
const CERTAIN: usize = 1 << 16;

fn reservable<T: Scalar>(what: &'static str, rows: usize, columns: usize) -> Result<(), Error> {
    let failed = || Error::AllocationFailed {
        what,
        rows,
        columns,
    };
    // faer pads every column to a multiple of its alignment.
    let len = rows
        .checked_add(128)
        .and_then(|padded| padded.checked_mul(columns.max(1)))
        .ok_or_else(failed)?;
    if len > CERTAIN {
        Vec::<T>::new()
            .try_reserve_exact(len)
            .map_err(|_| failed())?;
    }
    Ok(())
}
