//! One side of a meeting: a factor with the variances that belong to it.

use core::ops::Range;

use crate::blocks::{Blocks, for_each_block};
use crate::factor::{factor_of, rescale};
use crate::{CholeskyFactor, CovarianceOperator, Error, FactorKind, Scalar};

/// A covariance, or a diagonal part of one, as the pair rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a, T: Scalar> {
    pub(super) factor: CholeskyFactor<'a, T>,
    /// The operator that knows the variances, and their scale; a diagonal factor knows
    /// them itself.
    operator: Option<(&'a dyn CovarianceOperator<T>, T)>,
}

/// The variances of a diagonal covariance.
#[derive(Clone, Copy, Debug)]
pub(super) enum Variances<'a, T> {
    Constant(T),
    Each { variances: &'a [T], scale: T },
}

impl<T: Scalar> Variances<'_, T> {
    #[inline]
    pub(super) fn at(&self, i: usize) -> T {
        match *self {
            Self::Constant(v) => v,
            Self::Each { variances, scale } => scale * variances[i],
        }
    }
}

impl<'a, T: Scalar> Part<'a, T> {
    pub(super) fn of(operator: &'a dyn CovarianceOperator<T>) -> Result<Self, Error> {
        Ok(Self {
            factor: factor_of(operator)?,
            operator: Some((operator, T::one())),
        })
    }

    /// [`of`](Self::of) without a check that the factor has the operator's dimension.
    #[inline]
    pub(super) fn of_unchecked(operator: &'a dyn CovarianceOperator<T>) -> Self {
        Self {
            factor: operator.cholesky(),
            operator: Some((operator, T::one())),
        }
    }

    fn of_factor(factor: CholeskyFactor<'a, T>) -> Self {
        Self {
            factor,
            operator: None,
        }
    }

    pub(super) fn dim(&self) -> usize {
        self.factor.dim()
    }

    /// The variances where the covariance is diagonal, by its structure or its size.
    pub(super) fn as_diagonal(&self) -> Option<Variances<'a, T>> {
        match self.factor.kind() {
            FactorKind::ScaledIdentity { variance, .. } => Some(Variances::Constant(variance)),
            FactorKind::Diagonal { variances } => Some(Variances::Each {
                variances,
                scale: self.factor.scale(),
            }),
            // One coordinate: the variance has not been rounded by a square root.
            FactorKind::Dense { l } if l.nrows() == 1 => {
                let entries = self.factor.entries()?;
                Some(Variances::Constant(self.factor.scale() * entries.diag[0]))
            }
            _ => None,
        }
    }

    /// The blocks where the covariance is block-diagonal.
    pub(super) fn as_blocks(&self) -> Option<&'a dyn Blocks<T>> {
        match self.factor.kind() {
            FactorKind::BlockDiagonal { blocks } => Some(blocks),
            _ => None,
        }
    }

    /// The coordinates `range` of a diagonal covariance.
    pub(super) fn diagonal_range(variances: Variances<'a, T>, range: Range<usize>) -> Self {
        Self::of_factor(match variances {
            Variances::Constant(v) => CholeskyFactor::scaled_identity(range.len(), v),
            Variances::Each { variances, scale } => {
                CholeskyFactor::diagonal(&variances[range]).scaled(scale)
            }
        })
    }

    /// Block `index` of a block-diagonal covariance.
    pub(super) fn block(&self, blocks: &'a dyn Blocks<T>, index: usize) -> Result<Self, Error> {
        self.of_block(blocks.block(index))
    }

    /// A block of this covariance, with the scale of the whole.
    pub(super) fn of_block<'b>(
        &self,
        block: &'b dyn CovarianceOperator<T>,
    ) -> Result<Part<'b, T>, Error> {
        let scale = self.factor.scale();
        Ok(Part {
            factor: factor_of(block)?.scaled(scale),
            operator: Some((block, scale)),
        })
    }

    /// Consecutive blocks of a block-diagonal covariance.
    pub(super) fn run(&self, run: &'a BlockRun<'a, T>) -> Self {
        Self::of_factor(CholeskyFactor::block_diagonal(run).scaled(self.factor.scale()))
    }

    /// The variances, into a slice of length `dim()`.
    pub(super) fn diag_into(&self, out: &mut [T]) -> Result<(), Error> {
        if let Some((operator, scale)) = self.operator {
            operator.diag_into(out)?;
            rescale(out, scale);
            return Ok(());
        }
        match self.factor.kind() {
            FactorKind::ScaledIdentity { variance, .. } => out.fill(variance),
            FactorKind::Diagonal { variances } => {
                for (value, &v) in out.iter_mut().zip(variances) {
                    *value = self.factor.scale() * v;
                }
            }
            FactorKind::BlockDiagonal { blocks } => {
                for_each_block(blocks, |block, range| block.diag_into(&mut out[range]))?;
                rescale(out, self.factor.scale());
            }
            FactorKind::Dense { .. } | FactorKind::Custom { .. } => {
                unreachable!("only diagonal ranges and runs of blocks come without an operator")
            }
        }
        Ok(())
    }
}

/// Consecutive blocks, seen as blocks of their own.
#[derive(Debug)]
pub(super) struct BlockRun<'a, T: Scalar> {
    blocks: &'a dyn Blocks<T>,
    range: Range<usize>,
}

impl<'a, T: Scalar> BlockRun<'a, T> {
    pub(super) fn new(blocks: &'a dyn Blocks<T>, range: Range<usize>) -> Self {
        Self { blocks, range }
    }
}

impl<T: Scalar> Blocks<T> for BlockRun<'_, T> {
    fn count(&self) -> usize {
        self.range.len()
    }

    fn block(&self, index: usize) -> &dyn CovarianceOperator<T> {
        self.blocks.block(self.range.start + index)
    }

    fn block_dim(&self, index: usize) -> usize {
        self.blocks.block_dim(self.range.start + index)
    }
}
