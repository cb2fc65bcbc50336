"""Figures of an estimators' leaderboard: rank correlation with retraining, by estimator.

The same tables and the same matplotlib give the same bytes.
"""

import textwrap
from functools import partial
from typing import TYPE_CHECKING

from loki_bench.fidelity.rendering import title
from loki_bench.fidelity.table import FidelityTable, Measure
from loki_bench.report.figures import COLOURS, MARKERS, drawn_in_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["fidelity_figures"]

CEILING = "retest ceiling"

NAME = 36
"""Letters in a line of an estimator's name."""


def fidelity_figures(tables: list[FidelityTable]) -> dict[str, bytes]:
    """The content of each file by its name, ``rho.svg``, ``rho.pdf``; a second table: ``rho-2``.

    Raises ``UsageError`` where matplotlib is not installed.
    """
    files: dict[str, bytes] = {}
    for number, table in enumerate(tables, start=1):
        name = "rho" if number == 1 else f"rho-{number}"
        files |= drawn_in_style(name, partial(_rho, table))
    return files


def _rho(table: FidelityTable, figure: "Figure") -> None:
    """A line an estimator, best above; a point an experiment, with its interval over goals."""
    experiments = list(dict.fromkeys(m.experiment for row in table.rows for m in row.measures))
    names = [f"{r.estimator} (control)" if r.control else r.estimator for r in table.rows]
    values = [row.measures for row in table.rows]
    if table.ceilings:
        names.append(CEILING)
        values.append(table.ceilings)
    names = ["\n".join(textwrap.wrap(name, NAME)) for name in names]
    n_lines = sum(name.count("\n") + 1 for name in names)
    figure.set_size_inches(7.0, 0.2 * n_lines + 0.12 * len(names) + 1.4)
    axes = figure.subplots()
    step = 0.6 / max(1, len(experiments))
    for place, experiment in enumerate(experiments):
        measure = Measure(experiment, "all", "rho")
        points = [(line, own[measure]) for line, own in enumerate(values) if measure in own]
        axes.errorbar(
            [value.mean for _, value in points],
            [line + (place - (len(experiments) - 1) / 2) * step for line, _ in points],
            xerr=[
                [value.mean - value.low for _, value in points],
                [value.high - value.mean for _, value in points],
            ],
            fmt=MARKERS[place % len(MARKERS)],
            color=COLOURS[place % len(COLOURS)],
            markersize=4,
            elinewidth=0.9,
            label=experiment,
        )
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(right=1.05)
    axes.set_xlabel("Spearman's rho with retraining (95 % interval over goals)")
    axes.set_title(title(table), fontsize=9)
    if experiments:
        figure.legend(loc="outside upper center", ncols=min(4, len(experiments)), fontsize=8)
