//! Distributions to and from any serde format; what is read goes through the constructor.

use ::serde::de::Error as _;
use ::serde::{Deserialize, Deserializer, Serialize, Serializer};
use gaussx_operators::{CovarianceOperator, Scalar};

use crate::MultivariateNormal;

#[derive(Serialize, Deserialize)]
#[serde(rename = "MultivariateNormal", deny_unknown_fields)]
struct Numbers<T, C> {
    mean: Vec<T>,
    covariance: C,
}

impl<T, C> Serialize for MultivariateNormal<T, C>
where
    T: Scalar + Serialize,
    C: CovarianceOperator<T> + Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let numbers = Numbers {
            mean: self.mean().iter().copied().collect(),
            covariance: self.covariance(),
        };
        numbers.serialize(serializer)
    }
}

impl<'de, T, C> Deserialize<'de> for MultivariateNormal<T, C>
where
    T: Scalar + Deserialize<'de>,
    C: CovarianceOperator<T> + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = Numbers::<T, C>::deserialize(deserializer)?;
        Self::new(numbers.mean, numbers.covariance).map_err(D::Error::custom)
    }
}
