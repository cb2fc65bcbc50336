"""A user's own data: tables with any separator, pairs, one line a user, JSON lines, Parquet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from loki_bench.contracts import DatasetLoader
from loki_bench.datasets.filters import (
    Duplicates,
    Missing,
    Repeats,
    RowFilters,
    SequenceFilters,
)
from loki_bench.datasets.kept_logs import kept_or_read
from loki_bench.datasets.parameters import (
    check_choice,
    check_column,
    check_k_core,
    check_last_events,
    check_paths,
    check_rating,
    check_times,
    check_where,
    check_whole,
    checked_reading,
)
from loki_bench.datasets.reading import ColumnChoice, Format
from loki_bench.errors import ParameterError
from loki_bench.event_log import EventLog
from loki_bench.interactions import Interactions

__all__ = ["OwnFile"]

_NAME = "file"

MOST_ITEMS = 10**7
"""Items of a catalogue that is given as a number: each takes memory, whether in the file or not."""


class OwnFile(DatasetLoader):
    r"""Interactions in files of one's own, plain or compressed with gzip, zip, bzip2 or xz.

    Each line is one event, or is counted by the reason for which it is none.

    Parameters
    ----------
    path : str or list of str
        The file, or files that are read as one, in their order; ``~`` is the home folder, a
        relative path starts at the working folder.
    validation_path, test_path : str or list of str, optional
        The user's own split: ``path`` then holds the events to train with. A user's sequence is
        made of the parts in this order, each sorted by time.
    format : str
        "inter": RecBole's atomic file (``user_id:token<tab>item_id:token<tab>...``), and its
        session files. "csv", "tsv": a table with a separator. "sequences": one line a user, the
        user and then the items, oldest first. "pairs": a user and an item a line, oldest first.
        "json": an object an event, as JSON or as Python writes it, one a line. "parquet".
        "auto" goes by the first bytes, the ending, and the first lines.
    separator : str, optional
        Between cells: any characters; " " stands for any run of blanks and tabs. Recognised where
        it is left out.
    encoding : str, optional
        Of the text, such as "latin-1"; UTF-8, or what a byte order mark says, where it is left out.
    columns : list of str, optional
        Names of the columns of a table without a header.
    header : bool, optional
        Whether the first line is a header; recognised where it is left out.
    user_column, item_column : str or int
        Columns of the users' and items' names, by name or by number from 0. Not used by
        "sequences" and "pairs".
    timestamp_column : str, int or list of them
        Column of times, larger is later; ties stay in the order of the file. Of several, the
        first counts most (a date, then a clock). An empty name says that there are no times and
        the rows are oldest first. "sequences" and "pairs" have none.
    times : str
        "auto": whole numbers of any length, decimals, ISO 8601, dates. Else the form of the times
        as ``strptime`` takes it, such as "%d/%m/%Y".
    rating_column : str or int
        Column of ratings; read only with ``min_rating``.
    min_rating : float, optional
        Rows with a lower rating are dropped.
    where : dict of str to list of str, optional
        Columns and the values that are kept: ``{ event = ["view"] }``; other rows are dropped.
    missing : "error" or "drop"
        What to do with a row without user or item (empty, ``nan``, ``NULL``, ``\N``).
    duplicates : "error" or "drop"
        What to do when user, item and time repeat an earlier row, or when a user has a second
        line of sequences: refuse the file, or read the first one only.
    repeats : "keep" or "drop-later"
        "drop-later" keeps only the first event of a user with an item.
    last_events : int, optional
        Keep only so many of each user's latest events, before the k-core.
    k_core : int
        Users and items with fewer events are dropped until none is left, as in the paper
        (section 4.1); 0 drops nothing.
    n_items : int, optional
        If given, items are the whole numbers from 0 to ``n_items - 1``, and any other is refused;
        with ``k_core = 0`` the catalogue also has those that nobody selected.
    """

    def __init__(
        self,
        *,
        path: str | Sequence[str],
        validation_path: str | Sequence[str] | None = None,
        test_path: str | Sequence[str] | None = None,
        format: Format = "auto",  # noqa: A002  # the word that every reader of data files uses
        separator: str | None = None,
        encoding: str | None = None,
        columns: Sequence[str] | None = None,
        header: bool | None = None,
        user_column: ColumnChoice = "user_id",
        item_column: ColumnChoice = "item_id",
        timestamp_column: ColumnChoice | Sequence[ColumnChoice] = "timestamp",
        times: str = "auto",
        rating_column: ColumnChoice = "rating",
        min_rating: float | None = None,
        where: Mapping[str, str | Sequence[str]] | None = None,
        missing: Missing = "error",
        duplicates: Duplicates = "error",
        repeats: Repeats = "keep",
        last_events: int | None = None,
        k_core: int = 5,
        n_items: int | None = None,
    ) -> None:
        self.paths = [
            check_paths(value, parameter, dataset=_NAME)
            for value, parameter in (
                (path, "path"),
                (validation_path, "validation_path"),
                (test_path, "test_path"),
            )
            if value is not None or parameter == "path"
        ]
        if validation_path is not None and test_path is None:
            raise ParameterError(
                f"dataset '{_NAME}': validation_path is given and test_path is not; a split needs "
                "both"
            )
        self.parts = [0, 1, 2] if validation_path is not None else [0, 2]
        self.split = test_path is not None
        rows = check_where(where, dataset=_NAME)
        rating = check_column(rating_column, "rating_column", dataset=_NAME)
        limit = check_rating(min_rating, dataset=_NAME)
        self.reading = replace(
            checked_reading(
                dataset=_NAME,
                format=format,
                separator=separator,
                encoding=encoding,
                columns=columns,
                header=header,
                user_column=user_column,
                item_column=item_column,
            ),
            timestamp_columns=_timestamp_columns(timestamp_column),
            rating_column=None if limit is None else rating,
            where_columns=tuple(rows),
            times=check_times(times, dataset=_NAME),
        )
        if self.reading.user_column == self.reading.item_column:
            raise ParameterError(
                f"dataset '{_NAME}': user_column and item_column are both {user_column!r}"
            )
        self.rows = RowFilters(
            where=rows,
            min_rating=limit,
            missing=check_choice(missing, "missing", get_args(Missing), dataset=_NAME),
        )
        self.sequences = SequenceFilters(
            duplicates=check_choice(duplicates, "duplicates", get_args(Duplicates), dataset=_NAME),
            repeats=check_choice(repeats, "repeats", get_args(Repeats), dataset=_NAME),
            last_events=check_last_events(last_events, dataset=_NAME),
            k_core=check_k_core(k_core, dataset=_NAME),
            n_items=check_whole(n_items, "n_items", least=1, most=MOST_ITEMS, dataset=_NAME),
        )

    @property
    def k_core(self) -> int:
        """Users and items with fewer events are dropped."""
        return self.sequences.k_core

    def load(self, folder: Path, *, download: bool) -> Interactions:
        """Read the file; neither ``folder`` nor the network is used."""
        return self.read(folder, download=download).interactions

    def read(self, folder: Path, *, download: bool) -> EventLog:
        """Read the file with its times and parts; neither ``folder`` nor the network is used."""
        parts = [
            (path, part)
            for paths, part in zip(self.paths, self.parts, strict=False)
            for path in paths
        ]
        return kept_or_read(
            [path for path, _ in parts],
            self.reading,
            rows=self.rows,
            sequences=self.sequences,
            parts=[part for _, part in parts] if self.split else None,
        )


def _timestamp_columns(value: object) -> tuple[ColumnChoice, ...]:
    if value == "":
        return ()
    listed = value if isinstance(value, list | tuple) else [value]
    if not listed:
        raise ParameterError(
            f"dataset '{_NAME}': timestamp_column is {value!r}; it must be a column's name, its "
            'number from 0, a list of them, or "" where there are no times'
        )
    return tuple(check_column(column, "timestamp_column", dataset=_NAME) for column in listed)
