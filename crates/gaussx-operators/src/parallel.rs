//! Work for the threads of rayon's current pool.
//!
//! Work is cut into the same pieces however many threads there are, and their results are
//! added in one order, so that every number of threads gives the same bits. Without the
//! feature `rayon` everything runs on the caller's thread.
//!
//! Work is weighed in operations of a matrix product, some eighty to a nanosecond.

/// Less than this is over before the pool is awake and has the data.
#[cfg(feature = "rayon")]
const WORTH_WAKING: usize = 30_000_000;

/// Less than this is not worth handing to a thread that is awake.
#[cfg(feature = "rayon")]
const WORTH_SHARING: usize = 4_000_000;

/// What a number costs in a pass over memory.
pub(crate) const PER_NUMBER: usize = 80;

/// Calls both, side by side where `operations`, those of the two together, pay for it.
#[cfg_attr(
    not(feature = "rayon"),
    allow(unused_variables, reason = "one thread asks no questions")
)]
pub(crate) fn join<A: Send, B: Send>(
    operations: usize,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    #[cfg(feature = "rayon")]
    if pays(operations) {
        return rayon::join(a, b);
    }
    (a(), b())
}

/// Appends some numbers, for which there is room, on all threads where that pays.
pub(crate) fn extend_from_slice<T: Copy + Send + Sync>(to: &mut Vec<T>, from: &[T]) {
    debug_assert!(
        to.capacity() - to.len() >= from.len(),
        "memory is had where it can be refused"
    );
    #[cfg(feature = "rayon")]
    if pays(PER_NUMBER.saturating_mul(from.len())) {
        use rayon::prelude::*;

        let least = WORTH_SHARING / PER_NUMBER;
        to.par_extend(from.par_iter().with_min_len(least).copied());
        return;
    }
    to.extend_from_slice(from);
}

/// Calls `f` on a thread of the pool if its `operations` are many times what pays: it then
/// hands on small pieces without waking the pool for each.
#[cfg_attr(
    not(feature = "rayon"),
    allow(unused_variables, reason = "one thread asks no questions")
)]
pub(crate) fn inside<R: Send>(operations: usize, f: impl FnOnce() -> R + Send) -> R {
    #[cfg(feature = "rayon")]
    if pays(operations / 10) {
        return rayon::scope(|_| f());
    }
    f()
}

/// Whether a second thread would be used for so many operations.
#[cfg(feature = "rayon")]
pub(crate) fn pays(operations: usize) -> bool {
    let is_inside = rayon::current_thread_index().is_some();
    let enough = if is_inside {
        WORTH_SHARING
    } else {
        WORTH_WAKING
    };
    operations >= enough && (is_inside || has_global_pool()) && rayon::current_num_threads() > 1
}

/// Whether rayon's global pool can be had: where the system grants no more threads, rayon
/// would panic when asked for it.
#[cfg(feature = "rayon")]
fn has_global_pool() -> bool {
    use std::error::Error;
    use std::sync::OnceLock;

    static HAS_POOL: OnceLock<bool> = OnceLock::new();
    *HAS_POOL.get_or_init(|| match rayon::ThreadPoolBuilder::new().build_global() {
        Ok(()) => true,
        // Without a source: there is one already.
        Err(error) => error.source().is_none(),
    })
}

/// Whether a second thread would be used for so many operations.
#[cfg(not(feature = "rayon"))]
pub(crate) fn pays(_: usize) -> bool {
    false
}
