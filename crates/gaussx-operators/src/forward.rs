//! Operators that answer through another: references, boxes, shared pointers, and the
//! covariance whose structure is found at run time.
//!
//! Every method is forwarded, the provided ones too: an override behind a pointer counts
//! as much as in the open.

use std::ops::Deref;
use std::sync::Arc;

use faer::{Col, ColRef, Mat, MatMut, MatRef};

use crate::{
    CholeskyFactor, CovarianceOperator, Error, PrincipalAxes, Scalar, StructuredCovariance,
    Workspace,
};

/// Every method of the trait, answered by what `self` dereferences to.
macro_rules! forward_methods {
    () => {
        fn dim(&self) -> usize {
            (**self).dim()
        }
        fn diag_into(&self, out: &mut [T]) -> Result<(), Error> {
            (**self).diag_into(out)
        }
        fn cholesky(&self) -> CholeskyFactor<'_, T> {
            (**self).cholesky()
        }
        fn diag(&self) -> Result<Col<T>, Error> {
            (**self).diag()
        }
        fn logdet(&self) -> Result<T, Error> {
            (**self).logdet()
        }
        fn quadratic_forms_into(
            &self,
            points: MatRef<'_, T>,
            center: Option<ColRef<'_, T>>,
            out: &mut [T],
            workspace: &mut Workspace<T>,
        ) -> Result<(), Error> {
            (**self).quadratic_forms_into(points, center, out, workspace)
        }
        fn solve_in_place(
            &self,
            x: MatMut<'_, T>,
            workspace: &mut Workspace<T>,
        ) -> Result<(), Error> {
            (**self).solve_in_place(x, workspace)
        }
        fn solve(&self, b: MatRef<'_, T>) -> Result<Mat<T>, Error> {
            (**self).solve(b)
        }
        fn apply_in_place(
            &self,
            x: MatMut<'_, T>,
            workspace: &mut Workspace<T>,
        ) -> Result<(), Error> {
            (**self).apply_in_place(x, workspace)
        }
        fn apply(&self, b: MatRef<'_, T>) -> Result<Mat<T>, Error> {
            (**self).apply(b)
        }
        fn trace(&self) -> Result<T, Error> {
            (**self).trace()
        }
        fn columns_into(
            &self,
            columns: &[usize],
            out: MatMut<'_, T>,
            workspace: &mut Workspace<T>,
        ) -> Result<(), Error> {
            (**self).columns_into(columns, out, workspace)
        }
        fn sub_block_into(
            &self,
            rows: &[usize],
            columns: &[usize],
            out: MatMut<'_, T>,
            workspace: &mut Workspace<T>,
        ) -> Result<(), Error> {
            (**self).sub_block_into(rows, columns, out, workspace)
        }
        fn diag_inverse(&self) -> Result<Col<T>, Error> {
            (**self).diag_inverse()
        }
        fn trace_inverse(&self) -> Result<T, Error> {
            (**self).trace_inverse()
        }
        fn frobenius_norm(&self) -> Result<T, Error> {
            (**self).frobenius_norm()
        }
        fn extreme_eigenvalues(&self) -> Result<(T, T), Error> {
            (**self).extreme_eigenvalues()
        }
        fn principal_axes(&self, count: usize) -> Result<PrincipalAxes<T>, Error> {
            (**self).principal_axes(count)
        }
        fn to_dense(&self) -> Result<Mat<T>, Error> {
            (**self).to_dense()
        }
    };
}

impl<T: Scalar, C: CovarianceOperator<T> + ?Sized> CovarianceOperator<T> for &C {
    forward_methods!();
}

impl<T: Scalar, C: CovarianceOperator<T> + ?Sized> CovarianceOperator<T> for Box<C> {
    forward_methods!();
}

impl<T: Scalar, C: CovarianceOperator<T> + ?Sized> CovarianceOperator<T> for Arc<C> {
    forward_methods!();
}

impl<T: Scalar> CovarianceOperator<T> for StructuredCovariance<T> {
    forward_methods!();
}

/// The operator inside.
impl<T: Scalar> Deref for StructuredCovariance<T> {
    type Target = dyn CovarianceOperator<T>;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::ScaledIdentity(inner) => inner,
            Self::Diagonal(inner) => inner,
            Self::Dense(inner) => inner,
            Self::Blocks(inner) => inner,
        }
    }
}
