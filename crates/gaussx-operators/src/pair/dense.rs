//! The factor form of two dense covariances.

use super::Form;
use super::part::Part;
use crate::columns::as_slice;
use crate::kernel::{self, Factor, LowerColumns, each_of_four, four};
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
            Form::Trace => kernel::squares_into(l_q, &Columns(l_p), true, 0, squares, workspace)?,
            Form::Divergence { .. } => {
                let difference = Difference { p: l_p, q: l_q };
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

/// The columns of `L_p`.
struct Columns<'a, T>(Factor<'a, T>);

impl<T: Scalar> LowerColumns<T> for Columns<'_, T> {
    #[inline(always)]
    fn column(&self, j: usize) -> impl Fn(usize) -> [T; 4] {
        let Factor { l, deviation } = self.0;
        let column = as_slice(l.col(j)).unwrap_or_default();
        move |row| {
            let entries = four(column, row);
            each_of_four(|k| deviation * entries[k])
        }
    }
}

/// The columns of `L_p - L_q`.
struct Difference<'a, T> {
    p: Factor<'a, T>,
    q: Factor<'a, T>,
}

impl<T: Scalar> LowerColumns<T> for Difference<'_, T> {
    #[inline(always)]
    fn column(&self, j: usize) -> impl Fn(usize) -> [T; 4] {
        let Self { p, q } = self;
        let of_p = as_slice(p.l.col(j)).unwrap_or_default();
        let of_q = as_slice(q.l.col(j)).unwrap_or_default();
        move |row| {
            let (a, b) = (four(of_p, row), four(of_q, row));
            each_of_four(|k| p.deviation * a[k] - q.deviation * b[k])
        }
    }
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
