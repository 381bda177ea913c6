//! The catalogue of closed forms, worked through on a small example and on real data.
//!
//! ```sh
//! cargo run --release --example catalog            # the example, then Fisher's iris
//! cargo run --release --example catalog -- my.csv  # any numeric CSV with a header
//! ```
//!
//! One column of the CSV may hold labels; each label is a class of its own.

mod data_set;
mod report;
mod table;
mod worked_example;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

const IRIS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/iris.csv");

/// What went wrong, in one line.
type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("catalog: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let path = arguments.next().unwrap_or_else(|| OsString::from(IRIS));
    if arguments.next().is_some() {
        return Err("usage: catalog [FILE.csv]".into());
    }
    // All of it before anything is printed, so that a bad file gives one clear line.
    let mut page = Vec::new();
    worked_example::write(&mut page)?;
    let name = path.to_string_lossy();
    data_set::DataSet::read(&path)
        .and_then(|data| report::write(&mut page, &name, &data))
        .map_err(|error| format!("{name}: {error}"))?;
    match io::stdout().write_all(&page) {
        // Whoever reads may stop early: `catalog | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
