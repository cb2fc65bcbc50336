"""What a figure is made of: lines, areas, discs and texts, which SVG and PDF both can show.

The origin is at the upper left; a unit is a CSS pixel, or 3/4 of a point in a PDF.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from loki_bench.report.looks import Look

__all__ = [
    "INK",
    "PAPER",
    "Area",
    "Disc",
    "Drawing",
    "Group",
    "Line",
    "Shape",
    "Text",
    "mark",
    "moved",
    "room_for",
    "text_width",
    "wrapped",
]

INK, PAPER = "ink", "paper"
"""The colours of the text and of the page, whichever they are."""

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line through points."""

    points: tuple[Point, ...]
    colour: str = INK
    width: float = 1.0
    dashed: bool = False
    opacity: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Area:
    """A filled polygon."""

    points: tuple[Point, ...]
    colour: str
    opacity: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Disc:
    """A circle: filled, or the line around it where ``width`` is given."""

    x: float
    y: float
    radius: float
    colour: str
    width: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Text:
    """One line of text; ``y`` is its base line, and ``turned`` reads from below."""

    x: float
    y: float
    text: str
    size: float = 11.0
    anchor: Literal["start", "middle", "end"] = "start"
    bold: bool = False
    turned: bool = False


@dataclass(frozen=True, kw_only=True)
class Group:
    """Shapes that belong together, and what they say in words."""

    shapes: "tuple[Shape, ...]"
    told: str


Shape: TypeAlias = Line | Area | Disc | Text | Group


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A panel of a figure.

    Attributes
    ----------
    width, height : float
    title : str
        What a screen reader says of it.
    shapes : tuple of Shape
        In the order in which they cover each other.
    """

    width: float
    height: float
    title: str
    shapes: tuple[Shape, ...]


def moved(shape: Shape, right: float, down: float) -> Shape:
    """The same shape elsewhere."""
    if isinstance(shape, Group):
        return replace(shape, shapes=tuple(moved(one, right, down) for one in shape.shapes))
    if isinstance(shape, Line | Area):
        return replace(shape, points=tuple((x + right, y + down) for x, y in shape.points))
    return replace(shape, x=shape.x + right, y=shape.y + down)


def mark(look: Look, x: float, y: float, radius: float = 4.0) -> Shape:
    """The mark of a look around a point."""
    colour, r = look.colour, radius
    if look.mark == "disc":
        return Disc(x=x, y=y, radius=r, colour=colour)
    if look.mark == "ring":
        return Disc(x=x, y=y, radius=r - 0.8, colour=colour, width=1.8)
    return Area(
        points=tuple((x + r * a, y + r * b) for a, b in _OUTLINES[look.mark]), colour=colour
    )


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a text is in Helvetica, and nearly so in the fonts that stand for it."""
    width = sum(_WIDTHS.get(letter, 0.6) for letter in text) * size
    return width * 1.07 if bold else width


def room_for(text: str, size: float, *, bold: bool = False) -> float:
    """The same with what the widest of the fonts that may stand for Helvetica needs."""
    return text_width(text, size, bold=bold) * (1.25 if bold else 1.18)


def wrapped(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """A text in lines no wider than that: cut at blanks, in a long word at its brackets."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and room_for(longer, size, bold=bold) > width:
            lines.append(line)
            line = word
        else:
            line = longer
        while room_for(line, size, bold=bold) > width and len(line) > 1:
            end = _letters_within(line, width, size, bold)
            lines.append(line[:end])
            line = line[end:]
    return [*lines, line]


def _letters_within(text: str, width: float, size: float, bold: bool) -> int:
    """At least one; before the last bracket or comma where there is one."""
    end = len(text) - 1
    while end > 1 and room_for(text[:end], size, bold=bold) > width:
        end -= 1
    cut = max(text.rfind("(", 0, end), text.rfind(",", 0, end) + 1)
    return cut if cut > 0 else end


def _outline(text: str) -> tuple[Point, ...]:
    numbers: Iterable[float] = map(float, text.split())
    found: Sequence[float] = list(numbers)
    return tuple(zip(found[::2], found[1::2], strict=True))


_OUTLINES: dict[str, tuple[Point, ...]] = {
    "square": _outline("-.9 -.9 .9 -.9 .9 .9 -.9 .9"),
    "diamond": _outline("0 -1.25 1.25 0 0 1.25 -1.25 0"),
    "up": _outline("0 -1.15 1.1 .85 -1.1 .85"),
    "down": _outline("0 1.15 1.1 -.85 -1.1 -.85"),
    "cross": _outline("-1 -.6 -.6 -1 0 -.4 .6 -1 1 -.6 .4 0 1 .6 .6 1 0 .4 -.6 1 -1 .6 -.4 0"),
    "plus": _outline(
        "-.4 -1.15 .4 -1.15 .4 -.4 1.15 -.4 1.15 .4 .4 .4 .4 1.15 -.4 1.15 -.4 .4 -1.15 .4 "
        "-1.15 -.4 -.4 -.4"
    ),
    "hexagon": _outline("0 -1.15 1 -.58 1 .58 0 1.15 -1 .58 -1 -.58"),
}


def _advances() -> dict[str, float]:
    """Of Helvetica, from Adobe's font metrics, in units of the font's size."""
    groups = {
        0.191: "'",
        0.222: "ijl",
        0.26: "|",
        0.278: " !,./:;I[\\]ft",
        0.333: "()-`r",
        0.334: "{}",
        0.355: '"',
        0.389: "*",
        0.469: "^",
        0.5: "Jcksvxyz",
        0.556: "#$0123456789?L_abdeghnopqu",
        0.584: "+<=>~±×",
        0.611: "FTZ",
        0.667: "&ABEKPSVXY",
        0.722: "CDHNRUw",
        0.778: "GOQ",
        0.833: "Mm",
        0.889: "%",
        0.944: "W",
        1.015: "@",
    }
    return {letter: width for width, letters in groups.items() for letter in letters}


_WIDTHS = _advances()
