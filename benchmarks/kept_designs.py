"""What LOKI's simulator tried and what it kept, counted over the published records.

    python benchmarks/kept_designs.py

prints a line of the table in docs/loki.md for each board whose records have LOKI with a simulator
(`reports.attacker.simulator`), and their sum. A record counts as tried where its simulator trained
at least one attack of that kind, and as kept where the attack that was written is of that kind.
loki-ablations is left out: its rows switch off what is counted here.
"""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

LEADERBOARDS = Path(__file__).resolve().parents[1] / "leaderboards"
LEFT_OUT = ("loki-ablations",)
KINDS = {"rounds": "round ", "agent": "policy", "motif": "motif"}
"""How the origin of a tried attack begins, by what the table calls it."""


@dataclass(frozen=True)
class Count:
    """In how many records something was tried, and in how many kept."""

    records: int
    tried: dict[str, int]
    kept: dict[str, int]


def counted() -> dict[str, Count]:
    """The counts of each board, by its folder in `leaderboards`."""
    found: dict[str, Count] = {}
    for pack in sorted(LEADERBOARDS.rglob("records.jsonl.gz")):
        board = pack.parent.relative_to(LEADERBOARDS).as_posix()
        if board not in LEFT_OUT and (count := _of_pack(pack)).records:
            found[board] = count
    return found


def summed(counts: list[Count]) -> Count:
    """All boards as one."""
    return Count(
        sum(one.records for one in counts),
        {kind: sum(one.tried[kind] for one in counts) for kind in KINDS},
        {kind: sum(one.kept[kind] for one in counts) for kind in KINDS},
    )


def line(board: str, count: Count) -> str:
    """A row of the table: kept of tried, for each kind."""
    cells = [f"{count.kept[kind]} of {count.tried[kind]}" for kind in KINDS]
    return f"| {' | '.join([board, str(count.records), *cells])} |"


def _of_pack(pack: Path) -> Count:
    records = 0
    tried, kept = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0)
    with gzip.open(pack, "rt", encoding="utf-8") as lines:
        for text in lines:
            reports = json.loads(text)["content"].get("reports") or {}
            simulator = (reports.get("attacker") or {}).get("simulator")
            if simulator is None:
                continue
            records += 1
            origins = [one["origin"] for one in simulator["tried"]]
            for kind, begin in KINDS.items():
                tried[kind] += any(origin.startswith(begin) for origin in origins)
                kept[kind] += origins[simulator["chosen"]].startswith(begin)
    return Count(records, tried, kept)


if __name__ == "__main__":
    boards = counted()
    for name, found in boards.items():
        print(line(f"`{name}`", found))
    print(line("together", summed(list(boards.values()))))
