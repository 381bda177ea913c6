//! Vectors and matrices of ndarray and nalgebra as points and batches, without a copy
//! whatever their strides.
//!
//! The way back is `faer_ext`'s, which is re-exported: `draws.as_ref().into_ndarray()`.

use faer::{ColRef, MatRef};
use faer_ext::IntoFaer;

use crate::{AsCol, AsMat, Scalar};

#[cfg(feature = "ndarray")]
impl<T: Scalar, S: ndarray::Data<Elem = T>> AsCol<T> for ndarray::ArrayBase<S, ndarray::Ix1> {
    fn as_col(&self) -> ColRef<'_, T> {
        self.view().insert_axis(ndarray::Axis(1)).into_faer().col(0)
    }
}

#[cfg(feature = "ndarray")]
impl<T: Scalar, S: ndarray::Data<Elem = T>> AsMat<T> for ndarray::ArrayBase<S, ndarray::Ix2> {
    fn as_mat(&self) -> MatRef<'_, T> {
        self.view().into_faer()
    }
}

#[cfg(feature = "nalgebra")]
impl<T, R, S> AsCol<T> for nalgebra::Matrix<T, R, nalgebra::U1, S>
where
    T: Scalar,
    R: nalgebra::Dim,
    S: nalgebra::Storage<T, R, nalgebra::U1>,
{
    fn as_col(&self) -> ColRef<'_, T> {
        self.view((0, 0), self.shape()).into_faer().col(0)
    }
}

#[cfg(feature = "nalgebra")]
impl<T, R, C, S> AsMat<T> for nalgebra::Matrix<T, R, C, S>
where
    T: Scalar,
    R: nalgebra::Dim,
    C: nalgebra::Dim,
    S: nalgebra::Storage<T, R, C>,
{
    fn as_mat(&self) -> MatRef<'_, T> {
        self.view((0, 0), self.shape()).into_faer()
    }
}
