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
mod worked_example;

use std::process::ExitCode;

const IRIS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/iris.csv");

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("catalog: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| IRIS.to_owned());
    if arguments.next().is_some() {
        return Err("expected at most one argument, the path of a CSV file".to_owned());
    }
    // Before anything is printed, so that a bad file gives one clear line.
    let data = data_set::DataSet::read(&path)?;
    let fits = report::fit_all(&data)?;
    worked_example::print()?;
    report::print(&data, &fits).map_err(|error| format!("{path}: {error}"))
}
