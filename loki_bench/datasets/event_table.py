"""What every kind of file is read to: events as columns, before ids, times and filters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

__all__ = ["EventTable", "Place"]

Place: TypeAlias = Callable[[int], str]
"""From a row, from 0, to where it is in its file: ``"line 7"`` or ``"row 7"``."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EventTable:
    """Rows of a file in its order, one an event.

    Attributes
    ----------
    path : Path
        The file.
    users, items : pyarrow ChunkedArray
        Names: strings, dictionaries of strings, or whole numbers; missing ones are null or as the
        file writes them.
    times : tuple of pyarrow ChunkedArray
        Columns that order the events, the coarsest first; empty where there are no times.
    ratings : pyarrow ChunkedArray or None
    where : mapping of str to pyarrow ChunkedArray
        Columns that rows are chosen by.
    place : function of int to str
        Where a row is in its file.
    cells : function of int to dict of str
        All cells of a row, by column; slow, for messages.
    n_lines : int
        Lines, or rows, of the file.
    left_out : mapping of str to int
        Lines that hold no event, counted by what they are: ``{"header": 1, "blank": 2}``.
    unit : str
        What ``n_lines`` counts, for the report.
    n_second_lines : int
        Events in second lines of users that were left out, where that was asked for.
    """

    path: Path
    users: pa.ChunkedArray
    items: pa.ChunkedArray
    times: tuple[pa.ChunkedArray, ...]
    ratings: pa.ChunkedArray | None
    where: Mapping[str, pa.ChunkedArray]
    place: Place
    cells: Callable[[int], dict[str, str]]
    n_lines: int
    left_out: Mapping[str, int]
    unit: str = "lines"
    n_second_lines: int = 0

    def __len__(self) -> int:
        return len(self.users)
