//! Meetings of which one side at least is diagonal.

use super::part::{Part, Variances};
use crate::products::{PRODUCT, RatioSums, ratio_sums};
use crate::special::{
    deviation_divergence, is_near_one, near_one, variance_divergence, variance_divergence_or_nan,
};
use crate::sum::{Term, sum_blocks, sum_map, sum_slices, sum_terms};
use crate::{CompensatedSum, Error, FactorKind, Scalar, Workspace};

/// Both sides diagonal: `Σ (λ_i - 1 - ln λ_i)`, `λ_i` the ratio of the variances.
pub(super) fn divergence_of_two<T: Scalar>(
    n: usize,
    p: Variances<'_, T>,
    q: Variances<'_, T>,
) -> T {
    let sum = match (p, q) {
        (Variances::Constant(p), Variances::Constant(q)) => {
            return T::of_count(n) * variance_divergence(p, q);
        }
        (Variances::Constant(p), Variances::Each { variances, scale }) => {
            sum_of_ratios([variances], |[q]| [p, scale * q])
        }
        (Variances::Each { variances, scale }, Variances::Constant(q)) => {
            sum_of_ratios([variances], |[p]| [scale * p, q])
        }
        (
            Variances::Each { variances, scale },
            Variances::Each {
                variances: v_q,
                scale: by,
            },
        ) => sum_of_ratios([variances, v_q], |[p, q]| [scale * p, by * q]),
    };
    if sum.is_nan() {
        // Some ratio is out of range: its logarithm may not be.
        return sum_map(n, |i| variance_divergence(p.at(i), q.at(i)));
    }
    sum
}

/// `Σ (λ_i - 1 - ln λ_i)` for the ratios of `pair(x_1i, .., x_Ki)`; NaN where one of them is
/// not a normal number.
fn sum_of_ratios<T: Scalar, const K: usize>(
    slices: [&[T]; K],
    pair: impl Fn([T; K]) -> [T; 2] + Sync,
) -> T {
    let n = slices[0].len();
    let ratio = |x: [T; K]| {
        let [p, q] = pair(x);
        p / q
    };
    let sum = sum_blocks(n, |range| {
        let mut total = CompensatedSum::new();
        for start in range.clone().step_by(PRODUCT) {
            let part = slices.map(|x| &x[start..range.end.min(start + PRODUCT)]);
            match sum_of_far_ratios(part, &ratio) {
                Some(sum) => total.merge(sum),
                None => total.add(sum_terms(part, &Divergence(&pair))),
            }
        }
        total
    });
    sum.value()
}

/// `Σ (λ_i - 1) - Σ ln λ_i`, the logarithms by a product, where the difference keeps its
/// digits.
fn sum_of_far_ratios<T: Scalar, const K: usize>(
    slices: [&[T]; K],
    ratio: &impl Fn([T; K]) -> T,
) -> Option<CompensatedSum<T>> {
    let n = slices[0].len();
    if n < 2 * FEW {
        return None;
    }
    // What a few of them say is true of most.
    if !is_far(FEW, &ratio_sums(slices.map(|x| &x[..FEW]), ratio)?) {
        return None;
    }
    let all = ratio_sums(slices, ratio)?;
    is_far(n, &all).then(|| all.divergence())
}

/// Ratios that are tried before all are.
const FEW: usize = 64;

/// What the sum may lose, in `ε` of itself, if every rounding errs the same way.
const LOSS: f64 = 6.0;

/// Whether [`LOSS`] bounds the rounding: each `λ` is the exact ratio of variances half a unit
/// away, which moves its term by `|λ - 1| ε / 2`, subtracting 1 as much again; the product
/// of the `λ` is off by less than half a unit for each.
fn is_far<T: Scalar>(n: usize, sums: &RatioSums<T>) -> bool {
    let roundings = sums.magnitude + T::of_count(n) / T::of(2.0);
    roundings <= T::of(LOSS) * sums.divergence().value()
}

/// One term of the sum, as a type of its own.
struct Divergence<'a, F>(&'a F);

impl<T: Scalar, F: Fn([T; K]) -> [T; 2], const K: usize> Term<T, K> for Divergence<'_, F> {
    #[inline(always)]
    fn at(&self, x: [T; K]) -> T {
        let [p, q] = (self.0)(x);
        variance_divergence_or_nan(p, q)
    }
}

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
    match (p.as_diagonal(), q) {
        (Some(Variances::Constant(p)), Variances::Constant(q)) => Ok(T::of_count(n) * (p / q)),
        (
            Some(Variances::Each { variances, scale }),
            Variances::Each {
                variances: v_q,
                scale: by,
            },
        ) => Ok(sum_slices([variances, v_q], |[p, q]| {
            (scale * p) / (by * q)
        })),
        (Some(p), q) => Ok(sum_map(n, |i| p.at(i) / q.at(i))),
        (None, q) => workspace.with(n, 1, |variances, _| {
            p.diag_into(variances)?;
            Ok(sum_map(n, |i| variances[i] / q.at(i)))
        }),
    }
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
        near_one(excess)
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
