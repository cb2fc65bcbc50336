"""The figures of a leaderboard: on its page, and as SVG and PDF files for papers.

The figures of the LOKI paper's section 4 (attacks by victim, two budgets, lengths), single
surrogates by victims, the sequences of groups that an attack learned, and how its return grew.
Their intervals are those of the tables. A figure that the records say nothing about is left out.
The same records give the same bytes.
"""

from collections.abc import Collection, Iterable, Sequence

from loki_bench.leaderboard.rows import by_protocol
from loki_bench.leaderboard.table import Table
from loki_bench.leaderboard.tabulation import tables_of
from loki_bench.records.schema import Record
from loki_bench.report.attack_figures import dots_of, question_of, series_of, transfer_of
from loki_bench.report.figure import Figure, files_of
from loki_bench.report.figure_data import learned, length_shares
from loki_bench.report.poison_figures import learning_of, lengths_of, sequences_of
from loki_bench.suite.cell import Cell

__all__ = ["figure_files", "figures_of"]


def figure_files(
    records: Iterable[Record],
    missing: Iterable[Cell] = (),
    *,
    metrics: Sequence[str] = (),
    handed_in: Collection[str] = (),
) -> dict[str, bytes]:
    """The content of each file by its name, ``budget.svg``, ``budget.pdf`` ...

    The records of a second dataset or protocol have figures of their own: ``budget-2.svg``.
    ``handed_in`` are the cells whose rows may be shown and not ranked, as in the tables.
    """
    records, missing = list(records), list(missing)
    files: dict[str, bytes] = {}
    groups = zip(
        tables_of(records, missing, metrics=metrics, handed_in=handed_in),
        by_protocol(records, missing),
        strict=True,
    )
    for number, (table, entries) in enumerate(groups, start=1):
        for figure in figures_of(table, [e.record for e in entries if e.record is not None]):
            files |= files_of(figure, "" if number == 1 else f"-{number}")
    return files


def figures_of(table: Table, records: Sequence[Record]) -> list[Figure]:
    """What there is to draw; the figure that answers the suite's question first."""
    if table.main is None:
        return []
    told = learned(records)
    found = [
        dots_of(table, table.main),
        series_of(table, "fake_users"),
        series_of(table, "actions"),
        transfer_of(table),
        lengths_of(length_shares(records)),
        sequences_of(told),
        learning_of(told),
    ]
    first = question_of(table)
    figures = [figure for figure in found if figure is not None]
    return sorted(figures, key=lambda figure: figure.name != first)
