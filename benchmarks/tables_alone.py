"""Write the tables that were published without records again, with today's intervals.

Of `leaderboards/beauty/loki-ablations` and `leaderboards/fidelity/*` the tables alone are kept.
Their JSON has mean, ends and number of seeds or goals of every interval, which was Student's t: cut
off at the range's ends, or Gaffke's bound where all values agree, it is that of
`loki_bench/leaderboard/intervals.py`. What needs the single seeds is left out: ranks, ties and
failed seeds.

Run: ``python benchmarks/tables_alone.py``; with ``--check`` nothing is written, and the exit status
is 1 where a file would change. A table that was written already stays as it is.
"""

import json
import sys
from pathlib import Path
from typing import Any

from loki_bench.fidelity.rendering import as_csv as fidelity_csv
from loki_bench.fidelity.rendering import as_json as fidelity_json
from loki_bench.fidelity.rendering import as_markdown as fidelity_markdown
from loki_bench.fidelity.table import FidelityRow, FidelityTable, Measure
from loki_bench.leaderboard.intervals import (
    NO_BOUNDS,
    Bounds,
    Interval,
    difference_bounds,
    interval_of,
    is_by_design,
)
from loki_bench.leaderboard.rendering import leaderboard_files
from loki_bench.leaderboard.table import Row, Table
from loki_bench.plugins.specs import HigherIs, Purpose
from loki_bench.records.schema import MetricInfo

LEADERBOARDS = Path(__file__).resolve().parents[1] / "leaderboards"
ABLATIONS = LEADERBOARDS / "beauty" / "loki-ablations"
FIDELITY = tuple(LEADERBOARDS / "fidelity" / name for name in ("as-trained", "converged"))
BASELINES = ("none", "random", "popular")
N_USERS, N_ITEMS, N_EVENTS = 22_363, 12_101, 198_502

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

ATTACKER: HigherIs = "better for the attacker"
PLATFORM: HigherIs = "better for the platform"
COLUMNS: tuple[tuple[str, str, HigherIs, Bounds, float | None, Purpose, str], ...] = (
    ("display_rate@10", "display_rate@10", ATTACKER, (0.0, 1.0), 0.5, "attack", "share"),
    ("display_any@10", "user_display_rate@10", ATTACKER, (0.0, 1.0), None, "attack", "share"),
    ("hr@10", "hr@10", PLATFORM, (0.0, 1.0), None, "utility", "share"),
    ("target_rank", "target_rank", PLATFORM, (1.0, None), None, "attack", "rank"),
)

METRICS = {
    old: MetricInfo(
        label=label,
        higher_is=higher_is,
        range=ends,
        ceiling=ceiling,
        purpose=purpose,
        unit=unit,
    )
    for old, label, higher_is, ends, ceiling, purpose, unit in COLUMNS
}
"""Of the ablations, by their names of then."""


def again(value: Any, bounds: Bounds, *, by_design: bool = False) -> Interval | None:
    """An interval by its mean, ends and number of values, as it is written today."""
    if value is None:
        return None
    mean, low, high = float(value["mean"]), float(value["low"]), float(value["high"])
    if low == high:
        return interval_of([mean] * value["n"], bounds, by_design=by_design)
    least, greatest = bounds
    low = low if least is None else max(low, least)
    high = high if greatest is None else min(high, greatest)
    return Interval(mean, min(low, mean), max(high, mean), value["n"])


def ablations() -> dict[str, str]:
    """The files of the ablations."""
    content = json.loads((ABLATIONS / "leaderboard.json").read_bytes())
    [table] = content["tables"]
    if "columns" in table:
        return {}
    main = difference_bounds(METRICS["display_rate@10"].range)
    rows = [
        Row(
            victim=row["victim"],
            defense=row["defense"],
            attacker=row["attacker"],
            simulator=row["simulator"] or "-",
            fake_users=row["fake_users"],
            actions=row["actions"],
            seeds=tuple(row["seeds"]),
            metrics={
                info.label: again(row["metrics"][old], info.range, by_design=is_by_design(info))
                for old, info in METRICS.items()
            },
            gain=again(row["gain"], main),
            p_value=row["p_value"],
            rank=None,
            behind=None,
            behind_p=None,
            n_failed=None,
            baseline=row["attacker"] in BASELINES,
            placebo=row["placebo"],
            placebo_effect=again(row["placebo_effect"], main),
            from_fake_users=row["training_samples_from_fake_users"],
            counts=row["counts"],
            reasons=tuple(row["reasons"]),
            marked=row["marked"],
            event_share=round(row["fake_users"] * N_USERS) * row["actions"] / N_EVENTS,
        )
        for row in table["rows"]
    ]
    found = Table(
        about=table["about"],
        columns=tuple(METRICS.values()),
        rows=tuple(rows),
        pairs=(),
        series=(),
        n_users=N_USERS,
        n_items=N_ITEMS,
        not_ranked=("the table was published without records, and ties need every seed",),
    )
    return leaderboard_files(content["suite"], _summary(ABLATIONS), [found])


def fidelity(folder: Path) -> dict[str, str]:
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
        "leaderboard.md": fidelity_markdown(content["suite"], _summary(folder), tables),
        "leaderboard.csv": fidelity_csv(tables),
        "leaderboard.json": fidelity_json(content["suite"], tables),
    }


def _summary(folder: Path) -> str:
    """The sentence below the page's title."""
    return (folder / "leaderboard.md").read_text("utf-8").split("\n\n")[1]


def main() -> int:
    """Write, or check with ``--check``."""
    changed = []
    for folder, files in (
        (ABLATIONS, ablations()),
        *((folder, fidelity(folder)) for folder in FIDELITY),
    ):
        for name, text in files.items():
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
