//! Where two structures meet: the terms of `M = L_q⁻¹ L_p` that KL, cross-entropy and
//! expected log-likelihoods need.
//!
//! The only place that looks at two structures at once. What a pair costs:
//!
//! | q \ p | `c I` | diagonal | block | dense |
//! |---|---|---|---|---|
//! | `c I` | 1 | `n` | sum over p's blocks | `n²` |
//! | diagonal | `n` | `n` | sum over p's blocks | `n²` |
//! | block | per block of q | per block of q | per block where partitions match | panels, zeros skipped |
//! | dense | `n³/3` | `n³/3` | panels, zeros skipped | `n³/3`, `5 n³/3` where close |
//!
//! A custom factor meets its own kind through
//! [`LowerTriangular::meet`](crate::LowerTriangular::meet), a diagonal one through its
//! sums of squares, and every other through half-solves of panels: bounded memory.
//!
//! # How the divergence keeps its digits
//!
//! `tr(Σ_q⁻¹ Σ_p) - n - ln det(Σ_q⁻¹ Σ_p)` is never formed as written: near `p = q` its
//! terms cancel and nothing is left. Three forms, all sums of terms that cannot be
//! negative, exactly zero for equal arguments:
//!
//! * **diagonal** (either side): the excess of each squared pivot over 1 comes from the
//!   difference of the variances;
//! * **difference** (both matrices known entry by entry, divergence below 1, or `16/n` above
//!   16 coordinates, of which entries may tell): from `F = L_q⁻¹ (Σ_p - Σ_q) L_q⁻ᵀ`, the pivots
//!   `1 + g_i` and rows `s_i` of the Cholesky factor of `I + F`;
//! * **factor** (all others): from `E = L_q⁻¹ (L_p - L_q)`, `M = I + E`.
//!
//! What must not be close for the factor form is the sum that the divergence goes into: that of
//! blocks that meet one to one, or KL with the distance of the means. Digits that a small term of
//! it has lost do not matter there.

mod blocks;
mod dense;
mod diagonal;
mod diagonals;
mod difference;
mod lanes;
mod panels;
mod part;
pub(crate) mod refined;
mod small;
mod square;
mod terms;

pub use terms::PairTerms;

use faer::ColRef;

use crate::columns::as_slice;
use crate::{CovarianceOperator, Error, FactorKind, Scalar, Workspace, validate};
use part::Part;

/// What is asked of a pair.
#[derive(Clone, Copy, Debug)]
enum Form<T> {
    /// [`divergence`], to be added to `beside`, which is not negative: no digit of it matters
    /// that is none of the sum.
    Divergence { beside: T },
    /// [`trace`].
    Trace,
}

impl<T: Scalar> Form<T> {
    #[inline(always)]
    fn is_divergence(self) -> bool {
        matches!(self, Self::Divergence { .. })
    }

    fn of_parts(
        self,
        p: Part<'_, T>,
        q: Part<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> Result<T, Error> {
        match self {
            Self::Divergence { beside } => divergence_of_parts(p, q, beside, workspace),
            Self::Trace => trace_of_parts(p, q, workspace),
        }
    }
}

/// `tr(Σ_q⁻¹ Σ_p) - n - ln det(Σ_q⁻¹ Σ_p)`: twice the covariance part of KL(p‖q).
///
/// Never negative, exactly 0 for equal covariances, `∞` where it overflows.
///
/// # Errors
///
/// [`Error::DimensionMismatch`]; [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`] where an operator breaks its contract.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{DiagonalCovariance, ScaledIdentity, Workspace, pair};
///
/// let p = DiagonalCovariance::new(&[1.0, 2.0])?;
/// let q = ScaledIdentity::new(2, 1.0)?;
/// let divergence = pair::divergence(&p, &q, &mut Workspace::new())?;
/// assert!((divergence - (1.0 - 2.0_f64.ln())).abs() < 1e-15);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
pub fn divergence<T: Scalar>(
    p: &(impl CovarianceOperator<T> + ?Sized),
    q: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    divergence_beside(T::zero(), p, q, workspace)
}

/// [`divergence`], to be added to `beside`, which is not negative: digits of it that do not
/// matter in the sum need not be right.
#[doc(hidden)]
pub fn divergence_beside<T: Scalar>(
    beside: T,
    p: &(impl CovarianceOperator<T> + ?Sized),
    q: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    validate::dimension("covariance q", p.dim(), q.dim())?;
    let form = Form::Divergence { beside };
    let value = form.of_parts(Part::of(&p)?, Part::of(&q)?, workspace)?;
    validate::representable("divergence of two covariances", value)
}

/// [`divergence`] plus `‖L_q⁻¹ (μ_p - μ_q)‖²`, twice KL(p‖q), where one pass over the numbers gives
/// both and the sum is finite: for diagonal covariances, dense ones of few coordinates, and blocks
/// that meet one to one.
#[doc(hidden)]
pub fn divergence_and_distance<T: Scalar>(
    mean_p: ColRef<'_, T>,
    p: &(impl CovarianceOperator<T> + ?Sized),
    mean_q: ColRef<'_, T>,
    q: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Option<T> {
    let means = [as_slice(mean_p)?, as_slice(mean_q)?];
    let n = q.dim();
    let part_p = Part::of_unchecked(&p);
    let part_q = Part::of_unchecked(&q);
    let dimensions = [p.dim(), part_p.dim(), part_q.dim()].into_iter();
    if dimensions.chain(means.map(<[T]>::len)).any(|dim| dim != n) {
        return None;
    }
    match (part_p.as_diagonal(), part_q.as_diagonal()) {
        (Some(v_p), Some(v_q)) => {
            diagonals::divergence_and_distance([&part_p, &part_q], [v_p, v_q], means)
        }
        (None, None) => small::divergence_and_distance(&part_p, &part_q, means)
            .or_else(|| blocks::divergence_and_distance(part_p, part_q, means, workspace)),
        _ => None,
    }
}

/// `tr(Σ_q⁻¹ Σ_p) = ‖L_q⁻¹ L_p‖_F²`.
///
/// # Errors
///
/// [`Error::DimensionMismatch`]; [`Error::AllocationFailed`];
/// [`Error::NotRepresentable`] where an operator breaks its contract.
///
/// # Examples
///
/// ```
/// use gaussx_operators::{DiagonalCovariance, ScaledIdentity, Workspace, pair};
///
/// let p = DiagonalCovariance::new(&[1.0, 2.0])?;
/// let q = ScaledIdentity::new(2, 0.5)?;
/// assert_eq!(pair::trace(&p, &q, &mut Workspace::new())?, 6.0);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
pub fn trace<T: Scalar>(
    p: &(impl CovarianceOperator<T> + ?Sized),
    q: &(impl CovarianceOperator<T> + ?Sized),
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    validate::dimension("covariance q", p.dim(), q.dim())?;
    let value = Form::Trace.of_parts(Part::of(&p)?, Part::of(&q)?, workspace)?;
    validate::representable("trace of two covariances", value)
}

fn divergence_of_parts<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    beside: T,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let form = Form::Divergence { beside };
    if let (Some(v_p), Some(v_q)) = (p.as_diagonal(), q.as_diagonal()) {
        return Ok(diagonals::divergence([&p, &q], [v_p, v_q]));
    }
    if blocks::split(p, q) {
        return blocks::sum(p, q, form, workspace);
    }
    if let Some(v_q) = q.as_diagonal() {
        return diagonal::divergence_from_diagonal(p, v_q, workspace);
    }
    if let Some(v_p) = p.as_diagonal() {
        return diagonal::divergence_of_diagonal(v_p, q, workspace);
    }
    if let Some(terms) = own_kind(p, q, workspace)? {
        return Ok(terms.divergence());
    }
    if let Some(value) = small::divergence(&p, &q, beside) {
        return Ok(value);
    }
    let near = near(q.dim());
    let looks_close = beside < near && difference::looks_close(p, q, workspace);
    if looks_close && let Some(exact) = difference::divergence(p, q, workspace)? {
        return Ok(exact);
    }
    let value = match dense::by_factors(p, q, form, workspace) {
        Some(value) => value,
        None => panels::divergence(p, q, workspace)?,
    };
    if looks_close || value + beside >= near {
        return Ok(value);
    }
    Ok(difference::divergence(p, q, workspace)?.unwrap_or(value))
}

fn trace_of_parts<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    if let Some(v_q) = q.as_diagonal() {
        return diagonal::trace_from_diagonal(p, v_q, workspace);
    }
    if blocks::split(p, q) {
        return blocks::sum(p, q, Form::Trace, workspace);
    }
    if let Some(v_p) = p.as_diagonal() {
        return diagonal::trace_of_diagonal(v_p, q, workspace);
    }
    if let Some(terms) = own_kind(p, q, workspace)? {
        return Ok(terms.trace());
    }
    if let Some(value) = small::trace(&p, &q) {
        return Ok(value);
    }
    match dense::by_factors(p, q, Form::Trace, workspace) {
        Some(value) => Ok(value),
        None => panels::trace(p, q, workspace),
    }
}

/// The divergence of `n` coordinates below which the matrices are subtracted before anything
/// is rounded.
///
/// The relative error of the factor form grows as `1 / √divergence`: by `√n / 4` at most above
/// this, and rounding errors of that many entries are farther below their bound.
#[inline(always)]
fn near<T: Scalar>(n: usize) -> T {
    T::of(16.0) / T::of_count(n.max(16))
}

fn own_kind<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<Option<PairTerms<T>>, Error> {
    match (p.factor.kind(), q.factor.kind()) {
        (FactorKind::Custom { factor: l_p }, FactorKind::Custom { factor: l_q }) => {
            l_q.meet(l_p, p.factor.scale() / q.factor.scale(), workspace)
        }
        _ => Ok(None),
    }
}
