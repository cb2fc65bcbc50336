"""Recognise how the lines of a file are laid out, and refuse one that can be read in two ways."""

import ast
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

from loki_bench.datasets.cell_kinds import bare, column_kind, described, kind_of
from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.one_line_a_user import check_line
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.shape import (
    BLANKS,
    Sample,
    cells_of,
    looks_like_data,
    looks_like_header,
    sample_of,
    separators_of,
)
from loki_bench.errors import DatasetError

__all__ = ["Layout", "LayoutKind", "recognise"]

LayoutKind: TypeAlias = Literal[
    "table", "inter", "pairs", "sequences", "json lines", "literal lines", "json array", "parquet"
]

_TYPES = ("token", "token_seq", "float", "float_seq")
_MOVIELENS = ("user_id", "item_id", "rating", "timestamp")
_EPOCH = 10**8
"""Whole numbers from here on are rather seconds since 1970 than names of items."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a file is laid out.

    Attributes
    ----------
    kind : str
        What a line, or a row, is.
    separator : str
        Between cells; ``BLANKS`` stands for any run of blanks and tabs; empty where there is none.
    columns : tuple of str
        Names of a table's columns: from the header, from the reader's parameters, or numbers.
    types : tuple of str
        RecBole's types of the columns; empty for other files.
    header : bool
        Whether a header is there.
    skip_lines : int
        Lines before the first one that holds an event: comments, blank ones, and the header.
    n_comments : int
        Comments among them.
    quoted : bool
        Whether a cell may be in double quotes.
    """

    kind: LayoutKind
    separator: str = ""
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    header: bool = False
    skip_lines: int = 0
    n_comments: int = 0
    quoted: bool = False


def recognise(file: DataFile, reading: Reading) -> Layout:
    """The layout of a file, by the parameters, its ending and its first lines, in this order.

    Raises
    ------
    DatasetError
        The file is not what the parameters say, or can be read in more than one way; the message
        says what it looks like.
    """
    if file.parquet:
        if reading.format not in ("auto", "parquet"):
            raise DatasetError(
                f'{file.path}: it is a Parquet file and not of the format "{reading.format}"; '
                "leave format out"
            )
        return Layout(kind="parquet")
    if reading.format == "parquet":
        raise DatasetError(f"{file.path}: it is not a Parquet file; leave format out")
    sample = sample_of(file.head, whole=file.whole)
    if reading.format == "json" or (reading.format == "auto" and not reading.columns):
        found = _json_layout(file, sample, asked=reading.format == "json")
        if found:
            return found
    if reading.format == "inter" or (
        reading.format == "auto" and (file.suffix == ".inter" or _typed(sample))
    ):
        return _inter_layout(file, sample)
    if reading.format == "sequences":
        return _sequences_layout(file, sample, reading)
    if reading.format == "pairs":
        return _pairs_layout(file, sample, reading)
    if (
        reading.format in ("csv", "tsv")
        or reading.columns
        or reading.by_number
        or reading.header is not None
        or file.suffix in (".csv", ".tsv")
    ):
        return _table_layout(file, sample, reading)
    return _by_shape(file, sample, reading)


# ------------------------------------------------------------------------------------- by shape


def _by_shape(file: DataFile, sample: Sample, reading: Reading) -> Layout:
    """The layout of a file whose ending says nothing of it (``.txt``, ``.dat``, ``.data``)."""
    if _header_separator(file, sample, reading) is not None:
        return _table_layout(file, sample, reading)
    if _is_movielens(sample) and reading.separator in (None, "::"):
        return Layout(
            kind="table",
            separator="::",
            columns=_MOVIELENS,
            skip_lines=sample.n_skipped,
            n_comments=sample.n_comments,
        )
    if reading.separator is None and any(
        separator not in ("\t", BLANKS) for separator in _equal_separators(sample)
    ):
        return _table_layout(file, sample, reading)
    rows = [_split(line, reading.separator) for line in sample.lines]
    if _are_pairs(rows):
        return _pairs_layout(file, sample, reading)
    if _is_table(rows):
        _refuse_without_header(file, sample, [cells for cells in rows if cells])
    if file.suffix == ".txt" or len(rows) > 1:
        return _sequences_layout(file, sample, reading)
    raise DatasetError(
        f"{file.path}: neither its ending nor its one line says what it is; say it with format: "
        '"sequences" is one line a user, "pairs" a user and an item a line, and a table '
        "without a header is read with columns = [...]"
    )


def _are_pairs(rows: Sequence[Sequence[str]]) -> bool:
    """User and item, or user, item and the same weight everywhere, a user on many lines."""
    widths = {len(row) for row in rows}
    users = {row[0] for row in rows if row}
    if widths == {2}:
        return len(users) < len(rows) or len(rows) > 1
    return widths == {3} and 2 * len(users) <= len(rows) and len({row[2] for row in rows}) == 1


def _is_table(rows: Sequence[Sequence[str]]) -> bool:
    """Whether lines of equal length are rather rows of a table than users' sequences."""
    widths = {len(row) for row in rows}
    if len(widths) != 1 or widths <= {0, 1, 2}:
        return False
    kinds = [column_kind(cells) for cells in zip(*rows, strict=True)]
    if any(kind == "times" for kind in kinds[1:]):
        return True
    if "decimals" in kinds[1:] and set(kinds[1:]) != {"decimals"}:
        return True
    if kinds[-1] == "whole numbers" and all(_is_large(row[-1]) for row in rows):
        others = [row[at] for row in rows for at in range(1, len(row) - 1)]
        return not all(_is_large(other) for other in others)
    users = {row[0] for row in rows}
    return 2 * len(users) <= len(rows)


def _is_movielens(sample: Sample) -> bool:
    """Whether the lines read as those of MovieLens's ``ratings.dat``: ``1::1193::5::978300760``."""
    rows = [line.strip().split("::") for line in sample.lines]
    if any(len(row) != 4 for row in rows):
        return False
    users, items, ratings, times = zip(*rows, strict=True)
    return (
        {column_kind(users), column_kind(items), column_kind(times)} == {"whole numbers"}
        and column_kind(ratings) in ("whole numbers", "decimals")
        and all(bare(rating) and 0 <= float(bare(rating)) <= 5 for rating in ratings)
        and all(_is_large(time) for time in times)
    )


def _is_large(cell: str) -> bool:
    return kind_of(cell) == "whole numbers" and abs(int(bare(cell))) >= _EPOCH


# -------------------------------------------------------------------------- sequences and pairs


def _sequences_layout(file: DataFile, sample: Sample, reading: Reading) -> Layout:
    separator = reading.separator or _sequence_separator(sample)
    rows = [_split(line, separator) for line in sample.lines]
    if _is_table(rows):
        _refuse_without_header(file, sample, rows)
    for number, line in zip(sample.numbers, sample.lines, strict=True):
        check_line(file.path, number, line, separator)
    glued = [cell for row in rows for cell in row[1:] if _has_number_behind_colon(cell)]
    if glued and reading.format == "auto" and len(glued) == sum(len(row) - 1 for row in rows):
        raise DatasetError(
            f"{file.path}, line {sample.numbers[0]}: its items read like '{glued[0]}', a name and "
            "a number behind a colon; write the names alone, or one event a line as CSV with "
            "columns for what the numbers are"
        )
    return Layout(
        kind="sequences",
        separator=separator,
        skip_lines=sample.n_skipped,
        n_comments=sample.n_comments,
    )


def _sequence_separator(sample: Sample) -> str:
    """Blanks and tabs, unless no line has one and all have another separator."""
    if all(len(line.split()) == 1 for line in sample.lines):
        for separator in (",", ";", "::", "|"):
            if all(separator in line for line in sample.lines):
                return separator
    return BLANKS


def _has_number_behind_colon(cell: str) -> bool:
    name, colon, number = cell.rpartition(":")
    return bool(name and colon) and kind_of(number) in ("whole numbers", "decimals")


def _pairs_layout(file: DataFile, sample: Sample, reading: Reading) -> Layout:
    separators = [reading.separator] if reading.separator else _equal_separators(sample)
    if reading.separator is None and "\t" not in separators:
        separators.append(BLANKS)
    separator = separators[0]
    rows = [_split(line, separator) for line in sample.lines]
    for number, row in zip(sample.numbers, rows, strict=True):
        if len(row) != len(rows[0]) or len(row) not in (2, 3):
            raise DatasetError(
                f"{file.path}, line {number}: it has {len(row)} cells, and a line of pairs is a "
                "user and an item (and a weight that is the same on all lines)"
            )
    if len(rows[0]) == 3 and len({row[2] for row in rows}) > 1:
        _refuse_without_header(file, sample, rows)
    lists = [row[1] for row in rows if row[1].startswith("[") or "," in row[1]]
    if len(lists) * 2 > len(rows):
        raise DatasetError(
            f"{file.path}, line {sample.numbers[0]}: '{lists[0]}' reads like a list of items and "
            "not like one; write one line a user with blanks between the items"
        )
    return Layout(
        kind="pairs",
        separator=separator,
        columns=("user_id", "item_id", "weight")[: len(rows[0])],
        skip_lines=sample.n_skipped,
        n_comments=sample.n_comments,
    )


# ---------------------------------------------------------------------------------------- tables


def _table_layout(file: DataFile, sample: Sample, reading: Reading) -> Layout:
    quoted = True
    separator = reading.separator or _header_separator(file, sample, reading)
    if separator is None and reading.columns:
        separator = next(
            (
                s
                for s in (*_first_separators(file, reading), *_equal_separators(sample))
                if len(cells_of(sample.lines[0], s, quoted=quoted)) == len(reading.columns)
            ),
            None,
        )
    if separator is None:
        candidates = separators_of(sample, _first_separators(file, reading), quoted=quoted)
        separator = (candidates or [*_first_separators(file, reading), ","])[0]
    rows = [cells_of(line, separator, quoted=quoted) for line in sample.lines]
    first, below = rows[0], rows[1:]
    header = _has_header(file, sample, reading, first, below)
    if reading.columns:
        columns = reading.columns
        if len(first) != len(columns):
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: it has {len(first)} cells "
                f"({_shown(first)}), and columns names {len(columns)} ({', '.join(columns)}); "
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
            raise DatasetError(f"{place}: it looks like data ({_shown(first)}); leave header out")
        if not reading.header and is_header:
            raise DatasetError(f"{place}: it looks like a header ({_shown(first)})")
        if not reading.header and not reading.columns and not reading.by_number:
            _refuse_without_header(file, sample, [first, *below])
        return reading.header
    if reading.columns:
        if tuple(cell.strip() for cell in first) == reading.columns:
            return True
        if is_header:
            raise DatasetError(
                f"{place}: it looks like a header ({_shown(first)}), and columns = [...] is for "
                "files without one; leave it out and name the columns as the header does"
            )
        return False
    if looks_like_data(first, below):
        if reading.by_number:
            return False
        _refuse_without_header(file, sample, [first, *below])
    if reading.by_number and not is_header:
        raise DatasetError(
            f"{place}: it may be a header or an event ({_shown(first)}); "
            "say which with header = true or header = false"
        )
    return True


def _refuse_without_header(
    file: DataFile, sample: Sample, rows: Sequence[Sequence[str]]
) -> NoReturn:
    first = rows[0]
    kinds = described([row for row in rows if len(row) == len(first)])
    times = (
        "'timestamp'"
        if "times" in kinds
        else "'timestamp', or timestamp_column = \"\" where it has no times"
    )
    raise DatasetError(
        f"{file.path}, line {sample.numbers[0]}: it looks like data ({_shown(first)}): a table "
        f"of {len(first)} columns ({kinds}) without a header; name them with columns = [...], one "
        f"name for each, among them 'user_id', 'item_id' and {times}"
    )


def _header_separator(file: DataFile, sample: Sample, reading: Reading) -> str | None:
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


def _equal_separators(sample: Sample) -> list[str]:
    """Separators that cut all lines of the sample into equally many cells, two or more."""
    found = separators_of(sample, (), quoted=True)
    return [
        s for s in found if len({len(cells_of(line, s, quoted=True)) for line in sample.lines}) == 1
    ]


def _split(line: str, separator: str | None) -> list[str]:
    return cells_of(line, separator or BLANKS, quoted=False)


def _shown(cells: Sequence[str]) -> str:
    """The first cells, for a message."""
    shown = [cell if len(cell) <= 30 else f"{cell[:27]}..." for cell in cells[:6]]
    return ", ".join(shown) + (", ..." if len(cells) > 6 else "")


# -------------------------------------------------------------------------- RecBole's files, JSON


def _typed(sample: Sample) -> bool:
    """Whether line 1 reads like ``user_id:token<tab>item_id:token``."""
    cells = sample.lines[0].split("\t")
    endings = tuple(f":{type_}" for type_ in _TYPES)
    return len(cells) > 1 and all(cell.strip().endswith(endings) for cell in cells)


def _inter_layout(file: DataFile, sample: Sample) -> Layout:
    cells = sample.lines[0].split("\t")
    for cell in cells:
        if ":" not in cell:
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: column '{cell}' has no type; the header "
                "of a RecBole file reads like user_id:token, separated by tabs"
            )
    named = [cell.strip().rpartition(":") for cell in cells]
    for name, _, type_ in named:
        if type_ not in _TYPES:
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: column '{name}' is of the type "
                f"'{type_}', and RecBole's types are {', '.join(_TYPES)}"
            )
    return Layout(
        kind="inter",
        separator="\t",
        columns=tuple(name for name, _, _ in named),
        types=tuple(type_ for _, _, type_ in named),
        header=True,
        skip_lines=sample.numbers[0],
        n_comments=sample.n_comments,
    )


def _json_layout(file: DataFile, sample: Sample, *, asked: bool) -> Layout | None:
    first = sample.lines[0].strip()
    if first[:1] not in ("{", "["):
        if asked:
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: it is no JSON object; a line reads "
                'like {"user_id": "u1", "item_id": "i1", "timestamp": 1}'
            )
        return None
    if first.startswith("["):
        return Layout(kind="json array") if asked or _begins_json_array(file) else None
    try:
        found: object = json.loads(first)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(first)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            if not asked and file.suffix not in (".json", ".jsonl", ".ndjson"):
                return None
            raise DatasetError(
                f"{file.path}, line {sample.numbers[0]}: it begins like JSON but is no whole "
                "object; write one object a line"
            ) from None
        kind: LayoutKind = "literal lines"
    else:
        kind = "json lines"
    if isinstance(found, dict) and len(sample.lines) == 1 and file.whole and _is_nested(found):
        raise DatasetError(
            f"{file.path}: it is one JSON object ({_shown([str(k) for k in found])}) and not one "
            "event a line; write one object an event, each on a line of its own"
        )
    return Layout(kind=kind, skip_lines=sample.n_skipped, n_comments=sample.n_comments)


def _begins_json_array(file: DataFile) -> bool:
    text = file.head.lstrip()
    return text[1:].lstrip()[:1] in (b"{", b"]") or file.suffix == ".json"


def _is_nested(found: dict[object, object]) -> bool:
    return any(isinstance(value, dict | list) for value in found.values())
