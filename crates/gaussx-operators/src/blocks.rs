//! The parts of a block-diagonal covariance, seen without their types.

use core::fmt::Debug;
use core::ops::Range;

use crate::{CovarianceOperator, Error, Scalar};

/// The parts of a block-diagonal covariance, in order.
///
/// Implemented by `Vec<B>` and by [`BlockDiagonal`](crate::BlockDiagonal); what
/// [`CholeskyFactor::block_diagonal`](crate::CholeskyFactor::block_diagonal) borrows.
pub trait Blocks<T: Scalar>: Debug + Send + Sync {
    /// The number of blocks.
    fn count(&self) -> usize;

    /// Block `index`, for `index < count()`.
    fn block(&self, index: usize) -> &dyn CovarianceOperator<T>;

    /// The dimension of block `index`, for `index < count()`.
    fn block_dim(&self, index: usize) -> usize {
        self.block(index).dim()
    }

    /// The dimension of all blocks together.
    fn total_dim(&self) -> usize {
        (0..self.count()).fold(0, |dim, b| dim.saturating_add(self.block_dim(b)))
    }
}

impl<T: Scalar, B: CovarianceOperator<T>> Blocks<T> for Vec<B> {
    fn count(&self) -> usize {
        self.len()
    }

    fn block(&self, index: usize) -> &dyn CovarianceOperator<T> {
        &self[index]
    }
}

/// Calls `f` with every block and the range of coordinates that it covers.
pub(crate) fn for_each_block<T: Scalar>(
    blocks: &dyn Blocks<T>,
    mut f: impl FnMut(&dyn CovarianceOperator<T>, Range<usize>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut start = 0;
    for b in 0..blocks.count() {
        let block = blocks.block(b);
        let n = blocks.block_dim(b);
        f(block, start..start + n)?;
        start += n;
    }
    Ok(())
}
