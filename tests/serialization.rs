//! Operators and distributions survive a round trip, bit for bit where nothing but numbers
//! built them (a matrix that was scaled since is factored anew), and no file produces an
//! invalid one.

use gaussx::{
    Adjust, BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance,
    MultivariateNormal, Scaled, ScaledIdentity, StructuredCovariance,
};
use gaussx_tests::random::Random;
use serde_json::{from_str, to_string};

macro_rules! survives {
    ($value:expr => $kind:ty) => {{
        let value: $kind = $value;
        let text = to_string(&value).unwrap();
        assert_eq!(from_str::<$kind>(&text).unwrap(), value, "{text}");
    }};
}

fn dense(n: usize) -> DenseCovariance<f64> {
    DenseCovariance::new(Random::new(n as u64).covariance(n)).unwrap()
}

#[test]
fn every_operator_survives_a_round_trip() {
    let diagonal = DiagonalCovariance::new([0.1_f64, 0.7, 1.0 / 3.0]).unwrap();
    let scaled = ScaledIdentity::new(4, 0.3_f32).unwrap();
    survives!(scaled => ScaledIdentity<f32>);
    survives!(diagonal.clone() => DiagonalCovariance<f64>);
    for n in [0, 1, 5, 40, 150] {
        survives!(dense(n) => DenseCovariance<f64>);
    }
    let l = gaussx::faer::mat![[0.3, 0.0], [0.1, 0.7]];
    survives!(DenseCovariance::from_cholesky(l).unwrap() => DenseCovariance<f64>);
    let blocks = BlockDiagonal::new(vec![dense(2), dense(3)]).unwrap();
    survives!(blocks.clone() => BlockDiagonal<f64, DenseCovariance<f64>>);
    survives!(Scaled::new(diagonal, 0.7).unwrap() => Scaled<f64, DiagonalCovariance<f64>>);
    let structured = StructuredCovariance::of(&blocks).unwrap();
    survives!(structured.add_jitter(0.1).unwrap() => StructuredCovariance<f64>);
    let p = MultivariateNormal::new([0.1, 0.2], dense(2)).unwrap();
    survives!(p => MultivariateNormal<f64, DenseCovariance<f64>>);
}

#[test]
fn what_is_read_factors_to_the_same_bits() {
    let sigma = dense(60);
    let again: DenseCovariance<f64> = from_str(&to_string(&sigma).unwrap()).unwrap();
    assert_eq!(
        sigma.logdet().unwrap().to_bits(),
        again.logdet().unwrap().to_bits()
    );
}

#[test]
fn the_format_is_plain() {
    let scaled = ScaledIdentity::new(3, 0.5).unwrap();
    assert_eq!(to_string(&scaled).unwrap(), r#"{"dim":3,"variance":0.5}"#);
    let sigma = DenseCovariance::new(gaussx::faer::mat![[2.0, 0.5], [0.5, 1.0]]).unwrap();
    assert_eq!(
        to_string(&sigma).unwrap(),
        r#"{"lower_triangle":{"dim":2,"entries":[2.0,0.5,1.0]}}"#
    );
}

#[test]
fn no_file_produces_an_invalid_value() {
    let refused = |text: &str, message: &str| {
        let error = from_str::<StructuredCovariance<f64>>(text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{text}: {error}");
    };
    refused(
        r#"{"scaled_identity":{"dim":3,"variance":-1}}"#,
        "not positive definite",
    );
    refused(r#"{"diagonal":{"variances":[1,0]}}"#, "pivot 1 is 0");
    refused(
        r#"{"dense":{"lower_triangle":{"dim":2,"entries":[1,2,1]}}}"#,
        "pivot 1 is -3",
    );
    refused(
        r#"{"dense":{"lower_triangle":{"dim":2,"entries":[1,2]}}}"#,
        "entries of the lower triangle has dimension 2, expected 3",
    );
    refused(
        r#"{"dense":{"lower_triangle":{"dim":18446744073709551615,"entries":[]}}}"#,
        "entries of the lower triangle",
    );
    refused(
        r#"{"dense":{"cholesky_factor":{"dim":1,"entries":[-1]}}}"#,
        "pivot 0 is -1",
    );
    refused(
        r#"{"blocks":{"blocks":[{"scaled_identity":{"dim":1,"variance":0}}]}}"#,
        "not positive definite",
    );
    refused(
        r#"{"scaled_identity":{"dim":3,"variance":1,"extra":1}}"#,
        "unknown field",
    );
    assert!(from_str::<ScaledIdentity<f64>>(r#"{"dim":3,"variance":1e999}"#).is_err());
    let p = r#"{"mean":[1,2],"covariance":{"dim":3,"variance":1}}"#;
    let error = from_str::<MultivariateNormal<f64, ScaledIdentity<f64>>>(p).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("mean has dimension 2, expected 3")
    );
    let scaled = r#"{"factor":-1,"inner":{"dim":3,"variance":1}}"#;
    assert!(from_str::<Scaled<f64, ScaledIdentity<f64>>>(scaled).is_err());
}
