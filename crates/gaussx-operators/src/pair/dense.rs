//! The factor form of two dense covariances.

use super::Form;
use super::part::Part;
use crate::kernel::{self, Factor, OfEntries};
use crate::special::{deviation_divergence, deviation_divergence_or_nan};
use crate::sum::{Term, sum_map, sum_terms};
use crate::{CompensatedSum, Scalar, Workspace};

/// What `form` says of two dense covariances; `None` where one is not, its columns are not
/// contiguous, or there is no scratch.
pub(super) fn by_factors<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    form: Form<T>,
    workspace: &mut Workspace<T>,
) -> Option<T> {
    let (l_p, l_q) = (factor(p)?, factor(q)?);
    let n = l_q.l.nrows();
    let value = workspace.with_any(n, 3, |numbers, workspace| {
        let (squares, pivots) = numbers.split_at_mut(n);
        let mut total = CompensatedSum::new();
        match form {
            Form::Trace => {
                let deviation = l_p.deviation;
                let factor = OfEntries {
                    matrices: [l_p.l],
                    of: move |[p]: [T; 1]| deviation * p,
                };
                kernel::squares_into(l_q, &factor, true, 0, squares, workspace)?;
            }
            Form::Divergence { .. } => {
                let (of_p, of_q) = (l_p.deviation, l_q.deviation);
                let difference = OfEntries {
                    matrices: [l_p.l, l_q.l],
                    of: move |[p, q]: [T; 2]| of_p * p - of_q * q,
                };
                kernel::squares_into(l_q, &difference, false, 0, squares, workspace)?;
                let (of_p, of_q) = pivots.split_at_mut(n);
                p.factor.diag_into(of_p)?;
                q.factor.diag_into(of_q)?;
                total.add(divergence_of_pivots(of_p, of_q));
            }
        }
        for &sum in &*squares {
            total.add(sum);
        }
        Ok(total.value())
    });
    value.ok()
}

fn factor<T: Scalar>(part: Part<'_, T>) -> Option<Factor<'_, T>> {
    let (l, deviation) = part.factor.contiguous_dense()?;
    Some(Factor { l, deviation })
}

/// `Σ φ(e_i)`, by the pivots of `L_p` and `L_q`.
fn divergence_of_pivots<T: Scalar>(of_p: &[T], of_q: &[T]) -> T {
    let sum = sum_terms([of_p, of_q], &OfPivots);
    if sum.is_nan() {
        // Some ratio is out of range: its logarithm may not be.
        return sum_map(of_q.len(), |i| deviation_divergence(of_p[i], of_q[i]));
    }
    sum
}

struct OfPivots;

impl<T: Scalar> Term<T, 2> for OfPivots {
    #[inline(always)]
    fn at<const FUSED: bool>(&self, [a, b]: [T; 2]) -> T {
        if FUSED {
            deviation_divergence_or_nan::<T, true>(a, b, T::one() / b)
        } else {
            deviation_divergence(a, b)
        }
    }
}
