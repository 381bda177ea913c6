//! The Cholesky factor as a typed view that knows its structure.

mod action;
mod columns;
mod determinant;

use core::fmt::Debug;

use faer::MatRef;

use crate::blocks::Blocks;
use crate::products::Logarithm;
use crate::{CovarianceOperator, Error, LowerTriangular, Scalar, validate};

pub(crate) use action::Action;
pub(crate) use columns::rescale;
pub(crate) use determinant::logdet_of_factor;

/// Where the numbers of a factor are: the structure that decides what it costs.
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub enum FactorKind<'a, T: Scalar> {
    /// `Σ = v I`.
    #[non_exhaustive]
    ScaledIdentity {
        /// The dimension.
        dim: usize,
        /// The common variance `v`.
        variance: T,
    },
    /// `Σ = diag(v)`.
    #[non_exhaustive]
    Diagonal {
        /// The variances `v`.
        variances: &'a [T],
    },
    /// `L` in the lower triangle of a matrix.
    #[non_exhaustive]
    Dense {
        /// The matrix; its strict upper triangle is not part of `L`.
        l: MatRef<'a, T>,
    },
    /// One factor for each block.
    #[non_exhaustive]
    BlockDiagonal {
        /// The blocks.
        blocks: &'a dyn Blocks<T>,
    },
    /// A factor known only by what it does.
    #[non_exhaustive]
    Custom {
        /// The factor.
        factor: &'a dyn LowerTriangular<T>,
    },
}

/// The entries of a covariance beside its dense factor: strict upper triangle and
/// diagonal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries<'a, T: Scalar> {
    pub(crate) upper: MatRef<'a, T>,
    pub(crate) diag: &'a [T],
}

/// The Cholesky factor of a covariance, `Σ = c L Lᵀ`: a borrowed view that knows its
/// structure and costs nothing to make.
///
/// The factor is *the* Cholesky factor, lower triangular with a positive diagonal, so
/// it is the same matrix, up to rounding, for every representation of one covariance.
/// Products and half-solves work in place on `n × k` views, of any strides.
///
/// | kind | product or half-solve of k columns | log-determinant |
/// |---|---|---|
/// | scaled identity | `n k` | 1 |
/// | diagonal | `n k` | `n` |
/// | block-diagonal | sum over blocks | sum over blocks |
/// | dense | `n² k` | `n` |
/// | custom | the implementation's | the implementation's |
///
/// # Examples
///
/// ```
/// use gaussx_operators::{CovarianceOperator, DenseCovariance, Workspace, faer::mat};
///
/// let sigma = DenseCovariance::new(mat![[4.0, 2.0], [2.0, 5.0]])?;
/// let mut x = mat![[2.0], [5.0]];
/// sigma.cholesky().half_solve_in_place(x.as_mut(), &mut Workspace::new())?;
/// assert_eq!(x, mat![[1.0], [2.0]]); // L = [2 0; 1 2]
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CholeskyFactor<'a, T: Scalar> {
    kind: FactorKind<'a, T>,
    scale: T,
    entries: Option<Entries<'a, T>>,
    /// That of the determinant of a diagonal covariance, before it is scaled.
    logarithm: Option<&'a Logarithm<T>>,
}

impl<'a, T: Scalar> CholeskyFactor<'a, T> {
    /// The factor of `variance · I`.
    #[must_use]
    pub fn scaled_identity(dim: usize, variance: T) -> Self {
        Self::of_kind(FactorKind::ScaledIdentity { dim, variance })
    }

    /// The factor of `diag(variances)`: `L_ii = √v_i`.
    #[must_use]
    pub fn diagonal(variances: &'a [T]) -> Self {
        Self::of_kind(FactorKind::Diagonal { variances })
    }

    /// The factor in the lower triangle of the square matrix `l`; what is above the
    /// diagonal is not read.
    ///
    /// Of a matrix that is not square, the largest leading square is taken.
    #[must_use]
    pub fn dense(l: MatRef<'a, T>) -> Self {
        let n = l.nrows().min(l.ncols());
        Self::of_kind(FactorKind::Dense {
            l: l.submatrix(0, 0, n, n),
        })
    }

    /// The factor of `diag(Σ_1, Σ_2, ..)`.
    #[must_use]
    pub fn block_diagonal(blocks: &'a dyn Blocks<T>) -> Self {
        Self::of_kind(FactorKind::BlockDiagonal { blocks })
    }

    /// A factor known only by what it does.
    #[must_use]
    pub fn custom(factor: &'a dyn LowerTriangular<T>) -> Self {
        Self::of_kind(FactorKind::Custom { factor })
    }

    /// The factor of `variance_scale · Σ`, with the structure of this one.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::CholeskyFactor;
    ///
    /// let twice = CholeskyFactor::diagonal(&[1.0, 3.0]).scaled(2.0);
    /// assert_eq!(twice.logdet()?, 12.0_f64.ln());
    /// # Ok::<(), gaussx_operators::Error>(())
    /// ```
    #[must_use]
    pub fn scaled(mut self, variance_scale: T) -> Self {
        if let FactorKind::ScaledIdentity { variance, .. } = &mut self.kind {
            *variance *= variance_scale;
        } else {
            self.scale *= variance_scale;
        }
        self
    }

    fn of_kind(kind: FactorKind<'a, T>) -> Self {
        Self {
            kind,
            scale: T::one(),
            entries: None,
            logarithm: None,
        }
    }

    pub(crate) fn dense_with_entries(l: MatRef<'a, T>, entries: Option<Entries<'a, T>>) -> Self {
        Self {
            entries,
            ..Self::of_kind(FactorKind::Dense { l })
        }
    }

    pub(crate) fn diagonal_with_logarithm(variances: &'a [T], logarithm: &'a Logarithm<T>) -> Self {
        Self {
            logarithm: Some(logarithm),
            ..Self::diagonal(variances)
        }
    }

    /// The structure.
    #[must_use]
    pub fn kind(&self) -> FactorKind<'a, T> {
        self.kind
    }

    /// The `c` in `Σ = c L Lᵀ`, `L` being what [`kind`](Self::kind) shows.
    #[must_use]
    pub fn scale(&self) -> T {
        self.scale
    }

    /// The matrix of a dense factor whose columns are contiguous, as those of an owned matrix
    /// are, and the standard deviation that it is to be multiplied by.
    #[inline]
    pub(crate) fn contiguous_dense(&self) -> Option<(MatRef<'a, T>, T)> {
        match self.kind {
            FactorKind::Dense { l } if l.row_stride() == 1 => Some((l, self.scale.sqrt())),
            _ => None,
        }
    }

    /// Whether the covariance is diagonal by its structure.
    pub(crate) fn is_diagonal(&self) -> bool {
        matches!(
            self.kind,
            FactorKind::ScaledIdentity { .. } | FactorKind::Diagonal { .. }
        )
    }

    pub(crate) fn entries(&self) -> Option<Entries<'a, T>> {
        self.entries
    }

    /// `ln det Σ` of a diagonal covariance where it is at hand.
    pub(crate) fn logarithm(&self) -> Option<Logarithm<T>> {
        match self.kind {
            FactorKind::ScaledIdentity { dim, variance } => {
                Some(Logarithm::of_power(variance, dim))
            }
            _ if self.scale == T::one() => self.logarithm.copied(),
            _ => None,
        }
    }

    /// The number of rows and columns.
    #[must_use]
    pub fn dim(&self) -> usize {
        match self.kind {
            FactorKind::ScaledIdentity { dim, .. } => dim,
            FactorKind::Diagonal { variances } => variances.len(),
            FactorKind::Dense { l } => l.nrows(),
            FactorKind::BlockDiagonal { blocks } => blocks.total_dim(),
            FactorKind::Custom { factor } => factor.factor_dim(),
        }
    }
}

/// The factor of `operator`, after a check that it has the operator's dimension: only a
/// type written elsewhere can fail it.
pub(crate) fn factor_of<T: Scalar>(
    operator: &(impl CovarianceOperator<T> + ?Sized),
) -> Result<CholeskyFactor<'_, T>, Error> {
    let factor = operator.cholesky();
    validate::dimension("Cholesky factor", operator.dim(), factor.dim())?;
    Ok(factor)
}
