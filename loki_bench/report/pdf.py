"""Writes a drawing as a PDF of one page, for papers: shapes stay shapes, text stays text.

Text is in Helvetica, which every reader of PDF has (ISO 32000-1, 9.6.2.2); letters outside of
Windows' Latin alphabet are question marks. No date and no random id: the same drawing gives the
same bytes.
"""

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
    text_width,
)

__all__ = ["as_pdf"]

POINT = 0.75
"""Of a CSS pixel."""

CURVE = 0.5523
"""How far the control points of four cubic curves lie that are nearly a circle."""


def as_pdf(drawing: Drawing) -> bytes:
    """The content of a PDF file of the drawing's size."""
    opacities: dict[float, str] = {}
    commands = [f"{POINT} 0 0 -{POINT} 0 {_n(drawing.height * POINT)} cm 0.5 w"]
    for shape in drawing.shapes:
        commands += _commands(shape, opacities)
    stream = "\n".join(commands).encode("cp1252", "replace")
    states = " ".join(f"/{name} << /ca {_n(o)} /CA {_n(o)} >>" for o, name in opacities.items())
    box = f"[0 0 {_n(drawing.width * POINT)} {_n(drawing.height * POINT)}]"
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 4 0 R /Resources "
            f"<< /Font << /F 5 0 R /B 6 0 R >> /ExtGState << {states} >> >> >>"
        ).encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        font.format("Helvetica").encode(),
        font.format("Helvetica-Bold").encode(),
    ]
    return _file(objects)


def _file(objects: list[bytes]) -> bytes:
    out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    n = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (n, table, n, len(out))
    )


def _commands(shape: Shape, opacities: dict[float, str]) -> list[str]:
    if isinstance(shape, Group):
        return [command for one in shape.shapes for command in _commands(one, opacities)]
    if isinstance(shape, Line):
        dash = "[3 3] 0 d" if shape.dashed else "[] 0 d"
        state = f"{_rgb(shape.colour)} RG {_n(shape.width)} w {dash}"
        return ["q", *_opacity(shape.opacity, opacities), state, f"{_path(shape.points)} S", "Q"]
    if isinstance(shape, Area):
        fill = f"{_rgb(shape.colour)} rg {_path(shape.points)} h f"
        return ["q", *_opacity(shape.opacity, opacities), fill, "Q"]
    if isinstance(shape, Disc):
        path = _circle(shape.x, shape.y, shape.radius)
        if shape.width:
            return [f"q {_rgb(shape.colour)} RG {_n(shape.width)} w {path} s Q"]
        return [f"q {_rgb(shape.colour)} rg {path} f Q"]
    return [_text(shape)]


def _text(shape: Text) -> str:
    width = text_width(shape.text, shape.size, bold=shape.bold)
    back = {"start": 0.0, "middle": width / 2, "end": width}[shape.anchor]
    # the page's y axis points down, so letters are turned over once more
    if shape.turned:
        matrix = f"0 -1 -1 0 {_n(shape.x)} {_n(shape.y + back)}"
    else:
        matrix = f"1 0 0 -1 {_n(shape.x - back)} {_n(shape.y)}"
    text = shape.text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    font = "B" if shape.bold else "F"
    return f"BT /{font} {_n(shape.size)} Tf {_rgb(INK)} rg {matrix} Tm ({text}) Tj ET"


def _path(points: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{_n(x)} {_n(y)} {'l' if n else 'm'}" for n, (x, y) in enumerate(points))


def _circle(x: float, y: float, r: float) -> str:
    c = CURVE * r
    curves = (
        (x + r, y + c, x + c, y + r, x, y + r),
        (x - c, y + r, x - r, y + c, x - r, y),
        (x - r, y - c, x - c, y - r, x, y - r),
        (x + c, y - r, x + r, y - c, x + r, y),
    )
    drawn = " ".join(f"{' '.join(map(_n, curve))} c" for curve in curves)
    return f"{_n(x + r)} {_n(y)} m {drawn} h"


def _rgb(colour: str) -> str:
    text = {INK: "#1b1f24", PAPER: "#ffffff"}.get(colour, colour)
    return " ".join(_n(int(text[place : place + 2], 16) / 255) for place in (1, 3, 5))


def _opacity(value: float, opacities: dict[float, str]) -> list[str]:
    if value == 1:
        return []
    name = opacities.setdefault(round(value, 2), f"O{len(opacities)}")
    return [f"/{name} gs"]


def _n(value: float) -> str:
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
