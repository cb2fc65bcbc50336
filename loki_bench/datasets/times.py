"""Times of events, and the columns of a file that they are read from."""

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import NoReturn, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loki_bench.datasets.event_table import Place
from loki_bench.datasets.time_units import PER_SECOND
from loki_bench.errors import DatasetError

__all__ = ["TimeArray", "TimeColumn", "Times", "all_match", "whole_times"]

TimeArray: TypeAlias = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Times:
    """Times of events.

    Attributes
    ----------
    keys : tuple of int64 or float64 arrays of shape (n_events,)
        What orders the events, the coarsest first: larger is later. Nearly always one array.
    unit : str
        Of the first key: "seconds since 1970" and so on, or "" where the file does not say.
    scale : int
        The first key holds the file's numbers times this (decimals are kept as whole numbers).
    origin : int
        What was taken off the file's numbers, so that they fit 64 bits; nearly always 0.
    form : str
        How the file writes them: "whole numbers", "decimals", "ISO 8601", "dates" ...
    zoned : bool
        Whether dates have a time zone.
    finer : tuple of Times
        Those of the other columns, each with a unit and a scale of its own.
    notes : tuple of str
        Warnings for whoever uses them.
    """

    keys: tuple[TimeArray, ...]
    unit: str
    form: str
    scale: int = 1
    origin: int = 0
    zoned: bool = False
    finer: tuple["Times", ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.keys[0])

    def shown(self, event: int) -> str:
        """The time of an event in words: a date where the unit is known."""
        value = self.keys[0][event]
        per_second = PER_SECOND.get(self.unit)
        if per_second is None:
            number = self.origin + (int(value) if self.scale == 1 else float(value) / self.scale)
            return str(number)
        seconds = float(value) / self.scale / per_second
        try:
            moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
        except (OverflowError, ValueError, OSError):
            return str(value)
        return moment.strftime("%Y-%m-%d %H:%M:%S UTC" if self.form != "dates" else "%Y-%m-%d")


@dataclass(frozen=True, kw_only=True)
class TimeColumn:
    """A column of times and whom to name where a cell is wrong."""

    cells: pa.ChunkedArray
    name: str
    path: Path
    place: Place

    def refuse(self, row: int, why: str) -> NoReturn:
        cell = self.cells[row].as_py()
        shown = "an empty cell" if cell in (None, "") else f"'{str(cell)[:60]}'"
        raise DatasetError(f"{self.path}, {self.place(row)}: {shown} in column '{self.name}' {why}")


def whole_times(values: NDArray[np.int64]) -> Times:
    """Times that a file writes as whole numbers."""
    return Times(keys=(values,), unit="", form="whole numbers")


def all_match(column: TimeColumn, pattern: str) -> bool:
    """Whether every cell of a column of text matches."""
    # the first cell alone settles most cases
    if len(column.cells) and not re.match(pattern, column.cells[0].as_py()):
        return False
    return bool(pc.all(pc.match_substring_regex(column.cells, pattern)).as_py())
