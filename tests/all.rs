//! Every test in one program, a module each: as programs of their own they would each
//! instantiate the library anew, which takes longer than all of them run.
//!
//! One module: `cargo test -p gaussx-tests structures::`.

mod accuracy;
mod accuracy_table;
mod allocations;
mod bad_input;
mod bit_exact;
mod conformance;
mod dynamic;
mod error_bounds;
mod fuzz;
mod identities;
mod interop;
mod matrix_types;
mod never_negative;
mod oracle;
mod properties;
mod refusals;
mod sampling;
mod scale;
mod serialization;
mod structures;
mod worked_example;
mod wrappers;
