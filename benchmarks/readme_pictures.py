"""Draw README.md's two pictures: the result of leaderboards/quick with its intervals, the protocol.

Run: ``python benchmarks/readme_pictures.py``; with ``--check`` nothing is written, and the exit
status is 1 where docs/pictures holds something else.
"""

import argparse
import json
import sys
from pathlib import Path

from loki_bench.leaderboard.intervals import Interval, shown
from loki_bench.report.figure import Figure, Numbers, files_of
from loki_bench.report.looks import look_of
from loki_bench.report.names import attack_name, budget_name, metric_name, person_name
from loki_bench.report.panels import Dot, dots_panel
from loki_bench.report.protocol_picture import protocol_picture
from loki_bench.report.svg import as_file

ROOT = Path(__file__).resolve().parents[1]
BOARD = ROOT / "leaderboards" / "quick" / "leaderboard.json"
PICTURES = ROOT / "docs" / "pictures"


def pictures() -> dict[str, str]:
    """The content of each file by its name."""
    return {"quick.svg": result_picture(), "protocol.svg": as_file(protocol_picture())}


def result_picture() -> str:
    """A panel for each victim: every attack's mean with its 95 % interval, and who is tied."""
    [table] = json.loads(BOARD.read_text("utf-8"))["tables"]
    main = table["columns"][0]
    rows = [row for row in table["rows"] if not row["placebo"]]
    panels, numbers = [], []
    for victim in sorted({row["victim"] for row in rows}):
        own = [row for row in rows if row["victim"] == victim]
        place = f"{person_name(victim)}, {budget_name(own[0]['fake_users'], own[0]['actions'])}"
        values = [Interval(**row["metrics"][main["label"]]) for row in own]
        dots = [
            Dot(
                name=attack_name(row["attacker"], row["simulator"]),
                values=((look_of(row["attacker"]), value, ""),),
                note=_tie(row["rank"]),
            )
            for row, value in zip(own, values, strict=True)
        ]
        high = max(value.high for value in values)
        label = metric_name(main["label"])
        panels.append(dots_panel(place, dots, (0.0, 1.05 * high), label))
        numbers += [(place, dot.name, shown(v)) for dot, v in zip(dots, values, strict=True)]
    figure = Figure(
        name="quick",
        title=f"{metric_name(main['label'])} of every attack on MovieLens-100K: mean and 95 % "
        "interval over 5 seeds",
        panels=tuple(panels),
        key=(),
        numbers=Numbers(heads=("place", "attack", "value"), rows=tuple(numbers)),
    )
    return files_of(figure)["quick.svg"].decode()


def _tie(rank: list[int]) -> str:
    _, low, high = rank
    return "" if low == high else f"{low}-{high} tied"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if it is old")
    found = pictures()
    if parser.parse_args().check:
        files = {name: PICTURES / name for name in found}
        same = all(p.is_file() and p.read_text("utf-8") == found[n] for n, p in files.items())
        sys.exit(0 if same else 1)
    PICTURES.mkdir(exist_ok=True)
    for name, text in found.items():
        (PICTURES / name).write_text(text, "utf-8")
