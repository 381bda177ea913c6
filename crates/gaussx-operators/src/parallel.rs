//! Work for the threads of rayon's current pool.
//!
//! Work is cut into the same pieces however many threads there are, and their results are
//! added in one order, so that every number of threads gives the same bits. Without the
//! feature `rayon` everything runs on the caller's thread.

/// Fewer operations than this are over before a second thread is awake.
const WORTHWHILE: usize = 4_000_000;

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

/// Whether a second thread would be used for so many operations.
#[cfg(feature = "rayon")]
pub(crate) fn pays(operations: usize) -> bool {
    operations >= WORTHWHILE && rayon::current_num_threads() > 1
}

/// Whether a second thread would be used for so many operations.
#[cfg(not(feature = "rayon"))]
pub(crate) fn pays(_: usize) -> bool {
    false
}
