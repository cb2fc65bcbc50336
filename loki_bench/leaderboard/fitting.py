"""Grids for a terminal: columns side by side in no more letters than a line has."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["Column", "fitted", "fitted_rows"]

GAP = "  "
LEAST_NAME = 24
"""Letters that the first column keeps as long as there are others to leave out."""

LEAST = 8
"""Letters that it keeps whatever the width."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column.

    Attributes
    ----------
    head : str
    cells : sequence of str
    short : sequence of str, optional
        Shorter cells, where the width asks for them; empty: there are none.
    """

    head: str
    cells: Sequence[str]
    short: Sequence[str] = ()

    @property
    def width(self) -> int:
        """Letters of the longest cell or of the head."""
        return max(map(len, (self.head, *self.cells)))


def fitted(columns: Sequence[Column], width: int) -> tuple[str, list[str]]:
    """The columns as lines of at most ``width`` letters, and the heads of those left out.

    What is too wide is made narrower step by step: short cells from the last column on; names of
    the first column lose their middle; the last columns are left out. Two columns always stay.
    """
    shown = list(columns)
    for place in reversed(range(len(shown))):
        if _width(shown) > width and shown[place].short:
            shown[place] = replace(shown[place], cells=shown[place].short, short=())
    shown[0] = _narrowed(shown[0], width - _width(shown[1:]) - len(GAP), LEAST_NAME)
    left_out: list[str] = []
    while _width(shown) > width and len(shown) > 2:
        left_out.insert(0, shown.pop().head)
    shown[0] = _narrowed(shown[0], width - _width(shown[1:]) - len(GAP), LEAST)
    lines = [
        [column.head for column in shown],
        ["-" * column.width for column in shown],
        *zip(*(column.cells for column in shown), strict=True),
    ]
    widths = [column.width for column in shown]
    text = "\n".join(
        GAP.join(cell.ljust(n) for cell, n in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return text, left_out


def fitted_rows(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """The same of rows; a column that says one thing in all of several rows is left out."""
    columns = [
        Column(head=head, cells=cells)
        for head, cells in zip(headers, zip(*rows, strict=True), strict=True)
    ]
    telling = [column for column in columns if len(rows) < 2 or len({*column.cells}) > 1]
    return fitted(telling if len(telling) > 1 else columns, width)[0]


def _width(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + len(GAP) * (len(columns) - 1)


def _narrowed(column: Column, room: int, least: int) -> Column:
    room = max(room, least)
    cells = [_cut(cell, room) for cell in column.cells]
    return replace(column, head=_cut(column.head, room), cells=cells)


def _cut(text: str, room: int) -> str:
    """The text without its middle where it is longer: both ends tell names apart."""
    if len(text) <= room:
        return text
    end = (room - 1) // 2
    return f"{text[: room - 1 - end]}…{text[len(text) - end :]}"
