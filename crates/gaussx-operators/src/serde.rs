//! Operators to and from any serde format.
//!
//! What is written are the numbers that a constructor takes; what is read goes through the
//! constructor, so that no file can produce an invalid operator.

use core::fmt::Display;

use ::serde::{Deserialize, Deserializer, Serialize, Serializer};
use faer::Mat;

use crate::{
    BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, Error, FactorKind,
    Scalar, Scaled, ScaledIdentity, StructuredCovariance, memory,
};

#[derive(Serialize, Deserialize)]
#[serde(rename = "ScaledIdentity", deny_unknown_fields)]
struct ScaledIdentityNumbers<T> {
    dim: usize,
    variance: T,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "DiagonalCovariance", deny_unknown_fields)]
struct DiagonalNumbers<V> {
    variances: V,
}

/// A lower triangle, column by column: that of the matrix, or that of the factor where the
/// factor is what was given.
#[derive(Serialize, Deserialize)]
#[serde(rename = "DenseCovariance", rename_all = "snake_case")]
enum DenseNumbers<T> {
    LowerTriangle { dim: usize, entries: Vec<T> },
    CholeskyFactor { dim: usize, entries: Vec<T> },
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "BlockDiagonal", deny_unknown_fields)]
struct BlockNumbers<V> {
    blocks: V,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Scaled", deny_unknown_fields)]
struct ScaledNumbers<T, C> {
    factor: T,
    inner: C,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "StructuredCovariance", rename_all = "snake_case")]
enum StructuredNumbers<S, D, M, B> {
    ScaledIdentity(S),
    Diagonal(D),
    Dense(M),
    Blocks(B),
}

fn invalid<E: ::serde::de::Error>(error: impl Display) -> E {
    E::custom(error)
}

impl<T: Scalar + Serialize> Serialize for ScaledIdentity<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = ScaledIdentityNumbers {
            dim: self.dim(),
            variance: self.variance(),
        };
        numbers.serialize(serializer)
    }
}

impl<'de, T: Scalar + Deserialize<'de>> Deserialize<'de> for ScaledIdentity<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = ScaledIdentityNumbers::deserialize(deserializer)?;
        Self::new(numbers.dim, numbers.variance).map_err(invalid)
    }
}

impl<T: Scalar + Serialize> Serialize for DiagonalCovariance<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let variances = self.variances();
        DiagonalNumbers { variances }.serialize(serializer)
    }
}

impl<'de, T: Scalar + Deserialize<'de>> Deserialize<'de> for DiagonalCovariance<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = DiagonalNumbers::<Vec<T>>::deserialize(deserializer)?;
        Self::new(numbers.variances).map_err(invalid)
    }
}

impl<T: Scalar + Serialize> Serialize for DenseCovariance<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (dim, factor) = (self.dim(), self.cholesky());
        let numbers = match (factor.entries(), factor.kind()) {
            (None, FactorKind::Dense { l }) => DenseNumbers::CholeskyFactor {
                dim,
                entries: packed(dim, |i, j| l[(i, j)]),
            },
            (Some(entries), _) => DenseNumbers::LowerTriangle {
                dim,
                entries: packed(dim, |i, j| {
                    if i == j {
                        entries.diag[i]
                    } else {
                        entries.upper[(j, i)]
                    }
                }),
            },
            (None, _) => return Err(::serde::ser::Error::custom("a dense factor is dense")),
        };
        numbers.serialize(serializer)
    }
}

impl<'de, T: Scalar + Deserialize<'de>> Deserialize<'de> for DenseCovariance<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let result = match DenseNumbers::deserialize(deserializer)? {
            DenseNumbers::LowerTriangle { dim, entries } => {
                Self::from_lower_triangle(unpacked(dim, &entries).map_err(invalid)?)
            }
            DenseNumbers::CholeskyFactor { dim, entries } => {
                Self::from_cholesky(unpacked(dim, &entries).map_err(invalid)?)
            }
        };
        result.map_err(invalid)
    }
}

impl<T: Scalar, B: CovarianceOperator<T> + Serialize> Serialize for BlockDiagonal<T, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let blocks = self.blocks();
        BlockNumbers { blocks }.serialize(serializer)
    }
}

impl<'de, T: Scalar, B: CovarianceOperator<T> + Deserialize<'de>> Deserialize<'de>
    for BlockDiagonal<T, B>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = BlockNumbers::<Vec<B>>::deserialize(deserializer)?;
        Self::new(numbers.blocks).map_err(invalid)
    }
}

impl<T: Scalar + Serialize, C: CovarianceOperator<T> + Serialize> Serialize for Scaled<T, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = ScaledNumbers {
            factor: self.factor(),
            inner: self.inner(),
        };
        numbers.serialize(serializer)
    }
}

impl<'de, T, C> Deserialize<'de> for Scaled<T, C>
where
    T: Scalar + Deserialize<'de>,
    C: CovarianceOperator<T> + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = ScaledNumbers::<T, C>::deserialize(deserializer)?;
        Self::new(numbers.inner, numbers.factor).map_err(invalid)
    }
}

impl<T: Scalar + Serialize> Serialize for StructuredCovariance<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = match self {
            Self::ScaledIdentity(inner) => StructuredNumbers::ScaledIdentity(inner),
            Self::Diagonal(inner) => StructuredNumbers::Diagonal(inner),
            Self::Dense(inner) => StructuredNumbers::Dense(inner),
            Self::Blocks(inner) => StructuredNumbers::Blocks(inner),
        };
        numbers.serialize(serializer)
    }
}

impl<'de, T: Scalar + Deserialize<'de>> Deserialize<'de> for StructuredCovariance<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match StructuredNumbers::deserialize(deserializer)? {
            StructuredNumbers::ScaledIdentity(inner) => Self::ScaledIdentity(inner),
            StructuredNumbers::Diagonal(inner) => Self::Diagonal(inner),
            StructuredNumbers::Dense(inner) => Self::Dense(inner),
            StructuredNumbers::Blocks(inner) => Self::Blocks(inner),
        })
    }
}

/// The lower triangle, column by column.
fn packed<T: Scalar>(dim: usize, entry: impl Fn(usize, usize) -> T) -> Vec<T> {
    let pairs = (0..dim).flat_map(|j| (j..dim).map(move |i| (i, j)));
    pairs.map(|(i, j)| entry(i, j)).collect()
}

/// The lower triangular matrix with the given entries, zero above the diagonal.
fn unpacked<T: Scalar>(dim: usize, entries: &[T]) -> Result<Mat<T>, Error> {
    let count = dim
        .checked_add(1)
        .and_then(|next| dim.checked_mul(next))
        .map_or(usize::MAX, |twice| twice / 2);
    crate::validate::dimension("entries of the lower triangle", count, entries.len())?;
    let mut matrix = memory::zero_mat("covariance", dim, dim)?;
    let mut rest = entries.iter();
    for j in 0..dim {
        for (i, &value) in (j..dim).zip(&mut rest) {
            matrix[(i, j)] = value;
        }
    }
    Ok(matrix)
}
