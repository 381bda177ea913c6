//! Independent groups of coordinates, each with a covariance of its own.

mod dense;
mod operator;

use core::marker::PhantomData;
use core::ops::Range;

use crate::adjust::Adjust;
use crate::blocks::Blocks;
use crate::factor::factor_of;
use crate::{CovarianceOperator, Error, Scalar, validate};

/// The covariance `diag(Σ_1, .., Σ_m)`, with blocks of any sizes. Everything costs the
/// sum over its blocks.
///
/// The blocks have one type `B`: an operator, a `Box<dyn CovarianceOperator<T>>` where
/// they differ, or another `BlockDiagonal`.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{
///     BlockDiagonal, CovarianceOperator, DenseCovariance, ScaledIdentity, faer::mat,
/// };
///
/// let blocks: Vec<Box<dyn CovarianceOperator<f64>>> = vec![
///     Box::new(DenseCovariance::new(mat![[2.0, 1.0], [1.0, 2.0]])?),
///     Box::new(ScaledIdentity::new(3, 0.5)?),
/// ];
/// let sigma = BlockDiagonal::new(blocks)?;
/// assert_eq!(sigma.dim(), 5);
/// assert!((sigma.logdet()? - 0.375_f64.ln()).abs() < 1e-15);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BlockDiagonal<T: Scalar, B> {
    blocks: Vec<B>,
    /// Where each block starts, and the dimension.
    starts: Vec<usize>,
    scalar: PhantomData<T>,
}

impl<T: Scalar, B: CovarianceOperator<T>> BlockDiagonal<T, B> {
    /// The covariance with the given blocks, in order.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] if a block's factor has another size than the block,
    /// which only an operator written elsewhere can cause; [`Error::AllocationFailed`]
    /// if the dimensions sum up beyond what an index can hold.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{BlockDiagonal, CovarianceOperator, ScaledIdentity};
    ///
    /// let sigma = BlockDiagonal::new(vec![ScaledIdentity::new(2, 1.0)?, ScaledIdentity::new(3, 4.0)?])?;
    /// assert_eq!(sigma.trace()?, 14.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn new(blocks: Vec<B>) -> Result<Self, Error> {
        Self::in_storage(blocks, Vec::new())
    }

    /// The covariance, with the storage of some `starts`.
    fn in_storage(blocks: Vec<B>, starts: Vec<usize>) -> Result<Self, Error> {
        for block in &blocks {
            factor_of(block)?;
        }
        Self::of_checked(blocks, starts)
    }

    /// The covariance of blocks whose factors are of their size, with the storage of some
    /// `starts`.
    fn of_checked(blocks: Vec<B>, mut starts: Vec<usize>) -> Result<Self, Error> {
        starts.clear();
        starts.reserve_exact(blocks.len() + 1);
        let mut end = 0_usize;
        starts.push(end);
        for block in &blocks {
            end = end
                .checked_add(block.dim())
                .ok_or(Error::AllocationFailed {
                    what: "block-diagonal covariance",
                    rows: usize::MAX,
                    columns: 1,
                })?;
            starts.push(end);
        }
        Ok(Self {
            blocks,
            starts,
            scalar: PhantomData,
        })
    }

    /// The blocks, in order.
    #[must_use]
    pub fn blocks(&self) -> &[B] {
        &self.blocks
    }

    /// The blocks, each changed by `f`. Nothing is allocated but by `f`: with
    /// [`DenseCovariance::rebuilt`](crate::DenseCovariance::rebuilt), new numbers come into the
    /// old storage.
    ///
    /// # Errors
    ///
    /// What `f` returns, a failing pivot with the block's index in its path.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{Adjust, BlockDiagonal, CovarianceOperator, ScaledIdentity};
    ///
    /// let sigma = BlockDiagonal::new(vec![ScaledIdentity::new(2, 1.0)?])?;
    /// let sigma = sigma.try_map(|_, block| block.scale(3.0))?;
    /// assert_eq!(sigma.trace()?, 6.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn try_map<C: CovarianceOperator<T>>(
        self,
        mut f: impl FnMut(usize, B) -> Result<C, Error>,
    ) -> Result<BlockDiagonal<T, C>, Error> {
        let changed = self
            .blocks
            .into_iter()
            .enumerate()
            .map(|(index, block)| f(index, block).map_err(|error| error.in_block(index)));
        BlockDiagonal::in_storage(changed.collect::<Result<_, _>>()?, self.starts)
    }

    /// The blocks with the coordinates that they cover.
    fn ranged(&self) -> impl Iterator<Item = (&B, Range<usize>)> {
        let ranges = self.starts.windows(2).map(|w| w[0]..w[1]);
        self.blocks.iter().zip(ranges)
    }
}

impl<T: Scalar, B: CovarianceOperator<T>> Blocks<T> for BlockDiagonal<T, B> {
    fn count(&self) -> usize {
        self.blocks.len()
    }

    fn block(&self, index: usize) -> &dyn CovarianceOperator<T> {
        &self.blocks[index]
    }

    fn block_dim(&self, index: usize) -> usize {
        self.starts[index + 1] - self.starts[index]
    }

    fn total_dim(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }
}

impl<T: Scalar, B: Adjust<T>> Adjust<T> for BlockDiagonal<T, B> {
    fn scale(self, factor: T) -> Result<Self, Error> {
        // Also where there is no block to refuse it.
        validate::positive("scale", factor)?;
        self.try_map(|_, block| block.scale(factor))
    }

    fn add_jitter(self, jitter: T) -> Result<Self, Error> {
        validate::non_negative("jitter", jitter)?;
        self.try_map(|_, block| block.add_jitter(jitter))
    }
}
