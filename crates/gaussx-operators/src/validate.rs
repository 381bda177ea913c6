//! The checks at the public door: sizes, finiteness, symmetry, indices.

use faer::{ColRef, MatRef};

use crate::{Error, Scalar};

pub(crate) fn dimension(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::dimension_mismatch(what, expected, found))
    }
}

pub(crate) fn square<T: Scalar>(what: &'static str, a: MatRef<'_, T>) -> Result<(), Error> {
    if a.nrows() == a.ncols() {
        Ok(())
    } else {
        Err(Error::NotSquare {
            what,
            rows: a.nrows(),
            columns: a.ncols(),
        })
    }
}

pub(crate) fn finite<T: Scalar>(what: &'static str, x: ColRef<'_, T>) -> Result<(), Error> {
    finite_matrix(what, x.as_mat())
}

pub(crate) fn finite_matrix<T: Scalar>(what: &'static str, a: MatRef<'_, T>) -> Result<(), Error> {
    for column in 0..a.ncols() {
        finite_rows(what, a, column, 0)?;
    }
    Ok(())
}

/// Rows from the diagonal down only, for matrices whose upper triangle is not read.
pub(crate) fn finite_lower<T: Scalar>(what: &'static str, a: MatRef<'_, T>) -> Result<(), Error> {
    for column in 0..a.ncols() {
        finite_rows(what, a, column, column)?;
    }
    Ok(())
}

fn finite_rows<T: Scalar>(
    what: &'static str,
    a: MatRef<'_, T>,
    column: usize,
    first: usize,
) -> Result<(), Error> {
    // 0 x is 0 for finite x and NaN otherwise: a sum that vectorises finds whether there
    // is anything to look for.
    let x = a.col(column).subrows(first, a.nrows() - first);
    let mut probe = T::zero();
    for &value in x.iter() {
        probe += value * T::zero();
    }
    if probe == T::zero() {
        return Ok(());
    }
    match x.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(row) => Err(Error::NonFinite {
            what,
            row: first + row,
            column,
            value: x[row].as_f64(),
        }),
    }
}

/// `|a_ij - a_ji| <= √ε √(a_ii a_jj)` for every pair: relative to the diagonal, so that
/// units do not matter.
pub(crate) fn symmetric<T: Scalar>(what: &'static str, a: MatRef<'_, T>) -> Result<(), Error> {
    let tolerance = <T as num_traits::Float>::epsilon().sqrt();
    for column in 0..a.ncols() {
        for row in column + 1..a.nrows() {
            let (lower, upper) = (a[(row, column)], a[(column, row)]);
            // Bit-equal entries are symmetric whatever the diagonal holds.
            if lower == upper {
                continue;
            }
            let difference = lower - upper;
            let scale = a[(row, row)].abs().sqrt() * a[(column, column)].abs().sqrt();
            if difference.abs() <= tolerance * scale {
                continue;
            }
            return Err(Error::NotSymmetric {
                what,
                row,
                column,
                difference: difference.as_f64(),
            });
        }
    }
    Ok(())
}

pub(crate) fn indices(what: &'static str, indices: &[usize], dim: usize) -> Result<(), Error> {
    match indices.iter().find(|&&index| index >= dim) {
        None => Ok(()),
        Some(&index) => Err(Error::IndexOutOfRange { what, index, dim }),
    }
}

/// A finite number above zero.
pub(crate) fn positive<T: Scalar>(name: &'static str, value: T) -> Result<(), Error> {
    if value.is_finite() && value > T::zero() {
        Ok(())
    } else {
        Err(Error::invalid_parameter(
            name,
            value,
            "finite and greater than zero",
        ))
    }
}

/// A finite number, zero or above.
pub(crate) fn non_negative<T: Scalar>(name: &'static str, value: T) -> Result<(), Error> {
    if value.is_finite() && value >= T::zero() {
        Ok(())
    } else {
        Err(Error::invalid_parameter(
            name,
            value,
            "finite and not negative",
        ))
    }
}

/// Passes `value` on unless it is NaN.
pub(crate) fn representable<T: Scalar>(what: &'static str, value: T) -> Result<T, Error> {
    if value.is_nan() {
        Err(Error::NotRepresentable { what })
    } else {
        Ok(value)
    }
}
