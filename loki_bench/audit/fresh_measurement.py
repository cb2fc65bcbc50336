"""Measures rows that were handed in, and those that they are ranked with, under a fresh key.

A suite's seeds are public, so whoever wrote an attack may have held the very victim. Under a key
that is drawn when the attack is already handed in, targets and victims are others. Rows are paired,
so the leaderboard's own rows of the same victim, budget and defense are computed again, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loki_bench.audit.installed import why_not_runnable
from loki_bench.audit.replay import Replay
from loki_bench.leaderboard.rows import RowKey, row_key
from loki_bench.plugins.registry import Registry
from loki_bench.records.schema import Record
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell

__all__ = ["FreshMeasurement", "measured_afresh", "under_key"]


@dataclass(frozen=True, kw_only=True)
class FreshMeasurement:
    """What was measured under one key.

    Attributes
    ----------
    key : str
        32 hexadecimal digits.
    handed_in, beside : tuple of str
        Ids of the cells that were handed in, and of those that they are ranked with.
    """

    key: str
    handed_in: tuple[str, ...]
    beside: tuple[str, ...]

    @property
    def ids(self) -> list[str]:
        """All of them."""
        return [*self.handed_in, *self.beside]


def measured_afresh(
    handed_in: Sequence[Cell],
    ours: Mapping[str, Record],
    *,
    key: str,
    registry: Registry,
    replay: Replay,
    store: Store,
) -> FreshMeasurement | None:
    """Compute cells under a key into a store; None where the attack is not installed here.

    Parameters
    ----------
    handed_in : sequence of Cell
        Under public seeds.
    ours : mapping of cell id to Record
        Of the leaderboard. A row that can't be computed with what is installed is left out.
    """
    blocks = {row_key(cell).block for cell in handed_in}
    public = (record.cell for record in ours.values() if not record.cell.key)
    beside = [cell for cell in public if row_key(cell).block in blocks]
    theirs, rivals = (_runnable(cells, registry, replay) for cells in (handed_in, beside))
    if len(theirs) < len(handed_in):
        return None
    fresh, fresh_rivals = ([under_key(c, key) for c in cells] for cells in (theirs, rivals))
    replay.run([*fresh, *fresh_rivals], store)
    return FreshMeasurement(
        key=key,
        handed_in=tuple(sorted(cell.id for cell in fresh)),
        beside=tuple(sorted(cell.id for cell in fresh_rivals)),
    )


def under_key(cell: Cell, key: str) -> Cell:
    """The same cell with its random draws under a key."""
    content = cell.model_dump(mode="json")
    return Cell.model_validate({**content, "protocol": {**content["protocol"], "key": key}})


def _runnable(cells: Iterable[Cell], registry: Registry, replay: Replay) -> list[Cell]:
    """The cells of those rows all of whose cells can be computed here."""
    rows: dict[RowKey, list[Cell]] = {}
    for cell in cells:
        rows.setdefault(row_key(cell), []).append(cell)
    return [
        cell
        for row in rows.values()
        if not any(why_not_runnable(cell, registry, but=("dataset",)) for cell in row)
        for cell in row
        if cell.dataset.fingerprint == replay.dataset.fingerprint
    ]
