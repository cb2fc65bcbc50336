"""The rows of one victim, budget and defense together, each attack with its placebo beside it."""

from dataclasses import dataclass

from loki_bench.leaderboard.rows import NO_DEFENSE, shown_budget
from loki_bench.leaderboard.table import Row, Table

__all__ = ["RowBlock", "blocks_of", "title_of"]


@dataclass(frozen=True, kw_only=True)
class RowBlock:
    """Rows that are compared with each other, in the order of their table.

    Attributes
    ----------
    title : str
        Victim, defense if any, and budget: ``"bprmf, 3 % x 15 (5.07 % of events)"``.
    rows : tuple of (row, its placebo or None)
        A placebo whose attack has no row here stands as a row of its own, at the end.
    """

    title: str
    rows: tuple[tuple[Row, Row | None], ...]


def blocks_of(table: Table) -> list[RowBlock]:
    """The table's rows by victim, budget and defense."""
    blocks: dict[str, list[Row]] = {}
    for row in table.rows:
        blocks.setdefault(title_of(row, with_events=True), []).append(row)
    found = []
    for title, rows in blocks.items():
        placebos = {(row.attacker, row.simulator): row for row in rows if row.placebo}
        paired: list[tuple[Row, Row | None]] = [
            (row, placebos.pop((row.attacker, row.simulator), None))
            for row in rows
            if not row.placebo
        ]
        alone = ((row, None) for row in placebos.values())
        found.append(RowBlock(title=title, rows=(*paired, *alone)))
    return found


def title_of(row: Row, *, with_events: bool = False) -> str:
    """Where the row stands: ``"bprmf defended by pca, 3 % x 15"``.

    With events the budget has the share of events, too, which is one for all rows of it.
    """
    defended = "" if row.defense == NO_DEFENSE else f" defended by {row.defense}"
    events = row.event_share if with_events else None
    return f"{row.victim}{defended}, {shown_budget(row.fake_users, row.actions, events)}"
