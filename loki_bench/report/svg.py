"""Writes drawings as SVG: for a page, whose colours they take, or as a file of its own."""

from collections.abc import Mapping
from hashlib import sha256
from html import escape

from loki_bench.report.looks import LIGHT_PAGE, Look
from loki_bench.report.shapes import (
    INK,
    PAPER,
    Area,
    Disc,
    Drawing,
    Group,
    Line,
    Shape,
    Text,
    mark,
)

__all__ = ["FONT", "as_file", "in_page", "mark_in_page", "marks_in_page"]

FONT = "Helvetica,Arial,'Liberation Sans',sans-serif"


def in_page(drawing: Drawing) -> str:
    """An element for a page: text in the page's colour, as wide as there is room, named."""
    title = escape(drawing.title)
    return (
        f'<svg viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}" role="img" '
        f'aria-label="{title}" width="{_n(drawing.width)}" height="{_n(drawing.height)}" '
        f'fill="currentColor">{_all(drawing.shapes)}</svg>'
    )


def as_file(drawing: Drawing) -> str:
    """A file of its own, black on white."""
    size = f'width="{_n(drawing.width)}" height="{_n(drawing.height)}"'
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(drawing.width)} '
        f'{_n(drawing.height)}" {size} font-family="{FONT}" font-size="11" color="#1b1f24" '
        'fill="currentColor">\n'
        f"<title>{escape(drawing.title)}</title>\n"
        f'<rect width="100%" height="100%" fill="{LIGHT_PAGE}"/>\n'
        f"{_all(drawing.shapes)}\n</svg>\n"
    )


def marks_in_page(looks: Mapping[str, Look]) -> str:
    """The marks of a page, each once, for :func:`mark_in_page`; by name."""
    symbols = "".join(
        f'<symbol id="{_symbol(name)}" viewBox="0 0 12 12">{_one(mark(look, 6, 6, 4.4))}</symbol>'
        for name, look in looks.items()
    )
    return f'<svg width="0" height="0" class="store" aria-hidden="true">{symbols}</svg>'


def mark_in_page(name: str) -> str:
    """An attack's mark beside its name, which says who it is: screen readers pass over it."""
    return f'<svg class="mark" aria-hidden="true"><use href="#{_symbol(name)}"/></svg>'


def _symbol(name: str) -> str:
    return f"m-{sha256(name.encode()).hexdigest()[:6]}"


def _all(shapes: tuple[Shape, ...]) -> str:
    return "".join(map(_one, shapes))


def _one(shape: Shape) -> str:
    if isinstance(shape, Group):
        return f"<g><title>{escape(shape.told)}</title>{_all(shape.shapes)}</g>"
    if isinstance(shape, Line):
        path = _path(shape.points)
        more = "" if shape.width == 1 else f' stroke-width="{_n(shape.width)}"'
        more += ' stroke-dasharray="3 3"' if shape.dashed else ""
        more += _opacity(shape.opacity)
        return f'<path d="{path}" fill="none" stroke="{_colour(shape.colour)}"{more}/>'
    if isinstance(shape, Area):
        path = _path(shape.points)
        return f'<path d="{path}Z" fill="{_colour(shape.colour)}"{_opacity(shape.opacity)}/>'
    if isinstance(shape, Disc):
        where = f'cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}"'
        if not shape.width:
            return f'<circle {where} fill="{_colour(shape.colour)}"/>'
        return (
            f'<circle {where} fill="none" stroke="{_colour(shape.colour)}" '
            f'stroke-width="{_n(shape.width)}"/>'
        )
    return _text(shape)


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """Steps from point to point, each rounded alone, so that no error adds up."""
    found = []
    before = (0.0, 0.0)
    for number, point in enumerate(points):
        at = (round(point[0], 1), round(point[1], 1))
        x, y = _n(at[0] - before[0]), _n(at[1] - before[1])
        found.append(f"{'l' if number else 'M'}{x}{y if y.startswith('-') else f' {y}'}")
        before = at
    return "".join(found)


def _text(shape: Text) -> str:
    where = f'x="{_n(shape.x)}" y="{_n(shape.y)}"'
    more = "" if shape.size == 11 else f' font-size="{_n(shape.size)}"'
    more += "" if shape.anchor == "start" else f' text-anchor="{shape.anchor}"'
    more += ' font-weight="bold"' if shape.bold else ""
    if shape.turned:
        more += f' transform="rotate(-90 {_n(shape.x)} {_n(shape.y)})"'
    return f"<text {where}{more}>{escape(shape.text, quote=False)}</text>"


def _colour(name: str) -> str:
    return {INK: "currentColor", PAPER: f"var(--bg,{LIGHT_PAGE})"}.get(name, name)


def _opacity(value: float) -> str:
    return "" if value == 1 else f' opacity="{_n(value, 2)}"'


def _n(value: float, digits: int = 1) -> str:
    """A tenth of a pixel is enough; ``-0`` is 0."""
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
    return "0" if text in ("-0", "") else text
