"""What a cell of a text file reads like: a whole number, a decimal, a time, or a word."""

import math
import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from loki_bench.datasets.time_units import unit_of

__all__ = [
    "CellKind",
    "bare",
    "column_kind",
    "described",
    "kind_of",
    "looks_like_times",
    "whole_number",
]

CellKind: TypeAlias = Literal["whole numbers", "decimals", "times", "words", "nothing"]

_WHOLE = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(\.\d*)?[eE][+-]?\d+)")
_TIME = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}.*)?"  # ISO 8601
    r"|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}( \d{1,2}:\d{2}.*)?"
    r"|\d{4}/\d{1,2}/\d{1,2}( \d{1,2}:\d{2}.*)?"
    r"|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?"
)


def kind_of(cell: str) -> CellKind:
    """What one cell reads like; blanks and quotes around it don't count."""
    text = bare(cell)
    if not text:
        return "nothing"
    if _WHOLE.fullmatch(text):
        return "whole numbers"
    if _DECIMAL.fullmatch(text):
        return "decimals"
    if _TIME.fullmatch(text):
        return "times"
    return "words"


def column_kind(cells: Sequence[str]) -> CellKind:
    """What all cells of a column read like; empty ones don't count."""
    kinds = {kind_of(cell) for cell in cells} - {"nothing"}
    if not kinds:
        return "nothing"
    if kinds == {"whole numbers", "decimals"}:
        return "decimals"
    return kinds.pop() if len(kinds) == 1 else "words"


def looks_like_times(cells: Sequence[str]) -> bool:
    """Whether all cells are dates, or whole numbers that count from 1970 to a year near ours."""
    kind = column_kind(cells)
    if kind != "whole numbers":
        return kind == "times"
    return all(unit_of(whole_number(cell)) for cell in cells if bare(cell))


def whole_number(cell: str) -> float:
    """The number in a cell of whole numbers; infinity where Python reads no so many digits."""
    try:
        return int(bare(cell))
    except ValueError:
        return math.inf


def bare(cell: str) -> str:
    """The cell without blanks and quotes around it."""
    return cell.strip().strip('"').strip()


def described(rows: Sequence[Sequence[str]]) -> str:
    """The kinds of all columns, for a message: ``whole numbers, times, words``."""
    columns = list(zip(*rows, strict=False))
    return ", ".join(
        "times" if looks_like_times(cells) else column_kind(cells) for cells in columns
    )
