"""A suite's leaderboard as an object: tables, records, data frames, and how each is shown."""

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loki_bench.interactions import Interactions
from loki_bench.leaderboard.frames import cells_frame, frame_of, per_seed_frame, write_frame
from loki_bench.leaderboard.rendering import as_json, as_markdown, as_short_text, as_text
from loki_bench.leaderboard.table import Table
from loki_bench.records.schema import Record
from loki_bench.suite.cell import Cell

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Leaderboard"]


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """What a suite's cells came to. Printed it fits the terminal, in a notebook it is Markdown.

    Attributes
    ----------
    name, summary : str
        The suite's.
    metrics : tuple of str
        The suite's, the main one first.
    tables : tuple of Table
        One for each dataset and protocol.
    records : tuple of Record
        One for each cell that has been computed, with or without a result.
    missing : tuple of Cell
        Cells without a record.
    interactions : Interactions or None
        The dataset, for the names of target items and users.
    """

    name: str
    summary: str
    metrics: tuple[str, ...]
    tables: tuple[Table, ...]
    records: tuple[Record, ...]
    missing: tuple[Cell, ...]
    interactions: Interactions | None = None

    @property
    def status(self) -> dict[str, int]:
        """How many cells are ``ok``, ``rejected``, ``failed``, ``timeout`` or ``missing``."""
        counts = Counter(str(record.status) for record in self.records)
        counts["missing"] = len(self.missing)
        return {name: n for name, n in sorted(counts.items()) if n}

    def frame(self) -> "DataFrame":
        """One row for each row of the tables, in their order; see :func:`frame_of`."""
        return frame_of(self.tables)

    def per_seed(self) -> "DataFrame":
        """One row for each cell and metric; see :func:`per_seed_frame`."""
        return per_seed_frame(self.records, self.missing, self.metrics)

    def cells_frame(self) -> "DataFrame":
        """One row for each cell, with the names of its targets; see :func:`cells_frame`."""
        return cells_frame(self.records, self.missing, self.metrics, self.interactions)

    def write_per_seed(self, path: Path) -> None:
        """Write :meth:`cells_frame` as CSV or, where the name ends in ``.parquet``, as Parquet.

        In CSV a list of names is written as JSON.

        Raises
        ------
        UsageError
            The name ends otherwise, or the file can't be written.
        """
        write_frame(self.cells_frame(), path)

    def as_json(self) -> str:
        """Everything that the tables hold, for programs."""
        return as_json(self.name, list(self.tables))

    def as_text(self, *, width: int | None = None, every_column: bool = False) -> str:
        """The tables for a terminal.

        Parameters
        ----------
        width : int or None
            Letters of a line; those of the terminal unless given, and 80 where there is none.
        every_column : bool
            Every row and column, however wide that gets.
        """
        if every_column:
            return as_text(list(self.tables))
        return as_short_text(list(self.tables), width or shutil.get_terminal_size().columns)

    def __str__(self) -> str:
        return self.as_text()

    def _repr_markdown_(self) -> str:
        return as_markdown(self.name, self.summary, list(self.tables))
