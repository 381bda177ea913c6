//! Meetings that fall apart into smaller ones.

use core::ops::Range;

use faer::ColRef;

use super::lanes::{self, Place, Side};
use super::part::{BlockRun, Part};
use super::{Form, near};
use crate::blocks::{Blocks, for_each_block};
use crate::columns::read_ahead;
use crate::lanes::LANES;
use crate::{CompensatedSum, Error, Scalar, Workspace, parallel};

/// Whether both sides have a boundary in common, or one is diagonal and splits anywhere.
pub(super) fn split<T: Scalar>(p: Part<'_, T>, q: Part<'_, T>) -> bool {
    match (p.as_blocks(), q.as_blocks()) {
        (Some(p), Some(q)) => {
            let mut segments = Segments::new(p, q);
            // One segment of one block each is no smaller, but its inner structure is.
            match segments.next() {
                Some((run_p, run_q)) => {
                    segments.next().is_some() || (run_p.len() == 1 && run_q.len() == 1)
                }
                None => true,
            }
        }
        (Some(_), None) => q.as_diagonal().is_some(),
        (None, Some(_)) => p.as_diagonal().is_some(),
        (None, None) => false,
    }
}

/// The sum of what `form` says of the smallest parts that both sides have in common.
pub(super) fn sum<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    form: Form<T>,
    workspace: &mut Workspace<T>,
) -> Result<T, Error> {
    if let Some(aligned) = Aligned::of(p, q, form) {
        return workspace.with_any(aligned.count, 1, |values, workspace| {
            if let Form::Divergence { beside } = form {
                // Errors of blocks that are close do not matter in a sum that is not.
                let by_factors = aligned.by_factors().sum(values, workspace)?;
                if by_factors + beside >= near(aligned.size) {
                    return Ok(by_factors);
                }
            }
            aligned.sum(values, workspace)
        });
    }
    let mut total = CompensatedSum::new();
    for_each_meeting(p, q, |p, q| {
        total.add(form.of_parts(p, q, workspace)?);
        Ok(())
    })?;
    Ok(total.value())
}

/// The divergence of blocks that meet one to one, and the distance of `means`: `None` where the
/// sum is close to 0, or something is to be said in an error.
pub(super) fn divergence_and_distance<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    means: [&[T]; 2],
    workspace: &mut Workspace<T>,
) -> Option<T> {
    let means = Means {
        of: means,
        blocks: q.as_blocks()?,
        scale: q.factor.scale(),
    };
    let form = Form::Divergence { beside: T::zero() };
    let aligned = Aligned {
        means: Some(means),
        ..Aligned::of(p, q, form)?.by_factors()
    };
    let sum = workspace.with_any(aligned.count, 1, |values, workspace| {
        aligned.sum(values, workspace)
    });
    sum.ok()
        .filter(|&sum| sum >= near(aligned.size) && sum.is_finite())
}

/// The means of two sides, and the blocks that say how far they are apart.
#[derive(Clone, Copy)]
struct Means<'a, T: Scalar> {
    of: [&'a [T]; 2],
    blocks: &'a dyn Blocks<T>,
    scale: T,
}

impl<T: Scalar> Means<'_, T> {
    /// `‖L⁻¹ (x - y)‖²` of one block and the coordinates that it covers.
    fn distance(
        &self,
        index: usize,
        range: Range<usize>,
        workspace: &mut Workspace<T>,
    ) -> Result<T, Error> {
        let [x, y] = self.of.map(|mean| ColRef::from_slice(&mean[range.clone()]));
        let mut form = [T::zero()];
        let block = self.blocks.block(index);
        block.quadratic_forms_into(x.as_mat(), Some(y), &mut form, workspace)?;
        Ok(form[0] / self.scale)
    }
}

/// Two sides whose blocks meet one to one, and what is asked of them.
#[derive(Clone, Copy)]
struct Aligned<'a, T: Scalar> {
    p: Side<'a, T>,
    q: Side<'a, T>,
    /// Those of one side: the other's are as many and as large, or it is diagonal.
    blocks: &'a dyn Blocks<T>,
    count: usize,
    /// The mean dimension of a block.
    size: usize,
    form: Form<T>,
    /// Those whose distance is added.
    means: Option<Means<'a, T>>,
}

impl<'a, T: Scalar> Aligned<'a, T> {
    fn of(p: Part<'a, T>, q: Part<'a, T>, form: Form<T>) -> Option<Self> {
        let blocks = p.as_blocks().or(q.as_blocks())?;
        let count = blocks.count();
        if let (Some(p), Some(q)) = (p.as_blocks(), q.as_blocks()) {
            let same = |b| p.block_dim(b) == q.block_dim(b);
            if p.count() != q.count() || !(0..count).all(same) {
                return None;
            }
        }
        Some(Self {
            p: side(p)?,
            q: side(q)?,
            blocks,
            count,
            size: q.dim() / count.max(1),
            form,
            means: None,
        })
    }

    /// The divergence of blocks beside others that are not close.
    fn by_factors(self) -> Self {
        let form = Form::Divergence {
            beside: T::infinity(),
        };
        Self { form, ..self }
    }

    /// The sum of what is asked of all blocks, by way of `values`.
    fn sum(&self, values: &mut [T], workspace: &mut Workspace<T>) -> Result<T, Error> {
        self.fill(0, 0, values, workspace)?;
        let mut total = CompensatedSum::new();
        for &value in &*values {
            total.add(value);
        }
        Ok(total.value())
    }

    /// What is asked of the blocks `first ..`, which begin at coordinate `start`.
    fn fill(
        &self,
        first: usize,
        start: usize,
        values: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        let count = values.len();
        let operations = operations(self.size, count);
        if count > LANES && parallel::pays(operations) {
            let (left, right) = values.split_at_mut((count / 2).next_multiple_of(LANES));
            let middle = first + left.len();
            let of_left = (first..middle).map(|b| self.blocks.block_dim(b));
            let middle_start = start + of_left.sum::<usize>();
            return workspace.join(
                operations,
                |workspace| self.fill(first, start, left, workspace),
                |workspace| self.fill(middle, middle_start, right, workspace),
            );
        }
        let (mut first, mut start, mut rest) = (first, start, values);
        while !rest.is_empty() {
            let size = self.blocks.block_dim(first);
            let is_equal = |&k: &usize| self.blocks.block_dim(first + k) == size;
            let count = 1 + (1..rest.len()).take_while(is_equal).count();
            let (run, after) = rest.split_at_mut(count);
            self.fill_run(Place { first, start, size }, run, workspace)?;
            first += count;
            start += count * size;
            rest = after;
        }
        Ok(())
    }

    /// [`fill`](Self::fill) for blocks of one size.
    fn fill_run(
        &self,
        place: Place,
        values: &mut [T],
        workspace: &mut Workspace<T>,
    ) -> Result<(), Error> {
        let means = self.means.map(|means| means.of);
        lanes::fill(self.p, self.q, place, self.form, means, values);
        for (k, value) in values.iter_mut().enumerate() {
            if !value.is_nan() {
                continue;
            }
            let index = place.first + k;
            let start = place.start + k * place.size;
            let range = start..start + place.size;
            let p = block(self.p, index, range.clone())?;
            let q = block(self.q, index, range.clone())?;
            for part in [p, q] {
                if let Some((l, _)) = part.factor.contiguous_dense() {
                    read_ahead(l);
                }
            }
            *value = self.form.of_parts(p, q, workspace)?;
            if let Some(means) = &self.means {
                *value += means.distance(index, range, workspace)?;
            }
        }
        Ok(())
    }
}

fn side<T: Scalar>(part: Part<'_, T>) -> Option<Side<'_, T>> {
    match part.as_blocks() {
        Some(blocks) => Some(Side::Blocks(part, blocks)),
        None => part.as_diagonal().map(Side::Diagonal),
    }
}

/// Block `index` of one side, which covers the coordinates `range`.
fn block<T: Scalar>(
    side: Side<'_, T>,
    index: usize,
    range: Range<usize>,
) -> Result<Part<'_, T>, Error> {
    match side {
        Side::Blocks(part, blocks) => part.block(blocks, index),
        Side::Diagonal(variances) => Ok(Part::diagonal_range(variances, range)),
    }
}

/// What the meeting of `count` blocks of some `size` costs, in operations of a matrix product,
/// which small ones are far from.
fn operations(size: usize, count: usize) -> usize {
    let block = size
        .saturating_mul(size)
        .saturating_mul(size)
        .saturating_mul(3);
    count.saturating_mul(block.saturating_add(24_000))
}

/// Calls `meet` with the smallest parts that both sides have in common.
pub(super) fn for_each_meeting<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    mut meet: impl FnMut(Part<'_, T>, Part<'_, T>) -> Result<(), Error>,
) -> Result<(), Error> {
    match (p.as_blocks(), q.as_blocks()) {
        (Some(blocks_p), Some(blocks_q)) => {
            for (run_p, run_q) in Segments::new(blocks_p, blocks_q) {
                if run_p.len() == 1 && run_q.len() == 1 {
                    let p = p.block(blocks_p, run_p.start)?;
                    let q = q.block(blocks_q, run_q.start)?;
                    meet(p, q)?;
                } else {
                    let run_p = BlockRun::new(blocks_p, run_p);
                    let run_q = BlockRun::new(blocks_q, run_q);
                    meet(p.run(&run_p), q.run(&run_q))?;
                }
            }
            Ok(())
        }
        (Some(blocks), None) => match q.as_diagonal() {
            Some(variances) => for_each_block(blocks, |block, range| {
                let q = Part::diagonal_range(variances, range);
                meet(p.of_block(block)?, q)
            }),
            None => Ok(()),
        },
        (None, Some(blocks)) => match p.as_diagonal() {
            Some(variances) => for_each_block(blocks, |block, range| {
                let p = Part::diagonal_range(variances, range);
                meet(p, q.of_block(block)?)
            }),
            None => Ok(()),
        },
        (None, None) => Ok(()),
    }
}

/// The runs of blocks, of either side, between boundaries that both sides share.
struct Segments<'a, T: Scalar> {
    p: &'a dyn Blocks<T>,
    q: &'a dyn Blocks<T>,
    next_p: usize,
    next_q: usize,
}

impl<'a, T: Scalar> Segments<'a, T> {
    fn new(p: &'a dyn Blocks<T>, q: &'a dyn Blocks<T>) -> Self {
        Self {
            p,
            q,
            next_p: 0,
            next_q: 0,
        }
    }
}

impl<T: Scalar> Iterator for Segments<'_, T> {
    type Item = (Range<usize>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let (start_p, start_q) = (self.next_p, self.next_q);
        let (mut size_p, mut size_q) = (0, 0);
        loop {
            let (count_p, count_q) = (self.next_p - start_p, self.next_q - start_q);
            if count_p > 0 && count_q > 0 && size_p == size_q {
                return Some((start_p..self.next_p, start_q..self.next_q));
            }
            // The side that is behind takes its next block.
            if (size_p, count_p) <= (size_q, count_q) {
                size_p += dim_of(self.p, self.next_p)?;
                self.next_p += 1;
            } else {
                size_q += dim_of(self.q, self.next_q)?;
                self.next_q += 1;
            }
        }
    }
}

/// The dimension of block `index`, if there is one.
fn dim_of<T: Scalar>(blocks: &dyn Blocks<T>, index: usize) -> Option<usize> {
    (index < blocks.count()).then(|| blocks.block_dim(index))
}
