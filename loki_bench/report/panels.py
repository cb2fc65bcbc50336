"""The panels of figures: dots with intervals, curves, matrices, lengths; each shows its numbers."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from loki_bench.leaderboard.intervals import Interval
from loki_bench.report.looks import Look
from loki_bench.report.scales import Scale, drawn_ends, round_ticks
from loki_bench.report.shapes import (
    INK,
    PAPER,
    Area,
    Drawing,
    Group,
    Line,
    Shape,
    Text,
    mark,
    moved,
    room_for,
    wrapped,
)

__all__ = [
    "ALL_AGREE",
    "Curve",
    "Dot",
    "curves_panel",
    "dots_panel",
    "lengths_panel",
    "matrix_panel",
]

WIDTH = 330.0
"""Of a panel: it fits a phone, and a column of a paper."""

FAINT = 0.18
"""Opacity of lines that help the eye; with the ink they are no text and no mark."""

SHADE = 0.5
"""Opacity of the darkest field of a matrix: the numbers in it stay readable, light or dark."""

BLUE = "#0072b2"

NARROW = 24.0
"""Columns of a matrix that are narrower have every second name written, which is a number."""

ALL_AGREE = "A mark without a line: its values all agree."
"""Below a panel with such a mark. The interval then goes over half of the metric's range at five
seeds, whatever the other rows look like; the table has it, and the mark's words."""

MANY = 30
"""Points of a curve from which on they have no marks, and no two curves stand beside each other."""


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A row of dots: who, and each value with the look of its mark.

    Attributes
    ----------
    values : tuple of (look, interval, what it is)
    note : str
        Stands behind the name: ``tied``.
    """

    name: str
    values: tuple[tuple[Look, Interval, str], ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """An attack along an axis."""

    name: str
    look: Look
    x: tuple[float, ...]
    y: tuple[Interval, ...]


def said(name: str, value: Interval) -> str:
    """What a mark says in words."""
    return f"{name}: {value.mean:.3f}, 95 % interval {value.low:.3f} to {value.high:.3f}"


def dots_panel(
    title: str,
    rows: Sequence[Dot],
    ends: tuple[float, float],
    label: str,
    *,
    ceiling: float | None = None,
    width: float = WIDTH,
) -> Drawing:
    """A row for each name: a mark at the mean, a line over the interval, the mean in numbers.

    The ceiling is a dashed line. Every value lies within ``ends``. Where all seeds agree, the
    interval goes over half of the metric's range and has no line.
    """
    height = 26.0 if ceiling is None else 38.0
    shapes: list[Shape] = []
    scale = Scale(low=ends[0], high=ends[1], start=8, end=width - 48)
    top, marks = height, list[Shape]()
    for row in rows:
        name = f"{row.name} ({row.note})" if row.note else row.name
        for line in wrapped(name, width - 8, 11):
            marks.append(Text(x=8, y=height + 10, text=line))
            height += 13
        for look, value, what in row.values:
            y = height + 7
            marks.append(_dot(look, value, said(what or row.name, value), scale, y))
            marks.append(Text(x=width, y=y + 4, text=_number(value.mean), anchor="end", bold=True))
            height += 14
        height += 4
    bottom = height
    shapes += _x_axis(scale, round_ticks(*ends, at_most=6), top, bottom)
    if ceiling is not None and ends[0] <= ceiling <= ends[1]:
        x = scale(ceiling)
        shapes.append(Line(points=((x, top - 4), (x, bottom)), dashed=True, width=1.2))
        shapes.append(Text(x=x, y=top - 8, text=f"max {ceiling:g}", size=10, anchor="end"))
    shapes += marks
    shapes.append(Text(x=(scale.start + scale.end) / 2, y=bottom + 30, text=label, anchor="middle"))
    told = f"{title}: {label} of {len(rows)} rows, each with its 95 % interval"
    values = (value for row in rows for _, value, _ in row.values)
    return _titled(title, shapes, width, _noted(shapes, bottom + 36, values), told)


def _noted(shapes: list[Shape], height: float, values: Iterable[Interval]) -> float:
    """The height with a line of text below, where a mark lacks its line because seeds agree."""
    if not any(value.all_agree for value in values):
        return height
    shapes.append(Text(x=0, y=height + 10, text=ALL_AGREE, size=10))
    return height + 14


def _dot(look: Look, value: Interval, told: str, scale: Scale, y: float) -> Group:
    shapes: list[Shape] = []
    low, high = drawn_ends(value)
    if low != high:
        points = _with_ends(((scale(low), y), (scale(high), y)), (0.0, 3.0))
        shapes.append(Line(points=points, colour=look.colour, width=2))
    shapes.append(mark(look, scale(value.mean), y))
    return Group(shapes=tuple(shapes), told=told)


def _with_ends(
    ends: tuple[tuple[float, float], tuple[float, float]], aside: tuple[float, float]
) -> tuple[tuple[float, float], ...]:
    """A line from end to end with a bar across each of them, in one stroke."""
    (x1, y1), (x2, y2) = ends
    dx, dy = aside
    first = ((x1 - dx, y1 - dy), (x1 + dx, y1 + dy), (x1, y1))
    return (*first, (x2, y2), (x2 - dx, y2 - dy), (x2 + dx, y2 + dy))


def curves_panel(
    title: str,
    curves: Sequence[Curve],
    ends: tuple[float, float],
    x_label: str,
    y_label: str,
    *,
    ceiling: float | None = None,
    logarithmic: bool = False,
    unit: str = "",
) -> Drawing:
    """Lines over a budget or over rounds, with a line up and down over each interval.

    Where all seeds agree there is none, as in :func:`dots_panel`.
    """
    left, right, top, bottom = 44.0, WIDTH - 10, 42.0, 220.0
    places = sorted({x for curve in curves for x in curve.x})
    x_scale = Scale(
        low=places[0], high=places[-1], start=left + 10, end=right - 8, logarithmic=logarithmic
    )
    y_scale = Scale(low=ends[0], high=ends[1], start=bottom, end=top)
    shapes: list[Shape] = []
    shapes.append(Text(x=0, y=29, text=y_label))
    for tick in round_ticks(*ends, at_most=6):
        y = y_scale(tick)
        shapes.append(Line(points=((left, y), (right, y)), opacity=FAINT))
        shapes.append(Text(x=left - 5, y=y + 4, text=_number(tick, 6), anchor="end", size=10))
    last = -math.inf
    for x in places if len(places) < 12 else round_ticks(places[0], places[-1], 7):
        shapes.append(Line(points=((x_scale(x), bottom), (x_scale(x), bottom + 4))))
        text = f"{x:g}{unit}"
        half = room_for(text, 10) / 2
        if x_scale(x) - half > last:
            shapes.append(Text(x=x_scale(x), y=bottom + 15, text=text, anchor="middle", size=10))
            last = x_scale(x) + half + 3
    shapes.append(Line(points=((left, bottom), (right, bottom))))
    if ceiling is not None and ends[0] <= ceiling <= ends[1]:
        y = y_scale(ceiling)
        shapes.append(Line(points=((left, y), (right, y)), dashed=True, width=1.2))
        shapes.append(Text(x=right, y=y - 4, text=f"max {ceiling:g}", size=10, anchor="end"))
    for place, curve in enumerate(curves):
        apart = 4.0 * (place - (len(curves) - 1) / 2) if len(curve.x) < MANY else 0.0
        shapes += _curve(curve, x_scale, y_scale, max(-8.0, min(8.0, apart)))
    shapes.append(Text(x=(left + right) / 2, y=bottom + 32, text=x_label, anchor="middle"))
    told = f"{title}: {y_label} over {x_label}, {len(curves)} lines"
    values = (value for curve in curves for value in curve.y)
    return _titled(title, shapes, WIDTH, _noted(shapes, bottom + 38, values), told)


def _curve(curve: Curve, x_scale: Scale, y_scale: Scale, apart: float) -> list[Shape]:
    points = [(x_scale(x) + apart, y_scale(y.mean)) for x, y in zip(curve.x, curve.y, strict=True)]
    colour = curve.look.colour
    shapes: list[Shape] = [Line(points=tuple(points), colour=colour, width=1.6)]
    few = len(points) < MANY
    for (x, y), at, value in zip(points, curve.x, curve.y, strict=True):
        own: list[Shape] = []
        low, high = drawn_ends(value)
        if low != high:
            ends = ((x, y_scale(low)), (x, y_scale(high)))
            points_of_it = _with_ends(ends, (2.5, 0.0))
            own.append(Line(points=points_of_it, colour=colour, width=1.4))
        if few:
            own.append(mark(curve.look, x, y, 3.6))
        if not few and at == curve.x[-1]:
            own.append(mark(curve.look, x, y, 3.6))
        if own:
            shapes.append(Group(shapes=tuple(own), told=said(f"{curve.name} at {at:g}", value)))
    return shapes


def matrix_panel(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    fields: Mapping[tuple[int, int], tuple[float, Sequence[str]]],
    *,
    row_label: str,
    column_label: str,
    column_width: float = 76.0,
) -> Drawing:
    """A field for each row and column: its shade, from 0 to 1, and lines of text.

    Column names of many narrow columns are written in every second one.
    """
    lines = [wrapped(name, 110, 10) for name in rows]
    lines_of_text = max((len(text) for _, text in fields.values()), default=1)
    left = max((room_for(line, 10) for own in lines for line in own), default=0.0) + 8
    left = max(left, room_for(row_label, 10) + 8)
    narrow = column_width < NARROW
    heads = [[name] if narrow else wrapped(name, column_width - 2, 10) for name in columns]
    top = 38.0 + 12 * max((len(head) for head in heads), default=1)
    tall = max(12.0 * lines_of_text + 8, *(12.0 * len(own) + 6 for own in lines), 20.0)
    wide = left + column_width * len(columns)
    width = max(WIDTH, wide + 4)
    shapes: list[Shape] = []
    shapes.append(Text(x=left, y=29, text=column_label, size=10))
    shapes.append(Text(x=0, y=top - 6, text=row_label, size=10))
    step = 2 if narrow else 1
    for place, head in enumerate(heads):
        x = left + column_width * (place + 0.5)
        for n, line in enumerate(head if place % step == 0 else ()):
            y = top - 4 - 12 * (len(head) - 1 - n)
            shapes.append(Text(x=x, y=y, text=line, size=10, anchor="middle"))
    for place, own in enumerate(lines):
        middle = top + tall * (place + 0.5) - 6 * (len(own) - 1) + 3.5
        for n, line in enumerate(own):
            shapes.append(Text(x=left - 5, y=middle + 12 * n, text=line, size=10, anchor="end"))
    for (row, column), (shade, texts) in sorted(fields.items()):
        x, y = left + column_width * column, top + tall * row
        corners = ((x, y), (x + column_width, y), (x + column_width, y + tall), (x, y + tall))
        drawn: list[Shape] = [
            Area(points=corners, colour=BLUE, opacity=max(0.03, SHADE * min(1.0, shade)))
        ]
        for n, text in enumerate(texts):
            at = y + tall / 2 + 3.5 + 12 * (n - (len(texts) - 1) / 2)
            size = 11.0 if n == 0 else 9.0
            drawn.append(Text(x=x + column_width / 2, y=at, text=text, size=size, anchor="middle"))
        if len(texts) > 1:
            told = f"{rows[row]}, {columns[column]}: {' '.join(texts)}"
            shapes.append(Group(shapes=tuple(drawn), told=told))
        else:
            shapes += drawn
    bottom = top + tall * len(rows)
    for place in range(len(columns) + 1):
        x = left + column_width * place
        shapes.append(Line(points=((x, top), (x, bottom)), colour=PAPER))
    for place in range(len(rows) + 1):
        y = top + tall * place
        shapes.append(Line(points=((left, y), (wide, y)), colour=PAPER))
    told = f"{title}: {row_label} by {column_label}"
    return _titled(title, shapes, width, bottom + 8, told)


def lengths_panel(
    title: str, before: Mapping[int, float], after: Mapping[int, float], last: int
) -> Drawing:
    """Shares of users by length, in percent: areas before, a line after; the last is all above."""
    left, right, top, bottom = 40.0, WIDTH - 8, 45.0, 205.0
    heights = [_heights(shares, last) for shares in (before, after)]
    high = 100 * max(max(own) for own in heights) * 1.05 or 1.0
    x_scale = Scale(low=0.5, high=last + 1.5, start=left, end=right)
    y_scale = Scale(low=0.0, high=high, start=bottom, end=top)
    shapes: list[Shape] = []
    shapes.append(Text(x=0, y=top - 14, text="% of all users"))
    for tick in round_ticks(0.0, high, 6):
        shapes.append(Line(points=((left, y_scale(tick)), (right, y_scale(tick))), opacity=FAINT))
        shapes.append(
            Text(x=left - 5, y=y_scale(tick) + 4, text=f"{tick:g}", anchor="end", size=10)
        )
    over = f">{last}"
    free = x_scale(last + 1) - room_for(over, 10) / 2
    for tick in round_ticks(1, last, 7):
        text = f"{tick:g}"
        if tick == int(tick) and x_scale(tick) + room_for(text, 10) / 2 < free - 3:
            x = x_scale(tick)
            shapes.append(Text(x=x, y=bottom + 15, text=text, anchor="middle", size=10))
    shapes.append(Text(x=x_scale(last + 1), y=bottom + 15, text=over, anchor="middle", size=10))
    outlines = []
    for own in heights:
        points = [(x_scale(0.5), bottom)]
        for place, share in enumerate(own, start=1):
            y = y_scale(100 * share)
            points += [(x_scale(place - 0.5), y), (x_scale(place + 0.5), y)]
        outlines.append((*points, (x_scale(last + 1.5), bottom)))
    shapes.append(Area(points=outlines[0], colour="#767d85", opacity=0.55))
    shapes.append(Line(points=outlines[1], colour="#c2500a", width=1.8))
    shapes.append(Line(points=((left, bottom), (right, bottom))))
    shapes += _key(right, top - 22)
    label = "training events of a user"
    shapes.append(Text(x=(left + right) / 2, y=bottom + 31, text=label, anchor="middle"))
    told = f"{title}: share of users by number of training events, before and after"
    return _titled(title, shapes, WIDTH, bottom + 38, told)


def _titled(title: str, shapes: Sequence[Shape], width: float, height: float, told: str) -> Drawing:
    """The title in as many lines as it needs, and the shapes below; they leave room for one."""
    lines = wrapped(title, width, 12, bold=True)
    down = 15.0 * (len(lines) - 1)
    heading = [
        Text(x=0, y=13 + 15 * n, text=line, size=12, bold=True) for n, line in enumerate(lines)
    ]
    below = (moved(shape, 0, down) for shape in shapes) if down else shapes
    return Drawing(width=width, height=height + down, title=told, shapes=(*heading, *below))


def _key(right: float, y: float) -> list[Shape]:
    """What the area and the line are."""
    x = right - 112
    box = ((x, y), (x + 12, y), (x + 12, y + 9), (x, y + 9))
    return [
        Area(points=box, colour="#767d85", opacity=0.55),
        Text(x=x + 16, y=y + 9, text="before"),
        Line(points=((x + 62, y + 5), (x + 74, y + 5)), colour="#c2500a", width=1.8),
        Text(x=x + 78, y=y + 9, text="after"),
    ]


def _heights(shares: Mapping[int, float], last: int) -> list[float]:
    within = [shares.get(length, 0.0) for length in range(1, last + 1)]
    return [*within, sum(share for length, share in shares.items() if length > last)]


def _x_axis(scale: Scale, ticks: Sequence[float], top: float, bottom: float) -> list[Shape]:
    shapes: list[Shape] = []
    for tick in ticks:
        x = scale(tick)
        shapes.append(Line(points=((x, top), (x, bottom)), opacity=FAINT))
        shapes.append(Text(x=x, y=bottom + 15, text=_number(tick, 6), anchor="middle", size=10))
    shapes.append(Line(points=((scale.start, bottom), (scale.end, bottom)), colour=INK))
    return shapes


def _number(value: float, digits: int = 3) -> str:
    """Of a tick as short as it is, of a mean three digits; large numbers have one."""
    if digits > 3:
        return f"{value:g}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.{digits}f}"
