//! Every public call, from bytes, in both scalars.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    gaussx_tests::fuzz::drive::<f64>(data);
    gaussx_tests::fuzz::drive::<f32>(data);
});
