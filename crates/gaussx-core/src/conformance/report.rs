//! What the kit found, readable by a person.

use core::fmt;

use gaussx_operators::Scalar;

/// A promise that an operator broke: which, where, and by how much.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What must hold.
    pub promise: &'static str,
    /// The dimension at which it did not.
    pub dim: usize,
    /// Which entry, column or partner.
    pub place: String,
    /// The numbers, or the error.
    pub detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            promise,
            dim,
            place,
            detail,
        } = self;
        write!(f, "{promise}: n = {dim}")?;
        if !place.is_empty() {
            write!(f, ", {place}")?;
        }
        write!(f, ": {detail}")
    }
}

/// The result of a conformance check: how many promises were checked, and which broke.
///
/// A report with failures is an error, so that a test ends with
/// `check(&operator).into_result()?` or `.unwrap()`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    checks: usize,
    failures: Vec<Failure>,
}

impl Report {
    /// The broken promises, the most basic first: one mistake often breaks many.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// How many comparisons were made.
    #[must_use]
    pub fn checks(&self) -> usize {
        self.checks
    }

    /// Whether every promise held.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty()
    }

    /// Whether the named promise broke.
    #[must_use]
    pub fn broke(&self, promise: &str) -> bool {
        self.failures.iter().any(|f| f.promise == promise)
    }

    /// The report as an error, if it holds a failure.
    ///
    /// # Errors
    ///
    /// The report itself.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_ok() { Ok(()) } else { Err(self) }
    }

    /// Both reports in one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.checks += other.checks;
        self.failures.extend(other.failures);
        self
    }

    pub(super) fn count(&mut self) {
        self.checks += 1;
    }

    /// Records a failure, the first of its promise only: the next thousand entries of one
    /// matrix tell no more.
    pub(super) fn fail(
        &mut self,
        promise: &'static str,
        dim: usize,
        place: String,
        detail: String,
    ) {
        if !self.broke(promise) {
            self.failures.push(Failure {
                promise,
                dim,
                place,
                detail,
            });
        }
    }

    /// Records whether `|found - expected| <= bound`; NaN fails.
    pub(super) fn compare<T: Scalar>(
        &mut self,
        promise: &'static str,
        dim: usize,
        place: impl FnOnce() -> String,
        [found, expected, bound]: [T; 3],
    ) {
        self.count();
        if found == expected || (found - expected).abs() <= bound {
            return;
        }
        let error = (found - expected).abs() / bound;
        let detail = format!(
            "found {found:e}, expected {expected:e}, off by {error:.3e} times the bound {bound:e}"
        );
        self.fail(promise, dim, place(), detail);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let broken = self.failures.len();
        write!(f, "{} checks, {broken} broken promises", self.checks)?;
        for failure in &self.failures {
            write!(f, "\n  {failure}")?;
        }
        Ok(())
    }
}

impl core::error::Error for Report {}
