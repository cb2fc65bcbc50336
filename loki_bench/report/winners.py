"""Who is best at each victim and budget, who is tied with the best, and what that comes to."""

from collections.abc import Sequence
from dataclasses import dataclass

from loki_bench.leaderboard.blocks import RowBlock, blocks_of
from loki_bench.leaderboard.headlines import headline_of
from loki_bench.leaderboard.rows import NO_DEFENSE
from loki_bench.leaderboard.table import Row, Table
from loki_bench.report.names import (
    attack_name,
    file_name,
    full_budget_name,
    metric_name,
    person_name,
)
from loki_bench.report.names import place_name as victim_name

__all__ = ["Place", "answer_of", "places_of", "sentence_of"]

FEW = 3
"""Places that are answered one by one; of more the answer counts."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One victim, budget and defense.

    Attributes
    ----------
    name : str
        ``"FPMC, 1 % fake users x 15 actions each (1.69 % of events)"``.
    anchor : str
        What a link to it ends in.
    best : tuple of Row
        The best row, and those that the seeds do not tell from it; empty where none is ranked.
    sentence : str
        Who is best, with its interval, and whom it is tied with; empty where none is ranked.
    """

    name: str
    anchor: str
    block: RowBlock
    best: tuple[Row, ...]
    sentence: str


def places_of(table: Table) -> list[Place]:
    """All places of a table, in its order."""
    found = []
    for block in blocks_of(table):
        rows = [row for row, _ in block.rows]
        found.append(
            Place(
                name=_named(rows[0], rows[0].event_share),
                anchor=f"on-{file_name(_named(rows[0], None))}",
                block=block,
                best=_best(rows, table),
                sentence=sentence_of(rows, table),
            )
        )
    return found


def sentence_of(rows: Sequence[Row], table: Table) -> str:
    """``LOKI has the best display rate@10, 0.325 ± 0.055, tied with covisit-easy.``"""
    said = headline_of(rows, table)
    if not said or table.main is None:
        return ""
    said = said.replace(table.main.label, metric_name(table.main.label))
    return person_name(said.replace(" (leave-one-out)", ""))


def answer_of(table: Table) -> str:
    """What the table says, in a few sentences; why it says nothing where it is not ranked."""
    ranked = [place for place in places_of(table) if place.best]
    if not ranked:
        return "No row is ranked: the notes say why." if table.not_ranked else ""
    if len(ranked) <= FEW:
        return " ".join(f"On {place.name}: {place.sentence}" for place in ranked)
    among: dict[str, int] = {}
    alone: dict[str, int] = {}
    for place in ranked:
        names = dict.fromkeys(attack_name(row.attacker, row.simulator) for row in place.best)
        for name in names:
            among[name] = among.get(name, 0) + 1
        if len(names) == 1:
            alone[next(iter(names))] = alone.get(next(iter(names)), 0) + 1
    n = len(ranked)
    order = sorted(among, key=lambda name: (-among[name], name))
    shared = ", ".join(f"{name} at {among[name]}" for name in order)
    clear = ", ".join(f"{name} at {alone[name]}" for name in order if name in alone)
    kinds = "a victim and a budget each"
    if any(row.defense != NO_DEFENSE for row in table.rows):
        kinds = "a victim, a defense and a budget each"
    said = f"Best or tied with the best, of {n} places ({kinds}): {shared}."
    return f"{said} Clearly above all others: {clear or 'no attack at any'}."


def _best(rows: Sequence[Row], table: Table) -> tuple[Row, ...]:
    best = next((row for row in rows if row.rank is not None and row.behind is None), None)
    if best is None or table.main is None or sum(row.rank is not None for row in rows) < 2:
        return ()
    own = (best.attacker, best.simulator)
    tied = {
        pair.worse
        for pair in table.pairs
        if pair.better == own
        and not pair.clear
        and all(getattr(best, name) == value for name, value in pair.where.items())
    }
    others = [row for row in rows if not row.placebo and (row.attacker, row.simulator) in tied]
    return (best, *others)


def _named(row: Row, event_share: float | None) -> str:
    budget = full_budget_name(row.fake_users, row.actions, event_share)
    return f"{victim_name(row.victim, row.defense)}, {budget}"
