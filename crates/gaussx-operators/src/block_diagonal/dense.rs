//! Block-diagonal covariances from matrices.

use faer::{Mat, MatRef};

use super::BlockDiagonal;
use crate::point::AsMat;
use crate::{DenseCovariance, Error, Rejected, Scalar, Workspace, validate};

impl<T: Scalar> BlockDiagonal<T, DenseCovariance<T>> {
    /// The covariance with the given dense blocks.
    ///
    /// # Errors
    ///
    /// As [`DenseCovariance::new`], a failing pivot with the block's index in its path.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{BlockDiagonal, faer::mat};
    ///
    /// let error = BlockDiagonal::from_matrices(vec![mat![[1.0]], mat![[-1.0]]]).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "covariance is not positive definite: block 1, pivot 0 is -1"
    /// );
    /// ```
    pub fn from_matrices(matrices: Vec<Mat<T>>) -> Result<Self, Error> {
        Self::of_checked(DenseCovariance::many(matrices)?, Vec::new())
    }

    /// The covariance with dense blocks of `n` coordinates that stand side by side in an
    /// `n × n m` matrix: block `k` is its columns `k n .. (k + 1) n`. Without rows there are
    /// no blocks.
    ///
    /// The fastest of many small blocks: they stay in this one piece of memory, where
    /// [`from_matrices`](Self::from_matrices) visits one for each. The memory is given back
    /// with the last block; a block that is changed moves to memory of its own. Cost:
    /// `m n³/3` flops, no copy.
    ///
    /// # Errors
    ///
    /// [`Rejected`] gives the matrix back with [`Error::DimensionMismatch`] if the number of
    /// columns is no multiple of that of rows, else with the errors of
    /// [`from_matrices`](Self::from_matrices).
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{BlockDiagonal, CovarianceOperator, faer::mat};
    ///
    /// let sigma = BlockDiagonal::from_side_by_side(mat![
    ///     [2.0, 0.5, 1.0, 0.0],
    ///     [0.5, 1.0, 0.0, 3.0],
    /// ])?;
    /// assert_eq!(sigma.dim(), 4);
    /// assert_eq!(sigma.trace()?, 7.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn from_side_by_side(matrices: Mat<T>) -> Result<Self, Rejected<T>> {
        if let Err(error) = check_side_by_side(matrices.as_ref()) {
            let matrix = matrices;
            return Err(Rejected { error, matrix });
        }
        Self::of_dense(DenseCovariance::side_by_side(matrices)?, Vec::new())
    }

    /// The covariance of blocks that are known to be valid, with the storage of some `starts`.
    fn of_dense(blocks: Vec<DenseCovariance<T>>, starts: Vec<usize>) -> Result<Self, Rejected<T>> {
        Self::of_checked(blocks, starts).map_err(|error| Rejected {
            error,
            matrix: Mat::new(),
        })
    }

    /// [`from_side_by_side`](Self::from_side_by_side) in the storage of this covariance, for
    /// loops in which the numbers change and the sizes do not: nothing is allocated where its
    /// blocks still stand side by side and no clone shares them.
    ///
    /// # Errors
    ///
    /// As [`from_side_by_side`](Self::from_side_by_side); what [`Rejected`] gives back is the
    /// storage, with a copy of `matrices`, or nothing where these could be no blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::faer::{Mat, MatRef};
    /// use gaussx_operators::{BlockDiagonal, CovarianceOperator, Workspace};
    ///
    /// let mut workspace = Workspace::new();
    /// let mut sigma = BlockDiagonal::from_side_by_side(Mat::<f64>::ones(1, 3))?;
    /// for step in [1.0, 2.0] {
    ///     let variances = [step, 2.0 * step, 3.0 * step];
    ///     let blocks = MatRef::from_column_major_slice(&variances, 1, 3);
    ///     sigma = sigma.rebuilt_side_by_side(blocks, &mut workspace)?;
    ///     assert_eq!(sigma.trace()?, 6.0 * step);
    /// }
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn rebuilt_side_by_side(
        self,
        matrices: impl AsMat<T>,
        workspace: &mut Workspace<T>,
    ) -> Result<Self, Rejected<T>> {
        let matrices = matrices.as_mat();
        if let Err(error) = check_side_by_side(matrices) {
            let matrix = Mat::new();
            return Err(Rejected { error, matrix });
        }
        let blocks = DenseCovariance::rebuilt_side_by_side(self.blocks, matrices, workspace)?;
        Self::of_dense(blocks, self.starts)
    }
}

fn check_side_by_side<T: Scalar>(matrices: MatRef<'_, T>) -> Result<(), Error> {
    let (n, columns) = matrices.shape();
    let whole = columns.next_multiple_of(n.max(1));
    validate::dimension("matrix of blocks (columns)", whole, columns)
}
