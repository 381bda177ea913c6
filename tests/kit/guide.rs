//! The guide's code runs as tests.
