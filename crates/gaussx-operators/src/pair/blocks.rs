//! Meetings that fall apart into smaller ones.

use super::part::{BlockRun, Part};
use crate::blocks::{Blocks, for_each_block};
use crate::{CompensatedSum, Error, Scalar, Workspace};

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

/// The sum of `meet` over the smallest parts that both sides have in common.
pub(super) fn sum<T: Scalar>(
    p: Part<'_, T>,
    q: Part<'_, T>,
    workspace: &mut Workspace<T>,
    meet: impl Fn(Part<'_, T>, Part<'_, T>, &mut Workspace<T>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut total = CompensatedSum::new();
    for_each_meeting(p, q, |p, q| {
        total.add(meet(p, q, workspace)?);
        Ok(())
    })?;
    Ok(total.value())
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
    type Item = (core::ops::Range<usize>, core::ops::Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let (start_p, start_q) = (self.next_p, self.next_q);
        let (mut size_p, mut size_q) = (0, 0);
        while self.next_p < self.p.count() || self.next_q < self.q.count() {
            if size_p <= size_q && self.next_p < self.p.count() {
                size_p += self.p.block(self.next_p).dim();
                self.next_p += 1;
            } else {
                size_q += self.q.block(self.next_q).dim();
                self.next_q += 1;
            }
            if size_p == size_q && size_p > 0 {
                break;
            }
        }
        (size_p > 0).then_some((start_p..self.next_p, start_q..self.next_q))
    }
}
