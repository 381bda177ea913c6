//! Half a million calls made from random bytes.
//!
//! Ten million: `cargo test -p gaussx-tests fuzz::ten_million -- --ignored`. The same driver is a
//! target for cargo-fuzz in `tests/cargo-fuzz`.

use gaussx_tests::fuzz::run;

fn every_call_was_reached(answered: &[(&str, u64)]) {
    for (name, count) in answered {
        assert!(
            *count >= 50,
            "{name} was answered {count} times only: {answered:?}"
        );
    }
}

#[test]
fn random_calls_in_double_precision_get_true_answers_or_errors() {
    every_call_was_reached(&run::<f64>(1, 250_000));
}

#[test]
fn random_calls_in_single_precision_get_true_answers_or_errors() {
    every_call_was_reached(&run::<f32>(2, 250_000));
}

#[test]
#[ignore = "takes a minute; for a release"]
fn ten_million_random_calls_get_true_answers_or_errors() {
    run::<f64>(3, 5_000_000);
    run::<f32>(4, 5_000_000);
}

#[test]
#[ignore = "runs the bytes in GAUSSX_FUZZ_BYTES, as a failure prints them"]
fn the_bytes_of_a_failure_run_again() {
    let hex = std::env::var("GAUSSX_FUZZ_BYTES").unwrap_or_default();
    let digits: Vec<_> = (0..hex.len() / 2).map(|i| &hex[2 * i..2 * i + 2]).collect();
    let data: Vec<u8> = digits
        .iter()
        .map(|d| u8::from_str_radix(d, 16).unwrap())
        .collect();
    gaussx_tests::fuzz::drive::<f64>(&data);
    gaussx_tests::fuzz::drive::<f32>(&data);
}
