"""Read RecBole's session files: each row holds the items before, as a list, and the next item."""

from array import array
from itertools import pairwise

import pyarrow as pa

from loki_bench.datasets.arrow_arrays import of_texts
from loki_bench.datasets.column_choice import find_column
from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.event_table import EventTable
from loki_bench.datasets.layout import Layout
from loki_bench.datasets.reading import Reading
from loki_bench.datasets.shape import between_blanks
from loki_bench.errors import DatasetError

__all__ = ["is_session_file", "read_session_file"]

_LIST = "_list"
"""What RecBole puts behind a column's name for the list of values before."""


def is_session_file(layout: Layout, reading: Reading) -> bool:
    """Whether there is a list of items beside the column of items."""
    if layout.kind != "inter" or not isinstance(reading.item_column, str):
        return False
    types = dict(zip(layout.columns, layout.types, strict=True))
    return types.get(reading.item_column + _LIST) == "token_seq"


def read_session_file(file: DataFile, layout: Layout, reading: Reading) -> EventTable:
    """Events of a session file: of each session, its longest list and the item behind it.

    The other rows of a session are the beginnings of the longest one, made for training; they
    hold no events of their own, and one that says something else is refused.

    Raises
    ------
    DatasetError
        Names the file and the line at fault.
    """

    def column(name: str | int, parameter: str) -> int:
        return find_column(name, layout.columns, path=file.path, parameter=parameter)

    user = column(reading.user_column, "user_column")
    item = column(reading.item_column, "item_column")
    history = column(f"{reading.item_column}{_LIST}", "item_column")
    if reading.where_columns or reading.rating_column is not None:
        raise DatasetError(
            f"{file.path}: its rows are sessions and not events, so there is nothing to choose "
            "rows by; leave where and min_rating out"
        )
    whole: dict[str, tuple[int, list[str]]] = {}
    rows: list[tuple[int, str, list[str]]] = []
    n_lines = n_blank = 0
    for n_lines, line in file.lines():
        if n_lines <= layout.skip_lines:
            continue
        if not line.strip():
            n_blank += 1
            continue
        cells = line.split("\t")
        if len(cells) != len(layout.columns):
            raise DatasetError(
                f"{file.path}, line {n_lines}: expected {len(layout.columns)} cells, "
                f"saw {len(cells)}"
            )
        sequence = [*between_blanks(cells[history]), cells[item].strip()]
        session = cells[user].strip()
        rows.append((n_lines, session, sequence))
        if len(sequence) > len(whole.get(session, (0, []))[1]):
            whole[session] = n_lines, sequence
    for number, session, sequence in rows:
        line_of_whole, longest = whole[session]
        if longest[: len(sequence)] != sequence:
            raise DatasetError(
                f"{file.path}, line {number}: the items of session '{session}' are not the first "
                f"ones of line {line_of_whole}, its longest; give each session an id of its own"
            )
    _refuse_unnamed_sessions(file, rows)
    users, items, lines = [], [], array("q")
    for session, (number, sequence) in whole.items():
        users.extend([session] * len(sequence))
        items.extend(sequence)
        lines.extend([number] * len(sequence))
    return EventTable(
        path=file.path,
        users=_dictionary(users),
        items=_dictionary(items),
        times=(),
        ratings=None,
        where={},
        place=lambda event: f"line {lines[event]}",
        cells=lambda event: {},
        n_lines=n_lines,
        left_out={
            "comment": layout.n_comments,
            "header": 1,
            "blank": n_blank + layout.skip_lines - layout.n_comments - 1,
            "beginning of a longer row": len(rows) - len(whole),
        },
        unit="sessions' lines",
    )


def _refuse_unnamed_sessions(file: DataFile, rows: list[tuple[int, str, list[str]]]) -> None:
    """Refuse beginnings of one session that stand under an id of their own each."""
    beginnings = [
        number
        for (number, one, first), (_, other, second) in pairwise(rows)
        if one != other and _begins(first, second) != _begins(second, first)
    ]
    if len(beginnings) * 2 > len(rows) > 3:
        raise DatasetError(
            f"{file.path}, line {beginnings[0]}: its items are the beginning of those of a "
            "neighbouring line under another id, and so are most: an event would count many "
            "times; give all rows of a session its id"
        )


def _begins(one: list[str], other: list[str]) -> bool:
    return other[: len(one)] == one


def _dictionary(names: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([of_texts(names)]).dictionary_encode()
