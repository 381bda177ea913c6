//! Where dense covariances keep their matrices: each its own, or many side by side in one.

use core::fmt;
use std::sync::Arc;

use faer::{Mat, MatRef};

use crate::memory::copied_mat;
use crate::{Error, Scalar};

#[derive(Clone)]
pub(super) enum Storage<T> {
    Own(Mat<T>),
    /// As many columns of `all`, from `first` on, as it has rows.
    Shared {
        all: Arc<Mat<T>>,
        first: usize,
    },
}

impl<T: Scalar> Storage<T> {
    #[inline]
    pub(super) fn view(&self) -> MatRef<'_, T> {
        match self {
            Self::Own(matrix) => matrix.as_ref(),
            Self::Shared { all, first } => all.subcols(*first, all.nrows()),
        }
    }

    /// The matrix, copied where it is shared.
    pub(super) fn into_own(self) -> Result<Mat<T>, Error> {
        match self {
            Self::Own(matrix) => Ok(matrix),
            Self::Shared { .. } => copied_mat("covariance", self.view()),
        }
    }
}

impl<T: Scalar> PartialEq for Storage<T> {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl<T: Scalar> fmt::Debug for Storage<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}
