//! What the kit found, readable by a person.

use core::fmt;

use gaussx_operators::{Error, Scalar};

/// A promise that an operator broke: which, where, and by how much.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What must hold.
    pub promise: &'static str,
    /// The first dimension at which it did not.
    pub dim: usize,
    /// The further dimensions at which it did not.
    pub also: Vec<usize>,
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
            also,
            place,
            detail,
        } = self;
        write!(f, "{promise}: n = {dim}")?;
        if !also.is_empty() {
            let dims: Vec<String> = also.iter().map(usize::to_string).collect();
            write!(f, " (also {})", dims.join(", "))?;
        }
        if !place.is_empty() {
            write!(f, ", {place}")?;
        }
        write!(f, ": {detail}")
    }
}

/// The result of a conformance check: how many promises were checked, and which broke.
///
/// A report with failures is an error, so that a test ends with
/// `check(&operator).into_result()?` or `.unwrap()`; its `Debug`, which these print, is
/// its `Display`.
#[derive(Clone, Default, PartialEq)]
pub struct Report {
    checks: usize,
    failures: Vec<Failure>,
    skipped: Vec<String>,
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

    /// What was not checked, and why: quantities that would take quadratic time at a
    /// large size.
    #[must_use]
    pub fn skipped(&self) -> &[String] {
        &self.skipped
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

    /// Both reports in one: a promise that broke in both stands once, with the dimensions
    /// of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.checks += other.checks;
        for failure in other.failures {
            match self
                .failures
                .iter_mut()
                .find(|f| f.promise == failure.promise)
            {
                Some(known) => {
                    let dims = core::iter::once(failure.dim).chain(failure.also);
                    known.also.extend(dims);
                    known.also.sort_unstable();
                    known.also.dedup();
                    known.also.retain(|&dim| dim != known.dim);
                }
                None => self.failures.push(failure),
            }
        }
        self.skipped.extend(other.skipped);
        self
    }

    pub(super) fn skip(&mut self, what: String) {
        self.skipped.push(what);
    }

    /// Records whether a quantity of a large operator was had, and is finite.
    pub(super) fn accept<T: Scalar>(&mut self, dim: usize, name: &str, answer: Result<T, Error>) {
        self.count();
        let detail = match answer {
            Ok(value) if value.is_finite() => return,
            Ok(value) => format!("{value}"),
            Err(error) => error.to_string(),
        };
        self.fail(super::MEMORY, dim, name.to_owned(), detail);
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
                also: Vec::new(),
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
        let mut detail = format!("found {}, expected {}", short(found), short(expected));
        let bounds = (found - expected).abs() / bound;
        if bounds.is_finite() {
            let (bounds, bound) = (short(bounds), short(bound));
            detail = format!("{detail}, off by {bounds} times the bound {bound}");
        }
        self.fail(promise, dim, place(), detail);
    }
}

/// Six digits, with an exponent only where the number is far from 1.
fn short<T: Scalar>(x: T) -> String {
    let size = x.abs();
    if x == T::zero() || (size >= T::of(1e-4) && size < T::of(1e6)) {
        format!("{x:.6}")
    } else {
        format!("{x:.5e}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (checks, broken) = (self.checks, self.failures.len());
        let noun = if broken == 1 { "promise" } else { "promises" };
        write!(f, "{checks} checks, {broken} broken {noun}")?;
        for failure in &self.failures {
            write!(f, "\n  {failure}")?;
        }
        for what in &self.skipped {
            write!(f, "\n  not checked: {what}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Report {}
