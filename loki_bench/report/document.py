"""One HTML document that asks nothing of any network: style and script stand in it."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

from pydantic import JsonValue

from loki_bench.report.figure import Figure
from loki_bench.report.svg import in_page, mark_in_page, marks_in_page

__all__ = ["css_text", "document", "figure_html", "grid_html", "unbroken"]

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'"
)


def document(
    title: str,
    body: str,
    *,
    navigation: str = "",
    style: str = "",
    data: Mapping[str, JsonValue] | None = None,
) -> str:
    """The whole page.

    Parameters
    ----------
    body : str
        HTML of the main part; everything in it is escaped already.
    navigation : str
        HTML above it; empty for a page that stands alone.
    style : str
        CSS that this page needs beside that of all pages; texts in it passed :func:`css_text`.
    data : mapping or None
        What the script of a leaderboard reads; without it there is no script.
    """
    folder = files("loki_bench.report")
    css = (folder / "page.css").read_text("utf-8")
    script = ""
    if data is not None:
        text = json.dumps(data, separators=(",", ":"), sort_keys=True, allow_nan=False)
        # "</script>" in a record's reason must not end the block
        block = text.replace("<", "\\u003c")
        code = (folder / "page.js").read_text("utf-8")
        script = (
            f'<script type="application/json" id="data">{block}</script>\n'
            f"<script>\n{code}</script>\n"
        )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{css}{style}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#main">Skip to the content</a>\n{navigation}'
        f'<main id="main">\n{body}\n</main>\n{script}</body>\n</html>\n'
    )


def css_text(text: str) -> str:
    """A text for a string in a style sheet: no letter of it ends the string or the sheet."""
    return "".join(
        letter if letter.isalnum() or letter in " @.()" else f"\\{ord(letter):x} "
        for letter in text
    )


def grid_html(
    heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", kind: str = "plain"
) -> str:
    """A plain table; heads and cells are HTML, the first cell of a row is its head."""
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{one}</td>" for one in row[1:])}</tr>'
        for row in rows
    )
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    label = escape(caption or "Table")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f'<table class="{kind}">{named}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
        "</div>"
    )


def figure_html(figure: Figure, number: str = "", *, with_numbers: bool = True) -> str:
    """A figure with its key and, to unfold, the numbers behind it.

    ``number`` tells figures of one name apart. The numbers may be left out where a table of the
    page has them.
    """
    panels = []
    for place, panel in enumerate(figure.panels):
        victim = f' data-victim="{escape(figure.victims[place])}"' if figure.victims else ""
        panels.append(f'<div class="panel"{victim}>{in_page(panel)}</div>')
    key = "".join(f"<li>{mark_in_page(name)} {escape(name)}</li>" for name, _ in figure.key)
    numbers = figure.numbers
    table = grid_html(
        [escape(head) for head in numbers.heads],
        [[escape(cell) for cell in row] for row in numbers.rows],
        f"Numbers: {figure.title}",
    )
    details = (
        f'<details class="numbers"><summary>The numbers of this figure</summary>{table}</details>'
    )
    name = escape(f"{figure.name}{number}".replace(" ", "-").replace("@", "-at-"))
    return (
        f'<figure id="figure-{name}" data-figure="{escape(figure.name)}">'
        f"<figcaption>{escape(figure.title)}</figcaption>"
        f'<div class="panels">{"".join(panels)}</div>'
        + (f'{marks_in_page(dict(figure.key))}<ul class="key">{key}</ul>' if key else "")
        + (details if with_numbers else "")
        + "</figure>"
    )


def unbroken(text: str) -> str:
    """A number as HTML: a line may end before the bracket of its interval and nowhere else."""
    for words in (", ", " ± ", " of ", " tied"):
        text = text.replace(words, words.replace(" ", "\u00a0"))
    if text.endswith("tied"):  # a hyphen is a place to break, too
        text = text.replace("-", "\u2011")
    return escape(text)
