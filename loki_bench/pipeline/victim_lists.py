"""What the clean victim shows every genuine user: the answers of the query oracle."""

from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import NamedArrays, lists_given_by
from loki_bench.contracts import Recommender
from loki_bench.engine.step import Values
from loki_bench.engine.workers import Workers
from loki_bench.json_values import JsonObject
from loki_bench.pipeline.dataset import CellStep, DataFolder, load_split
from loki_bench.records.store import Codec
from loki_bench.sandbox.carry_out import with_recommender
from loki_bench.split import Split
from loki_bench.suite.cell import Cell
from loki_bench.suite.evaluated_users import evaluated
from loki_bench.timing import Timed

__all__ = ["TopK", "VictimTopK", "fitted_lists", "show_lists"]

TopK: TypeAlias = NDArray[np.int32]
"""Shape (n_users, K), best first; -1 where there is no more to show."""


class TopKCodec(Codec[TopK]):
    """``artefacts/lists/<id>.npz``."""

    folder = "artefacts/lists"

    def encode(self, value: TopK) -> tuple[NamedArrays, JsonObject]:
        return {"lists": value}, {}

    def decode(self, arrays: NamedArrays, about: JsonObject) -> TopK:
        return arrays["lists"]


@dataclass(frozen=True)
class VictimTopK(CellStep[TopK]):
    """Writes down what the clean victim shows every genuine user.

    The victim is trained once more for it: no fitted victim is ever kept.
    """

    kind: ClassVar[str] = "lists"
    seconds: ClassVar[float] = 60.0
    codec = TopKCodec()

    @cached_property
    def key(self) -> str:
        return f"lists/{self.cell.lists_id}"

    @property
    def who(self) -> str:
        return f"victim '{self.cell.victim.name}'"

    @property
    def work(self) -> str:
        return f"lists of {self.cell.victim.label}"

    def address(self, values: Values) -> str:
        return self.cell.lists_id

    def submit(self, workers: Workers, values: Values) -> "Future[Timed[TopK]]":
        return workers.submit(show_lists, self.data, self.cell)


def show_lists(data: DataFolder, cell: Cell) -> Timed[TopK]:
    """What the victim, trained on genuine users alone, shows each of them.

    An int32 array of shape (n_users, K), see :func:`loki_bench.answer_checks.lists_given_by`. It is
    the clean victim of the grid, bit for bit, given the events that attackers know.
    """
    _, split = load_split(data)
    return with_recommender(
        cell.victim,
        lambda victim: fitted_lists(victim, cell, split),
        isolation=cell.isolation,
        limits=data.limits,
        closed=data.folder,
    )


def fitted_lists(victim: Recommender, cell: Cell, split: Split) -> TopK:
    """Train the clean victim of a cell, and write down what it shows every genuine user."""
    name = cell.victim.name
    seed = cell.seed_of(f"victim/{name}")
    validation = evaluated(split, cell.protocol, cell.seed).validation
    victim.fit(split.train, validation=validation, seed=seed)
    return lists_given_by(
        victim,
        name=name,
        users=np.arange(len(split.history), dtype=np.int32),
        histories=split.history,
        k=0 if cell.oracle is None else cell.oracle.list_length,
        n_items=split.history.n_items,
        repeats_are_shown=split.repeats_are_shown,
        list_length=cell.victim_list_length,
    )
