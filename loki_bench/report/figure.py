"""A figure: its panels, its key, the numbers behind it, and how it is written into files."""

from dataclasses import dataclass

from loki_bench.report.looks import Look
from loki_bench.report.pdf import as_pdf
from loki_bench.report.shapes import Drawing, Shape, Text, mark, moved, room_for
from loki_bench.report.svg import as_file

__all__ = ["Figure", "Numbers", "files_of"]

COLUMNS = 3
"""Panels beside each other in a file, at the most."""

GAP = 24.0


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The numbers behind a figure, as text."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure.

    Attributes
    ----------
    name : str
        Of its file: ``"budget"``.
    title : str
        What it answers.
    panels : tuple of Drawing
    key : tuple of (name, look)
        Who has which mark, where the panels do not say it.
    numbers : Numbers
        All that the panels show.
    victims : tuple of str
        Whom each panel is about, as in the table; empty where panels are about several.
    """

    name: str
    title: str
    panels: tuple[Drawing, ...]
    key: tuple[tuple[str, Look], ...]
    numbers: Numbers
    victims: tuple[str, ...] = ()


def files_of(figure: Figure, suffix: str = "") -> dict[str, bytes]:
    """One figure as the content of its files by name."""
    whole = _composed(figure)
    name = f"{figure.name}{suffix}"
    return {f"{name}.svg": as_file(whole).encode(), f"{name}.pdf": as_pdf(whole)}


def _composed(figure: Figure) -> Drawing:
    """All panels in one drawing, in rows, with the key below."""
    n_columns = min(COLUMNS, len(figure.panels))
    wide = max(panel.width for panel in figure.panels)
    shapes: list[Shape] = []
    down = GAP / 2
    for start in range(0, len(figure.panels), n_columns):
        row = figure.panels[start : start + n_columns]
        for place, panel in enumerate(row):
            right = GAP / 2 + place * (wide + GAP)
            shapes += [moved(shape, right, down) for shape in panel.shapes]
        down += max(panel.height for panel in row) + GAP
    width = n_columns * (wide + GAP)
    right = GAP / 2
    for name, look in figure.key:
        needed = room_for(name, 11) + 32
        if right > GAP and right + needed > width:
            right, down = GAP / 2, down + 18
        shapes.append(mark(look, right + 5, down))
        shapes.append(Text(x=right + 14, y=down + 4, text=name))
        right += needed
    height = down + (GAP if figure.key else 0)
    return Drawing(width=width, height=height, title=figure.title, shapes=tuple(shapes))
