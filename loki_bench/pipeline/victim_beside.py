"""A clean victim that answers while the attack is crafted: for histories that nobody has."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import lists_given_by
from loki_bench.contracts import Recommender
from loki_bench.interactions import Sequences
from loki_bench.pipeline.dataset import DataFolder, load_split
from loki_bench.pipeline.victim_lists import fitted_lists
from loki_bench.sandbox.carry_out import with_recommender
from loki_bench.sandbox.query_oracle import Oracle
from loki_bench.suite.cell import Cell

__all__ = ["beside_victim"]

T = TypeVar("T")


def beside_victim(data: DataFolder, cell: Cell, work: Callable[[Oracle], T]) -> tuple[Oracle, T]:
    """Let something be done with an oracle that has the clean victim behind it.

    The victim is trained on genuine users alone, as for the lists of all of them: it is the clean
    victim of the grid, bit for bit. It is gone when ``work`` ends; no fitted victim is kept. The
    cost of its training is the host's and not the attack's.

    Parameters
    ----------
    cell : Cell
        Its oracle grants sequences.
    work : callable
        Is given the oracle.

    Returns
    -------
    The oracle, which has counted, and what ``work`` gave.
    """
    _, split = load_split(data)
    name, grant = cell.victim.name, cell.oracle
    assert grant is not None  # noqa: S101  # for the type checker
    somebody = np.zeros(1, dtype=np.int32)  # whoever it is makes no difference to such a victim

    def beside(victim: Recommender) -> tuple[Oracle, T]:
        lists = fitted_lists(victim, cell, split)

        def list_of(history: NDArray[np.int32]) -> NDArray[np.int32]:
            [found] = lists_given_by(
                victim,
                name=name,
                users=somebody,
                histories=Sequences.of([history]),
                k=grant.list_length,
                n_items=split.history.n_items,
                repeats_are_shown=split.repeats_are_shown,
                list_length=cell.victim_list_length,
            )
            return np.array(found, dtype=np.int32)

        oracle = Oracle(
            lists,
            n_granted=grant.queries,
            attacker=cell.attacker.name,
            n_items=split.history.n_items,
            list_of=list_of,
        )
        return oracle, work(oracle)

    done = with_recommender(
        cell.victim, beside, isolation=cell.isolation, limits=data.limits, closed=data.folder
    )
    return done.value
