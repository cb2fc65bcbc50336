"""Writes the estimators' leaderboard as Markdown, CSV and JSON, and their costs apart."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from loki_bench.fidelity.case import Case, EstimatorRef
from loki_bench.fidelity.table import TOLD_APART, FidelityRow, FidelityTable, Measure
from loki_bench.fidelity.whole_attacks import TARGETS_ONLY
from loki_bench.leaderboard.formatting import csv_cell, escape_markdown, names_in, one_line
from loki_bench.leaderboard.intervals import Interval, shown

__all__ = [
    "HOW_TO_READ",
    "as_csv",
    "as_json",
    "as_markdown",
    "as_text",
    "costs_as_markdown",
    "grid_of",
    "notes_of",
    "title",
]

CONTROL_LIMIT = 0.45
"""A control that reaches it is named: the design then gives ranks away for free."""

INVARIANCE_LIMIT = 0.02
"""An estimator whose answers move by more, relative to the largest, is named."""

CSV_COLUMNS = (
    "recommender",
    "truth",
    "victim",
    "estimator",
    "control",
    "experiment",
    "stratum",
    "statistic",
    "n_goals",
    "mean",
    "low",
    "high",
    "ceiling",
    "of_ceiling",
)

HOW_TO_READ = (
    "Spearman's correlation of predicted with true change: mean and 95 % confidence half-width "
    "over goals (Student's t). `within strata`: ranks are taken inside each stratum. Slope (1: "
    "sizes are right; 0.5: predicted twice too large) and relative error are those of single fake "
    "users. In brackets: over the square root of the retest ceiling, the truth's correlation with "
    "itself under other seeds, which no estimator can be expected to pass."
)


def as_markdown(suite: str, summary: str, tables: list[FidelityTable]) -> str:
    """A page with one table for each surrogate and truth."""
    head = f"# Fidelity of influence estimators: {escape_markdown(suite)}"
    parts = [head, escape_markdown(summary), HOW_TO_READ]
    for table in tables:
        parts += [
            f"## {escape_markdown(title(table))}",
            "\n".join(f"- {name}: {escape_markdown(v)}" for name, v in table.about.items()),
            _grid(table, "github"),
            "\n".join(f"- {escape_markdown(note)}" for note in notes_of(table)),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_text(tables: list[FidelityTable]) -> str:
    """The same tables for a terminal."""
    return "\n\n".join(
        part
        for t in tables
        for part in (
            one_line(title(t)),
            _grid(t, "simple"),
            "\n".join(one_line(note) for note in notes_of(t)),
        )
        if part
    )


def as_csv(tables: list[FidelityTable]) -> str:
    """One line a row and measure, with full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for table in tables:
        for row in table.rows:
            for measure, value in row.measures.items():
                ceiling, share = table.ceilings.get(measure), row.of_ceiling.get(measure)
                writer.writerow(
                    [
                        csv_cell(table.recommender),
                        csv_cell(table.truth),
                        csv_cell(table.victim),
                        csv_cell(row.estimator),
                        int(row.control),
                        csv_cell(measure.experiment),
                        csv_cell(measure.stratum),
                        csv_cell(measure.statistic),
                        value.n,
                        repr(value.mean),
                        repr(value.low),
                        repr(value.high),
                        repr(ceiling.mean) if ceiling else "",
                        repr(share.mean) if share else "",
                    ]
                )
    return out.getvalue()


def as_json(suite: str, tables: list[FidelityTable]) -> str:
    """Everything that the tables hold, for programs."""
    content = {"schema": 1, "suite": suite, "tables": [_plain(t) for t in tables]}
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"


def costs_as_markdown(
    cases: Sequence[Case],
    judged: Sequence[EstimatorRef],
    costs_of: Callable[[str], Mapping[str, float] | None],
) -> str:
    """What retraining and each estimator cost here: CPU seconds and memory, means over goals."""
    truths: dict[tuple[str, str], dict[str, float]] = {}
    asked: dict[tuple[str, str], dict[str, Mapping[str, float]]] = {}
    for case in cases:
        on = (case.victim or case.recommender).label
        spent = costs_of(case.truth_id)
        if spent:
            truths.setdefault((on, case.truth), {})[case.truth_id] = spent["seconds"]
        for j in judged:
            spent = costs_of(case.prediction_id(j))
            if spent:
                key = (case.recommender.label, j.estimator.label)
                asked.setdefault(key, {})[case.prediction_id(j)] = spent
    rows = [
        [name, escape_markdown(on), f"{_mean(list(s.values())):.1f}", "", ""]
        for (on, name), s in ((k, v) for k, v in truths.items())
    ]
    for (on, estimator), runs in asked.items():
        costs = list(runs.values())
        rows.append(
            [
                escape_markdown(estimator),
                escape_markdown(on),
                f"{_mean([c['fit_seconds'] for c in costs]):.3f}",
                f"{_mean([c['score_seconds'] for c in costs]):.3f}",
                f"{_mean([c['peak_memory_bytes'] for c in costs]) / 2**20:.1f}",
            ]
        )
    heads = ["truth or estimator", "on", "CPU s to retrain or fit", "CPU s to score", "peak MiB"]
    table: str = tabulate(rows, headers=heads, tablefmt="github", disable_numparse=True)
    return (
        f"# Costs\n\n{table}\n\nOf one goal, on one thread of this machine; peak memory is that of "
        "numpy's arrays and Python's objects while fitting and scoring.\n"
    )


def title(table: FidelityTable) -> str:
    """What the table is about: surrogate and truth."""
    on = f" of {table.victim}" if table.truth == "transfer" else ""
    return f"{table.recommender}, {table.truth} truth{on}"


def _columns(table: FidelityTable) -> list[Measure]:
    found = {m for row in table.rows for m in row.measures}
    experiments = [
        e
        for e in dict.fromkeys(m.experiment for row in table.rows for m in row.measures)
        if e != "single"
    ]
    experiments.sort(key=lambda e: (not e.startswith("group"), _share(e), e))
    attacks = [e for e in experiments if e.startswith("display rate")]
    wanted = [
        Measure("single", "all", "rho"),
        Measure("single", "within strata", "rho"),
        Measure("single", "no-target", "rho"),
        *(Measure(e, "all", "rho") for e in experiments),
        *(Measure(e, TARGETS_ONLY, TOLD_APART) for e in attacks),
        Measure("single", "all", "slope"),
        Measure("single", "all", "relative error"),
    ]
    return [measure for measure in wanted if measure in found]


def _share(experiment: str) -> float:
    if not experiment.startswith(("group", "display rate")):
        return 0.0
    return float(experiment.split()[-2])


def grid_of(table: FidelityTable) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the table as plain text."""
    columns = _columns(table)
    rows = [
        [
            f"{row.estimator} (control)" if row.control else row.estimator,
            *(_cell(row.measures.get(m), row.of_ceiling.get(m)) for m in columns),
        ]
        for row in table.rows
    ]
    if table.ceilings:
        rows.append(["retest ceiling", *(_cell(table.ceilings.get(m), None) for m in columns)])
    return ["estimator", *(m.label for m in columns)], rows


def _grid(table: FidelityTable, style: str) -> str:
    name = names_in(style)
    heads, rows = grid_of(table)
    text: str = tabulate(
        [[name(row[0]), *row[1:]] for row in rows],
        headers=[heads[0], *map(name, heads[1:])],
        tablefmt=style,
        disable_numparse=True,
    )
    return text


def _cell(value: Interval | None, share: Interval | None) -> str:
    text = shown(value)
    return text if share is None else f"{text} [{share.mean:.2f}]"


def notes_of(table: FidelityTable) -> list[str]:
    """What is to be said of single rows: missing answers, controls, answers that moved."""
    notes = _once(table.reasons)
    for row in table.rows:
        notes += [f"{row.estimator}: {reason}" for reason in _once(row.reasons)]
        single = row.measures.get(Measure("single", "all", "rho"))
        if row.control and single is not None and single.mean >= CONTROL_LIMIT:
            notes.append(
                f"control {row.estimator} reaches {single.mean:.2f} (limit {CONTROL_LIMIT}): ranks "
                "of single fake users come too easily here"
            )
        for name, moved in row.invariance.items():
            if moved > INVARIANCE_LIMIT and not row.control:
                notes.append(
                    f"{row.estimator}: answers change by {100 * moved:.1f} % of the largest with "
                    f"the {name}: they should not"
                )
    return notes


def _once(reasons: Sequence[str]) -> list[str]:
    """Of reasons that differ in numbers alone the first, and how many more there are."""
    alike: dict[str, list[str]] = {}
    for reason in reasons:
        alike.setdefault(re.sub(r"\d[\d.e+-]*", "0", reason), []).append(reason)
    return [
        first if not more else f"{first} (and {len(more)} more times, with other numbers)"
        for first, *more in alike.values()
    ]


def _plain(table: FidelityTable) -> dict[str, Any]:
    return {
        "recommender": table.recommender,
        "truth": table.truth,
        "victim": table.victim,
        "about": dict(table.about),
        "ceilings": _plain_measures(table.ceilings),
        "reasons": list(table.reasons),
        "rows": [_plain_row(row) for row in table.rows],
    }


def _plain_row(row: FidelityRow) -> dict[str, Any]:
    return {
        "estimator": row.estimator,
        "control": row.control,
        "measures": _plain_measures(row.measures),
        "of_ceiling": _plain_measures(row.of_ceiling),
        "invariance": dict(row.invariance),
        "reasons": list(row.reasons),
    }


def _plain_measures(values: Mapping[Measure, Interval]) -> list[dict[str, Any]]:
    return [
        {
            "experiment": m.experiment,
            "stratum": m.stratum,
            "statistic": m.statistic,
            "mean": v.mean,
            "low": v.low,
            "high": v.high,
            "n": v.n,
        }
        for m, v in values.items()
    ]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
