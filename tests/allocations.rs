//! What is allocated: nothing in a loop that keeps a workspace, and no more memory than the
//! documentation says.

use std::hint::black_box;
use std::sync::mpsc;

use chacha20::ChaCha8Rng;
use gaussx::faer::{Col, Mat, Scale};
use gaussx::rand::SeedableRng;
use gaussx::{
    BlockDiagonal, CovarianceOperator, DenseCovariance, DiagonalCovariance, Workspace,
    cross_entropy_with, elbo_with, entropy, expected_log_likelihood_with, kl_divergence_with,
    kl_standard_normal_with, log_prob_batch_into, log_prob_with, mahalanobis_p_value_with,
    quadratic_form_with, sample_batch_into, sample_into, score_batch_into, score_into, whiten_into,
};
use gaussx_tests::random::Random;
use gaussx_tests::structures::{side_by_side, structures};

/// Runs `f` on a pool of one thread, where work is never handed on.
fn on_one_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
    pool.build().unwrap().install(f)
}

/// Allocations of the third call: the first ones fill the workspace.
fn settled(mut f: impl FnMut()) -> u64 {
    f();
    f();
    allocation_counter::measure(f).count_total
}

#[test]
fn what_is_allocated_is_counted() {
    let sigma = DiagonalCovariance::new([1.0, 2.0]).unwrap();
    assert_eq!(settled(|| drop(black_box(vec![0.0; 10]))), 1);
    assert!(settled(|| drop(sigma.diag().unwrap())) > 0);
    assert_eq!(numbers_held(|| black_box(vec![0.0_f64; 1000])), 1000);
}

#[test]
fn variances_are_taken_over() {
    let mut variances = Some(vec![2.0; 1000]);
    let take = || drop(DiagonalCovariance::new(variances.take().unwrap()).unwrap());
    assert_eq!(allocation_counter::measure(take).count_total, 0);
}

const SIZES: [usize; 5] = [1, 3, 12, 40, 200];

#[test]
fn quantities_of_one_covariance_allocate_nothing() {
    on_one_thread(|| {
        for n in SIZES {
            let mut random = Random::new(n as u64);
            let (x, mean) = (vec![0.3; n], vec![0.1; n]);
            let points = Mat::from_fn(n, 70, |i, j| ((i * 7 + j * 3) % 11) as f64);
            let (mut out, mut column) = (Mat::zeros(n, 70), vec![0.0; n]);
            let mut values = vec![0.0; 70];
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let mut workspace = Workspace::new();
            let w = &mut workspace;
            for covariance in structures::<f64>(n, &mut random) {
                let sigma = &covariance.operator;
                let count = settled(|| {
                    entropy(sigma).unwrap();
                    quadratic_form_with(&x, &mean, sigma, w).unwrap();
                    mahalanobis_p_value_with(&x, &mean, sigma, w).unwrap();
                    log_prob_with(&x, &mean, sigma, w).unwrap();
                    log_prob_batch_into(&points, &mean, sigma, &mut values, w).unwrap();
                    score_into(&x, &mean, sigma, &mut column, w).unwrap();
                    score_batch_into(&points, &mean, sigma, out.as_mut(), w).unwrap();
                    whiten_into(&points, &mean, sigma, out.as_mut(), w).unwrap();
                    sample_into(&mean, sigma, &mut rng, &mut column, w).unwrap();
                    sample_batch_into(&mean, sigma, &mut rng, out.as_mut(), w).unwrap();
                    kl_standard_normal_with(&mean, sigma, w).unwrap();
                });
                assert_eq!(count, 0, "{}, n = {n}", covariance.name);
            }
        }
    });
}

#[test]
fn quantities_of_a_pair_allocate_nothing() {
    on_one_thread(|| {
        for n in SIZES {
            let mut random = Random::new(n as u64);
            let (y, mean_p, mean_q) = (vec![0.3; n], vec![0.1; n], vec![0.2; n]);
            let all = structures::<f64>(n, &mut random);
            let mut workspace = Workspace::new();
            let w = &mut workspace;
            for p in &all {
                for q in &all {
                    let (sigma_p, sigma_q) = (&p.operator, &q.operator);
                    let count = settled(|| {
                        kl_divergence_with(&mean_p, sigma_p, &mean_q, sigma_q, w).unwrap();
                        cross_entropy_with(&mean_p, sigma_p, &mean_q, sigma_q, w).unwrap();
                        expected_log_likelihood_with(&y, &mean_p, sigma_p, sigma_q, w).unwrap();
                        elbo_with(&y, sigma_q, &mean_p, sigma_p, &mean_q, sigma_q, w).unwrap();
                    });
                    assert_eq!(count, 0, "{} from {}, n = {n}", p.name, q.name);
                }
            }
        }
    });
}

#[test]
fn close_dense_pairs_allocate_nothing() {
    on_one_thread(|| {
        for n in SIZES {
            let matrix = Random::new(n as u64).covariance::<f64>(n);
            let p = DenseCovariance::new(matrix.clone()).unwrap();
            let q = DenseCovariance::new(matrix * Scale(1.001)).unwrap();
            let mean = vec![0.0; n];
            let mut workspace = Workspace::new();
            let count = settled(|| {
                kl_divergence_with(&mean, &p, &mean, &q, &mut workspace).unwrap();
            });
            assert_eq!(count, 0, "n = {n}");
        }
    });
}

#[test]
fn operators_are_rebuilt_in_their_storage() {
    on_one_thread(|| {
        for n in SIZES {
            let matrix = Random::new(n as u64).covariance::<f64>(n);
            let mut workspace = Workspace::new();
            let mut dense = Some(DenseCovariance::new(matrix.clone()).unwrap());
            let count = settled(|| {
                let sigma = dense.take().unwrap();
                dense = Some(sigma.rebuilt(&matrix, &mut workspace).unwrap());
            });
            assert_eq!(count, 0, "dense, n = {n}");

            let variances = vec![2.0; n];
            let mut diagonal = Some(DiagonalCovariance::new(&variances).unwrap());
            let count = settled(|| {
                diagonal = Some(diagonal.take().unwrap().rebuilt(&variances).unwrap());
            });
            assert_eq!(count, 0, "diagonal, n = {n}");

            let mut blocks = Some(BlockDiagonal::from_matrices(vec![matrix.clone(); 3]).unwrap());
            let count = settled(|| {
                let rebuilt = blocks.take().unwrap().try_map(|_, block| {
                    let block = block.rebuilt(&matrix, &mut workspace)?;
                    Ok(block)
                });
                blocks = Some(rebuilt.unwrap());
            });
            assert_eq!(count, 0, "blocks, n = {n}");

            let matrices = side_by_side(&vec![matrix.clone(); 20]);
            let mut blocks = Some(BlockDiagonal::from_side_by_side(matrices.clone()).unwrap());
            let count = settled(|| {
                let old = blocks.take().unwrap();
                blocks = Some(old.rebuilt_side_by_side(&matrices, &mut workspace).unwrap());
            });
            assert_eq!(count, 0, "blocks side by side, n = {n}");
        }
    });
}

/// Runs `f` on a pool of two threads of which the other is busy: work is cut up as for two,
/// and all of it done here, where it is counted.
fn beside_a_busy_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2);
    pool.build().unwrap().scope(|scope| {
        let (started, wait_for_start) = mpsc::channel();
        let (done, wait_for_end) = mpsc::channel::<()>();
        scope.spawn(move |_| {
            started.send(()).unwrap();
            wait_for_end.recv().unwrap();
        });
        wait_for_start.recv().unwrap();
        let result = f();
        done.send(()).unwrap();
        result
    })
}

#[test]
fn nothing_is_allocated_where_threads_share_the_work() {
    beside_a_busy_thread(|| {
        let n = 600;
        let mut random = Random::new(1);
        let (x, mean) = (vec![0.3; n], vec![0.1; n]);
        let points = Mat::from_fn(n, 600, |i, j| ((i * 7 + j * 3) % 11) as f64);
        let mut values = vec![0.0; 600];
        let mut workspace = Workspace::new();
        let w = &mut workspace;
        let matrix = random.covariance::<f64>(n);
        let near = DenseCovariance::new(matrix.clone() * Scale(1.001)).unwrap();
        let sigma = DenseCovariance::new(matrix).unwrap();
        let far = DenseCovariance::new(random.covariance::<f64>(n)).unwrap();
        let diagonal = DiagonalCovariance::new(vec![2.0; n]).unwrap();
        let count = settled(|| {
            kl_divergence_with(&x, &sigma, &x, &near, w).unwrap();
            kl_divergence_with(&x, &sigma, &mean, &far, w).unwrap();
            kl_divergence_with(&x, &diagonal, &mean, &far, w).unwrap();
            log_prob_batch_into(&points, &mean, &sigma, &mut values, w).unwrap();
        });
        assert_eq!(count, 0, "dense");

        let sigma = DenseCovariance::new(random.covariance::<f64>(200)).unwrap();
        let points = Mat::from_fn(200, 5000, |i, j| ((i * 7 + j * 3) % 11) as f64);
        let mut values = vec![0.0; 5000];
        let count = settled(|| {
            log_prob_batch_into(&points, &mean[..200], &sigma, &mut values, w).unwrap();
        });
        assert_eq!(count, 0, "many points");

        let blocks = |scale: f64| {
            let matrices = (0..2000).map(|b| Random::new(b).covariance::<f64>(8) * Scale(scale));
            BlockDiagonal::from_matrices(matrices.collect()).unwrap()
        };
        let (p, q) = (blocks(1.0), blocks(3.0));
        let mean = vec![0.1; p.dim()];
        let count = settled(|| {
            kl_divergence_with(&mean, &p, &mean, &q, w).unwrap();
            log_prob_with(&mean, &mean, &p, w).unwrap();
        });
        assert_eq!(count, 0, "blocks");

        let long = vec![2.0; 1_000_000];
        let [p, q] = [1.0, 3.0].map(|s: f64| DiagonalCovariance::new(vec![s; 1_000_000]).unwrap());
        let count = settled(|| {
            kl_divergence_with(&long, &p, &long, &q, w).unwrap();
            entropy(&p).unwrap();
        });
        assert_eq!(count, 0, "diagonals");
    });
}

/// Numbers of 8 bytes held at once, at most, while `f` runs.
fn numbers_held<R>(f: impl FnOnce() -> R) -> usize {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(f()));
    drop(result);
    usize::try_from(info.bytes_max / 8).unwrap()
}

/// Calls `f` while what its thread keeps is in use, so that all scratch counts as new.
fn with_nothing_kept<R>(f: impl FnOnce() -> R) -> R {
    let mut workspace = Workspace::<f64>::new();
    let _kept: Vec<_> = (0..16).map(|_| workspace.take(1, 1).unwrap()).collect();
    f()
}

#[test]
fn memory_stays_within_the_documented_bounds() {
    on_one_thread(|| {
        let n = 1024;
        let kernel = |length: f64| {
            Mat::from_fn(n, n, |i, j| {
                let distance = i.abs_diff(j) as f64 / length;
                1.0 / (1.0 + distance * distance) + f64::from(u8::from(i == j))
            })
        };
        let mean = Col::<f64>::zeros(n);
        // The matrix product's own buffers are made once for each thread.
        let p = DenseCovariance::new(kernel(3.0)).unwrap();
        let (far, close) = (kernel(30.0), kernel(3.0001));
        kl_divergence_with(&mean, &p, &mean, &p, &mut Workspace::new()).unwrap();

        // Columns of scratch are up to two lines of the cache apart; so are those of the blocks
        // into which the factor is packed.
        const BLOCK: usize = 128 * (128 + 16);
        let columns = |count: usize| count * (n + 16);
        let build = with_nothing_kept(|| {
            numbers_held(|| drop(DenseCovariance::new(close.clone()).unwrap()))
        });
        assert!(
            build > n * n && build <= n * n + columns(128) + 20 * n + 5 * BLOCK,
            "building holds {build}"
        );
        let far = DenseCovariance::new(far).unwrap();
        let kl = |q: &DenseCovariance<f64>| {
            let q = q as &dyn CovarianceOperator<f64>;
            let call = || kl_divergence_with(&mean, &p, &mean, q, &mut Workspace::new()).unwrap();
            with_nothing_kept(|| numbers_held(call))
        };
        let held = kl(&far);
        let most = columns(128) + 3 * n + BLOCK;
        assert!(held <= most, "KL of a far pair holds {held}");
        let held = kl(&DenseCovariance::new(close).unwrap());
        let most = columns(n) + columns(256) + 3 * n + BLOCK;
        assert!(held <= most, "KL of a close pair holds {held}");
    });
}
