"""One colour and one mark for each attack, the same in every figure of every board.

Every colour has a contrast of 3:1 or more with the light and with the dark page. The attacks that
are named here share neither colour nor mark: marks alone tell them apart in grey.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeAlias

__all__ = ["COLOURS", "DARK_PAGE", "LIGHT_PAGE", "MARKS", "Look", "contrast", "look_at", "look_of"]

Mark: TypeAlias = Literal[
    "disc", "square", "diamond", "up", "down", "cross", "plus", "hexagon", "ring"
]

LIGHT_PAGE, DARK_PAGE = "#ffffff", "#14181d"
"""Behind every mark."""

COLOURS = (
    "#c2500a",  # orange red
    "#0072b2",  # blue
    "#007f5f",  # green
    "#b3508c",  # pink
    "#8a6d00",  # olive
    "#7a62d0",  # violet
    "#2a86c8",  # light blue
    "#767d85",  # grey
)
"""After Okabe and Ito, whose yellow and sky blue are too light for a white page."""

MARKS: tuple[Mark, ...] = (
    "disc",
    "square",
    "diamond",
    "up",
    "down",
    "cross",
    "plus",
    "hexagon",
    "ring",
)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How an attack is drawn.

    Attributes
    ----------
    colour : str
        ``"#rrggbb"``.
    mark : str
        One of :data:`MARKS`.
    """

    colour: str
    mark: Mark


LOOKS: dict[str, Look] = {
    "loki": Look(colour=COLOURS[0], mark="disc"),
    "covisit": Look(colour=COLOURS[1], mark="square"),
    "covisit-easy": Look(colour=COLOURS[6], mark="diamond"),
    "popular": Look(colour=COLOURS[2], mark="up"),
    "random": Look(colour=COLOURS[3], mark="down"),
    "randalter": Look(colour=COLOURS[4], mark="plus"),
    "replay": Look(colour=COLOURS[5], mark="hexagon"),
    "none": Look(colour=COLOURS[7], mark="cross"),
}
"""Of the attacks that were first; others follow from their names."""


def look_of(attacker: str) -> Look:
    """The look of an attack by its label, whatever else stands in a figure.

    An attack with other parameters, or with another simulator (``loki (white-box)``), keeps the
    colour of its name and has a mark of its own.
    """
    name = attacker.partition("(")[0].strip()
    known = LOOKS.get(name)
    if known is not None and name == attacker:
        return known
    colour = known.colour if known is not None else COLOURS[_number(name) % len(COLOURS)]
    return Look(colour=colour, mark=MARKS[_number(attacker) % len(MARKS)])


def look_at(place: int) -> Look:
    """The look of the n-th of things that are no attacks: seeds, experiments."""
    return Look(colour=COLOURS[place % len(COLOURS)], mark=MARKS[place % len(MARKS)])


def contrast(one: str, other: str) -> float:
    """The contrast of two colours by WCAG 2, from 1 to 21.

    >>> round(contrast("#ffffff", "#000000"), 6)
    21.0
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big")
