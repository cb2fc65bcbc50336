"""Write loki_bench/engine/typical_times.json from the runs of the published leaderboards.

Run: ``python benchmarks/typical_times.py``; with ``--check`` nothing is written, and the exit
status is 1 where the file holds something else.

Some leaderboards were computed on a busy machine. A job has one thread, so on an idle processor it
takes its processor time: that is what is kept of it, and of the start of its process the same
share. Of each work and each number of events the least of the leaderboards' medians is kept.
"""

import argparse
import gzip
import json
import re
import sys
from pathlib import Path

from loki_bench.engine.schedule import seconds_by_work
from loki_bench.json_values import JsonObject, JsonValue

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "loki_bench" / "engine" / "typical_times.json"


def table() -> str:
    """Seconds by work and number of events, as JSON."""
    found: dict[str, dict[str, float]] = {}
    for path in (ROOT / "leaderboards").rglob("runs.jsonl.gz"):
        manifest = json.loads(path.with_name("manifest.json").read_text("utf-8"))
        if manifest["subject"] == "estimators":  # its runs are no steps of cells
            continue
        n_events = _n_events(path.with_name("leaderboard.json"))
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            runs = [json.loads(line).get("content", {}) for line in lines]
        for work, seconds in seconds_by_work(map(idle, runs)).items():
            sizes = found.setdefault(work, {})
            sizes[n_events] = min(sizes.get(n_events, seconds), seconds)
    rounded = {
        work: {size: round(seconds, 2) for size, seconds in sorted(sizes.items())}
        for work, sizes in sorted(found.items())
    }
    return json.dumps(rounded, indent=0) + "\n"


def idle(run: JsonObject) -> JsonObject:
    """A run as it would have been on idle processors."""
    timings = run.get("timings")
    if not isinstance(timings, dict):
        return run
    return {**run, "timings": {step: _idle(step, timing) for step, timing in timings.items()}}


def _idle(step: str, timing: JsonValue) -> JsonValue:
    # a repeated craft waits for a process whose time it does not count
    if not isinstance(timing, dict) or step == "craft again":
        return timing
    share = min(1.0, timing["cpu_seconds"] / max(timing["wall_seconds"], 1e-3))
    own = ("wall_seconds", "start_seconds")
    return {**timing, **{name: share * timing[name] for name in own if name in timing}}


def _n_events(leaderboard: Path) -> str:
    """Of the dataset, from the head of its tables."""
    about = json.loads(leaderboard.read_text("utf-8"))["tables"][0]["about"]["dataset"]
    found = re.search(r"(\d+) events", about)
    assert found, about
    return found[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if it is old")
    if parser.parse_args().check:
        sys.exit(TABLE.read_text("utf-8") != table())
    TABLE.write_text(table(), "utf-8")
