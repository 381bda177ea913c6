//! Covariances whose structure is found at run time: sub-blocks, permutations and jitter
//! of any operator.

use crate::adjust::Adjust;
use crate::blocks::Blocks;
use crate::factor::factor_of;
use crate::{
    BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, Error, FactorKind,
    Scalar, ScaledIdentity, Workspace, memory, validate,
};

/// A covariance of one of the built-in structures, found at run time.
///
/// What remains when coordinates of some operator are selected or reordered, or its
/// variances raised. The structure is kept where the operation allows:
///
/// | inner structure | sub-block, permutation | jitter |
/// |---|---|---|
/// | scaled identity | scaled identity, 1 | scaled identity, 1 |
/// | diagonal | diagonal, `m` | diagonal, `n` |
/// | blocks | blocks, each a sub-block of its own; blocks whose coordinates interleave are joined | per block |
/// | dense | dense, `m³/3`; the factor is kept for the leading coordinates in order, `m²` | dense, `n³/3` |
/// | custom | dense, `m³/3` and what the operator's sub-block costs | dense, `n³/3` and `n²` memory |
///
/// # Examples
///
/// ```
/// use gaussx_operators::{CovarianceOperator, DiagonalCovariance, StructuredCovariance};
///
/// let sigma = DiagonalCovariance::new([1.0, 2.0, 4.0])?;
/// let part = StructuredCovariance::sub_block(&sigma, &[2, 0])?;
/// assert!(matches!(part, StructuredCovariance::Diagonal(_)));
/// assert_eq!(part.trace()?, 5.0);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum StructuredCovariance<T: Scalar> {
    /// `v I`.
    ScaledIdentity(ScaledIdentity<T>),
    /// `diag(v)`.
    Diagonal(DiagonalCovariance<T>),
    /// A full matrix.
    Dense(DenseCovariance<T>),
    /// Blocks of any of these.
    Blocks(BlockDiagonal<T, Self>),
}

impl<T: Scalar> StructuredCovariance<T> {
    /// The covariance of the coordinates `indices`, in their order: `Σ[indices, indices]`.
    ///
    /// # Errors
    ///
    /// [`Error::IndexOutOfRange`], [`Error::DuplicateIndex`], [`Error::AllocationFailed`];
    /// [`Error::NotPositiveDefinite`] where the selected block is singular to working
    /// precision.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DenseCovariance, StructuredCovariance};
    /// use gaussx_operators::faer::mat;
    ///
    /// let sigma = DenseCovariance::new(mat![[1.0, 0.5, 0.0], [0.5, 2.0, 0.3], [0.0, 0.3, 3.0]])?;
    /// let part = StructuredCovariance::sub_block(&sigma, &[2, 1])?;
    /// assert_eq!(part.to_dense()?, mat![[3.0, 0.3], [0.3, 2.0]]);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn sub_block(
        operator: &(impl CovarianceOperator<T> + ?Sized),
        indices: &[usize],
    ) -> Result<Self, Error> {
        validate::indices("sub-block", indices, operator.dim())?;
        validate::distinct("sub-block", indices)?;
        select(&operator, indices, T::one())
    }

    /// The covariance with its coordinates reordered: coordinate `i` of the result is
    /// coordinate `order[i]` of the operator.
    ///
    /// # Errors
    ///
    /// As [`sub_block`](Self::sub_block); [`Error::DimensionMismatch`] if `order` does not
    /// hold every coordinate once.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, DiagonalCovariance, StructuredCovariance};
    ///
    /// let sigma = DiagonalCovariance::new([1.0, 2.0, 4.0])?;
    /// let reversed = StructuredCovariance::permuted(&sigma, &[2, 1, 0])?;
    /// assert_eq!(reversed.diag()?[0], 4.0);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn permuted(
        operator: &(impl CovarianceOperator<T> + ?Sized),
        order: &[usize],
    ) -> Result<Self, Error> {
        validate::dimension("permutation", operator.dim(), order.len())?;
        validate::indices("permutation", order, operator.dim())?;
        validate::distinct("permutation", order)?;
        Self::sub_block(operator, order)
    }

    /// `Σ + jitter · I`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidParameter`] if `jitter` is negative or not finite;
    /// [`Error::NotRepresentable`] if a variance overflows; [`Error::AllocationFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{CovarianceOperator, ScaledIdentity, StructuredCovariance};
    ///
    /// let sigma = ScaledIdentity::new(1_000_000, 1.0)?;
    /// let jittered = StructuredCovariance::jittered(&sigma, 0.5)?;
    /// assert_eq!(jittered.trace()?, 1.5e6);
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn jittered(
        operator: &(impl CovarianceOperator<T> + ?Sized),
        jitter: T,
    ) -> Result<Self, Error> {
        validate::non_negative("jitter", jitter)?;
        Self::of(operator)?.add_jitter(jitter)
    }

    /// The same covariance, owned.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`]; [`Error::NotPositiveDefinite`] where a custom operator
    /// is singular to working precision.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{ScaledIdentity, StructuredCovariance};
    ///
    /// let owned = StructuredCovariance::of(&ScaledIdentity::new(3, 2.0)?)?;
    /// assert!(matches!(owned, StructuredCovariance::ScaledIdentity(_)));
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    pub fn of(operator: &(impl CovarianceOperator<T> + ?Sized)) -> Result<Self, Error> {
        own(&operator, T::one())
    }
}

/// `scale · Σ`, copied with its structure.
fn own<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    scale: T,
) -> Result<StructuredCovariance<T>, Error> {
    let factor = factor_of(operator)?;
    match factor.kind() {
        FactorKind::ScaledIdentity { dim, variance } => {
            ScaledIdentity::new(dim, scale * variance).map(StructuredCovariance::ScaledIdentity)
        }
        FactorKind::Diagonal { .. } => {
            let mut variances = memory::zero_vec("variances", operator.dim())?;
            operator.diag_into(&mut variances)?;
            scaled_diagonal(variances, scale)
        }
        FactorKind::BlockDiagonal { blocks } => {
            let scale = scale * factor.scale();
            let copies = (0..blocks.count()).map(|b| own(blocks.block(b), scale));
            let copies = copies.collect::<Result<Vec<_>, _>>()?;
            BlockDiagonal::new(copies).map(StructuredCovariance::Blocks)
        }
        FactorKind::Dense { .. } | FactorKind::Custom { .. } => {
            let dense = DenseCovariance::new(operator.to_dense()?)?;
            scaled_dense(dense, scale)
        }
    }
}

/// `scale · Σ[indices, indices]`.
fn select<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    indices: &[usize],
    scale: T,
) -> Result<StructuredCovariance<T>, Error> {
    let factor = factor_of(operator)?;
    match factor.kind() {
        FactorKind::ScaledIdentity { variance, .. } => {
            ScaledIdentity::new(indices.len(), scale * variance)
                .map(StructuredCovariance::ScaledIdentity)
        }
        FactorKind::Diagonal { variances } => {
            let selected = indices.iter().map(|&i| factor.scale() * variances[i]);
            scaled_diagonal(selected.collect(), scale)
        }
        FactorKind::BlockDiagonal { blocks } => {
            select_blocks(operator, blocks, indices, scale * factor.scale())
        }
        FactorKind::Dense { .. } | FactorKind::Custom { .. } => {
            scaled_dense(select_dense(operator, indices)?, scale)
        }
    }
}

fn scaled_diagonal<T: Scalar>(
    mut variances: Vec<T>,
    scale: T,
) -> Result<StructuredCovariance<T>, Error> {
    for v in &mut variances {
        *v *= scale;
    }
    DiagonalCovariance::new(variances).map(StructuredCovariance::Diagonal)
}

fn scaled_dense<T: Scalar>(
    dense: DenseCovariance<T>,
    scale: T,
) -> Result<StructuredCovariance<T>, Error> {
    let dense = if scale == T::one() {
        dense
    } else {
        dense.scale(scale)?
    };
    Ok(StructuredCovariance::Dense(dense))
}

fn select_dense<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    indices: &[usize],
) -> Result<DenseCovariance<T>, Error> {
    let m = indices.len();
    let factor = factor_of(operator)?;
    let leading = indices.iter().enumerate().all(|(place, &i)| place == i);
    if let (true, FactorKind::Dense { l }) = (leading, factor.kind()) {
        // The leading block of the factor is the factor of the leading block.
        if let Some(entries) = factor.entries().filter(|_| factor.scale() == T::one()) {
            return DenseCovariance::leading(l, entries, m);
        }
    }
    let mut block = memory::zero_mat("sub-block", m, m)?;
    operator.sub_block_into(indices, indices, block.as_mut(), &mut Workspace::new())?;
    Ok(DenseCovariance::from_lower_triangle(block)?)
}

/// Sub-blocks of the blocks, joined where their coordinates interleave.
fn select_blocks<T: Scalar>(
    operator: &dyn CovarianceOperator<T>,
    blocks: &dyn Blocks<T>,
    indices: &[usize],
    scale: T,
) -> Result<StructuredCovariance<T>, Error> {
    let mut starts = vec![0];
    for b in 0..blocks.count() {
        starts.push(starts[b] + blocks.block_dim(b));
    }
    // The block of each index, and the last place at which each block occurs.
    let block_of = |i: usize| starts.partition_point(|&start| start <= i) - 1;
    let owner: Vec<usize> = indices.iter().map(|&i| block_of(i)).collect();
    let mut last = vec![0; blocks.count()];
    for (place, &b) in owner.iter().enumerate() {
        last[b] = place;
    }
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, 0);
    for (place, &b) in owner.iter().enumerate() {
        end = end.max(last[b]);
        if place < end {
            continue;
        }
        // No block reaches across this place.
        let run = &indices[start..=place];
        let b = owner[start];
        parts.push(if owner[start..=place].iter().all(|&other| other == b) {
            let local: Vec<usize> = run.iter().map(|&i| i - starts[b]).collect();
            select(blocks.block(b), &local, scale)?
        } else {
            StructuredCovariance::Dense(select_dense(operator, run)?)
        });
        start = place + 1;
    }
    BlockDiagonal::new(parts).map(StructuredCovariance::Blocks)
}

impl<T: Scalar> Adjust<T> for StructuredCovariance<T> {
    fn scale(self, factor: T) -> Result<Self, Error> {
        Ok(match self {
            Self::ScaledIdentity(inner) => Self::ScaledIdentity(inner.scale(factor)?),
            Self::Diagonal(inner) => Self::Diagonal(inner.scale(factor)?),
            Self::Dense(inner) => Self::Dense(inner.scale(factor)?),
            Self::Blocks(inner) => Self::Blocks(inner.scale(factor)?),
        })
    }

    fn add_jitter(self, jitter: T) -> Result<Self, Error> {
        Ok(match self {
            Self::ScaledIdentity(inner) => Self::ScaledIdentity(inner.add_jitter(jitter)?),
            Self::Diagonal(inner) => Self::Diagonal(inner.add_jitter(jitter)?),
            Self::Dense(inner) => Self::Dense(inner.add_jitter(jitter)?),
            Self::Blocks(inner) => Self::Blocks(inner.add_jitter(jitter)?),
        })
    }
}
