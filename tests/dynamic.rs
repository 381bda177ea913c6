//! Operators behind pointers: one code path, every override, any thread.

use std::sync::Arc;

use gaussx::{
    BlockDiagonal, CholeskyFactor, CovarianceOperator, DenseCovariance, DiagonalCovariance, Error,
    MultivariateNormal, Scaled, ScaledIdentity, StructuredCovariance, Workspace,
};
use gaussx_tests::ar1::Ar1;
use gaussx_tests::random::Random;
use gaussx_tests::structures::structures;

fn is_send_and_sync<X: Send + Sync>() {}

#[test]
fn everything_is_send_and_sync() {
    is_send_and_sync::<DenseCovariance<f64>>();
    is_send_and_sync::<DiagonalCovariance<f32>>();
    is_send_and_sync::<ScaledIdentity<f64>>();
    is_send_and_sync::<BlockDiagonal<f64, DenseCovariance<f64>>>();
    is_send_and_sync::<BlockDiagonal<f64, Box<dyn CovarianceOperator<f64>>>>();
    is_send_and_sync::<Scaled<f64, DenseCovariance<f64>>>();
    is_send_and_sync::<StructuredCovariance<f64>>();
    is_send_and_sync::<Box<dyn CovarianceOperator<f64>>>();
    is_send_and_sync::<Arc<dyn CovarianceOperator<f32>>>();
    is_send_and_sync::<&dyn CovarianceOperator<f64>>();
    is_send_and_sync::<CholeskyFactor<'_, f64>>();
    is_send_and_sync::<MultivariateNormal<f64, Box<dyn CovarianceOperator<f64>>>>();
    is_send_and_sync::<Workspace<f64>>();
    is_send_and_sync::<Error>();
}

/// An operator of which only the overrides answer: the factor would give other numbers.
#[derive(Debug)]
struct Overridden(ScaledIdentity<f64>);

impl CovarianceOperator<f64> for Overridden {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn diag_into(&self, out: &mut [f64]) -> Result<(), Error> {
        self.0.diag_into(out)
    }
    fn cholesky(&self) -> CholeskyFactor<'_, f64> {
        self.0.cholesky()
    }
    fn logdet(&self) -> Result<f64, Error> {
        Ok(42.0)
    }
    fn trace(&self) -> Result<f64, Error> {
        Ok(43.0)
    }
    fn trace_inverse(&self) -> Result<f64, Error> {
        Ok(44.0)
    }
    fn frobenius_norm(&self) -> Result<f64, Error> {
        Ok(45.0)
    }
    fn extreme_eigenvalues(&self) -> Result<(f64, f64), Error> {
        Ok((1.0, 46.0))
    }
}

#[test]
fn an_override_counts_behind_every_pointer() {
    fn numbers(sigma: &(impl CovarianceOperator<f64> + ?Sized)) -> [f64; 5] {
        [
            sigma.logdet().unwrap(),
            sigma.trace().unwrap(),
            sigma.trace_inverse().unwrap(),
            sigma.frobenius_norm().unwrap(),
            gaussx::summary(sigma).unwrap().spectral_norm,
        ]
    }
    let plain = || Overridden(ScaledIdentity::new(2, 1.0).unwrap());
    let boxed: Box<dyn CovarianceOperator<f64>> = Box::new(plain());
    let shared: Arc<dyn CovarianceOperator<f64>> = Arc::new(plain());
    let expected = [42.0, 43.0, 44.0, 45.0, 46.0];
    assert_eq!(numbers(&plain()), expected);
    assert_eq!(numbers(&boxed), expected);
    assert_eq!(numbers(&&boxed), expected);
    assert_eq!(numbers(&*boxed), expected);
    assert_eq!(numbers(&shared), expected);
    assert_eq!(numbers(&Box::new(shared)), expected);
    // Blocks ask the override too.
    let blocks = BlockDiagonal::new(vec![boxed]).unwrap();
    assert_eq!(blocks.logdet().unwrap(), 42.0);
    assert_eq!(blocks.trace().unwrap(), 43.0);
}

#[test]
fn pointers_change_no_bit() {
    let mut random = Random::new(1);
    for n in [1, 4, 9] {
        let x: Vec<f64> = random.vector(n);
        let partner = Ar1::new(n, 0.3, 1.2).unwrap();
        for s in structures::<f64>(n, &mut random) {
            let zero = vec![0.0; n];
            let all = |sigma: &dyn CovarianceOperator<f64>| {
                [
                    gaussx::log_prob(&x, &zero, sigma).unwrap().to_bits(),
                    gaussx::entropy(sigma).unwrap().to_bits(),
                    gaussx::kl_divergence(&x, sigma, &zero, &partner)
                        .unwrap()
                        .to_bits(),
                    gaussx::kl_divergence(&x, &partner, &zero, sigma)
                        .unwrap()
                        .to_bits(),
                    gaussx::kl_standard_normal(&x, sigma).unwrap().to_bits(),
                ]
            };
            let expected = all(&*s.operator);
            assert_eq!(all(&s.operator), expected);
            assert_eq!(all(&&&s.operator), expected);
            assert_eq!(
                all(&Arc::<dyn CovarianceOperator<f64>>::from(s.operator)),
                expected
            );
        }
    }
}

#[test]
fn one_operator_serves_many_threads() {
    let sigma = DenseCovariance::new(Random::new(2).covariance::<f64>(40)).unwrap();
    let p = MultivariateNormal::new(Random::new(3).vector::<f64>(40), sigma).unwrap();
    let x: Vec<f64> = Random::new(4).vector(40);
    let expected = p.log_prob(&x).unwrap();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| p.log_prob(&x).unwrap()))
            .collect();
        for worker in workers {
            assert_eq!(worker.join().unwrap(), expected);
        }
    });
}

#[test]
fn a_vector_of_mixed_gaussians_meets_itself() {
    let gaussians: Vec<MultivariateNormal<f64, Box<dyn CovarianceOperator<f64>>>> =
        structures::<f64>(6, &mut Random::new(5))
            .into_iter()
            .map(|s| MultivariateNormal::centered(s.operator).unwrap())
            .collect();
    for p in &gaussians {
        for q in &gaussians {
            let kl = p.kl_divergence(q).unwrap();
            assert!(kl >= 0.0 && kl.is_finite());
        }
    }
}
