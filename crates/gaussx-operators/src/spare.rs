//! The scratch that each thread keeps of what its workspaces leave: memory that comes anew
//! from the system takes longer to arrive than what is done with it.

use core::cell::Cell;
use core::cmp::Reverse;
use core::fmt::{self, Debug, Formatter};
use std::thread::LocalKey;

use crate::Scalar;

/// So many numbers at most are kept.
const KEPT: usize = 1 << 17;

/// In so many buffers at most.
const MOST: usize = 16;

/// Buffers without an owner. Whoever uses them takes all of them for that time, so that nothing
/// is borrowed.
pub struct Spare<T>(Cell<Vec<Vec<T>>>);

thread_local! {
    pub(crate) static OF_F32: Spare<f32> = const { Spare(Cell::new(Vec::new())) };
    pub(crate) static OF_F64: Spare<f64> = const { Spare(Cell::new(Vec::new())) };
}

impl<T> Debug for Spare<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spare").finish_non_exhaustive()
    }
}

/// What `f` makes of what this thread keeps; a thread that ends keeps nothing.
fn with_kept<T: Scalar, R>(f: impl FnOnce(&mut Vec<Vec<T>>) -> R) -> Option<R> {
    let spare: &LocalKey<Spare<T>> = T::spare();
    let result = spare.try_with(|Spare(kept)| {
        let mut buffers = kept.take();
        let result = f(&mut buffers);
        kept.set(buffers);
        result
    });
    result.ok()
}

/// The smallest of the buffers that hold `len` numbers, if one does.
pub(crate) fn take<T: Scalar>(len: usize) -> Option<Vec<T>> {
    with_kept(|buffers: &mut Vec<Vec<T>>| {
        let place = buffers.iter().rposition(|b| b.capacity() >= len)?;
        Some(buffers.remove(place))
    })?
}

/// Keeps the largest of these buffers and of those that are kept.
pub(crate) fn give<T: Scalar>(given: &mut Vec<Vec<T>>) {
    if given.is_empty() {
        return;
    }
    with_kept(|buffers| {
        buffers.append(given);
        buffers.sort_unstable_by_key(|buffer| Reverse(buffer.capacity()));
        let mut room = KEPT;
        buffers.retain(|buffer| {
            let fits = (1..=room).contains(&buffer.capacity());
            room -= if fits { buffer.capacity() } else { 0 };
            fits
        });
        buffers.truncate(MOST);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What this thread keeps, from the largest on.
    fn capacities() -> Vec<usize> {
        with_kept(|buffers: &mut Vec<Vec<f64>>| buffers.iter().map(Vec::capacity).collect())
            .unwrap()
    }

    /// Tests may share a thread.
    fn on_a_thread_of_its_own(f: impl FnOnce() + Send + 'static) {
        std::thread::spawn(f).join().unwrap();
    }

    fn buffers(capacities: &[usize]) -> Vec<Vec<f64>> {
        let buffer = |&capacity| Vec::with_capacity(capacity);
        capacities.iter().map(buffer).collect()
    }

    #[test]
    fn the_smallest_that_fits_is_taken() {
        on_a_thread_of_its_own(|| {
            give(&mut buffers(&[10, 1000, 100]));
            assert_eq!(take::<f64>(50).unwrap().capacity(), 100);
            assert_eq!(take::<f64>(50).unwrap().capacity(), 1000);
            assert!(take::<f64>(50).is_none());
            assert_eq!(capacities(), [10]);
        });
    }

    #[test]
    fn neither_numbers_nor_buffers_are_hoarded() {
        on_a_thread_of_its_own(|| {
            give(&mut buffers(&[KEPT + 1, KEPT / 2, 7, KEPT / 2 + 1]));
            assert_eq!(capacities(), [KEPT / 2 + 1, 7]);
            for _ in 0..3 * MOST {
                give(&mut vec![Vec::<f64>::new()]);
                give(&mut buffers(&[3]));
            }
            assert_eq!(capacities().len(), MOST);
            assert!(capacities().iter().all(|&capacity| capacity >= 3));
        });
    }

    #[test]
    fn a_workspace_may_outlive_what_its_thread_keeps() {
        use crate::Workspace;
        thread_local! {
            static LATE: Cell<Option<Workspace<f64>>> = const { Cell::new(None) };
        }
        on_a_thread_of_its_own(|| {
            LATE.set(Some(Workspace::new()));
            let mut workspace = Workspace::<f64>::new();
            let buffer = workspace.take(5, 5).unwrap();
            workspace.give(buffer);
            LATE.set(Some(workspace));
        });
    }
}
