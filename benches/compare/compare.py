#!/usr/bin/env python3
"""gaussx beside NumPy and SciPy (OpenBLAS), on one thread: a table of times and ratios.

    python3 benches/compare/compare.py [--rounds N] [TEXT ..]

Builds and runs the program `compare` beside this file. Rows are measured in turns, gaussx
and NumPy, so that what else the machine does meets both; times are minima. Both sides make
their inputs by the same formulas, and the values must agree, or the program fails. With
TEXT, only the rows whose names contain one of them.
"""

import os

for library in ("OPENBLAS", "MKL", "OMP", "BLIS", "VECLIB_MAXIMUM", "RAYON"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import argparse
import gc
import json
import math
import platform
import re
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy
import scipy

import rows

ROOT = Path(__file__).resolve().parents[2]

# As in clock.rs.
BUDGET, READINGS, READABLE, CACHE, MOST = 0.2, 5, 50e-6, 256 << 10, 1000

RELATIVE = 1e-9
RELATIVE_OF = {
    # Of two generators: five standard errors of the difference of two mean squares of 1000
    # times 2048 normals.
    "draws": 5 * math.sqrt(2 * 2 / 2_048_000),
    # The formula that NumPy evaluates has no more digits.
    "close": 1e-7,
}


def output(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def build():
    """The path of the program."""
    messages = output(
        *"cargo build --release --locked -p gaussx-benches --bin compare".split(),
        "--message-format=json-render-diagnostics",
    )
    paths = [json.loads(line).get("executable") for line in messages.splitlines()]
    return next(path for path in reversed(paths) if path)


def gaussx(program, name):
    _, seconds, value = output(program, "--row", name).split("\t")
    return float(seconds), float(value)


def measure(row, variant):
    call, inputs = row.variants[variant], row.inputs
    call(*inputs())
    ready = inputs()
    start = perf_counter()
    results = [call(*ready)]
    once = perf_counter() - start
    calls = max(1, min(int(READABLE / once), CACHE // max(1, row.bytes), MOST))

    seconds, spent, readings = math.inf, 0.0, 0
    gc.disable()
    while readings < READINGS or spent <= BUDGET:
        results.clear()
        ready = [inputs() for _ in range(calls)]
        start = perf_counter()
        # Inputs and results are given back outside of the time, as by the program.
        for one in ready:
            results.append(call(*one))
        elapsed = perf_counter() - start
        spent += elapsed
        readings += 1
        seconds = min(seconds, elapsed / calls)
    gc.enable()
    return seconds, float(row.value(results[-1]))


def agree(name, ours, theirs):
    relative = next((r for part, r in RELATIVE_OF.items() if part in name), RELATIVE)
    if not abs(ours - theirs) <= relative * abs(theirs):
        sys.exit(f"{name}: gaussx says {ours!r}, NumPy {theirs!r}")


def compare(program, name, rounds):
    """The seconds of gaussx and of NumPy's fastest variant."""
    quantity, _, n = name.rpartition("/")
    row = rows.row(quantity, int(n))
    ours = math.inf
    theirs = {variant: math.inf for variant in range(len(row.variants))}
    for turn in range(rounds):
        seconds, value = gaussx(program, name)
        ours = min(ours, seconds)
        # The first round finds the fastest variant.
        variants = theirs if turn == 0 else [min(theirs, key=theirs.get)]
        for variant in variants:
            seconds, expected = measure(row, variant)
            theirs[variant] = min(theirs[variant], seconds)
            agree(name, value, expected)
    seconds, value = gaussx(program, name)
    return min(ours, seconds), min(theirs.values())


def readable(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)):
        if seconds >= size:
            break
    return f"{seconds / size:.3g} {unit}"


def processor():
    try:
        return re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()).group(1)
    except (OSError, AttributeError):
        return platform.processor() or platform.machine()


def openblas(module):
    """The version of OpenBLAS that a module was built with."""
    lapack = module.show_config(mode="dicts")["Build Dependencies"]["lapack"]
    return f"{lapack['name']} {lapack['version']}"


def versions():
    lock = (ROOT / "Cargo.lock").read_text()
    version = lambda name: re.search(rf'name = "{name}"\nversion = "(.*)"', lock).group(1)
    return [
        f"* {processor()}, one thread",
        f"* gaussx {version('gaussx')} ({output('git', 'describe', '--always', '--dirty').strip()}),"
        f" faer {version('faer')}, {output('rustc', '--version').strip()}",
        f"* Python {platform.python_version()}, NumPy {numpy.__version__} ({openblas(numpy)}),"
        f" SciPy {scipy.__version__} ({openblas(scipy)})",
        "* minima; matrices are checked (gaussx only) and factored within the time unless given;"
        " NumPy is the fastest of several ways, at small n mostly the interpreter",
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("text", nargs="*", help="only rows whose names contain one of these")
    options = parser.parse_args()

    program = build()
    print(*versions(), "", sep="\n")
    print("| row | n | gaussx | NumPy | NumPy / gaussx |", "|---|---|---|---|---|", sep="\n")
    for name in output(program, "--list").splitlines():
        if options.text and not any(text in name for text in options.text):
            continue
        ours, theirs = compare(program, name, max(1, options.rounds))
        quantity, _, n = name.rpartition("/")
        cells = [quantity, n, readable(ours), readable(theirs), f"{theirs / ours:.2f}"]
        print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
