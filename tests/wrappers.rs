//! Scaled, jittered, permuted and selected covariances: the right matrix, by the
//! structure that was promised.

use gaussx::conformance;
use gaussx::faer::Mat;
use gaussx::{
    Adjust, CovarianceOperator, FactorKind, MultivariateNormal, Scaled, StructuredCovariance,
};
use gaussx_tests::random::Random;
use gaussx_tests::structures::{Structured, structures};

const SIZES: [usize; 4] = [1, 5, 9, 20];

fn for_each_structure(mut f: impl FnMut(&Structured<f64>, &mut Random)) {
    let mut random = Random::new(1);
    for n in SIZES {
        for structured in structures::<f64>(n, &mut random) {
            f(&structured, &mut random);
        }
    }
}

#[track_caller]
fn conforms(
    name: &str,
    operator: &dyn CovarianceOperator<f64>,
    entry: impl Fn(usize, usize) -> f64,
) {
    let n = operator.dim();
    let matrix = Mat::from_fn(n, n, |i, j| entry(i.max(j), i.min(j)));
    let report = conformance::check_against(operator, matrix.as_ref());
    assert!(report.is_ok(), "{name}: {report}");
}

#[test]
fn scaled_operators_conform_and_keep_their_structure() {
    for_each_structure(|s, _| {
        let scaled = Scaled::new(&s.operator, 2.5).unwrap();
        conforms(s.name, &scaled, |i, j| 2.5 * s.matrix.at(i, j));
        let (before, after) = (s.operator.cholesky().kind(), scaled.cholesky().kind());
        assert_eq!(
            std::mem::discriminant(&before),
            std::mem::discriminant(&after)
        );
        let twice = Scaled::new(scaled, 0.5).unwrap();
        conforms(s.name, &twice, |i, j| 1.25 * s.matrix.at(i, j));
    });
}

#[test]
fn permuted_operators_conform() {
    for_each_structure(|s, random| {
        let n = s.matrix.dim();
        let mut order: Vec<usize> = (0..n).collect();
        for k in (1..n).rev() {
            order.swap(k, random.index(k + 1));
        }
        let permuted = StructuredCovariance::permuted(&s.operator, &order).unwrap();
        conforms(s.name, &permuted, |i, j| s.matrix.at(order[i], order[j]));
    });
}

#[test]
fn sub_blocks_conform() {
    for_each_structure(|s, random| {
        let n = s.matrix.dim();
        let leading: Vec<usize> = (0..n / 2).collect();
        let chosen: Vec<usize> = (0..n).filter(|_| random.index(2) == 0).collect();
        let reversed: Vec<usize> = chosen.iter().rev().copied().collect();
        for indices in [leading, chosen, reversed] {
            let block = StructuredCovariance::sub_block(&s.operator, &indices).unwrap();
            conforms(s.name, &block, |i, j| s.matrix.at(indices[i], indices[j]));
        }
    });
}

#[test]
fn jittered_operators_conform() {
    for_each_structure(|s, _| {
        let jittered = StructuredCovariance::jittered(&s.operator, 0.3).unwrap();
        conforms(s.name, &jittered, |i, j| {
            s.matrix.at(i, j) + if i == j { 0.3 } else { 0.0 }
        });
        let rescaled = jittered.scale(2.0).unwrap();
        conforms(s.name, &rescaled, |i, j| {
            2.0 * (s.matrix.at(i, j) + if i == j { 0.3 } else { 0.0 })
        });
    });
}

#[test]
fn structure_survives_selection_where_it_can() {
    let mut random = Random::new(2);
    for s in structures::<f64>(12, &mut random) {
        let order: Vec<usize> = (0..12).rev().collect();
        let selected = StructuredCovariance::permuted(&s.operator, &order).unwrap();
        let jittered = StructuredCovariance::jittered(&s.operator, 1.0).unwrap();
        for changed in [&selected, &jittered] {
            let kept = match s.operator.cholesky().kind() {
                FactorKind::ScaledIdentity { .. } => {
                    matches!(changed, StructuredCovariance::ScaledIdentity(_))
                }
                FactorKind::Diagonal { .. } => matches!(changed, StructuredCovariance::Diagonal(_)),
                // Blocks in reverse order are still blocks.
                FactorKind::BlockDiagonal { blocks, .. } => match changed {
                    StructuredCovariance::Blocks(inner) => {
                        let filled = (0..blocks.count()).filter(|&b| blocks.block(b).dim() > 0);
                        let found = inner.blocks().iter().filter(|b| b.dim() > 0);
                        found.count() == filled.count()
                    }
                    _ => false,
                },
                _ => matches!(changed, StructuredCovariance::Dense(_)),
            };
            assert!(kept, "{}: {changed:?}", s.name);
        }
    }
}

#[test]
fn interleaved_blocks_are_joined_and_others_are_not() {
    let blocks = gaussx::BlockDiagonal::from_matrices(vec![
        Random::new(3).covariance::<f64>(2),
        Random::new(4).covariance(2),
        Random::new(5).covariance(1),
    ])
    .unwrap();
    let selected = StructuredCovariance::permuted(&blocks, &[4, 0, 2, 1, 3]).unwrap();
    let StructuredCovariance::Blocks(inner) = selected else {
        panic!("{selected:?}");
    };
    let sizes: Vec<usize> = inner.blocks().iter().map(CovarianceOperator::dim).collect();
    assert_eq!(sizes, [1, 4]);
}

#[test]
fn the_leading_block_keeps_its_factor() {
    let sigma = gaussx::DenseCovariance::new(Random::new(6).covariance::<f64>(30)).unwrap();
    let leading: Vec<usize> = (0..17).collect();
    let part = StructuredCovariance::sub_block(&sigma, &leading).unwrap();
    let mut whole = vec![0.0; 30];
    sigma.cholesky().diag_into(&mut whole).unwrap();
    let mut pivots = vec![0.0; 17];
    part.cholesky().diag_into(&mut pivots).unwrap();
    assert_eq!(pivots, whole[..17]);
}

#[test]
fn marginals_keep_the_structure_of_the_covariance() {
    let p = MultivariateNormal::new(
        [1.0, 2.0, 3.0],
        gaussx::DiagonalCovariance::new([1.0, 4.0, 9.0]).unwrap(),
    )
    .unwrap();
    let marginal = p.marginal(&[2, 0]).unwrap();
    assert!(matches!(
        marginal.covariance(),
        StructuredCovariance::Diagonal(_)
    ));
    assert_eq!((marginal.mean()[0], marginal.mean()[1]), (3.0, 1.0));
}
