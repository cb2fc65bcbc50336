"""The page of an estimators' leaderboard: a figure and a table for each surrogate and truth."""

from collections.abc import Sequence
from html import escape

from loki_bench.fidelity.figures import fidelity_figure
from loki_bench.fidelity.rendering import HOW_TO_READ, grid_of, notes_of, title
from loki_bench.fidelity.table import FidelityTable
from loki_bench.report.document import document, figure_html, grid_html, unbroken
from loki_bench.report.names import person_name

__all__ = ["fidelity_html"]

STYLE = ".plain{font-size:.8rem}.plain th,.plain td{padding:.28rem .3rem}\n"
"""Nine columns with intervals beside each other."""


def fidelity_html(
    suite: str,
    summary: str,
    tables: Sequence[FidelityTable],
    *,
    navigation: str = "",
    downloads: str = "",
) -> str:
    """One HTML file that asks nothing of any network.

    ``navigation`` and ``downloads`` are HTML, in a site.
    """
    name = f"Fidelity of influence estimators: {suite}"
    parts = [f"<h1>{escape(name)}</h1>", f"<p>{escape(person_name(summary))}</p>", downloads]
    for number, table in enumerate(tables):
        about = "".join(f"<li>{escape(f'{k}: {v}')}</li>" for k, v in table.about.items())
        notes = "".join(f"<li>{escape(note)}</li>" for note in notes_of(table))
        heads, rows = grid_of(table)
        told = person_name(title(table))
        figure = figure_html(
            fidelity_figure(table), f"-{number + 1}" if number else "", with_numbers=False
        )
        parts += [
            f"<h2>{escape(told)}</h2>",
            f"<details><summary>Protocol and data</summary><ul>{about}</ul></details>",
            figure,
            grid_html([escape(h) for h in heads], [[unbroken(c) for c in r] for r in rows], told),
            f"<ul>{notes}</ul>" if notes else "",
        ]
    parts.append(f'<p class="dim">{escape(HOW_TO_READ)}</p>')
    body = "\n".join(part for part in parts if part)
    return document(name, body, navigation=navigation, style=STYLE)
