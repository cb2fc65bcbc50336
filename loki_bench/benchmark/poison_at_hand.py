"""Poison that is at hand: fake users as somebody has them, in the place of an attack's answer."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from loki_bench import __version__
from loki_bench.errors import UsageError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.pipeline.craft import Poison, PoisonCodec
from loki_bench.plugins.specs import nearest
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell, CellBudget
from loki_bench.suite.components import handed_in
from loki_bench.suite.handed_in import HandedIn

__all__ = ["FakeUsers", "cell_with", "lay_down", "sequences_of"]

FakeUsers: TypeAlias = Sequences | Iterable[Sequence[int] | Sequence[str]]
"""A row for each fake user, its oldest action first: numbers of items, or the dataset's tokens."""

AT_HAND = "at hand"
"""What tables call poison that was no file."""


def sequences_of(poison: FakeUsers, interactions: Interactions) -> Sequences:
    """The fake users as item numbers.

    Raises
    ------
    UsageError
        A fake user has no action, or the dataset has no such item.
    """
    numbers = {token: number for number, token in enumerate(interactions.item_tokens)}

    def number_of(item: object, who: str) -> int:
        if isinstance(item, str):
            if item not in numbers:
                near = nearest(item, list(numbers))
                raise UsageError(f"{who}: the dataset has no item '{item}'{near}")
            return numbers[item]
        if not isinstance(item, (int, np.integer)) or not 0 <= item < interactions.n_items:
            raise UsageError(
                f"{who}: there is no item {item!r}; items are numbered from 0 to "
                f"{interactions.n_items - 1}, tokens are text"
            )
        return int(item)

    rows: list[list[int]] = []
    for row in poison:
        who = f"fake user {len(rows)}"
        if isinstance(row, str) or not isinstance(row, Iterable):
            given = "text" if isinstance(row, str) else repr(row)
            raise UsageError(f"{who} is {given}: expected a row of items")
        rows.append([number_of(item, who) for item in row])
        if not rows[-1]:
            raise UsageError(f"{who} has no action; leave that user out")
    return Sequences.of(rows)


def lay_down(store: Store, cells: Iterable[Cell], poison: Iterable[HandedIn]) -> None:
    """Put poison that a suite names as files where a cell looks for what its attack wrote."""
    by_content = {one.component.parameters["sha256"]: one.poison for one in poison}
    for cell in cells:
        content = cell.attacker.parameters.get("sha256")
        if cell.attacker.is_handed_in and content in by_content:
            given = Poison(poison=by_content[content], report={})
            store.write(PoisonCodec(), cell.craft_id, given)


def cell_with(poison: Sequences, cell: Cell) -> Cell:
    """The cell in which this poison takes the place of the attack, with the budget that it uses.

    Its content stands for the attack's parameters: other poison is another cell.
    """
    n_users = cell.dataset.n_users
    attacker = handed_in(poison.digest(), version=__version__, label=AT_HAND)
    budget = CellBudget(
        fake_users=len(poison) / n_users,
        n_fake_users=len(poison),
        actions=int(poison.lengths.max(initial=0)),
    )
    fields = cell.model_dump() | {
        "attacker": attacker.model_dump(),
        "budget": budget.model_dump(),
        "is_baseline": False,
    }
    return Cell.model_validate(fields)
