//! The one comparison: fails on NaN, and says by how many bounds it is off.

use gaussx::Scalar;

/// Asserts `|found - expected| <= bound`.
#[track_caller]
pub fn assert_close<T: Scalar>(what: &str, found: T, expected: f64, bound: f64) {
    let found = found.as_f64();
    if found == expected {
        return;
    }
    let error = (found - expected).abs();
    assert!(
        error <= bound,
        "{what}: found {found:e}, expected {expected:e}, error {error:e} = {:.3} bounds",
        error / bound
    );
}

/// `c n ε κ`, the unit in which errors are promised.
pub fn unit<T: Scalar>(c: f64, n: usize, kappa: f64) -> f64 {
    c * n.max(1) as f64 * T::EPSILON.as_f64() * kappa
}
