"""Figures of an estimators' leaderboard: rank correlation with retraining, by estimator.

The same tables give the same bytes.
"""

from loki_bench.fidelity.rendering import title
from loki_bench.fidelity.table import FidelityTable, Measure
from loki_bench.leaderboard.intervals import shown
from loki_bench.report.figure import Figure, Numbers, files_of
from loki_bench.report.looks import look_at
from loki_bench.report.names import person_name
from loki_bench.report.panels import Dot, dots_panel
from loki_bench.report.scales import drawn_ends

__all__ = ["fidelity_figure", "fidelity_figures"]

CEILING = "retest ceiling"

WIDTH = 480.0

RHO = "Spearman's rho with retraining"


def fidelity_figures(tables: list[FidelityTable]) -> dict[str, bytes]:
    """The content of each file by its name, ``rho.svg``, ``rho.pdf``; a second table: ``rho-2``."""
    files: dict[str, bytes] = {}
    for number, table in enumerate(tables, start=1):
        files |= files_of(fidelity_figure(table), "" if number == 1 else f"-{number}")
    return files


def fidelity_figure(table: FidelityTable) -> Figure:
    """A row an estimator, best above; a mark an experiment, with its interval over goals."""
    experiments = list(dict.fromkeys(m.experiment for row in table.rows for m in row.measures))
    names = [f"{r.estimator} (control)" if r.control else r.estimator for r in table.rows]
    values = [row.measures for row in table.rows]
    if table.ceilings:
        names.append(CEILING)
        values.append(table.ceilings)
    looks = {experiment: look_at(place) for place, experiment in enumerate(experiments)}
    dots, numbers = [], []
    for name, own in zip(names, values, strict=True):
        found = [
            (looks[experiment], own[measure], f"{name}, {experiment}")
            for experiment in experiments
            if (measure := Measure(experiment, "all", "rho")) in own
        ]
        dots.append(Dot(name=name, values=tuple(found), note="" if found else "no answer"))
        numbers += [
            (name, experiment, shown(own[measure]))
            for experiment in experiments
            if (measure := Measure(experiment, "all", "rho")) in own
        ]
    low = min([0.0, *(drawn_ends(value)[0] for dot in dots for _, value, _ in dot.values)])
    panel = dots_panel(person_name(title(table)), dots, (low, 1.0), RHO, width=WIDTH)
    return Figure(
        name="rho",
        title=f"{RHO}, {person_name(title(table))}: 95 % intervals over goals",
        panels=(panel,),
        key=tuple((experiment, look) for experiment, look in looks.items()),
        numbers=Numbers(heads=("estimator", "experiment", RHO), rows=tuple(numbers)),
    )
