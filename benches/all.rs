//! Every benchmark in one program: each would compile the library anew. The arguments of `cargo
//! bench` choose by name.

mod batch;
mod density;
mod divergence;
mod entropy;
mod expected_log_likelihood;
mod limits;
mod sampling;

criterion::criterion_main!(
    limits::benches,
    density::benches,
    batch::benches,
    divergence::benches,
    entropy::benches,
    expected_log_likelihood::benches,
    sampling::benches
);
