"""A leaderboard's page: the answer, the figures, and a table for each victim and budget."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

from pydantic import JsonValue

from loki_bench.leaderboard.notes import notes_of
from loki_bench.leaderboard.row_cells import signs_of
from loki_bench.leaderboard.rows import NO_DEFENSE, Entry, by_protocol
from loki_bench.leaderboard.table import Row, Table
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.records.schema import Record
from loki_bench.report.attack_figures import dots_of
from loki_bench.report.document import css_text, document, figure_html, unbroken
from loki_bench.report.figure import Figure
from loki_bench.report.figure_data import attack_of
from loki_bench.report.figures import figures_of
from loki_bench.report.looks import look_of
from loki_bench.report.names import attack_name, metric_name, person_name
from loki_bench.report.page_columns import PageColumn, columns_of
from loki_bench.report.page_data import cells_of, plain_row
from loki_bench.report.svg import mark_in_page, marks_in_page
from loki_bench.report.winners import Place, answer_of, places_of
from loki_bench.suite.cell import Cell

__all__ = ["BoardContent", "page"]

MOST_PANELS = 60
"""Of metrics beside the main one: a page with more would be too large, and nobody reads so many."""


@dataclass(frozen=True, kw_only=True)
class BoardContent:
    """What a leaderboard's page is made from.

    Attributes
    ----------
    name, summary : str
        The suite's.
    metrics : sequence of str
        Labels in the order of the columns.
    missing : sequence of Cell
        Cells without a record.
    handed_in : collection of cell ids
    """

    name: str
    summary: str
    metrics: Sequence[str]
    records: Sequence[Record]
    missing: Sequence[Cell] = ()
    handed_in: Collection[str] = ()

    @cached_property
    def tables(self) -> list[Table]:
        """One for each dataset and protocol."""
        return tables_of(self.records, self.missing, metrics=self.metrics, handed_in=self.handed_in)

    @cached_property
    def entries(self) -> list[list[Entry]]:
        """The cells behind each table."""
        return by_protocol(self.records, self.missing)

    @cached_property
    def figures(self) -> list[list[Figure]]:
        """Of each table, the one that answers its question first."""
        return [
            figures_of(table, [entry.record for entry in entries if entry.record is not None])
            for table, entries in zip(self.tables, self.entries, strict=True)
        ]


def page(board: BoardContent, *, navigation: str = "", downloads: str = "") -> str:
    """One HTML file. Holds no time and no path: the same records give the same bytes.

    Parameters
    ----------
    navigation : str
        HTML above the page, in a site.
    downloads : str
        HTML that leads to files beside the page, in a site.
    """
    groups = board.entries
    tables = board.tables
    columns: dict[str, int] = {}
    known: list[PageColumn] = []
    for table in tables:
        for column in columns_of(table):
            if columns.setdefault(column.id, len(columns)) == len(known):
                known.append(column)
    rows: list[JsonValue] = []
    sequences: dict[str, int] = {}
    looks = {attack_of(row): look_of(attack_of(row)) for table in tables for row in table.rows}
    parts = [marks_in_page(looks), f"<h1>{escape(board.name)}</h1>"]
    if board.summary:
        parts.append(f"<p>{escape(person_name(board.summary))}</p>")
    for number, (table, entries) in enumerate(zip(tables, groups, strict=True)):
        parts += _first(table, number, len(tables))
        figures = [figure_html(one, _suffix(number)) for one in board.figures[number]]
        parts += figures[:1]
        if number == 0:
            parts.append(_controls(known, tables, downloads))
        cells = cells_of(entries)
        constant = _constant(table)
        parts.append(_shared(constant))
        for place in places_of(table):
            block = _block(place, table, number, columns, constant, start=len(rows))
            parts.append(block)
            rows += [
                plain_row(row, placebo, cells, table, number, sequences)
                for row, placebo in place.block.rows
            ]
        parts += figures[1:]
        parts.append(_others(table, number))
        parts.append(_notes(table))
    if not tables:
        parts.append("<p>No cell has a record yet.</p>")
    metrics = list(dict.fromkeys(c.label for table in tables for c in table.columns))
    data: dict[str, JsonValue] = {
        "suite": board.name,
        "metrics": [*metrics],
        "columns": [{"id": c.id, "head": c.head, "high": c.high} for c in known],
        "tables": [{"metrics": [c.label for c in table.columns]} for table in tables],
        "names": _names(tables, metrics),
        "rows": rows,
        "sequences": [*sequences],
    }
    return document(
        f"Leaderboard: {board.name}",
        "\n".join(part for part in parts if part),
        navigation=navigation,
        style=_style(known),
        data=data if tables else None,
    )


def _suffix(number: int) -> str:
    return "" if number == 0 else f"-{number + 1}"


def _first(table: Table, number: int, n_tables: int) -> list[str]:
    """The head of a table: what it is about, and its answer."""
    parts = []
    if n_tables > 1:
        parts.append(f'<h2 data-table="{number}">Table {number + 1} of {n_tables}</h2>')
    about = {**table.about}
    told = [f"{escape(about.pop(key))}" for key in ("dataset", "goal") if key in about]
    parts.append(f'<p class="dim">{"; ".join(told)}.</p>')
    if answer := answer_of(table):
        parts.append(f'<p class="answer">{escape(answer)}</p>')
    rest = "".join(f"<li>{escape(k)}: {escape(v)}</li>" for k, v in about.items())
    parts.append(f"<details><summary>Protocol and data</summary><ul>{rest}</ul></details>")
    return parts


def _controls(columns: Sequence[PageColumn], tables: Sequence[Table], downloads: str) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" id="column{n}" value="{n}"{" checked" if c.shown else ""}>'
        f" {escape(c.head)}</label>"
        for n, c in enumerate(columns)
    )
    metric = ""
    if any(len(table.columns) > 1 for table in tables):
        metric = '<label>Metric <select id="metric"></select></label> '
    return (
        '<section aria-label="Rows"><h2>Rows</h2>'
        '<div class="controls" hidden><div id="filters"></div>'
        f'<p>{metric}<label>Sort by <select id="sort"></select></label> '
        '<button type="button" id="way">highest first</button> '
        '<label>Search <input type="search" id="search"></label> '
        '<button type="button" id="csv">CSV of what is shown</button></p></div>'
        f'<details class="controls-static"><summary>Columns</summary><fieldset class="columns">'
        f"<legend>Columns of the tables</legend>{boxes}</fieldset></details>{downloads}"
        '<p id="found" role="status" class="dim"></p></section>'
    )


def _constant(table: Table) -> dict[str, str]:
    """Columns that say the same in every row, by id, with what they say."""
    pairs = [pair for place in places_of(table) for pair in place.block.rows]
    found = {}
    for number, column in enumerate(columns_of(table)):
        said = {column.text(pair) for pair in pairs}
        if number and len(pairs) > 1 and len(said) == 1:
            found[column.id] = f"{column.head} {said.pop()}"
    return found


def _shared(constant: dict[str, str]) -> str:
    told = [text for text in constant.values() if not text.endswith(" -")]
    return f'<p class="dim">In every row: {escape(", ".join(told))}.</p>' if told else ""


def _block(
    place: Place,
    table: Table,
    number: int,
    columns: dict[str, int],
    constant: dict[str, str],
    *,
    start: int,
) -> str:
    kept = [column for column in columns_of(table) if column.id not in constant]
    heads = "".join(
        f'<th scope="col" class="k{columns[c.id]}" data-k="{columns[c.id]}">{escape(c.head)}</th>'
        for c in kept
    )
    best = {id(row) for row in place.best}
    rows = []
    for n, (row, placebo) in enumerate(place.block.rows, start=start):
        cells = "".join(
            f'<td class="k{columns[c.id]}">{unbroken(c.text((row, placebo)))}</td>' for c in kept
        )
        kind = ' class="best"' if id(row) in best else ""
        rows.append(
            f'<tr data-n="{n}"{kind}><th scope="row">{mark_in_page(attack_of(row))} '
            f'<span class="who">{escape(_who(row))}</span></th>{cells}</tr>'
        )
    said = f' data-said="{escape(place.sentence)}"' if place.sentence else ""
    sentence = f"<p>{escape(place.sentence)}</p>" if place.sentence else ""
    title = escape(place.name)
    return (
        f'<section class="block" id="{escape(place.anchor)}{_suffix(number)}" '
        f'data-t="{number}"{said}><h3>{title}</h3>{sentence}'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">'
        f'<table class="rows"><thead><tr><th scope="col">attack</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _who(row: Row) -> str:
    name = attack_name(row.attacker, row.simulator)
    if row.placebo:
        return f"{name}, placebo"
    return f"{name} {signs_of(row)}".rstrip()


def _others(table: Table, number: int) -> str:
    """Every other metric as dots, to unfold."""
    figures = [(column, dots_of(table, column)) for column in table.columns[1:]]
    if sum(len(figure.panels) for _, figure in figures if figure is not None) > MOST_PANELS:
        return (
            "<p>The other metrics are not drawn for so many places. Their numbers stand in the "
            "tables above: choose their columns.</p>"
        )
    drawn = []
    for column, figure in figures:
        if figure is not None:
            text = figure_html(figure, _suffix(number), with_numbers=False)
            at = f'<figure data-metric="{escape(column.label)}" '
            drawn.append(text.replace("<figure ", at, 1))
    if not drawn:
        return ""
    return (
        '<details class="others"><summary>The other metrics, drawn</summary>'
        "<p>Their numbers stand in the tables above: choose their columns.</p>"
        f"{''.join(drawn)}</details>"
    )


def _notes(table: Table) -> str:
    notes = notes_of(table, "simple").split("\n")
    lines = "".join(f"<p>{escape(person_name(note))}</p>" for note in notes)
    return f'<section class="dim" aria-label="Notes"><h2>Notes</h2>{lines}</section>'


def _names(tables: Sequence[Table], metrics: Sequence[str]) -> dict[str, JsonValue]:
    """Ids that the script shows, as people say them."""
    names: dict[str, JsonValue] = {label: metric_name(label) for label in metrics}
    for table in tables:
        for row in table.rows:
            for text in (row.victim, row.simulator, row.defense):
                names[text] = "none" if text == NO_DEFENSE else person_name(text)
    return names


def _style(columns: Sequence[PageColumn]) -> str:
    """Which columns are there is a matter of style: it works without the script, too."""
    hidden = "\n".join(
        f"body:has(#column{n}:not(:checked)) .k{n}{{display:none!important}}"
        for n in range(len(columns))
    )
    heads = "\n".join(
        f'td.k{n}::before{{content:"{css_text(column.head)}"}}' for n, column in enumerate(columns)
    )
    return f"@media screen{{\n{hidden}\n}}\n@media (max-width:700px){{\n{heads}\n}}\n"
