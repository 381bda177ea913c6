//! The guide's code runs as tests.

macro_rules! pages {
    ($($name:ident = $path:literal),* $(,)?) => {$(
        #[doc = include_str!(concat!("../../docs/guide/", $path))]
        pub struct $name;
    )*};
}

pages! {
    Accuracy = "accuracy.md",
    Covariances = "covariances.md",
    CustomOperators = "custom-operators.md",
    Data = "data.md",
    DiagonalFits = "diagonal-fits.md",
    Divergence = "divergence.md",
    Elbo = "elbo.md",
    Entropy = "entropy.md",
    ExpectedLogLikelihood = "expected-log-likelihood.md",
    LogDensity = "log-density.md",
    Loops = "loops.md",
    MutualInformation = "mutual-information.md",
    Score = "score.md",
    StandardNormal = "standard-normal.md",
}
