//! The checks at a public door: sizes, finiteness, symmetry, indices, signs.
//!
//! Constructors and quantities use them once, on what a caller hands in; operators
//! written elsewhere may too, so that their errors read alike.
//!
//! ```
//! use gaussx_operators::{Error, validate};
//!
//! fn correlation(rho: f64) -> Result<f64, Error> {
//!     validate::positive("1 - rho²", 1.0 - rho * rho)?;
//!     Ok(rho)
//! }
//! assert!(correlation(0.5).is_ok());
//! assert!(correlation(f64::NAN).is_err());
//! ```

use core::ops::Range;

use faer::{ColRef, MatRef};

use crate::columns::{TILE, columns_of, tiles_below};
use crate::{Error, Scalar, parallel};

/// `found == expected`.
///
/// # Errors
///
/// [`Error::DimensionMismatch`].
pub fn dimension(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found {
        Ok(())
    } else {
        Err(Error::dimension_mismatch(what, expected, found))
    }
}

/// As many rows as columns.
///
/// # Errors
///
/// [`Error::NotSquare`].
pub fn square<T: Scalar>(what: &'static str, a: MatRef<'_, T>) -> Result<(), Error> {
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

/// No NaN and no infinity in a column.
///
/// # Errors
///
/// [`Error::NonFinite`], the first in order.
pub fn finite<T: Scalar>(what: &'static str, x: ColRef<'_, T>) -> Result<(), Error> {
    finite_matrix(what, x.as_mat())
}

/// No NaN and no infinity in a matrix.
///
/// # Errors
///
/// [`Error::NonFinite`], the first in column order.
pub fn finite_matrix<T: Scalar>(what: &'static str, a: MatRef<'_, T>) -> Result<(), Error> {
    (0..a.ncols()).try_for_each(|column| finite_rows(what, a, column, 0))
}

/// No NaN and no infinity on or below the diagonal.
///
/// # Errors
///
/// [`Error::NonFinite`], the first in column order.
pub fn finite_lower<T: Scalar>(what: &'static str, a: MatRef<'_, T>) -> Result<(), Error> {
    (0..a.ncols()).try_for_each(|column| finite_rows(what, a, column, column))
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
///
/// # Errors
///
/// [`Error::NotSymmetric`]; [`Error::NotSquare`].
pub fn symmetric<T: Scalar>(what: &'static str, a: MatRef<'_, T>) -> Result<(), Error> {
    square(what, a)?;
    if is_exactly_symmetric(a) {
        return Ok(());
    }
    symmetric_within_rounding(what, a)
}

/// A square matrix of numbers, symmetric up to rounding.
pub(crate) fn covariance<T: Scalar>(
    what: &'static str,
    a: MatRef<'_, T>,
) -> Result<Symmetry, Error> {
    square(what, a)?;
    if is_exactly_symmetric(a) {
        return Ok(Symmetry::Exact);
    }
    finite_matrix(what, a)?;
    symmetric_within_rounding(what, a)?;
    Ok(Symmetry::Rounded)
}

/// How symmetric a matrix is that passes as symmetric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symmetry {
    /// Mirrored entries are equal.
    Exact,
    /// They differ by no more than rounding.
    Rounded,
}

fn symmetric_within_rounding<T: Scalar>(what: &'static str, a: MatRef<'_, T>) -> Result<(), Error> {
    let tolerance = T::EPSILON.sqrt();
    for column in 0..a.ncols() {
        for row in column + 1..a.nrows() {
            let (lower, upper) = (a[(row, column)], a[(column, row)]);
            // Equal entries are symmetric whatever the diagonal holds.
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

/// Whether mirrored entries are equal numbers: what almost every matrix is. The difference
/// of an infinity, or of NaN, with itself is no zero.
pub(crate) fn is_exactly_symmetric<T: Scalar>(a: MatRef<'_, T>) -> bool {
    let whole = 0..a.nrows();
    if a.nrows() > FEW {
        return are_symmetric(a, whole);
    }
    match columns_of(a) {
        // One tile, the usual size of small blocks.
        Some(columns) => pulp::Arch::new().dispatch(OneTile(&columns)),
        None => is_block_symmetric(a, whole.clone(), whole),
    }
}

/// Below this size cutting a matrix into tiles takes longer than comparing its entries.
const FEW: usize = 16;

/// [`is_exactly_symmetric`] for some columns, from the diagonal down.
fn are_symmetric<T: Scalar>(a: MatRef<'_, T>, columns: Range<usize>) -> bool {
    let count = columns.len();
    let operations = parallel::PER_NUMBER
        .saturating_mul(count)
        .saturating_mul(a.nrows());
    if count > TILE && parallel::pays(operations) {
        let middle = columns.start + (count / 2).next_multiple_of(TILE);
        let (left, right) = parallel::join(
            operations,
            || are_symmetric(a, columns.start..middle),
            || are_symmetric(a, middle..columns.end),
        );
        return left && right;
    }
    pulp::Arch::new().dispatch(Tiles { a, columns })
}

/// Whether a tile is symmetric.
struct OneTile<'a, T>(&'a [&'a [T; TILE]; TILE]);

impl<T: Scalar> pulp::NullaryFnOnce for OneTile<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        are_mirrored(self.0, self.0)
    }
}

/// Whether the tiles that cover some columns are mirror images of those above the diagonal.
struct Tiles<'a, T> {
    a: MatRef<'a, T>,
    columns: Range<usize>,
}

impl<T: Scalar> pulp::NullaryFnOnce for Tiles<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        for (rows, columns) in tiles_below(self.a.nrows(), self.columns) {
            if !is_block_symmetric(self.a, rows, columns) {
                return false;
            }
        }
        true
    }
}

/// Whether a block, on the diagonal or below, is the mirror image of the one above.
#[inline(always)]
fn is_block_symmetric<T: Scalar>(
    a: MatRef<'_, T>,
    rows: Range<usize>,
    columns: Range<usize>,
) -> bool {
    let (m, n) = (rows.len(), columns.len());
    let below = a.submatrix(rows.start, columns.start, m, n);
    let above = a.submatrix(columns.start, rows.start, n, m);
    if let (Some(below), Some(above)) = (columns_of(below), columns_of(above)) {
        return are_mirrored(&below, &above);
    }
    let mut same = true;
    for j in columns {
        for i in rows.start.max(j)..rows.end {
            same &= a[(i, j)] - a[(j, i)] == T::zero();
        }
    }
    same
}

/// Whether the entries of a tile are those of the transpose of another.
#[inline(always)]
fn are_mirrored<T: Scalar>(below: &[&[T; TILE]; TILE], above: &[&[T; TILE]; TILE]) -> bool {
    let mut differences = [T::zero(); 4];
    for half in 0..2 {
        for other in 0..2 {
            let mut square = [[T::zero(); 4]; 4];
            for k in 0..4 {
                square[k] = above[4 * half + k].as_chunks().0[other];
            }
            let square = T::transpose(square);
            for k in 0..4 {
                let column: [T; 4] = below[4 * other + k].as_chunks().0[half];
                for i in 0..4 {
                    differences[i] += (column[i] - square[k][i]).abs();
                }
            }
        }
    }
    differences.iter().all(|&d| d == T::zero())
}

/// Every index below `dim`.
///
/// # Errors
///
/// [`Error::IndexOutOfRange`].
pub fn indices(what: &'static str, indices: &[usize], dim: usize) -> Result<(), Error> {
    match indices.iter().find(|&&index| index >= dim) {
        None => Ok(()),
        Some(&index) => Err(Error::IndexOutOfRange { what, index, dim }),
    }
}

/// No index twice, in one set or in two that must be disjoint.
///
/// # Errors
///
/// [`Error::DuplicateIndex`].
pub fn distinct<'a>(
    what: &'static str,
    indices: impl IntoIterator<Item = &'a usize>,
) -> Result<(), Error> {
    let mut seen = std::collections::HashSet::new();
    match indices.into_iter().find(|&&index| !seen.insert(index)) {
        None => Ok(()),
        Some(&index) => Err(Error::DuplicateIndex { what, index }),
    }
}

/// A finite number above zero.
///
/// # Errors
///
/// [`Error::InvalidParameter`].
pub fn positive<T: Scalar>(name: &'static str, value: T) -> Result<(), Error> {
    if value.is_finite() && value > T::zero() {
        Ok(())
    } else {
        let requirement = "finite and greater than zero";
        Err(Error::invalid_parameter(name, value, requirement))
    }
}

/// A finite number, zero or above.
///
/// # Errors
///
/// [`Error::InvalidParameter`].
pub fn non_negative<T: Scalar>(name: &'static str, value: T) -> Result<(), Error> {
    if value.is_finite() && value >= T::zero() {
        Ok(())
    } else {
        let requirement = "finite and not negative";
        Err(Error::invalid_parameter(name, value, requirement))
    }
}

/// Passes a result on unless it is NaN.
///
/// # Errors
///
/// [`Error::NotRepresentable`].
pub fn representable<T: Scalar>(what: &'static str, value: T) -> Result<T, Error> {
    if value.is_nan() {
        Err(Error::NotRepresentable { what })
    } else {
        Ok(value)
    }
}

/// [`representable`] for every one of some values, which is asked of all without a branch.
///
/// # Errors
///
/// [`Error::NotRepresentable`].
pub fn all_representable<T: Scalar>(what: &'static str, values: &[T]) -> Result<(), Error> {
    let is_lost = values
        .iter()
        .fold(false, |lost, value| lost | value.is_nan());
    if is_lost {
        Err(Error::NotRepresentable { what })
    } else {
        Ok(())
    }
}
