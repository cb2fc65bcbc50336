"""Write README.md's five rows again from leaderboards/quick.

Run: ``python benchmarks/readme_table.py``; with ``--check`` nothing is written, and the exit status
is 1 where README.md shows something else.
"""

import argparse
import json
import sys
from pathlib import Path

from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[1]
BOARD = ROOT / "leaderboards" / "quick" / "leaderboard.json"
VICTIM = "fpmc"
"""Fixed, whatever wins there; the sentence above the rows names it and links to the others."""
N_ROWS = 5
SOURCE = (
    f"<!-- from leaderboards/quick victim={VICTIM}"
    "|attack|value=mean|value=gain|-|value=failed|value=placebo -->"
)
"""What the tests of the documentation look the numbers up by."""
BEGIN, END = "<!-- quick: begin -->\n", "<!-- quick: end -->\n"


def five_rows() -> str:
    """The first rows of one victim as Markdown, and what they are."""
    [table] = json.loads(BOARD.read_text("utf-8"))["tables"]
    label = table["columns"][0]["label"]
    rows = [r for r in table["rows"] if r["victim"] == VICTIM and not r["placebo"]][:N_ROWS]
    grid: str = tabulate(
        [
            (
                row["attacker"],
                _shown(row["metrics"][label], ""),
                _shown(row["gain"], "+"),
                _rank(row["rank"]),
                "-" if row["n_failed"] is None else f"{row['n_failed']} of {len(row['seeds'])}",
                _shown(row["placebo_effect"], "+"),
            )
            for row in rows
        ],
        headers=["attack", label, "gain", "rank", "failed in", "placebo"],
        tablefmt="github",
        disable_numparse=True,
    )
    first = rows[0]
    budget = f"{100 * first['fake_users']:g} % fake users with {first['actions']} actions each"
    said = (
        f"The first {len(rows)} rows on {VICTIM}, {len(first['seeds'])} seeds, {budget}; "
        "[the whole table](leaderboards/quick/leaderboard.md):"
    )
    return f"{said}\n\n{SOURCE}\n{grid}\n"


def readme(old: str) -> str:
    """README.md's text with the rows that the records give now."""
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{five_rows()}{END}{after}"


def _shown(value: dict[str, float] | None, sign: str) -> str:
    if value is None:
        return "-"
    return f"{value['mean']:{sign}.3f} [{value['low']:{sign}.3f}, {value['high']:{sign}.3f}]"


def _rank(rank: list[int] | None) -> str:
    if rank is None:
        return "-"
    _, low, high = rank
    return str(low) if low == high else f"{low}-{high} tied"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if it is old")
    file = ROOT / "README.md"
    old = file.read_text("utf-8")
    new = readme(old)
    if parser.parse_args().check:
        sys.exit(0 if new == old else 1)
    file.write_text(new, "utf-8")
