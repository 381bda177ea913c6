//! The scratch that each thread keeps of what its workspaces leave: memory that comes anew
//! from the system takes longer to arrive than what is done with it.

use core::cell::RefCell;
use core::cmp::Reverse;
use std::thread::LocalKey;

use crate::Scalar;

/// So many numbers at most are kept.
const KEPT: usize = 1 << 17;

/// Buffers without an owner.
pub(crate) type Spare<T> = LocalKey<RefCell<Vec<Vec<T>>>>;

thread_local! {
    pub(crate) static OF_F32: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
    pub(crate) static OF_F64: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// The smallest of the buffers that hold `len` numbers, if one does.
pub(crate) fn take<T: Scalar>(len: usize) -> Option<Vec<T>> {
    let taken = T::spare().try_with(|spare| {
        let mut spare = spare.borrow_mut();
        let place = spare.iter().rposition(|buffer| buffer.capacity() >= len)?;
        Some(spare.remove(place))
    });
    // A thread that ends has none.
    taken.ok().flatten()
}

/// Keeps the largest of these buffers and of those that are kept.
pub(crate) fn give<T: Scalar>(buffers: &mut Vec<Vec<T>>) {
    if buffers.is_empty() {
        return;
    }
    let given = T::spare().try_with(|spare| {
        let mut spare = spare.borrow_mut();
        spare.append(buffers);
        spare.sort_unstable_by_key(|buffer| Reverse(buffer.capacity()));
        let mut room = KEPT;
        spare.retain(|buffer| {
            let fits = buffer.capacity() <= room;
            room -= if fits { buffer.capacity() } else { 0 };
            fits
        });
    });
    // A thread that ends keeps none.
    given.unwrap_or_default();
}
