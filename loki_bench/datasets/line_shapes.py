"""What lines without a header look like: pairs, rows of a table, MovieLens's ratings."""

import re
from collections.abc import Sequence
from typing import NoReturn

from loki_bench.datasets.cell_kinds import bare, column_kind, described, kind_of, whole_number
from loki_bench.datasets.data_file import DataFile
from loki_bench.datasets.shape import BLANKS, Sample, cells_of
from loki_bench.errors import DatasetError

__all__ = [
    "are_pairs",
    "is_movielens",
    "is_table",
    "refuse_without_header",
    "shown",
    "split",
]

_BRACKETS = re.compile(r"[^\s,;:]+\s*[:,;]?\s*[\[({].*[\])}]")
"""A line such as ``7: [3, 5, 9]``."""

_ENOUGH = 10
"""From so many rows on, columns that have no value in common are rather no items."""

_EPOCH = 10**8
"""Whole numbers from here on are rather seconds since 1970 than names of items."""


def are_pairs(rows: Sequence[Sequence[str]]) -> bool:
    """User and item, or user, item and the same weight everywhere, a user on many lines."""
    widths = {len(row) for row in rows}
    users = {row[0] for row in rows if row}
    if widths == {2}:
        return len(users) < len(rows) or len(rows) > 1
    return widths == {3} and 2 * len(users) <= len(rows) and len({row[2] for row in rows}) == 1


def is_table(rows: Sequence[Sequence[str]]) -> bool:
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
    return 2 * len(users) <= len(rows) or _has_column_of_its_own(rows)


def _has_column_of_its_own(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a column has few numbers, and none of them is in another: items would be in both."""
    columns = [set(cells) for cells in zip(*rows, strict=True)][1:]
    if len(rows) < _ENOUGH:
        return False
    return any(
        4 <= 2 * len(values) <= len(rows)
        and column_kind(list(values)) in ("whole numbers", "decimals")
        and values.isdisjoint(set().union(*(c for c in columns if c is not values)))
        for values in columns
    )


def is_movielens(sample: Sample) -> bool:
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
    return kind_of(cell) == "whole numbers" and abs(whole_number(cell)) >= _EPOCH


def refuse_without_header(
    file: DataFile, sample: Sample, rows: Sequence[Sequence[str]]
) -> NoReturn:
    """Refuse rows that no header explains; the message says what is in their columns."""
    first = rows[0]
    if all(_BRACKETS.fullmatch(line.strip()) for line in sample.lines):
        raise DatasetError(
            f"{file.path}, line {sample.numbers[0]}: it looks like a user with a list of items in "
            "brackets; write a user a line without brackets, 'user item item ...', the names "
            'separated by blanks, and pass format = "sequences"'
        )
    kinds = described([row for row in rows if len(row) == len(first)])
    times = (
        "'timestamp'"
        if "times" in kinds
        else "'timestamp', or timestamp_column = \"\" where it has no times"
    )
    raise DatasetError(
        f"{file.path}, line {sample.numbers[0]}: it looks like data ({shown(first)}): a table "
        f"of {len(first)} columns ({kinds}) without a header; name them with columns = [...], one "
        f"name for each, among them 'user_id', 'item_id' and {times}"
    )


def split(line: str, separator: str | None) -> list[str]:
    """The cells of a line; by blanks and tabs where no separator is known."""
    return cells_of(line, separator or BLANKS, quoted=False)


def shown(cells: Sequence[str]) -> str:
    """The first cells, for a message."""
    shown = [cell if len(cell) <= 30 else f"{cell[:27]}..." for cell in cells[:6]]
    return ", ".join(shown) + (", ..." if len(cells) > 6 else "")
