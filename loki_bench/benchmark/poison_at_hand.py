"""Poison that is at hand: fake users as somebody has them, in the place of an attack's answer."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from loki_bench import __version__
from loki_bench.errors import UsageError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.plugins.specs import nearest
from loki_bench.suite.cell import Cell, CellBudget
from loki_bench.suite.components import ComponentRef

__all__ = ["FakeUsers", "cell_with", "sequences_of"]

FakeUsers: TypeAlias = Sequences | Iterable[Sequence[int] | Sequence[str]]
"""A row for each fake user, its oldest action first: numbers of items, or the dataset's tokens."""

NAME = "poison-at-hand"


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


def cell_with(poison: Sequences, cell: Cell) -> Cell:
    """The cell in which this poison takes the place of the attack, with the budget that it uses.

    Its content stands for the version of the attack: other poison is another cell.
    """
    n_users = cell.dataset.n_users
    parameters = {"sha256": poison.digest()}
    attacker = ComponentRef(
        name=NAME,
        distribution="loki-bench",
        version=__version__,
        target="",
        parameters=dict(parameters),
        changed=dict(parameters),
    )
    budget = CellBudget(
        fake_users=len(poison) / n_users,
        n_fake_users=len(poison),
        actions=int(poison.lengths.max(initial=0)),
    )
    fields = cell.model_dump() | {
        "attacker": attacker.model_dump(),
        "budget": budget.model_dump(),
    }
    return Cell.model_validate(fields)
