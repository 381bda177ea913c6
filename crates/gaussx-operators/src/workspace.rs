//! Scratch memory that is kept between calls.

use faer::MatMut;

use crate::columns::stride_for;
use crate::{Error, Scalar, parallel, spare};

/// Reusable scratch for operators, factors and closed forms.
///
/// A stack of buffers: an operation takes one, hands the workspace on to what it calls,
/// and gives the buffer back. After the first call of a kind no memory is allocated. A
/// new workspace is empty and costs nothing; operations that need no scratch never
/// fill it. What a workspace leaves when it is dropped, up to 131 072 numbers, its thread
/// keeps for the next.
///
/// # Examples
///
/// ```
/// use gaussx_operators::Workspace;
///
/// let mut workspace = Workspace::<f64>::new();
/// let buffer = workspace.take(3, 2)?;
/// assert_eq!(buffer, [0.0; 6]);
/// workspace.give(buffer);
/// # Ok::<(), gaussx_operators::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Workspace<T: Scalar> {
    buffers: Vec<Vec<T>>,
    /// For other threads, while they work.
    siblings: Vec<Self>,
    limit: usize,
}

impl<T: Scalar> Default for Workspace<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Drop for Workspace<T> {
    fn drop(&mut self) {
        spare::give(&mut self.buffers);
    }
}

impl<T: Scalar> Workspace<T> {
    /// An empty workspace.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buffers: Vec::new(),
            siblings: Vec::new(),
            limit: usize::MAX,
        }
    }

    /// Calls both, side by side where `operations` pay for it, each with a workspace: one of
    /// them is kept here for the next time. The error is that of the first that fails.
    pub(crate) fn join(
        &mut self,
        operations: usize,
        a: impl FnOnce(&mut Self) -> Result<(), Error> + Send,
        b: impl FnOnce(&mut Self) -> Result<(), Error> + Send,
    ) -> Result<(), Error> {
        if !parallel::pays(operations) {
            return a(self).and_then(|()| b(self));
        }
        let (first, second) = self.both(operations, a, b);
        first.and(second)
    }

    /// [`join`](Self::join) of what cannot fail.
    pub(crate) fn both<A: Send, B: Send>(
        &mut self,
        operations: usize,
        a: impl FnOnce(&mut Self) -> A + Send,
        b: impl FnOnce(&mut Self) -> B + Send,
    ) -> (A, B) {
        if !parallel::pays(operations) {
            return (a(self), b(self));
        }
        let mut other = self.siblings.pop().unwrap_or_default();
        other.limit = self.limit;
        let results = parallel::join(operations, || a(self), || b(&mut other));
        self.siblings.push(other);
        results
    }

    /// The same workspace, which answers each request for more than `numbers` numbers with
    /// [`Error::AllocationFailed`].
    ///
    /// Where an operation has a form that needs less, it takes that one; else it fails. Other
    /// threads have workspaces of their own, with the same limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use gaussx_operators::{Error, Workspace};
    ///
    /// let mut workspace = Workspace::<f64>::new().limited_to(100);
    /// assert!(workspace.take(10, 10).is_ok());
    /// assert!(matches!(workspace.take(11, 10), Err(Error::AllocationFailed { .. })));
    /// ```
    #[must_use]
    pub fn limited_to(mut self, numbers: usize) -> Self {
        self.limit = numbers;
        self
    }

    /// A buffer of `rows · columns` zeros; give it back with [`give`](Self::give).
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`] if the memory cannot be had or is above the limit.
    pub fn take(&mut self, rows: usize, columns: usize) -> Result<Vec<T>, Error> {
        let (mut buffer, len) = self.with_room_for(rows, columns)?;
        buffer.clear();
        buffer.resize(len, T::zero());
        Ok(buffer)
    }

    /// A buffer that holds `rows · columns` numbers without growing, and that number.
    fn with_room_for(&mut self, rows: usize, columns: usize) -> Result<(Vec<T>, usize), Error> {
        let failed = || Error::AllocationFailed {
            what: "scratch memory",
            rows,
            columns,
        };
        let len = rows.checked_mul(columns).ok_or_else(failed)?;
        if len > self.limit {
            return Err(failed());
        }
        // The smallest buffer that is large enough, else the largest: so that a repeated
        // sequence of requests settles on buffers that fit.
        let fits = |b: &Vec<T>| b.capacity() >= len;
        let best = (0..self.buffers.len()).min_by_key(|&i| {
            let capacity = self.buffers[i].capacity();
            if fits(&self.buffers[i]) {
                (0, capacity)
            } else {
                (1, usize::MAX - capacity)
            }
        });
        if let Some(best) = best
            && fits(&self.buffers[best])
        {
            return Ok((self.buffers.swap_remove(best), len));
        }
        if let Some(spare) = spare::take(len) {
            return Ok((spare, len));
        }
        let mut buffer = best.map_or_else(Vec::new, |i| self.buffers.swap_remove(i));
        // What it holds need not be copied.
        buffer.clear();
        buffer.try_reserve_exact(len).map_err(|_| failed())?;
        Ok((buffer, len))
    }

    /// Returns a buffer for later use.
    pub fn give(&mut self, buffer: Vec<T>) {
        self.buffers.push(buffer);
    }

    /// Lends a buffer of `rows · columns` zeros to `f`, together with the workspace, and keeps it.
    ///
    /// # Errors
    ///
    /// [`Error::AllocationFailed`], and what `f` returns.
    pub fn with<R>(
        &mut self,
        rows: usize,
        columns: usize,
        f: impl FnOnce(&mut [T], &mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut buffer = self.take(rows, columns)?;
        let result = f(&mut buffer, self);
        self.give(buffer);
        result
    }

    /// [`with`](Self::with) a buffer of numbers left over from whatever came before.
    pub(crate) fn with_any<R>(
        &mut self,
        rows: usize,
        columns: usize,
        f: impl FnOnce(&mut [T], &mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let (mut buffer, len) = self.with_room_for(rows, columns)?;
        if buffer.len() < len {
            buffer.resize(len, T::zero());
        }
        let result = f(&mut buffer[..len], self);
        self.give(buffer);
        result
    }

    /// [`with_any`](Self::with_any) for what does not fail.
    pub(crate) fn with_some<R>(
        &mut self,
        numbers: usize,
        f: impl FnOnce(&mut [T], &mut Self) -> R,
    ) -> Result<R, Error> {
        self.with_any(numbers, 1, |buffer, workspace| Ok(f(buffer, workspace)))
    }

    /// Lends a matrix of numbers left over from whatever came before, its columns contiguous,
    /// and apart as [`stride_for`] says unless only that is above the limit.
    pub(crate) fn with_columns<R>(
        &mut self,
        rows: usize,
        columns: usize,
        f: impl FnOnce(MatMut<'_, T>, &mut Self) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let apart = stride_for::<T>(rows);
        let stride = if apart.saturating_mul(columns) > self.limit {
            rows
        } else {
            apart
        };
        self.with_any(stride, columns, |buffer, workspace| {
            let matrix =
                MatMut::from_column_major_slice_with_stride_mut(buffer, rows, columns, stride);
            f(matrix, workspace)
        })
    }
}
