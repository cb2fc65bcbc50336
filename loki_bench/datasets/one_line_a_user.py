"""Read files with one line a user: ``user item item ...``, oldest first."""

from array import array
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from loki_bench.datasets.arrow_arrays import of_numpy, of_texts
from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.event_table import EventTable
from loki_bench.datasets.shape import BLANKS, between_blanks
from loki_bench.errors import DatasetError

__all__ = ["check_line", "read_one_line_a_user"]


def read_one_line_a_user(
    file: DataFile,
    *,
    separator: str = BLANKS,
    n_comments: int = 0,
    second_lines: Literal["error", "drop"] = "error",
) -> EventTable:
    """Events of a file with one line a user; blank lines are skipped.

    Parameters
    ----------
    separator : str
        Between user and items; ``BLANKS`` stands for any run of blanks and tabs.
    n_comments : int
        Lines on top that are comments.
    second_lines : "error" or "drop"
        What to do with a second line of a user: refuse the file, or read the first line only. An
        item that is repeated in one line is one event each time.

    Raises
    ------
    DatasetError
        Names the file and the line at fault.
    """
    first_line: dict[str, int] = {}
    number_of_item: dict[str, int] = {}
    users, items, lines = array("i"), array("i"), array("q")
    n_lines = n_blank = n_dropped = 0
    for n_lines, line in file.lines():
        if not line.strip():
            n_blank += 1
            continue
        if n_lines - n_blank <= n_comments:
            continue
        user, *sequence = check_line(file.path, n_lines, line, separator)
        if first_line.setdefault(user, n_lines) != n_lines:
            if second_lines == "drop":
                n_dropped += len(sequence)
                continue
            raise DatasetError(
                f"{file.path}, line {n_lines}: user '{user}' was on line {first_line[user]} "
                "already; one line holds all of a user's events: join the two"
            )
        items.extend([number_of_item.setdefault(i, len(number_of_item)) for i in sequence])
        users.extend([len(first_line) - 1] * len(sequence))
        lines.extend([n_lines] * len(sequence))
    return EventTable(
        path=file.path,
        users=_dictionary(users, first_line),
        items=_dictionary(items, number_of_item),
        times=(),
        ratings=None,
        where={},
        place=lambda row: f"line {lines[row]}",
        cells=lambda row: {},
        n_lines=n_lines,
        left_out={"blank": n_blank, "comment": n_comments},
        unit="users' lines",
        n_second_lines=n_dropped,
    )


def check_line(path: Path, number: int, line: str, separator: str) -> list[str]:
    """The user and the items of a line.

    Raises
    ------
    DatasetError
        There is no item, a cell is empty, or a tab cuts the line into more than a user and
        items: what the second list means is not said anywhere.
    """
    if separator != BLANKS:
        cells = [cell.strip() for cell in line.strip("\r\n").split(separator)]
        while len(cells) > 2 and not cells[-1]:
            cells.pop()
    else:
        cells = between_blanks(line)
        if "\t" in line.strip(" \t") and len(cells) > 2:
            _check_fields(path, number, line)
    if len(cells) < 2:
        raise DatasetError(
            f"{path}, line {number}: user '{cells[0]}' has no item; a line reads "
            f"'user{_shown(separator)}item{_shown(separator)}item'"
        )
    if not all(cells):
        raise DatasetError(f"{path}, line {number}: there is an empty name in it")
    return cells


def _check_fields(path: Path, number: int, line: str) -> None:
    """A tab may stand behind the user, or be the only separator."""
    fields = [field for field in line.strip(" \t").split("\t") if field.strip(" ")]
    blanks_in = [len(between_blanks(field)) > 1 for field in fields]
    if not any(blanks_in) or (len(fields) == 2 and not blanks_in[0]):
        return
    raise DatasetError(
        f"{path}, line {number}: tabs cut it into {len(fields)} fields, and one has blanks in "
        f"it ('{_short(next(f for f in fields if len(between_blanks(f)) > 1))}'): a second list of "
        "something else than items can't be told from items; keep the user and the items alone, "
        "separated by blanks"
    )


def _dictionary(codes: "array[int]", names: dict[str, int]) -> pa.ChunkedArray:
    indices = of_numpy(np.array(codes, dtype=np.int32))
    names_in_order = of_texts(names)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(indices, names_in_order)])


def _shown(separator: str) -> str:
    return "<tab>" if separator == "\t" else separator


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
