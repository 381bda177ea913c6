//! What may stand for a point or a batch of points in a call.

use faer::{Col, ColMut, ColRef, Mat, MatMut, MatRef};

use crate::memory::reserve;
use crate::{Error, Scalar, parallel};

/// Anything that is a column of numbers: slices, arrays, `Vec`, faer's columns, and
/// references to them.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{AsCol, faer::Col};
///
/// fn length(x: impl AsCol<f64>) -> usize {
///     x.as_col().nrows()
/// }
///
/// let v = vec![1.0, 2.0, 3.0];
/// assert_eq!(length(&v), 3);
/// assert_eq!(length([1.0, 2.0]), 2);
/// assert_eq!(length(&v[1..]), 2);
/// assert_eq!(length(Col::zeros(4)), 4);
/// ```
pub trait AsCol<T: Scalar> {
    /// The column as a view.
    fn as_col(&self) -> ColRef<'_, T>;

    /// The numbers as a vector: a copy, but for a `Vec`. Errors call it `what`.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`].
    fn into_vec(self, what: &'static str) -> Result<Vec<T>, Error>
    where
        Self: Sized,
    {
        let mut numbers = Vec::new();
        copy_into(what, self.as_col(), &mut numbers)?;
        Ok(numbers)
    }
}

/// The numbers of a column, in the storage of what was there.
pub(crate) fn copy_into<T: Scalar>(
    what: &'static str,
    column: ColRef<'_, T>,
    to: &mut Vec<T>,
) -> Result<(), Error> {
    to.clear();
    reserve(to, what, column.nrows())?;
    match column.try_as_col_major() {
        Some(contiguous) => parallel::extend_from_slice(to, contiguous.as_slice()),
        None => to.extend(column.iter()),
    }
    Ok(())
}

impl<T: Scalar, A: AsCol<T> + ?Sized> AsCol<T> for &A {
    fn as_col(&self) -> ColRef<'_, T> {
        (**self).as_col()
    }
}

impl<T: Scalar> AsCol<T> for [T] {
    fn as_col(&self) -> ColRef<'_, T> {
        ColRef::from_slice(self)
    }
}

impl<T: Scalar, const N: usize> AsCol<T> for [T; N] {
    fn as_col(&self) -> ColRef<'_, T> {
        ColRef::from_slice(self)
    }
}

impl<T: Scalar> AsCol<T> for Vec<T> {
    fn as_col(&self) -> ColRef<'_, T> {
        ColRef::from_slice(self)
    }

    fn into_vec(self, _: &'static str) -> Result<Vec<T>, Error> {
        Ok(self)
    }
}

impl<T: Scalar> AsCol<T> for Col<T> {
    fn as_col(&self) -> ColRef<'_, T> {
        self.as_ref()
    }
}

impl<T: Scalar> AsCol<T> for ColRef<'_, T> {
    fn as_col(&self) -> ColRef<'_, T> {
        *self
    }
}

impl<T: Scalar> AsCol<T> for ColMut<'_, T> {
    fn as_col(&self) -> ColRef<'_, T> {
        self.as_ref()
    }
}

/// Anything that is a matrix of numbers: faer's matrices and views, and references to
/// them. A batch of `N` points of dimension `d` is `d × N`: columns are points.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{AsMat, faer::{Mat, MatRef}};
///
/// fn points(x: impl AsMat<f64>) -> usize {
///     x.as_mat().ncols()
/// }
///
/// assert_eq!(points(&Mat::zeros(2, 5)), 5);
/// assert_eq!(points(MatRef::from_column_major_slice(&[1.0, 2.0, 3.0, 4.0], 2, 2)), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no matrix of `{T}`",
    note = "pass a `&Mat`, or of numbers in a slice, column after column, `MatRef::from_column_major_slice`",
    note = "columns are points: where rows are, pass the transpose"
)]
pub trait AsMat<T: Scalar> {
    /// The matrix as a view.
    fn as_mat(&self) -> MatRef<'_, T>;
}

impl<T: Scalar, A: AsMat<T> + ?Sized> AsMat<T> for &A {
    fn as_mat(&self) -> MatRef<'_, T> {
        (**self).as_mat()
    }
}

impl<T: Scalar> AsMat<T> for Mat<T> {
    fn as_mat(&self) -> MatRef<'_, T> {
        self.as_ref()
    }
}

impl<T: Scalar> AsMat<T> for MatRef<'_, T> {
    fn as_mat(&self) -> MatRef<'_, T> {
        *self
    }
}

impl<T: Scalar> AsMat<T> for MatMut<'_, T> {
    fn as_mat(&self) -> MatRef<'_, T> {
        self.as_ref()
    }
}
