//! What the integration tests share: random covariances, plain references, comparison.
//!
//! Nothing here uses the library's own formulas: a reference is textbook loops over
//! `Vec`s, or a number from higher-precision arithmetic.
#![forbid(unsafe_code)]

pub mod ar1;
pub mod certified;
pub mod compare;
pub mod fuzz;
pub mod matrices;
pub mod naive;
pub mod oracle;
pub mod random;
pub mod structures;

#[cfg(doctest)]
mod guide;

/// The README's code runs as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

#[cfg(test)]
mod tests {
    /// docs.rs wants the header inside each package.
    #[test]
    fn the_copies_of_the_formula_header_are_the_same() {
        let original = include_str!("../../docs/katex.html");
        let copies = [
            include_str!("../../crates/gaussx/katex.html"),
            include_str!("../../crates/gaussx-core/katex.html"),
            include_str!("../../crates/gaussx-operators/katex.html"),
        ];
        assert_eq!(copies, [original; 3]);
    }
}
