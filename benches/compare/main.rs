//! The gaussx side of `compare.py`, which see: `compare --list` names the rows,
//! `compare --row NAME` measures one of them, `compare` all. A line is the row's name, its
//! seconds and its value, with tabs between.

mod clock;
mod rows;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => rows::names().try_for_each(|name| report(&name)),
        ["--list"] => {
            rows::names().for_each(|name| println!("{name}"));
            Ok(())
        }
        ["--row", name] => report(name),
        _ => Err("usage: compare [--list | --row NAME]".into()),
    }
}

fn report(name: &str) -> Result<(), Box<dyn Error>> {
    let (quantity, n) = name.rsplit_once('/').ok_or("a row is quantity/size")?;
    let measured = rows::measure_row(quantity, n.parse()?)?.ok_or("no such row")?;
    println!("{name}\t{:e}\t{:e}", measured.seconds, measured.value);
    Ok(())
}
