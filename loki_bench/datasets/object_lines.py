"""Read objects as events: JSON lines, a JSON array, or Python literals, one a line."""

import ast
import itertools
import json
from collections.abc import Iterator

import pyarrow as pa

from loki_bench.datasets.arrow_arrays import is_text, of_texts
from loki_bench.datasets.cell_kinds import looks_like_times
from loki_bench.datasets.column_choice import time_hint
from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.event_table import EventTable
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.reading import Reading
from loki_bench.errors import DatasetError
from loki_bench.plugins.specs import nearest

__all__ = ["keys_of", "read_objects", "why_unreadable"]

_CHUNK = 100_000


def read_objects(file: DataFile, layout: Layout, reading: Reading) -> EventTable:
    """Events of a file with one object an event; numbers are kept as they are written.

    Raises
    ------
    DatasetError
        Names the file and the line, or the object, at fault.
    """
    parameter_of = _parameters(reading)
    names = list(parameter_of)
    columns: dict[str, list[pa.Array]] = {name: [] for name in names}
    chunk: dict[str, list[str | None]] = {name: [] for name in names}
    places: list[int] = []
    seen: set[str] = set()
    n_lines, found = _objects(file, layout)

    def flush() -> None:
        for name in names:
            try:
                texts = of_texts(chunk[name])
            except UnicodeEncodeError as error:
                wrong = next(at for at, text in enumerate(chunk[name]) if not is_text(text or ""))
                number = places[len(places) - len(chunk[name]) + wrong]
                raise DatasetError(
                    f"{file.path}, {_unit(layout)} {number}: '{name}' holds half of a character "
                    f"({chunk[name][wrong]!a:.60}), which no text has; write the whole character"
                ) from error
            columns[name].append(texts.dictionary_encode())
            chunk[name].clear()

    for number, values in found:
        places.append(number)
        for name in names:
            value = values.get(name)
            if name in values:
                seen.add(name)
            if isinstance(value, list | dict | tuple | set):
                raise DatasetError(
                    f"{file.path}, {_unit(layout)} {number}: '{name}' holds a list or an object "
                    f"and no single value; name another key with {parameter_of[name]}"
                )
            chunk[name].append(None if value is None else str(value))
        if len(places) % _CHUNK == 0:
            flush()
    flush()
    if not places:
        raise DatasetError(f"{file.path}: there is no event in it; check that it is whole")
    for name in names:
        if name not in seen:
            _refuse_missing(file, layout, name, parameter_of[name])
    table = {
        name: pa.chunked_array(columns[name], type=pa.dictionary(pa.int32(), pa.string()))
        for name in names
    }
    rating = reading.rating_column
    return EventTable(
        path=file.path,
        users=table[str(reading.user_column)],
        items=table[str(reading.item_column)],
        times=tuple(table[str(name)] for name in reading.timestamp_columns),
        ratings=None if rating is None else table[str(rating)],
        where={name: table[name] for name in reading.where_columns},
        place=lambda row: f"{_unit(layout)} {places[row]}",
        cells=lambda row: {
            key: str(value)
            for key, value in next(itertools.islice(_objects(file, layout)[1], row, None))[
                1
            ].items()
        },
        n_lines=n_lines(),
        left_out={
            "comment": layout.n_comments,
            "blank": n_lines() - layout.n_comments - len(places),
        },
        unit="objects" if layout.kind == "json array" else "lines",
    )


def keys_of(file: DataFile, layout: Layout) -> tuple[str, ...]:
    """The keys of all objects of a file; raises ``DatasetError`` as :func:`read_objects` does."""
    keys = (str(key) for _, values in _objects(file, layout)[1] for key in values)
    return tuple(dict.fromkeys(keys))


def _parameters(reading: Reading) -> dict[str, str]:
    """Which parameter names which key."""
    if reading.by_number or any(isinstance(c, int) for c in reading.chosen):
        raise DatasetError(
            f"dataset '{reading.dataset}': a file of objects has keys and no columns with "
            "numbers; name its keys"
        )
    named = {str(reading.user_column): "user_column", str(reading.item_column): "item_column"}
    for column in reading.timestamp_columns:
        named.setdefault(str(column), "timestamp_column")
    if reading.rating_column is not None:
        named.setdefault(str(reading.rating_column), "rating_column")
    for column in reading.where_columns:
        named.setdefault(column, "where")
    return named


class _Counter:
    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> int:
        return self.n


def _objects(
    file: DataFile, layout: Layout
) -> tuple[_Counter, Iterator[tuple[int, dict[str, object]]]]:
    """A count of lines, right at the end, and the number and values of each object."""
    n_lines = _Counter()
    if layout.kind == "json array":
        return n_lines, _of_array(file, n_lines)
    return n_lines, _of_lines(file, layout, n_lines)


def why_unreadable(error: Exception) -> str:
    """Where a text ceases to be JSON or a literal, in a few words."""
    if isinstance(error, json.JSONDecodeError):
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        return f"{line}column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not written in UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return next(iter(str(error).splitlines()), "")[:80]


def _of_lines(
    file: DataFile, layout: Layout, n_lines: _Counter
) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in file.lines():
        n_lines.n = number
        text = line.strip()
        if number <= layout.skip_lines or not text:
            continue
        try:
            values = _decode(text) if layout.kind == "json lines" else ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
            raise DatasetError(
                f"{file.path}, line {number}: it is no whole "
                f"{'JSON' if layout.kind == 'json lines' else 'Python'} object "
                f"({why_unreadable(error)}); write one a line"
            ) from error
        if not isinstance(values, dict):
            raise DatasetError(
                f"{file.path}, line {number}: it holds a {type(values).__name__} and no object "
                "with keys; write one object a line"
            )
        yield number, values


def _of_array(file: DataFile, n_lines: _Counter) -> Iterator[tuple[int, dict[str, object]]]:
    try:
        found = _decode(b"".join(file.blocks()).decode())
    except (ValueError, RecursionError) as error:
        raise DatasetError(
            f"{file.path}: it begins as a JSON array but is none ({why_unreadable(error)}); "
            "check that it was written whole, or write one object a line"
        ) from error
    if not isinstance(found, list):
        raise DatasetError(f"{file.path}: it holds no list of objects; write one object a line")
    for number, values in enumerate(found, start=1):
        n_lines.n = number
        if not isinstance(values, dict):
            raise DatasetError(
                f"{file.path}, element {number}: it is a {type(values).__name__} and no object "
                "with keys"
            )
        yield number, values


def _decode(text: str) -> object:
    # ids past 2**53 and times with many digits stay as they are written
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _unit(layout: Layout) -> str:
    return "element" if layout.kind == "json array" else "line"


def _refuse_missing(file: DataFile, layout: Layout, name: str, parameter: str) -> None:
    first = next(_objects(file, layout)[1])[1]
    keys = [str(key) for key in first]
    timelike = [str(key) for key, value in first.items() if looks_like_times([str(value)])]
    raise DatasetError(
        f"{file.path}: its objects have no key '{name}'{nearest(name, keys)}; the first one has "
        f"{', '.join(keys[:20]) or 'no key at all'}; name the right one with {parameter}"
        + (time_hint(timelike) if parameter == "timestamp_column" else "")
    )
