"""Choose rows of an event table, count each one dropped, and number what is left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from loki_bench.datasets.arrow_arrays import as_numpy, of_numpy, of_texts, one_value
from loki_bench.datasets.event_table import EventTable, Place
from loki_bench.datasets.filters import RowFilters
from loki_bench.datasets.names import as_text, missing_rows
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.time_columns import parse_times
from loki_bench.datasets.times import Times
from loki_bench.errors import DatasetError
from loki_bench.plugins.specs import nearest

__all__ = ["ChosenEvents", "Origin", "choose_rows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Origin:
    """Where the events of one file are in it.

    Attributes
    ----------
    path : Path
    rows : int64 array of shape (n_events,), or None
        Row of each event; None where all rows are events.
    table_place, table_cells : functions of int
        Of rows, as :class:`EventTable` has them.
    """

    path: Path
    rows: NDArray[np.int64] | None
    table_place: Place
    table_cells: Callable[[int], dict[str, str]]

    def place(self, event: int) -> str:
        """Where an event is in the file."""
        return self.table_place(self._row(event))

    def cells(self, event: int) -> dict[str, str]:
        """All cells of an event's row, by column."""
        return self.table_cells(self._row(event))

    def _row(self, event: int) -> int:
        return event if self.rows is None else int(self.rows[event])


@dataclass(frozen=True, kw_only=True, eq=False)
class ChosenEvents:
    """Events of one file, in its order.

    Attributes
    ----------
    origin : Origin
        Where they are in the file.
    users, items : pyarrow ChunkedArray of dictionaries of strings, of length n_events
    times : Times or None
    dropped : mapping of str to int
        Rows that are no events, by reason.
    """

    origin: Origin
    users: pa.ChunkedArray
    items: pa.ChunkedArray
    times: Times | None
    dropped: Mapping[str, int]


def choose_rows(table: EventTable, reading: Reading, filters: RowFilters) -> ChosenEvents:
    """The rows that are events, by ``where``, then with an id, then by rating; and their times.

    Raises
    ------
    DatasetError
        A value that ``where`` names is nowhere, an id is missing, a rating or a time is none, the
        header comes again, or no event is left.
    """
    if not len(table):
        raise DatasetError(f"{table.path}: there is no event in it; check that it is whole")
    path = table.path
    users = as_text(table.users, path=path, parameter="user_column")
    items = as_text(table.items, path=path, parameter="item_column")
    keep = np.ones(len(table), dtype=bool)
    dropped: dict[str, int] = {}

    def drop(reason: str, wrong: NDArray[np.bool_]) -> None:
        dropped[reason] = int(np.count_nonzero(keep & wrong))
        np.logical_and(keep, ~wrong, out=keep)

    no_user, no_item = missing_rows(users), missing_rows(items)
    if no_user.any() and no_item.any():
        drop("empty row", no_user & no_item & _empty_times(table))
    for column, values in filters.where.items():
        drop(f"where {column}", ~_has_value(table, column, values))
    if no_user.any() or no_item.any():
        if filters.missing == "error":
            _refuse_missing(table, keep & no_user, str(reading.user_column), users)
            _refuse_missing(table, keep & no_item, str(reading.item_column), items)
        drop("no user", no_user)
        drop("no item", no_item)
    del no_user, no_item
    if filters.min_rating is not None:
        drop("min_rating", _ratings(table, reading, keep) < filters.min_rating)
    if not keep.any():
        raise DatasetError(
            f"{path}: no event is left of {len(table)} rows "
            f"({', '.join(f'{reason}: {count}' for reason, count in dropped.items())})"
        )
    rows = None
    times = table.times
    if not keep.all():
        rows = np.flatnonzero(keep)
        mask = of_numpy(keep)
        users, items = users.filter(mask), items.filter(mask)
        times = tuple(column.filter(mask) for column in times)
    origin = Origin(path=path, rows=rows, table_place=table.place, table_cells=table.cells)
    _refuse_comment(origin, users)
    if not reading.by_number and table.unit == "lines":
        _refuse_second_header(origin, reading, users, items)
    return ChosenEvents(
        origin=origin,
        users=users,
        items=items,
        times=_times(times, origin, reading),
        dropped=dropped,
    )


def _times(columns: Sequence[pa.ChunkedArray], origin: Origin, reading: Reading) -> Times | None:
    if not columns:
        return None
    names = [str(column) for column in reading.timestamp_columns]
    return parse_times(columns, names, form=reading.times, path=origin.path, place=origin.place)


def _empty_times(table: EventTable) -> NDArray[np.bool_]:
    """True where a row has no time either: spreadsheets end with rows of empty cells."""
    if not table.times:
        return np.ones(len(table), dtype=bool)
    column = table.times[0]
    if not (pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)):
        return as_numpy(pc.is_null(column), np.bool_)
    empty = pc.equal(pc.utf8_trim_whitespace(column.cast(pa.string())), one_value(""))
    return as_numpy(pc.fill_null(empty, one_value(np.True_)), np.bool_)


def _has_value(table: EventTable, column: str, values: Sequence[str]) -> NDArray[np.bool_]:
    cells = table.where[column]
    try:
        cells = cells.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DatasetError(
            f"{table.path}: column '{column}' holds values of the type {cells.type}, which can't "
            "be compared with words or numbers; name another one in where"
        ) from error
    known = pc.unique(cells).drop_null().to_pylist()
    values = [written for value in values for written in _as_written(value, known)]
    for value in values:
        if value not in known:
            shown = ", ".join(f"'{name}'" for name in known[:12])
            raise DatasetError(
                f"{table.path}: column '{column}' has no '{value}'{nearest(value, known)}; it has "
                f"{shown}{', ...' if len(known) > 12 else ''}; correct where"
            )
    return as_numpy(pc.is_in(cells, value_set=of_texts(values)), np.bool_)


def _as_written(value: str, known: Sequence[str]) -> list[str]:
    """A word for true or false in the forms that cells write it in; any other as it is."""
    if value.lower() not in ("true", "false"):
        return [value]
    return [cell for cell in known if cell.lower() == value.lower()] or [value]


def _ratings(table: EventTable, reading: Reading, keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Ratings of all rows; those of rows that are dropped anyway may be anything."""
    column = table.ratings
    assert column is not None  # noqa: S101 - the reader reads them where there is a limit
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        number = pc.match_substring_regex(column, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
        column = pc.if_else(number, column, pa.nulls(1, pa.string())[0])
    try:
        ratings = as_numpy(column.cast(pa.float64()), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DatasetError(
            f"{table.path}: column '{reading.rating_column}' holds no numbers ({column.type}); "
            "name the ratings with rating_column"
        ) from error
    wrong = np.flatnonzero(keep & ~np.isfinite(ratings))
    if len(wrong):
        row = int(wrong[0])
        cell = table.ratings[row].as_py() if table.ratings is not None else None
        raise DatasetError(
            f"{table.path}, {table.place(row)}: '{'' if cell is None else cell}' in column "
            f"'{reading.rating_column}' is no rating, and min_rating compares them; leave "
            "min_rating out to read all rows"
        )
    return ratings


def _refuse_missing(
    table: EventTable, wrong: NDArray[np.bool_], column: str, cells: pa.ChunkedArray
) -> None:
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return
    row = int(rows[0])
    cell = cells[row].as_py()
    state = f"is '{cell}', which means that it is missing" if (cell or "").strip() else "is empty"
    more = f"; {len(rows)} rows are so" if len(rows) > 1 else ""
    raise DatasetError(
        f"{table.path}, {table.place(row)}: column '{column}' {state}; every event needs a value "
        f'there{more}; missing = "drop" leaves such rows out and counts them'
    )


def _refuse_comment(origin: Origin, users: pa.ChunkedArray) -> None:
    """Refuse a user that is the beginning of a comment."""
    code = _code_of("#", users)
    at = 0
    for chunk in users.chunks if code >= 0 else ():
        is_comment = as_numpy(chunk.indices, np.int32) == code
        if is_comment.any():
            event = at + int(np.argmax(is_comment))
            raise DatasetError(
                f"{origin.path}, {origin.place(event)}: it begins like a comment; comments are "
                "read on top of a file only: take that line out"
            )
        at += len(chunk)


def _code_of(name: str, column: pa.ChunkedArray) -> int:
    """The place of a name in the dictionary that all chunks have; -1 where it is not there."""
    if not column.num_chunks:
        return -1
    found: int = pc.index(column.chunk(0).dictionary, one_value(name)).as_py()
    return found


def _refuse_second_header(
    origin: Origin, reading: Reading, users: pa.ChunkedArray, items: pa.ChunkedArray
) -> None:
    """Refuse a row that says what its columns are: files were put together with their headers."""
    named = np.ones(len(users), dtype=bool)
    for column, name in ((users, reading.user_column), (items, reading.item_column)):
        at, code = 0, _code_of(str(name), column)
        if code < 0:
            return
        for chunk in column.chunks:
            named[at : at + len(chunk)] &= as_numpy(chunk.indices, np.int32) == code
            at += len(chunk)
    if named.any():
        raise DatasetError(
            f"{origin.path}, {origin.place(int(np.argmax(named)))}: it repeats the header, as "
            "where files are put together; take that line out"
        )
