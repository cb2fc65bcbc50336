"""Read events from files with one line a user: ``user item item ...``, oldest first."""

from pathlib import Path

import numpy as np

from loki_bench.datasets.events import Duplicates, Events
from loki_bench.datasets.text_file import read_text
from loki_bench.errors import DatasetError

__all__ = ["read_one_line_a_user"]


def read_one_line_a_user(path: Path, *, dataset: str, duplicates: Duplicates = "error") -> Events:
    """Events of a file with one line a user, separated by blanks or tabs; blank lines are skipped.

    Parameters
    ----------
    path : Path
        The file.
    dataset : str
        Who asks, for error messages.
    duplicates : "error" or "drop"
        What to do with a second line of a user: refuse the file, or read the first line only. An
        item that is repeated in one line is one event each time.

    Raises
    ------
    DatasetError
        Names the file and the line at fault.
    """
    first_line: dict[str, int] = {}
    users: list[str] = []
    items: list[str] = []
    lines: list[int] = []
    for number, line in enumerate(read_text(path, dataset=dataset).split("\n"), start=1):
        user, *sequence = line.split() or [""]
        if not user:
            continue
        if not sequence:
            raise DatasetError(
                f"{path}, line {number}: user '{user}' has no item; a line reads 'user item item'"
            )
        if first_line.setdefault(user, number) != number:
            if duplicates == "drop":
                continue
            raise DatasetError(
                f"{path}, line {number}: user '{user}' was on line {first_line[user]} already; "
                'join the two lines or pass duplicates="drop" to read the first one only'
            )
        users.extend([user] * len(sequence))
        items.extend(sequence)
        lines.extend([number] * len(sequence))
    return Events(
        source=str(path),
        users=np.array(users, dtype=object),
        items=np.array(items, dtype=object),
        times=None,
        lines=np.array(lines, dtype=np.int64),
    )
