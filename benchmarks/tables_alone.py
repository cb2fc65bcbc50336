"""Write the tables that were published without records again, with today's intervals.

Of `leaderboards/fidelity/as-trained` and `converged` the tables alone are kept. Their JSON has
mean, ends and number of goals of every interval, which was Student's t: cut off at the range's
ends, or Gaffke's bound where all values agree, it is that of
`loki_bench/leaderboard/intervals.py`.

Run: ``python benchmarks/tables_alone.py``; with ``--check`` nothing is written, and the exit status
is 1 where a file would change. A table that was written already stays as it is.
"""

import json
import sys
from pathlib import Path
from typing import Any

from loki_bench.fidelity.rendering import as_csv, as_json, as_markdown
from loki_bench.fidelity.table import FidelityRow, FidelityTable, Measure
from loki_bench.leaderboard.intervals import NO_BOUNDS, Bounds, Interval, interval_of

LEADERBOARDS = Path(__file__).resolve().parents[1] / "leaderboards"
FOLDERS = tuple(LEADERBOARDS / "fidelity" / name for name in ("as-trained", "converged"))

ABOUT = (
    "dataset",
    "fingerprint",
    "sample",
    "goals",
    "fake users",
    "fidelity version",
    "largest gradient norm left by any retraining",
)
"""In the order of a page: JSON sorts them."""


def again(value: Any, bounds: Bounds) -> Interval | None:
    """An interval by its mean, ends and number of values, as it is written today."""
    if value is None:
        return None
    mean, low, high = float(value["mean"]), float(value["low"]), float(value["high"])
    if low == high:
        return interval_of([mean] * value["n"], bounds)
    least, greatest = bounds
    low = low if least is None else max(low, least)
    high = high if greatest is None else min(high, greatest)
    return Interval(mean, min(low, mean), max(high, mean), value["n"])


def files_of(folder: Path) -> dict[str, str]:
    """The files of a table of estimators."""
    content = json.loads((folder / "leaderboard.json").read_bytes())

    def measures(listed: Any, *, unbounded: bool = False) -> dict[Measure, Interval]:
        found = {}
        for one in listed:
            measure = Measure(one["experiment"], one["stratum"], one["statistic"])
            interval = again(one, NO_BOUNDS if unbounded else measure.bounds)
            if interval is not None:
                found[measure] = interval
        return found

    tables = [
        FidelityTable(
            recommender=table["recommender"],
            truth=table["truth"],
            victim=table["victim"],
            about={name: table["about"][name] for name in ABOUT if name in table["about"]},
            ceilings=measures(table["ceilings"]),
            rows=tuple(
                FidelityRow(
                    estimator=row["estimator"],
                    control=row["control"],
                    measures=measures(row["measures"]),
                    of_ceiling=measures(row["of_ceiling"], unbounded=True),
                    invariance=row["invariance"],
                    reasons=tuple(row["reasons"]),
                )
                for row in table["rows"]
            ),
            reasons=tuple(table["reasons"]),
        )
        for table in content["tables"]
    ]
    return {
        "leaderboard.md": as_markdown(content["suite"], _summary(folder), tables),
        "leaderboard.csv": as_csv(tables),
        "leaderboard.json": as_json(content["suite"], tables),
    }


def _summary(folder: Path) -> str:
    """The sentence below the page's title."""
    return (folder / "leaderboard.md").read_text("utf-8").split("\n\n")[1]


def main() -> int:
    """Write, or check with ``--check``."""
    changed = []
    for folder in FOLDERS:
        for name, text in files_of(folder).items():
            path = folder / name
            if path.read_text("utf-8") != text:
                changed.append(path)
                if "--check" not in sys.argv[1:]:
                    path.write_text(text, "utf-8")
    for path in changed:
        print(path.relative_to(LEADERBOARDS))
    return int("--check" in sys.argv[1:] and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
