"""How well a grid uses a machine: cells a minute with one and two workers, and what is overhead.

    python benchmarks/grid.py --seeds 1 --leave-out loki

runs the suite `beauty` (or another, `--suite quick`) with one and with two workers, each into an
empty folder, and prints

- cells a minute, and the ratio of the two. It means something on an idle machine only;
- how much of the run's time the workers were at work, and the ratio that this alone allows: what
  the scheduling costs, whatever else the machine does;
- overhead: the processor time of all processes of the run (imports, planning, reading data,
  starting isolated processes, pickling, writing, the leaderboard) that is not fit, craft or rank.
  It is a share of processor time, so other work on the machine hardly moves it;
- what of it is paid once and what for each cell, from a run of the attacker `none` alone beside
  it, and the share that follows for all cells and seeds of the suite, at the work of a cell here;
- bytes sent to a worker for a job, of each kind.

Both runs must write the same bytes. Compiled code is cached by a short run before.
"""

import argparse
import os
import pickle
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from loki_bench.engine.step import Values, steps_of
from loki_bench.pipeline.dataset import write_dataset
from loki_bench.pipeline.measure import Measure
from loki_bench.plugins.registry import discover
from loki_bench.records.store import Store
from loki_bench.suite.resolve import prepare
from loki_bench.suite.suite import load_suite, packaged_suites

WORK = ("surrogate", "craft", "clean", "attack")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--suite", default="beauty", choices=list(packaged_suites()))
    parser.add_argument("--seeds", type=int, default=0, help="only so many of its seeds")
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="ATTACKER")
    chosen = parser.parse_args()
    text = packaged_suites()[chosen.suite]
    n_seeds = len(load_suite(chosen.suite).seeds)
    for name in chosen.leave_out:
        text, n_places = re.subn(rf'(?m)^(attackers = .*), "{name}"', r"\1", text)
        if n_places != 1:
            parser.error(f"--leave-out {name}: the suite has no attacker of that name alone")
    if chosen.seeds:
        text = re.sub(r"(?m)^seeds = .*$", f"seeds = {list(range(chosen.seeds))}", text)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "suite.toml").write_text(text)
        warm = re.sub(r"(?m)^attackers = .*$", 'attackers = ["none"]', text)
        (here / "warm.toml").write_text(re.sub(r"(?m)^seeds = .*$", "seeds = [999]", warm))
        run(here, "warm.toml", 1)
        small = run(here, "warm.toml", 1)
        one, two = (run(here, "suite.toml", n) for n in (1, 2))
        same = written(here / "1") == written(here / "2")
        print(f"suite {chosen.suite}, {one['cells']} cells; load average {os.getloadavg()[0]:.1f}")
        print("| workers | seconds | cells a minute | at work | processor s | overhead |")
        print("|---|---|---|---|---|---|")
        for n, told in ((1, one), (2, two)):
            print(
                f"| {n} | {told['wall']:.0f} | {60 * told['cells'] / told['wall']:.1f} "
                f"| {told['working'] / (n * told['wall']):.1%} | {told['cpu']:.0f} "
                f"| {1 - told['work'] / told['cpu']:.1%} |"
            )
        print(f"two workers: {one['wall'] / two['wall']:.2f} times the cells a minute of one")
        allowed = (two["working"] / two["wall"]) / (one["working"] / one["wall"])
        print(f"at work alone, the two would give {allowed:.2f} times")
        once, a_cell = overhead_of(small, one)
        n_cells = one["cells"] * n_seeds // (chosen.seeds or n_seeds)
        work = one["work"] / one["cells"] * n_cells
        share = (once + a_cell * n_cells) / (once + a_cell * n_cells + work)
        print(
            f"overhead: {once:.1f} processor s once and {a_cell:.2f} a cell: {share:.1%} of "
            f"{n_cells} cells of {work / n_cells:.1f} s each"
        )
        print(f"the same bytes: {same}")
        for kind, n_bytes in sent(here / "1", here / "suite.toml").items():
            print(f"bytes sent for a {kind} job: {n_bytes}")
    sys.exit(0 if same else 1)


def run(here: Path, suite: str, n_workers: int) -> dict[str, float]:
    """One run of the installed command in a folder of its own; what it took."""
    command = [sys.executable, "-m", "loki_bench", "run", suite, "--workers", str(n_workers)]
    results = here / (str(n_workers) if suite == "suite.toml" else "warm")
    shutil.rmtree(results, ignore_errors=True)
    before, start = processor_seconds(), time.perf_counter()
    subprocess.run(  # noqa: S603  # this interpreter, with arguments from here
        [*command, "--results", str(results)],
        cwd=here,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall, cpu = time.perf_counter() - start, processor_seconds() - before
    folder = folder_in(results)
    timings = [
        (name, timing)
        for told in Store(folder, warn=print).runs()
        for name, timing in told["timings"].items()
        if timing is not None
    ]
    return {
        "cells": len(list((folder / "records").iterdir())),
        "wall": wall,
        "cpu": cpu,
        "work": sum(t["cpu_seconds"] for name, t in timings if name.split()[0] in WORK),
        "working": sum(t["wall_seconds"] for _, t in timings),
    }


def overhead_of(small: dict[str, float], large: dict[str, float]) -> tuple[float, float]:
    """Seconds once a run and seconds a cell, from the straight line through two runs."""
    beside = [told["cpu"] - told["work"] for told in (small, large)]
    a_cell = (beside[1] - beside[0]) / (large["cells"] - small["cells"])
    return beside[0] - a_cell * small["cells"], a_cell


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def folder_in(results: Path) -> Path:
    """Of the only suite that was run there; a suite of a family lies in a folder of the family."""
    [records] = results.rglob("records")
    return records.parent


def written(results: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(results)): path.read_bytes()
        for path in sorted(folder_in(results).rglob("*"))
        if path.is_file() and not {"runs", "work"} & set(path.relative_to(results).parts)
    }


class Weighing:
    """Workers that weigh a job and don't do it."""

    n_workers = 1
    n_bytes = 0

    def submit(self, *job: Any) -> Any:
        self.n_bytes = len(pickle.dumps(job))


def sent(results: Path, suite: Path) -> dict[str, int]:
    """The bytes of the first job of each kind."""
    prepared = prepare(load_suite(str(suite)), discover(), download=False)
    store = Store(folder_in(results), warn=print)
    data = write_dataset(store, prepared.interactions, prepared.dataset.fingerprint)
    found: dict[str, int] = {}
    for cell in prepared.grid.cells:
        values = Values()
        for step in steps_of(Measure(data, cell, prepared.grid.metrics)):
            weighing = Weighing()
            step.submit(weighing, values)
            values.add(step, step.stored(store, values))
            found[step.kind] = max(found.get(step.kind, 0), weighing.n_bytes)
    return found


if __name__ == "__main__":
    main()
