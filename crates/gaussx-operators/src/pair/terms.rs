//! What a meeting of two factors adds up to.

use crate::special::{deviation_divergence, x_minus_ln_1p};
use crate::{CompensatedSum, Scalar};

/// The sums over `M = L_q⁻¹ L_p` that the closed forms need, built entry by entry.
///
/// For a factor that meets its own kind, in
/// [`LowerTriangular::meet`](crate::LowerTriangular::meet): add every pivot `M_ii` once
/// and every square `M_ij²` below the diagonal, or sums of such squares.
///
/// # Examples
///
/// ```
/// use gaussx_operators::pair::PairTerms;
///
/// // M = [2 0; 3 1]
/// let mut terms = PairTerms::new();
/// terms.add_pivot(4.0, 2.0); // L_p,00 = 4 and L_q,00 = 2
/// terms.add_pivot(1.0, 1.0);
/// terms.add_squares_below(9.0);
/// assert_eq!(terms.trace(), 14.0);
/// assert!((terms.divergence() - (12.0 - 4.0_f64.ln())).abs() < 1e-14);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PairTerms<T: Scalar> {
    divergence: CompensatedSum<T>,
    trace: CompensatedSum<T>,
}

impl<T: Scalar> PairTerms<T> {
    /// The empty sums.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the pivot `M_ii = l_p / l_q` of two positive diagonal entries.
    pub fn add_pivot(&mut self, l_p: T, l_q: T) {
        self.divergence.add(deviation_divergence(l_p, l_q));
        let ratio = l_p / l_q;
        self.trace.add(ratio * ratio);
    }

    /// Adds a pivot known by its excess `M_ii² - 1`, which may be far smaller than the
    /// rounding of `M_ii`.
    pub fn add_pivot_excess(&mut self, excess: T) {
        self.divergence.add(x_minus_ln_1p(excess));
        self.trace.add(T::one() + excess);
    }

    /// Adds `M_ij²` for an entry below the diagonal, or the sum of several.
    pub fn add_squares_below(&mut self, squares: T) {
        self.divergence.add(squares);
        self.trace.add(squares);
    }

    /// `‖M‖_F² - n - 2 Σ ln M_ii`.
    #[must_use]
    pub fn divergence(&self) -> T {
        self.divergence.value()
    }

    /// `‖M‖_F² = tr(Σ_q⁻¹ Σ_p)`.
    #[must_use]
    pub fn trace(&self) -> T {
        self.trace.value()
    }
}
