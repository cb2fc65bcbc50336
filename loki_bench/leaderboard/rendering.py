"""Writes tables as Markdown, CSV and JSON. Nothing here reads a clock, a path or a machine."""

import csv
import io
import json
from typing import Any

from tabulate import tabulate

from loki_bench.leaderboard.table import Interval, Row, Table

__all__ = ["as_csv", "as_json", "as_markdown", "as_text"]

CSV_COLUMNS = (
    "dataset",
    "victim",
    "fake_users",
    "actions",
    "attacker",
    "simulator",
    "metric",
    "ceiling",
    "n_seeds",
    "mean",
    "low",
    "high",
    "gain",
    "gain_low",
    "gain_high",
)


def as_markdown(suite: str, summary: str, tables: list[Table]) -> str:
    """A page with one table for each dataset and protocol."""
    parts = [f"# Leaderboard: {suite}", *([summary] if summary else [])]
    for table in tables:
        parts += [
            "\n".join(f"- {name}: {value}" for name, value in table.about.items()),
            _grid(table, "github"),
            _notes(table),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_text(tables: list[Table]) -> str:
    """The same tables for a terminal."""
    return "\n\n".join(f"{_grid(table, 'simple')}\n\n{_notes(table)}" for table in tables)


def as_csv(tables: list[Table]) -> str:
    """One line a row and metric, with full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for table in tables:
        for row in table.rows:
            for position, label in enumerate(table.metric_labels):
                value = row.metrics[label]
                gain = row.gain if position == 0 else None
                writer.writerow(
                    [
                        table.about["dataset"].partition(":")[0],
                        row.victim,
                        repr(row.fake_users),
                        row.actions,
                        row.attacker,
                        row.simulator,
                        label,
                        table.ceilings.get(label, ""),
                        value.n if value else 0,
                        *_numbers(value),
                        *_numbers(gain),
                    ]
                )
    return out.getvalue()


def as_json(suite: str, tables: list[Table]) -> str:
    """Everything that the tables hold, for programs."""
    content = {"schema": 1, "suite": suite, "tables": [_plain_table(t) for t in tables]}
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _grid(table: Table, style: str) -> str:
    main = table.metric_labels[0] if table.metric_labels else "metric"
    ceiling = table.ceilings.get(main)
    head = main if ceiling is None else f"{main} (of {ceiling:g})"
    headers = ["victim", "budget", "attacker", "simulator", head, "gain on best baseline"]
    headers += [*table.metric_labels[1:], "seeds", "samples from fakes"]
    text: str = tabulate(
        [_cells(row, table) for row in table.rows],
        headers=headers,
        tablefmt=style,
        disable_numparse=True,
    )
    return text


def _cells(row: Row, table: Table) -> list[str]:
    return [
        row.victim,
        f"{100 * row.fake_users:g} % x {row.actions}",
        row.attacker,
        row.simulator,
        *(_shown(row.metrics[label]) for label in table.metric_labels[:1]),
        _shown(row.gain, signed=True),
        *(_shown(row.metrics[label]) for label in table.metric_labels[1:]),
        _seeds(row),
        "?" if row.from_fake_users is None else str(row.from_fake_users),
    ]


def _seeds(row: Row) -> str:
    others = [f"{number} {status}" for status, number in row.counts.items() if status != "ok"]
    return ", ".join([str(len(row.seeds)), *others])


def _notes(table: Table) -> str:
    notes = [
        "Mean and 95 % confidence half-width over seeds (Student's t). The gain is paired seed by "
        "seed against the best of none, random and popular at the same victim and budget."
    ]
    for row in table.rows:
        notes += [f"{row.attacker} on {row.victim}: {reason}" for reason in row.reasons]
    return "\n".join(notes)


def _shown(value: Interval | None, *, signed: bool = False) -> str:
    if value is None:
        return "-"
    digits = 1 if abs(value.mean) >= 100 else 3
    text = f"{value.mean:{'+' if signed else ''}.{digits}f}"
    if value.n == 1:
        return text
    return f"{text} ± {value.high - value.mean:.{digits}f}"


def _numbers(value: Interval | None) -> list[str]:
    return ["", "", ""] if value is None else [repr(value.mean), repr(value.low), repr(value.high)]


def _plain_table(table: Table) -> dict[str, Any]:
    return {
        "about": dict(table.about),
        "metrics": list(table.metric_labels),
        "ceilings": dict(table.ceilings),
        "rows": [_plain_row(row) for row in table.rows],
    }


def _plain_row(row: Row) -> dict[str, Any]:
    def plain(value: Interval | None) -> dict[str, float] | None:
        if value is None:
            return None
        return {"mean": value.mean, "low": value.low, "high": value.high, "n": value.n}

    return {
        "victim": row.victim,
        "attacker": row.attacker,
        "simulator": row.simulator,
        "fake_users": row.fake_users,
        "actions": row.actions,
        "seeds": list(row.seeds),
        "metrics": {label: plain(value) for label, value in row.metrics.items()},
        "gain": plain(row.gain),
        "training_samples_from_fake_users": row.from_fake_users,
        "counts": dict(row.counts),
        "reasons": list(row.reasons),
    }
