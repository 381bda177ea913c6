//! Vectors and matrices of ndarray and nalgebra go in and come out, whatever their strides.

use gaussx::faer::Mat;
use gaussx::faer_ext::{IntoNalgebra, IntoNdarray};
use gaussx::{AsCol, AsMat, DenseCovariance, MultivariateNormal};
use gaussx_tests::random::Random;
use nalgebra::{DMatrix, DVector, Matrix2x3, Vector3};
use ndarray::{Array1, Array2, Axis, ShapeBuilder, Slice};

fn gaussian() -> MultivariateNormal<f64, DenseCovariance<f64>> {
    let sigma = DenseCovariance::new(Random::new(1).covariance(3)).unwrap();
    MultivariateNormal::new([0.5, -1.0, 2.0], sigma).unwrap()
}

#[test]
fn ndarray_vectors_are_points() {
    let (p, x) = (gaussian(), [1.0, 2.0, 3.0]);
    let expected = p.log_prob(x).unwrap();
    let owned = Array1::from(x.to_vec());
    assert_eq!(p.log_prob(&owned).unwrap(), expected);
    assert_eq!(p.log_prob(owned.view()).unwrap(), expected);
    // Every second entry, and backwards.
    let wide = Array1::from(vec![3.0, 9.0, 2.0, 9.0, 1.0, 9.0]);
    let mut view = wide.view();
    view.slice_axis_inplace(Axis(0), Slice::from(..).step_by(2));
    view.invert_axis(Axis(0));
    assert_eq!(p.log_prob(view).unwrap(), expected);
    let mean = MultivariateNormal::new(&owned, p.covariance()).unwrap();
    assert_eq!(mean.mean()[2], 3.0);
}

#[test]
fn ndarray_matrices_are_batches_in_any_order() {
    let p = gaussian();
    let entry = |(i, j): (usize, usize)| (i * 4 + j) as f64 / 3.0;
    let by_rows = Array2::from_shape_fn((3, 4), entry);
    let by_columns = Array2::from_shape_fn((3, 4).f(), entry);
    let expected = p
        .log_prob_batch(Mat::from_fn(3, 4, |i, j| entry((i, j))))
        .unwrap();
    assert_eq!(p.log_prob_batch(&by_rows).unwrap(), expected);
    assert_eq!(p.log_prob_batch(&by_columns).unwrap(), expected);
    assert_eq!(by_rows.as_mat().row_stride(), 4);
    assert_eq!(by_rows.as_mat().as_ptr(), by_rows.as_ptr());
}

#[test]
fn nalgebra_vectors_and_matrices_are_points_and_batches() {
    let (p, x) = (gaussian(), [1.0, 2.0, 3.0]);
    let expected = p.log_prob(x).unwrap();
    assert_eq!(p.log_prob(Vector3::from(x)).unwrap(), expected);
    let dynamic = DVector::from(x.to_vec());
    assert_eq!(p.log_prob(&dynamic).unwrap(), expected);
    assert_eq!(dynamic.as_col().as_ptr(), dynamic.as_ptr());
    let points = DMatrix::from_fn(3, 4, |i, j| (i * 4 + j) as f64 / 3.0);
    let batch = p.log_prob_batch(&points).unwrap();
    for j in 0..4 {
        assert_eq!(p.log_prob(points.column(j)).unwrap(), batch[j]);
    }
    let fixed = Matrix2x3::new(1.0, 2.0, 3.0, 4.0, 5.0, 6.0);
    assert_eq!(fixed.as_mat()[(1, 2)], 6.0);
    // The view of a part of a matrix.
    let part = points.view((0, 1), (3, 2));
    assert_eq!(p.log_prob_batch(part).unwrap()[0], batch[1]);
}

#[test]
fn results_go_back_without_a_copy() {
    let draws = gaussian().sample_batch(5, &mut Random::new(2).0).unwrap();
    let array = draws.as_ref().into_ndarray();
    assert_eq!((array.dim(), array[[2, 4]]), ((3, 5), draws[(2, 4)]));
    let matrix = draws.as_ref().into_nalgebra();
    assert_eq!((matrix.shape(), matrix[(2, 4)]), ((3, 5), draws[(2, 4)]));
}

#[test]
fn empty_and_wrong_sizes_are_answered() {
    let p = gaussian();
    assert!(p.log_prob(Array1::<f64>::zeros(0)).is_err());
    assert!(p.log_prob(DVector::<f64>::zeros(2)).is_err());
    assert!(p.log_prob_batch(Array2::<f64>::zeros((2, 3))).is_err());
    assert_eq!(
        p.log_prob_batch(Array2::<f64>::zeros((3, 0)))
            .unwrap()
            .nrows(),
        0
    );
}
