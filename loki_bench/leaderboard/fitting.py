"""Grids for a terminal: columns side by side in no more letters than a line has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tabulate import tabulate

from loki_bench.leaderboard.intervals import Interval, shown, shown_mean

__all__ = ["Column", "fitted", "grid_of", "interval_column", "not_shown"]

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
    the first column lose some of their middle, as long as they can be told apart; the last columns
    are left out. Two columns always stay.
    """
    kept = list(columns)
    for place in reversed(range(len(kept))):
        if _width(kept) > width and kept[place].short:
            kept[place] = replace(kept[place], cells=kept[place].short, short=())
    names = kept[0]
    least = max(width - _width(kept[1:]) - len(GAP), LEAST_NAME)
    most = width - _width(kept[1:2]) - len(GAP)
    kept[0] = next(
        (
            narrowed
            for room in range(least, most + 1)
            if _tells_apart(narrowed := _narrowed(names, room), names)
        ),
        _narrowed(names, least),
    )
    left_out: list[str] = []
    while _width(kept) > width and len(kept) > 2:
        left_out.insert(0, kept.pop().head)
    if _width(kept) > width:
        kept[0] = _narrowed(names, max(width - _width(kept[1:]) - len(GAP), LEAST))
    lines = [
        [column.head for column in kept],
        ["-" * column.width for column in kept],
        *zip(*(column.cells for column in kept), strict=True),
    ]
    widths = [column.width for column in kept]
    text = "\n".join(
        GAP.join(cell.ljust(n) for cell, n in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return text, left_out


def interval_column(head: str, values: Sequence[Interval | None]) -> Column:
    """Means with their intervals, and alone where the width asks for it."""
    return Column(
        head=head,
        cells=[shown(value) for value in values],
        short=[shown_mean(value) for value in values],
    )


def grid_of(columns: Sequence[Column], style: str, width: int | None) -> tuple[str, str]:
    """The columns as a grid, and a sentence on those that it lacks, with a blank; or nothing.

    Parameters
    ----------
    style : str
        tabulate's, for a grid of any width.
    width : int or None
        If given, the grid has no more letters than that, and no column that says one thing in all
        of several rows.
    """
    if width is None:
        rows = list(zip(*(column.cells for column in columns), strict=True))
        heads = [column.head for column in columns]
        return tabulate(rows, headers=heads, tablefmt=style, disable_numparse=True), ""
    telling = [column for column in columns if len({*column.cells}) > 1 or len(column.cells) < 2]
    text, left_out = fitted(telling if len(telling) > 1 else columns, width)
    return text, f"{not_shown(left_out, width)} " if left_out else ""


def not_shown(left_out: Iterable[str], width: int) -> str:
    """What a reader is told of columns that did not fit."""
    return f"Not shown in {width} letters: {', '.join(left_out)}."


def _width(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + len(GAP) * (len(columns) - 1)


def _narrowed(column: Column, room: int) -> Column:
    """The column with names of at most so many letters, cut where they can still be told apart."""
    cuts = (  # both ends stay, else more of the beginning
        replace(
            column,
            head=_cut(column.head, room, end),
            cells=[_cut(cell, room, end) for cell in column.cells],
        )
        for end in reversed(range((room + 1) // 2))
    )
    first = next(cuts)
    return next((cut for cut in (first, *cuts) if _tells_apart(cut, column)), first)


def _tells_apart(narrowed: Column, column: Column) -> bool:
    return len({*narrowed.cells}) == len({*column.cells})


def _cut(text: str, room: int, end: int) -> str:
    """The text without what stands before its last letters where it is longer."""
    if len(text) <= room:
        return text
    return f"{text[: room - 1 - end]}…{text[len(text) - end :]}"
