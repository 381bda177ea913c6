//! Two diagonal covariances: sums over coordinates of functions of `λ_i = p_i / q_i`, the ratio of
//! their variances.

use core::marker::PhantomData;

use super::part::{Part, Variances};
use crate::fused::multiply_add;
use crate::special::{
    close_variance_divergence_or_nan, variance_divergence, variance_divergence_or_nan,
};
use crate::sum::{Term, sum_map, sum_terms};
use crate::{CompensatedSum, Scalar};

/// `Σ (λ_i - 1 - ln λ_i)`.
pub(super) fn divergence<T: Scalar>(
    parts: [&Part<'_, T>; 2],
    variances: [Variances<'_, T>; 2],
) -> T {
    let n = parts[0].dim();
    let [v_p, v_q] = variances;
    if let [Variances::Constant(p), Variances::Constant(q)] = variances {
        return T::of_count(n) * variance_divergence(p, q);
    }
    let sum = divergence_or_nan(parts, Coordinates::new(n, variances));
    if sum.is_nan() {
        // Some ratio is out of range: its logarithm may not be.
        return sum_map(n, |i| variance_divergence(v_p.at(i), v_q.at(i)));
    }
    sum
}

/// `Σ (λ_i - 1 - ln λ_i + (x_i - y_i)² / q_i)` of means `x` and `y`, where a side has more than one
/// variance and the sum is finite.
pub(super) fn divergence_and_distance<T: Scalar>(
    parts: [&Part<'_, T>; 2],
    variances: [Variances<'_, T>; 2],
    means: [&[T]; 2],
) -> Option<T> {
    if matches!(variances, [Variances::Constant(_), Variances::Constant(_)]) {
        return None;
    }
    let coordinates = Coordinates {
        n: parts[0].dim(),
        variances,
        means: Some(means),
    };
    let sum = divergence_or_nan(parts, coordinates);
    sum.is_finite().then_some(sum)
}

/// `Σ λ_i` of `n` coordinates.
pub(super) fn trace<T: Scalar>(n: usize, variances: [Variances<'_, T>; 2]) -> T {
    Coordinates::new(n, variances).sum::<Ratio>()
}

/// The sum by the fastest of three formulas that keeps its digits, NaN where a coordinate is out
/// of its range.
fn divergence_or_nan<T: Scalar>(parts: [&Part<'_, T>; 2], coordinates: Coordinates<'_, T>) -> T {
    if coordinates.n >= MANY {
        // What a few of them say is true of most.
        let few = Coordinates {
            n: FEW,
            ..coordinates
        };
        let is_far = |sum: T, n: usize| sum >= T::of(FAR) * T::of_count(n);
        if is_far(few.sum::<Divergence>(), FEW)
            && let Some(sum) = divergence_by_logarithms(parts, coordinates)
            && is_far(sum, coordinates.n)
            && sum.is_finite()
        {
            return sum;
        }
        if !few.sum::<Close>().is_nan() {
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
    [p, q]: [&Part<'_, T>; 2],
    coordinates: Coordinates<'_, T>,
) -> Option<T> {
    let (ln_p, ln_q) = (p.factor.logarithm()?, q.factor.logarithm()?);
    let mut sum = CompensatedSum::new();
    sum.add(coordinates.sum::<Excess>());
    ln_q.minus(ln_p).add_to(&mut sum);
    Some(sum.value())
}

/// Coordinates for which it saves time to try a few.
const MANY: usize = 256;

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
    fn new(n: usize, variances: [Variances<'a, T>; 2]) -> Self {
        Self {
            n,
            variances,
            means: None,
        }
    }

    /// The sum of a function of all.
    fn sum<F: OfCoordinate<T>>(&self) -> T {
        use Variances::{Constant, Each};
        debug_assert!(
            self.means.is_none() || !matches!(self.variances, [Constant(_), Constant(_)]),
            "two variances for all have no slices beside which means are read"
        );
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
