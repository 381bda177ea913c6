//! Meetings of which one side at least is diagonal.

use core::marker::PhantomData;

use super::part::{Part, Variances};
use crate::special::{
    deviation_divergence, is_near_one, variance_divergence, variance_divergence_or_nan,
    x_minus_ln_1p,
};
use crate::sum::{Term, sum_map, sum_terms};
use crate::{CompensatedSum, Error, FactorKind, Scalar, Workspace};

/// Both sides diagonal: `Σ (λ_i - 1 - ln λ_i)`, `λ_i` the ratio of the variances.
pub(super) fn divergence_of_two<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    variances: [Variances<'_, T>; 2],
) -> T {
    let n = q.dim();
    let [v_p, v_q] = variances;
    if let [Variances::Constant(p), Variances::Constant(q)] = variances {
        return T::of_count(n) * variance_divergence(p, q);
    }
    if let Some(sum) = divergence_of_far(p, q, variances) {
        return sum;
    }
    let sum = sum_over::<T, Divergence>(n, v_p, v_q);
    if sum.is_nan() {
        // Some ratio is out of range: its logarithm may not be.
        return sum_map(n, |i| variance_divergence(v_p.at(i), v_q.at(i)));
    }
    sum
}

/// `Σ (λ_i - 1) - ln det Σ_p + ln det Σ_q`, where both logarithms are at hand and the
/// difference keeps its digits.
fn divergence_of_far<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    variances: [Variances<'_, T>; 2],
) -> Option<T> {
    let n = q.dim();
    if n < MANY {
        return None;
    }
    let (ln_p, ln_q) = (p.factor.logarithm()?, q.factor.logarithm()?);
    let [v_p, v_q] = variances;
    // What a few of them say is true of most.
    if sum_over::<T, Divergence>(FEW, v_p, v_q) < T::of(FAR) * T::of_count(FEW) {
        return None;
    }
    let mut sum = CompensatedSum::new();
    sum.add(sum_over::<T, Excess>(n, v_p, v_q));
    ln_q.minus(ln_p).add_to(&mut sum);
    let sum = sum.value();
    (sum >= T::of(FAR) * T::of_count(n)).then_some(sum)
}

/// Coordinates for which it saves time to try a few.
const MANY: usize = 1024;

/// Ratios that are tried before all are.
const FEW: usize = 64;

/// The divergence per coordinate from which twenty units in the last place bound the rounding
/// of its difference form, if every rounding errs the same way: three units for each
/// `|λ_i - 1|`, half of one for the two logarithms of a coordinate, half of one for the sum.
///
/// That is so because `λ - 1 - ln λ >= |λ - 1| / 2 - 0.193`.
const FAR: f64 = 0.13;

/// A function of a variance of `p` and one of `q`.
trait OfVariances<T>: Sync {
    fn of<const FUSED: bool>(p: T, q: T) -> T;
}

/// `λ - 1 - ln λ`, or NaN where `λ` is not a normal number.
struct Divergence;

impl<T: Scalar> OfVariances<T> for Divergence {
    #[inline(always)]
    fn of<const FUSED: bool>(p: T, q: T) -> T {
        variance_divergence_or_nan::<T, FUSED>(p, q)
    }
}

/// `λ - 1`.
struct Excess;

impl<T: Scalar> OfVariances<T> for Excess {
    #[inline(always)]
    fn of<const FUSED: bool>(p: T, q: T) -> T {
        (p - q) / q
    }
}

/// `λ`.
struct Ratio;

impl<T: Scalar> OfVariances<T> for Ratio {
    #[inline(always)]
    fn of<const FUSED: bool>(p: T, q: T) -> T {
        p / q
    }
}

/// The sum of a function of the first `n` variances of both sides.
fn sum_over<T: Scalar, F: OfVariances<T>>(n: usize, p: Variances<'_, T>, q: Variances<'_, T>) -> T {
    use Variances::{Constant, Each};
    match (p, q) {
        (Constant(p), Constant(q)) => T::of_count(n) * F::of::<false>(p, q),
        (Constant(p), Each { variances, scale }) => sum_terms(
            [&variances[..n]],
            &Pair::<F, _>::new(|[q]: [T; 1]| [p, scale * q]),
        ),
        (Each { variances, scale }, Constant(q)) => sum_terms(
            [&variances[..n]],
            &Pair::<F, _>::new(|[p]: [T; 1]| [scale * p, q]),
        ),
        (
            Each { variances, scale },
            Each {
                variances: of_q,
                scale: by,
            },
        ) => {
            let slices = [&variances[..n], &of_q[..n]];
            sum_terms(
                slices,
                &Pair::<F, _>::new(|[p, q]: [T; 2]| [scale * p, by * q]),
            )
        }
    }
}

/// `F` of the pair that `G` makes of the numbers of some slices: a type of its own, as long
/// formulas are.
struct Pair<F, G>(G, PhantomData<F>);

impl<F, G> Pair<F, G> {
    fn new(pair: G) -> Self {
        Self(pair, PhantomData)
    }
}

impl<T, F, G, const K: usize> Term<T, K> for Pair<F, G>
where
    T: Scalar,
    F: OfVariances<T>,
    G: Fn([T; K]) -> [T; 2],
{
    #[inline(always)]
    fn at<const FUSED: bool>(&self, x: [T; K]) -> T {
        let [p, q] = (self.0)(x);
        F::of::<FUSED>(p, q)
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
    if let Some(v_p) = p.as_diagonal() {
        return Ok(sum_over::<T, Ratio>(n, v_p, q));
    }
    workspace.with(n, 1, |variances, _| {
        p.diag_into(variances)?;
        let (variances, scale) = (&*variances, T::one());
        let v_p = Variances::Each { variances, scale };
        Ok(sum_over::<T, Ratio>(n, v_p, q))
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
