"""Read times from the columns of a file, whatever they are written as."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from loki_bench.datasets.arrow_arrays import as_numpy
from loki_bench.datasets.calendar_times import (
    ISO,
    NUMBER,
    of_form,
    of_iso,
    of_timestamps,
    refuse_text,
)
from loki_bench.datasets.event_table import Place
from loki_bench.datasets.number_times import (
    of_decimals,
    of_exponents,
    of_floats,
    of_long_integers,
)
from loki_bench.datasets.times import TimeColumn, Times, all_match, whole_times

__all__ = ["parse_times"]

_WHOLE = r"^[+-]?\d+$"
_DECIMAL = r"^[+-]?(\d+\.?\d*|\.\d+)$"


def parse_times(
    columns: Sequence[pa.ChunkedArray],
    names: Sequence[str],
    *,
    form: str = "auto",
    path: Path,
    place: Place,
) -> Times:
    """The times of events.

    Parameters
    ----------
    columns : sequence of pyarrow ChunkedArray
        The columns that order the events, the coarsest first; one or more.
    names : sequence of str
        Their names.
    form : str
        "auto": whole numbers of any length, decimals, ISO 8601 (a date alone, too). Anything else
        is a form as ``strptime`` takes it, for the first column.
    path, place
        The file and its lines, for error messages.

    Raises
    ------
    DatasetError
        A cell is no time, the file mixes kinds of times, days can't be told from months, or
        floats have lost the order of their events.
    """
    found = [
        _parsed(
            TimeColumn(cells=cells, name=name, path=path, place=place), form if not at else "auto"
        )
        for at, (cells, name) in enumerate(zip(columns, names, strict=True))
    ]
    return replace(found[0], keys=tuple(times.keys[0] for times in found), finer=tuple(found[1:]))


def _parsed(column: TimeColumn, form: str) -> Times:
    kind = column.cells.type
    if column.cells.null_count:
        nulls = as_numpy(pc.is_null(column.cells), np.bool_)
        column.refuse(int(np.argmax(nulls)), "where a time is expected; every event needs one")
    if pa.types.is_dictionary(kind):
        column = replace(column, cells=column.cells.cast(pa.string()))
        kind = pa.string()
    if form == "auto":
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return of_timestamps(column.cells)
        if pa.types.is_integer(kind) and kind != pa.uint64():
            return whole_times(as_numpy(column.cells.cast(pa.int64()), np.int64))
        if pa.types.is_floating(kind):
            return of_floats(column)
    if not pa.types.is_string(kind):
        try:
            column = replace(column, cells=column.cells.cast(pa.string()))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            column.refuse(0, f"is of the type {kind} and no time; name another column")
    text = replace(column, cells=pc.utf8_trim_whitespace(column.cells))
    return of_form(text, form) if form != "auto" else _of_text(text)


def _of_text(column: TimeColumn) -> Times:
    try:
        return whole_times(as_numpy(column.cells.cast(pa.int64()), np.int64))
    except pa.ArrowInvalid:
        pass
    if all_match(column, _WHOLE):
        return of_long_integers(column)
    if all_match(column, _DECIMAL):
        return of_decimals(column)
    if all_match(column, NUMBER):
        return of_exponents(column)
    if not all_match(column, ISO):
        refuse_text(column)
    return of_iso(column)
