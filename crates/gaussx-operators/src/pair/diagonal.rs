//! Meetings of a diagonal covariance and one that is not.

use super::diagonals;
use super::part::{Part, Variances};
use crate::special::{deviation_divergence, is_near_one, x_minus_ln_1p};
use crate::sum::sum_map;
use crate::{Error, FactorKind, Scalar, Workspace};

/// `q` diagonal: row `i` of `M` is row `i` of `L_p` over `√q_i`, hence the squared pivot
/// `1 + (p_ii - q_i - s_i) / q_i` and the rest of the row `s_i / q_i`.
pub(super) fn divergence_from_diagonal<T: Scalar>(
    p: Part<'_, T>,
    q: Variances<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    with_rows(p, workspace, |rows, _| {
        Ok(sum_map(rows.pivots.len(), |i| {
            let v = q.at(i);
            let below = rows.squares_below[i] / v;
            let excess = rows.squared_pivot_minus(i, v) / v;
            below + squared_pivot_term(excess, rows.pivots[i], v.sqrt())
        }))
    })
}

/// `p` diagonal: column `j` of `M` is column `j` of `L_q⁻¹` times `√p_j`.
pub(super) fn divergence_of_diagonal<T: Scalar>(
    p: Variances<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    with_rows(q, workspace, |rows, workspace| {
        let n = rows.pivots.len();
        workspace.with(n, 1, |inverse, workspace| {
            q.factor
                .inverse_squares_below_by_column_into(inverse, workspace)?;
            Ok(sum_map(n, |i| {
                let (v, pivot) = (p.at(i), rows.pivots[i]);
                let excess = -(rows.squared_pivot_minus(i, v) / pivot) / pivot;
                inverse[i] * v + squared_pivot_term(excess, v.sqrt(), pivot)
            }))
        })
    })
}

/// `q` diagonal: `Σ p_ii / q_i`.
pub(super) fn trace_from_diagonal<T: Scalar>(
    p: Part<'_, T>,
    q: Variances<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let n = p.dim();
    if let Some(v_p) = p.as_diagonal() {
        return Ok(diagonals::trace(n, [v_p, q]));
    }
    workspace.with(n, 1, |variances, _| {
        p.diag_into(variances)?;
        let (variances, scale) = (&*variances, T::one());
        let v_p = Variances::Each { variances, scale };
        Ok(diagonals::trace(n, [v_p, q]))
    })
}

/// `p` diagonal: `Σ p_j (Σ_q⁻¹)_jj`.
pub(super) fn trace_of_diagonal<T: Scalar>(
    p: Variances<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    let n = q.dim();
    workspace.with(2, n, |buffer, workspace| {
        let (inverse, pivots) = buffer.split_at_mut(n);
        q.factor.diag_into(pivots)?;
        q.factor
            .inverse_squares_below_by_column_into(inverse, workspace)?;
        Ok(sum_map(n, |j| {
            p.at(j) * (inverse[j] + (T::one() / pivots[j]) / pivots[j])
        }))
    })
}

/// `λ - 1 - ln λ` for the squared pivot `λ = 1 + excess = (a / b)²`.
fn squared_pivot_term<T: Scalar>(excess: T, a: T, b: T) -> T {
    if is_near_one(excess) {
        x_minus_ln_1p(excess)
    } else {
        deviation_divergence(a, b)
    }
}

/// What the rows of a factor add up to.
struct Rows<'a, T> {
    variances: &'a [T],
    pivots: &'a [T],
    squares_below: &'a [T],
    /// Whether the factor, not the matrix, was given: then the pivots are exact.
    factor_given: bool,
}

impl<T: Scalar> Rows<'_, T> {
    /// `L_ii² - v` without the rounding of `L_ii²`.
    fn squared_pivot_minus(&self, i: usize, v: T) -> T {
        if self.factor_given {
            num_traits::Float::mul_add(self.pivots[i], self.pivots[i], -v)
        } else {
            (self.variances[i] - v) - self.squares_below[i]
        }
    }
}

fn with_rows<T: Scalar, R>(
    part: Part<'_, T>,
    workspace: &mut Workspace<T>,
    f: impl FnOnce(Rows<'_, T>, &mut Workspace<T>) -> Result<R, Error>,
) -> Result<R, Error> {
    let n = part.dim();
    workspace.with(3, n, |buffer, workspace| {
        let (variances, rest) = buffer.split_at_mut(n);
        let (pivots, squares_below) = rest.split_at_mut(n);
        part.diag_into(variances)?;
        part.factor.diag_into(pivots)?;
        part.factor
            .squares_below_by_row_into(squares_below, workspace)?;
        let dense = matches!(part.factor.kind(), FactorKind::Dense { .. });
        let rows = Rows {
            variances,
            pivots,
            squares_below,
            factor_given: dense && part.factor.entries().is_none(),
        };
        f(rows, workspace)
    })
}
