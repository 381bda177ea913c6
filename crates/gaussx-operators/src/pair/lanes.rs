//! Pairs of small dense blocks, side by side: the factor form of [`small`](super::small) for
//! sixteen pairs at once.

use super::Form;
use super::part::Part;
use crate::Scalar;
use crate::blocks::Blocks;
use crate::fused::{is_fused, mul_add};
use crate::lanes::{LANES, Lanes, Triangles, small_dense};
use crate::special::deviation_divergence_or_nan;

/// What `form` says of the pairs `first ..`, or `false` where they are not all dense, small
/// and of one size. NaN where some ratio of pivots is out of range.
pub(super) fn fill<T: Scalar>(
    p: (Part<'_, T>, &dyn Blocks<T>),
    q: (Part<'_, T>, &dyn Blocks<T>),
    first: usize,
    form: Form,
    out: &mut [T],
) -> bool {
    let size = q.1.block(first).dim();
    if out.len() < 2 || !is_fused() {
        return false;
    }
    match size {
        2..=8 => fill_within::<T, 8>(p, q, first, form, out),
        9..=16 => fill_within::<T, 16>(p, q, first, form, out),
        _ => false,
    }
}

fn fill_within<T: Scalar, const N: usize>(
    (p, blocks_p): (Part<'_, T>, &dyn Blocks<T>),
    (q, blocks_q): (Part<'_, T>, &dyn Blocks<T>),
    first: usize,
    form: Form,
    out: &mut [T],
) -> bool {
    let (mut of_p, mut of_q) = (Triangles::<T, N>::zero(), Triangles::<T, N>::zero());
    let n = blocks_q.block(first).dim();
    for lane in 0..out.len() {
        for (side, blocks, into) in [(&p, blocks_p, &mut of_p), (&q, blocks_q, &mut of_q)] {
            let factor = blocks.block(first + lane).cholesky();
            match small_dense(factor.scaled(side.factor.scale())) {
                Some((l, deviation)) if l.nrows() == n => into.set(lane, l, deviation),
                _ => return false,
            }
        }
    }
    let values = pulp::Arch::new().dispatch(ByFactors {
        p: &mut of_p,
        q: &of_q,
        n,
        form,
    });
    out.copy_from_slice(&values[..out.len()]);
    true
}

struct ByFactors<'a, T, const N: usize> {
    p: &'a mut Triangles<T, N>,
    q: &'a Triangles<T, N>,
    n: usize,
    form: Form,
}

impl<T: Scalar, const N: usize> pulp::NullaryFnOnce for ByFactors<'_, T, N> {
    type Output = Lanes<T>;

    #[inline(always)]
    fn call(self) -> Lanes<T> {
        let Self { p, q, n, form } = self;
        let mut values = [T::zero(); LANES];
        let mut reciprocals = [[T::zero(); LANES]; N];
        for i in 0..n {
            let (a, b) = (p.columns[i][i], q.columns[i][i]);
            for lane in 0..LANES {
                reciprocals[i][lane] = T::one() / b[lane];
            }
            if form == Form::Divergence {
                for lane in 0..LANES {
                    values[lane] += deviation_divergence_or_nan(a[lane], b[lane]);
                }
            }
        }
        for k in 0..n {
            let x = &mut p.columns[k][..n];
            if form == Form::Divergence {
                for (entry, other) in x[k..].iter_mut().zip(&q.columns[k][k..n]) {
                    for lane in 0..LANES {
                        entry[lane] -= other[lane];
                    }
                }
            }
            for i in k..n {
                let mut value = x[i];
                for j in k..i {
                    for lane in 0..LANES {
                        value[lane] = mul_add(-q.columns[j][i][lane], x[j][lane], value[lane]);
                    }
                }
                for lane in 0..LANES {
                    value[lane] *= reciprocals[i][lane];
                }
                x[i] = value;
                if i > k || form == Form::Trace {
                    for lane in 0..LANES {
                        values[lane] = mul_add(value[lane], value[lane], values[lane]);
                    }
                }
            }
        }
        values
    }
}
