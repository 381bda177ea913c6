//! The minimum time of a call, read as `compare.py` reads it.

use std::hint::black_box;
use std::time::Instant;

use gaussx::Error;

/// Measuring goes on for so many seconds, and at least so often.
const BUDGET: f64 = 0.2;
const READINGS: usize = 5;

/// Calls shorter than this many seconds are measured together, unless what they consume
/// would together leave the cache.
const READABLE: f64 = 50e-6;
const CACHE: usize = 256 << 10;
const MOST: usize = 1000;

pub(crate) struct Measured {
    pub(crate) seconds: f64,
    pub(crate) value: f64,
}

/// The minimum time of `call`, which consumes what `input` makes out of `bytes` bytes, and what
/// `value` reads from the last result. Inputs are made, and results are given back, outside of
/// the time.
pub(crate) fn measure<I, R>(
    bytes: usize,
    mut input: impl FnMut() -> I,
    mut call: impl FnMut(I) -> Result<R, Error>,
    value: impl FnOnce(R) -> f64,
) -> Result<Measured, Error> {
    call(input())?;
    let ready = input();
    let start = Instant::now();
    let mut results = vec![call(ready)?];
    let once = start.elapsed().as_secs_f64();
    let calls = (READABLE / once) as usize;
    let calls = calls.min(CACHE / bytes.max(1)).clamp(1, MOST);
    results.reserve(calls);

    let (mut seconds, mut spent) = (f64::INFINITY, 0.0);
    for reading in 0.. {
        if reading >= READINGS && spent > BUDGET {
            break;
        }
        results.clear();
        let mut inputs: Vec<I> = (0..calls).map(|_| input()).collect();
        let start = Instant::now();
        for input in inputs.drain(..) {
            results.push(black_box(call(black_box(input))?));
        }
        let elapsed = start.elapsed().as_secs_f64();
        spent += elapsed;
        seconds = f64::min(seconds, elapsed / calls as f64);
    }
    let last = results.pop().map_or(f64::NAN, value);
    Ok(Measured {
        seconds,
        value: last,
    })
}
