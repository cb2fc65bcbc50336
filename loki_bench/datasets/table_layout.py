"""Recognise tables: the separator, and whether a header is there."""

import json
from collections.abc import Sequence

from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.line_shapes import refuse_without_header, shown
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.shape import (
    BLANKS,
    Sample,
    cells_of,
    looks_like_data,
    looks_like_header,
    separators_of,
    unusual_separator,
)
from loki_bench.errors import DatasetError

__all__ = ["equal_separators", "header_separator", "table_layout"]


def table_layout(file: DataFile, sample: Sample, reading: Reading) -> Layout:
    """The layout of a table; raises ``DatasetError`` where it has no header and needs one."""
    quoted = True
    separator = reading.separator or header_separator(file, sample, reading)
    if separator is None and reading.columns:
        separator = next(
            (
                s
                for s in (*_first_separators(file, reading), *equal_separators(sample))
                if len(cells_of(sample.lines[0], s, quoted=quoted)) == len(reading.columns)
            ),
            None,
        )
    if separator is None:
        candidates = separators_of(sample, _first_separators(file, reading), quoted=quoted)
        separator = (candidates or [*_first_separators(file, reading), ","])[0]
        if not candidates and (unusual := unusual_separator(sample)):
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: its cells look separated by "
                f"{unusual!r}; pass separator = {json.dumps(unusual)}"
            )
    rows = [cells_of(line, separator, quoted=quoted) for line in sample.lines]
    first, below = rows[0], rows[1:]
    header = _has_header(file, sample, reading, first, below)
    if reading.columns:
        columns = reading.columns
        if len(first) != len(columns):
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: it has {len(first)} cells "
                f"({shown(first)}), and columns names {len(columns)} ({', '.join(columns)}); "
                "give one name a column, and the separator where it is an unusual one"
            )
    elif header:
        columns = tuple(name.strip().lstrip("\ufeff") for name in first)
    else:
        columns = tuple(str(at) for at in range(len(first)))
    return Layout(
        kind="table",
        separator=separator,
        columns=columns,
        header=header,
        skip_lines=sample.numbers[0] if header else sample.n_skipped,
        n_comments=sample.n_comments,
        quoted=quoted,
    )


def _has_header(
    file: DataFile,
    sample: Sample,
    reading: Reading,
    first: Sequence[str],
    below: Sequence[Sequence[str]],
) -> bool:
    """Whether line 1 is a header; a file whose lines contradict the parameters is refused."""
    place = f"{file.path}, line {sample.numbers[0]}"
    is_header = looks_like_header(first, below)
    if reading.header is not None:
        if reading.header and not reading.columns and looks_like_data(first, below):
            raise DatasetError(f"{place}: it looks like data ({shown(first)}); leave header out")
        if not reading.header and is_header:
            raise DatasetError(f"{place}: it looks like a header ({shown(first)})")
        if not reading.header and not reading.columns and not reading.by_number:
            refuse_without_header(file, sample, [first, *below])
        return reading.header
    if reading.columns:
        if tuple(cell.strip() for cell in first) == reading.columns:
            return True
        if is_header:
            raise DatasetError(
                f"{place}: it looks like a header ({shown(first)}), and columns = [...] is for "
                "files without one; leave it out and name the columns as the header does"
            )
        return False
    if looks_like_data(first, below) or _names_are_cells(reading, first, below):
        if reading.by_number:
            return False
        refuse_without_header(file, sample, [first, *below])
    if reading.by_number and not is_header:
        raise DatasetError(
            f"{place}: it may be a header or an event ({shown(first)}); "
            "say which with header = true or header = false"
        )
    return True


def _names_are_cells(
    reading: Reading, first: Sequence[str], below: Sequence[Sequence[str]]
) -> bool:
    """Whether a name that a column is chosen by comes among the cells, in a row of its own kind."""
    chosen = {reading.user_column, reading.item_column, *reading.timestamp_columns}
    return any(chosen & set(row) for row in below if list(row) != list(first))


def header_separator(file: DataFile, sample: Sample, reading: Reading) -> str | None:
    """The separator that cuts line 1 so that the names of the columns asked for are in it."""
    if reading.columns or reading.by_number or not sample.lines:
        return None
    wanted = {str(reading.user_column), str(reading.item_column)}
    first = [reading.separator] if reading.separator else _first_separators(file, reading)
    others = [] if reading.separator else ["\t", ",", ";", "::", "|", BLANKS]
    for separator in dict.fromkeys((*first, *others)):
        names = {name.strip() for name in cells_of(sample.lines[0], separator, quoted=True)}
        if wanted <= names:
            return separator
    return None


def _first_separators(file: DataFile, reading: Reading) -> list[str]:
    if reading.separator:
        return [reading.separator]
    if reading.format == "tsv" or (reading.format != "csv" and file.suffix == ".tsv"):
        return ["\t"]
    if reading.format == "csv" or file.suffix == ".csv":
        return [","]
    return []


def equal_separators(sample: Sample) -> list[str]:
    """Separators that cut all lines of the sample into equally many cells, two or more."""
    found = separators_of(sample, (), quoted=True)
    return [
        s for s in found if len({len(cells_of(line, s, quoted=True)) for line in sample.lines}) == 1
    ]
