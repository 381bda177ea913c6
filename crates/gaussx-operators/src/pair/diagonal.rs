//! Meetings of which one side at least is diagonal.

use core::marker::PhantomData;

use super::part::{Part, Variances};
use crate::fused::multiply_add;
use crate::special::{
    close_variance_divergence_or_nan, deviation_divergence, is_near_one, variance_divergence,
    variance_divergence_or_nan, x_minus_ln_1p,
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
    let coordinates = Coordinates {
        n,
        variances,
        means: None,
    };
    let sum = divergence_or_nan([p, q], coordinates);
    if sum.is_nan() {
        // Some ratio is out of range: its logarithm may not be.
        return sum_map(n, |i| variance_divergence(v_p.at(i), v_q.at(i)));
    }
    sum
}

/// Both sides diagonal: `Σ (λ_i - 1 - ln λ_i + (x_i - y_i)² / q_i)`, where that is a number and one
/// pass over many coordinates gives it.
pub(super) fn divergence_and_distance_of_two<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    means: [&[T]; 2],
) -> Option<T> {
    let n = q.dim();
    if p.dim() != n || means.iter().any(|mean| mean.len() != n) {
        return None;
    }
    let variances = [p.as_diagonal()?, q.as_diagonal()?];
    if matches!(variances, [Variances::Constant(_), Variances::Constant(_)]) {
        return None;
    }
    let coordinates = Coordinates {
        n,
        variances,
        means: Some(means),
    };
    let sum = divergence_or_nan([p, q], coordinates);
    sum.is_finite().then_some(sum)
}

/// The sum by the fastest of three formulas that keeps its digits, NaN where a coordinate is out
/// of its range.
fn divergence_or_nan<T: Scalar>(parts: [Part<'_, T>; 2], coordinates: Coordinates<'_, T>) -> T {
    if are_many(coordinates.n) {
        // What a few of them say is true of most.
        let few = Coordinates {
            n: FEW,
            ..coordinates
        };
        let close = few.sum::<Close>();
        let is_far = |sum: T, n: usize| sum >= T::of(FAR) * T::of_count(n);
        if is_far(few.sum::<Divergence>(), FEW)
            && let Some(sum) = divergence_by_logarithms(parts, coordinates)
            && is_far(sum, coordinates.n)
        {
            return sum;
        }
        if !close.is_nan() {
            let sum = coordinates.sum::<Close>();
            if !sum.is_nan() {
                return sum;
            }
        }
    }
    coordinates.sum::<Divergence>()
}

/// `Σ (λ_i - 1) - ln det Σ_p + ln det Σ_q`, where both logarithms are at hand.
fn divergence_by_logarithms<T: Scalar>(
    [p, q]: [Part<'_, T>; 2],
    coordinates: Coordinates<'_, T>,
) -> Option<T> {
    let (ln_p, ln_q) = (p.factor.logarithm()?, q.factor.logarithm()?);
    let mut sum = CompensatedSum::new();
    sum.add(coordinates.sum::<Excess>());
    ln_q.minus(ln_p).add_to(&mut sum);
    Some(sum.value())
}

/// Whether it saves time to try a few of `n` coordinates.
pub(super) const fn are_many(n: usize) -> bool {
    n >= 4 * FEW
}

/// Coordinates that are tried before all are.
const FEW: usize = 64;

/// The sum per coordinate from which twenty-two units in the last place bound the rounding of the
/// difference of logarithms, if every rounding errs the same way: three and a half units for each
/// `|λ_i - 1|`, half of one for the two logarithms of a coordinate, half of one for the sum.
///
/// That is so because `λ - 1 - ln λ >= |λ - 1| / 2 - 0.193`. The distance of the means adds to the
/// sum, and is rounded less.
const FAR: f64 = 0.13;

/// A function of the variances `p` and `q` of a coordinate, to which some add the square of what
/// its means differ by over `q`.
trait OfCoordinate<T>: Sync {
    fn of<const FUSED: bool>(p: T, q: T, shift: Option<T>) -> T;
}

/// `λ - 1 - ln λ` and the distance, or NaN where `λ` is not a normal number.
struct Divergence;

impl<T: Scalar> OfCoordinate<T> for Divergence {
    #[inline(always)]
    fn of<const FUSED: bool>(p: T, q: T, shift: Option<T>) -> T {
        let divergence = variance_divergence_or_nan::<T, FUSED>(p, q);
        shift.map_or(divergence, |shift| divergence + shift * (shift / q))
    }
}

/// [`Divergence`] where `½ <= λ <= 2`, NaN elsewhere.
struct Close;

impl<T: Scalar> OfCoordinate<T> for Close {
    #[inline(always)]
    fn of<const FUSED: bool>(p: T, q: T, shift: Option<T>) -> T {
        let (divergence, inverse) = close_variance_divergence_or_nan::<T, FUSED>(p, q);
        shift.map_or(divergence, |shift| {
            multiply_add::<T, FUSED>(shift, shift * inverse, divergence)
        })
    }
}

/// `λ - 1` and the distance.
struct Excess;

impl<T: Scalar> OfCoordinate<T> for Excess {
    #[inline(always)]
    fn of<const FUSED: bool>(p: T, q: T, shift: Option<T>) -> T {
        // Four times `1 / q`: a normal number also where `1 / q` is below them.
        let inverse = T::of(4.0) / q;
        let excess = (p - q) * inverse;
        let sum = shift.map_or(excess, |shift| {
            multiply_add::<T, FUSED>(shift, shift * inverse, excess)
        });
        T::of(0.25) * sum
    }
}

/// `λ`.
struct Ratio;

impl<T: Scalar> OfCoordinate<T> for Ratio {
    #[inline(always)]
    fn of<const FUSED: bool>(p: T, q: T, _: Option<T>) -> T {
        p / q
    }
}

/// The variances of two sides, and their means where the distance of these is asked for.
#[derive(Clone, Copy)]
struct Coordinates<'a, T> {
    n: usize,
    variances: [Variances<'a, T>; 2],
    /// None where both sides have one variance for all.
    means: Option<[&'a [T]; 2]>,
}

impl<'a, T: Scalar> Coordinates<'a, T> {
    /// The sum of a function of all.
    fn sum<F: OfCoordinate<T>>(&self) -> T {
        use Variances::{Constant, Each};
        match self.variances {
            [Constant(p), Constant(q)] => T::of_count(self.n) * F::of::<false>(p, q, None),
            [Constant(p), Each { variances, scale }] => {
                self.sum_over::<F>([variances, variances], |_, q| [p, scale * q])
            }
            [Each { variances, scale }, Constant(q)] => {
                self.sum_over::<F>([variances, variances], |p, _| [scale * p, q])
            }
            [
                Each { variances, scale },
                Each {
                    variances: of_q,
                    scale: by,
                },
            ] => self.sum_over::<F>([variances, of_q], |p, q| [scale * p, by * q]),
        }
    }

    /// [`sum`](Self::sum) of what `variances` makes of the numbers of two slices.
    fn sum_over<F: OfCoordinate<T>>(
        &self,
        slices: [&'a [T]; 2],
        variances: impl Fn(T, T) -> [T; 2] + Sync,
    ) -> T {
        let first = |x: &'a [T]| &x[..self.n];
        let [p, q] = slices.map(first);
        match self.means.map(|means| means.map(first)) {
            None => sum_terms(
                [p, q],
                &Of::<F, _>::new(|[p, q]: [T; 2]| (variances(p, q), None)),
            ),
            Some([x, y]) => sum_terms(
                [p, q, x, y],
                &Of::<F, _>::new(|[p, q, x, y]: [T; 4]| (variances(p, q), Some(x - y))),
            ),
        }
    }
}

/// `F` of the variances and the shift that `G` makes of the numbers of some slices: a type of its
/// own, as long formulas are.
struct Of<F, G>(G, PhantomData<F>);

impl<F, G> Of<F, G> {
    fn new(coordinate: G) -> Self {
        Self(coordinate, PhantomData)
    }
}

impl<T, F, G, const K: usize> Term<T, K> for Of<F, G>
where
    T: Scalar,
    F: OfCoordinate<T>,
    G: Fn([T; K]) -> ([T; 2], Option<T>),
{
    #[inline(always)]
    fn at<const FUSED: bool>(&self, x: [T; K]) -> T {
        let ([p, q], shift) = (self.0)(x);
        F::of::<FUSED>(p, q, shift)
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
    let ratios = |p: Variances<'_, T>| {
        let coordinates = Coordinates {
            n,
            variances: [p, q],
            means: None,
        };
        coordinates.sum::<Ratio>()
    };
    if let Some(v_p) = p.as_diagonal() {
        return Ok(ratios(v_p));
    }
    workspace.with(n, 1, |variances, _| {
        p.diag_into(variances)?;
        let (variances, scale) = (&*variances, T::one());
        Ok(ratios(Variances::Each { variances, scale }))
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
