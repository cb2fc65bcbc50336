"""A craft done twice: whether an attack that is asked the same writes the same poison.

One cell of each attack of a suite is crafted again, of the first seed at the smallest budget. A
difference stands in the cell's record and marks the attack's row.
"""

import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, NamedTuple

from loki_bench.engine.step import Values
from loki_bench.engine.workers import Workers
from loki_bench.errors import ClusterError, KilledError, TemporaryFolderError, WorkerError
from loki_bench.pipeline.craft import Craft, Poison, craft, prepare
from loki_bench.pipeline.dataset import CellStep, DataFolder
from loki_bench.pipeline.surrogate import FitSurrogate
from loki_bench.pipeline.victim_lists import TopK, VictimTopK
from loki_bench.plain_data import in_short
from loki_bench.records.store import StoredFile
from loki_bench.sandbox.template import without_template
from loki_bench.suite.actions import actions_order
from loki_bench.suite.cell import Cell
from loki_bench.timing import Timed, timed

__all__ = ["CraftAgain", "cells_to_repeat", "craft_again"]

NO_ATTACK = "none"
"""It has nothing to write."""

LONGEST_REASON = 300

MOST_TRIES = 3


def cells_to_repeat(cells: Iterable[Cell]) -> frozenset[str]:
    """The ids of the cells whose craft is done twice: one of each attack, however a suite is cut.

    Of the cells of an attack with its parameters and influence estimator it is the one with the
    smallest budget, then the lowest seed, that is no placebo; the first of several. A poison that
    was handed in is crafted nowhere.
    """
    found: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        if cell.attacker.name == NO_ATTACK or cell.attacker.is_handed_in:
            continue  # nobody crafts
        influence = "" if cell.influence is None else cell.influence.label
        attack = (cell.attacker.label, influence)
        if attack not in found or _cost(cell) < _cost(found[attack]):
            found[attack] = cell
    return frozenset(cell.id for cell in found.values())


def _cost(cell: Cell) -> tuple[float, int, bool]:
    return cell.budget.n_fake_users * actions_order(cell.budget.actions), cell.seed, cell.placebo


class CraftAgainInputs(NamedTuple):
    """The poison to compare with, and what crafting takes."""

    craft: Craft
    surrogates: tuple[FitSurrogate, ...]
    lists: VictimTopK | None


@dataclass(frozen=True)
class CraftAgain(CellStep[str]):
    """Lets the attacker prepare and write its poison once more; its value is what differs."""

    kind: ClassVar[str] = "craft again"
    seconds: ClassVar[float] = 30.0

    @cached_property
    def key(self) -> str:
        return f"craft again/{self.cell.craft_id}"

    @property
    def who(self) -> str:
        return f"attacker '{self.cell.attacker.name}', once more"

    @property
    def work(self) -> str:
        return f"repeated {self.inputs.craft.work}"

    @cached_property
    def inputs(self) -> CraftAgainInputs:
        craft = Craft(self.data, self.cell)
        return CraftAgainInputs(craft, craft.inputs.surrogates, craft.inputs.lists)

    def submit(self, workers: Workers, values: Values) -> "Future[Timed[str]]":
        first, surrogates, lists = self.inputs
        return workers.submit(
            craft_again,
            self.data,
            self.cell,
            tuple(values[step] for step in surrogates),
            None if lists is None else values[lists],
            values[first],
        )


def craft_again(
    data: DataFolder,
    cell: Cell,
    surrogates: tuple[StoredFile, ...],
    lists: TopK | None,
    first: Poison,
) -> Timed[str]:
    """How the poison of the same craft differs from the first; empty where it does not.

    One that runs out of time tells nothing: preparing and crafting then share one time limit.
    """
    with without_template():  # in a process of its own, whose sets have another order
        return timed(lambda: _difference(data, cell, surrogates, lists, first), compiles=False)


def _difference(
    data: DataFolder,
    cell: Cell,
    surrogates: tuple[StoredFile, ...],
    lists: TopK | None,
    first: Poison,
) -> str:
    try:
        again = _crafted(data, cell, surrogates, lists)
    except (ClusterError, TemporaryFolderError, WorkerError):
        raise  # not the attack's doing
    except TimeoutError:
        return ""
    except Exception as error:  # whatever the attack may raise: the first time it did not
        return in_short(f"done again, the craft ended otherwise: {error}", LONGEST_REASON)
    if again.poison.digest() != first.poison.digest():
        return f"done again, the craft wrote other fake users: {_n_other(first, again)}"
    if (again.report, again.n_queries) != (first.report, first.n_queries):
        return "done again, the craft wrote the same fake users and reported something else"
    return ""


def _crafted(
    data: DataFolder,
    cell: Cell,
    surrogates: tuple[StoredFile, ...],
    lists: TopK | None,
) -> Poison:
    """Prepare and craft, within one time limit; up to thrice where the process is killed.

    Whoever ran out of memory, or was killed by hand, has not shown that it rolls dice.
    """
    end = time.monotonic() + data.limits.seconds

    def in_time() -> DataFolder:
        seconds = max(end - time.monotonic(), 1e-3)
        return replace(data, limits=data.limits.model_copy(update={"seconds": seconds}))

    tries_left = MOST_TRIES
    while True:
        tries_left -= 1
        try:
            prepared = prepare(in_time(), cell, surrogates).value if cell.prepares else None
            return craft(in_time(), cell, surrogates, lists, prepared).value
        except KilledError:
            if not tries_left:
                raise


def _n_other(first: Poison, again: Poison) -> str:
    """``12 of 671 differ``."""
    ours, others = ([tuple(row) for row in one.poison] for one in (first, again))
    n = max(len(ours), len(others))
    same = sum(a == b for a, b in zip(ours, others, strict=False))
    return f"{n - same} of {n} differ"
