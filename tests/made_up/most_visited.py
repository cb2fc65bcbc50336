"""A kind of step that the protocol does not have: all of it is in this file."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from loki_bench.pipeline.craft import Craft
from loki_bench.pipeline.dataset import CellStep
from loki_bench.records.store import Codec
from loki_bench.timing import timed

__all__ = ["MostVisited", "most_visited"]


class ItemCodec(Codec[int]):
    folder = "artefacts/visits"

    def encode(self, value):
        return {"item": np.array(value)}, {}

    def decode(self, arrays, about):
        return int(arrays["item"])


class Inputs(NamedTuple):
    craft: Craft


@dataclass(frozen=True)
class MostVisited(CellStep[int]):
    kind = "visits"
    seconds = 7.0
    artefact = "most_visits"
    codec = ItemCodec()

    @cached_property
    def key(self):
        return f"visits/{self.cell.craft_id}"

    @property
    def who(self):
        return "the counting of visits"

    @cached_property
    def inputs(self):
        return Inputs(Craft(self.data, self.cell))

    def address(self, values):
        return values[self.inputs.craft].poison.digest()

    def submit(self, workers, values):
        return workers.submit(most_visited, values[self.inputs.craft].poison)


def most_visited(poison):
    return timed(lambda: int(np.bincount(poison.items).argmax()))
