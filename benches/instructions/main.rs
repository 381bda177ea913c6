//! Instructions of representative calls, counted by valgrind: a loss of speed that shows
//! on any machine, without a clock.
//!
//! `instructions --check` (the default) compares with `counts.txt`, `--update` writes it
//! anew, `NAME CALLS` makes a number of calls for valgrind to count. What a process does
//! besides the calls cancels in the difference of two counts.
//!
//! Valgrind hides AVX-512: counted is the code for AVX2 where the processor has it, and
//! for less where it has not. Counts belong to the compiler, the versions in `Cargo.lock`
//! and the processor's kind; cache misses and the latency of divisions are not in them.

mod calls;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::Command;
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions/counts.txt");

/// Growth that fails, and shrinkage worth writing down: above what another point release
/// of the compiler or a reordering of code does by itself.
const GROWN: f64 = 1.05;
const SHRUNK: f64 = 0.95;

/// Calls that are counted, after one that sets up what is set up once.
const CALLS: usize = 10;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] | ["--check"] => check(),
        ["--update"] => update(),
        [name, calls] => calls::make(name, calls.parse()?),
        _ => Err("usage: instructions [--check | --update | NAME CALLS]".into()),
    }
}

fn check() -> Result<()> {
    let committed = read()?;
    let mut failed = Vec::new();
    for &name in calls::NAMES {
        let now = count(name)?;
        let Some(&before) = committed.get(name) else {
            println!("{name:<28} {now:>12}  not in {FILE}");
            failed.push(name);
            continue;
        };
        let ratio = now as f64 / before as f64;
        let verdict = if ratio > GROWN {
            failed.push(name);
            "GREW"
        } else if ratio < SHRUNK {
            "fell: keep it with --update"
        } else {
            ""
        };
        let line = format!("{name:<28} {now:>12} {before:>12} {ratio:>7.3}  {verdict}");
        println!("{}", line.trim_end());
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "more than {GROWN} of the committed counts: {}",
            failed.join(", ")
        )
        .into())
    }
}

fn update() -> Result<()> {
    let mut text = format!("# Instructions per call. {}.\n", tools()?);
    for &name in calls::NAMES {
        let line = format!("{name:<28} {:>12}\n", count(name)?);
        print!("{line}");
        text += &line;
    }
    Ok(fs::write(FILE, text)?)
}

fn read() -> Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(FILE)?;
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        if let Some(made_with) = line.strip_prefix("# Instructions per call. ") {
            let tools = format!("{}.", tools()?);
            if made_with != tools {
                println!("counted with {made_with} Now {tools} Counts may differ for that alone.");
            }
        } else if let Some((name, count)) = line.split_once(' ') {
            counts.insert(name.to_owned(), count.trim().parse()?);
        }
    }
    Ok(counts)
}

/// Instructions of one call.
fn count(name: &str) -> Result<u64> {
    let (first, all) = (collected(name, 1)?, collected(name, 1 + CALLS)?);
    Ok((all - first) / CALLS as u64)
}

/// Instructions of a process that makes so many calls.
fn collected(name: &str, calls: usize) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([name, &calls.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let line = report.lines().find_map(|l| l.split_once("Collected : "));
    match line {
        Some((_, count)) if output.status.success() => Ok(count.trim().parse()?),
        _ => Err(format!("{name}: {report}").into()),
    }
}

fn tools() -> Result<String> {
    let version = |program: &str| -> Result<String> {
        let output = Command::new(program).arg("--version").output();
        let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
        let words = String::from_utf8(output.stdout)?;
        Ok(words
            .split(" (")
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned())
    };
    let arch = env::consts::ARCH;
    Ok(format!(
        "{}, {}, {arch}",
        version("rustc")?,
        version("valgrind")?
    ))
}
