"""Writes tables as Markdown, CSV and JSON. Nothing here reads a clock, a path or a machine."""

import csv
import io
import json
from collections.abc import Sequence

from pydantic import TypeAdapter

from loki_bench.leaderboard.budget_series import series_table
from loki_bench.leaderboard.defense_table import defense_table, plain_worst_cases
from loki_bench.leaderboard.formatting import csv_cell, escape_markdown, one_line
from loki_bench.leaderboard.grouped_table import grouped_table
from loki_bench.leaderboard.headlines import headlines
from loki_bench.leaderboard.intervals import Interval
from loki_bench.leaderboard.notes import notes_of, told
from loki_bench.leaderboard.short_table import short_table
from loki_bench.leaderboard.table import Table
from loki_bench.leaderboard.wide_table import wide_table

__all__ = [
    "as_csv",
    "as_json",
    "as_markdown",
    "as_short_text",
    "as_text",
    "leaderboard_files",
    "told",
]

SIMPLE = "simple"
"""tabulate's style for a terminal; Markdown's is ``"github"``."""

CSV_COLUMNS = (
    "dataset",
    "victim",
    "fake_users",
    "actions",
    "event_share",
    "defense",
    "attacker",
    "placebo",
    "simulator",
    "metric",
    "unit",
    "purpose",
    "higher_is",
    "ceiling",
    "n_seeds",
    "mean",
    "low",
    "high",
    "gain",
    "gain_low",
    "gain_high",
    "p_value",
    "n_failed",
    "rank",
    "rank_low",
    "rank_high",
    "behind",
    "behind_low",
    "behind_high",
    "behind_p_value",
    "placebo_effect",
    "placebo_effect_low",
    "placebo_effect_high",
    "marked",
)

_TABLES = TypeAdapter(Sequence[Table])

NOT_TOLD = {"__all__": {"n_evaluated", "n_items", "run_key"}}
"""Of a table: what it says in words."""


def leaderboard_files(suite: str, summary: str, tables: Sequence[Table]) -> dict[str, str]:
    """The content of each file of a leaderboard by its name, to write or to check."""
    return {
        "leaderboard.md": as_markdown(suite, summary, tables),
        "leaderboard.csv": as_csv(tables),
        "leaderboard.json": as_json(suite, tables),
    }


def as_markdown(suite: str, summary: str, tables: Sequence[Table]) -> str:
    """A page: of each dataset and protocol a grid a victim, defense and budget, and notes."""
    parts = [f"# Leaderboard: {escape_markdown(suite)}", escape_markdown(summary)]
    for table in tables:
        parts += [
            "\n".join(f"- {name}: {escape_markdown(v)}" for name, v in table.about.items()),
            "\n".join(f"- {escape_markdown(line)}" for line in headlines(table)),
            *grouped_table(table),
            notes_of(table, "github"),
            *(defense_table(table, "github") if table.has_defenses else ()),
            *_over_budgets(table, "github"),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_text(tables: Sequence[Table]) -> str:
    """Every row and column for a terminal, however wide that gets."""
    parts = []
    for table in tables:
        said = "\n".join(one_line(line) for line in headlines(table))
        parts += [said, wide_table(table, SIMPLE), notes_of(table, SIMPLE)]
        parts += defense_table(table, SIMPLE) if table.has_defenses else []
        parts += _over_budgets(table, SIMPLE)
    return "\n\n".join(part for part in parts if part)


def as_short_text(tables: Sequence[Table], width: int) -> str:
    """What a reader asks first, in lines of at most ``width`` letters."""
    parts: list[str] = []
    for table in tables:
        parts += short_table(table, width)
    return "\n\n".join(part for part in parts if part)


def as_csv(tables: Sequence[Table]) -> str:
    """One line a row and metric, with full precision.

    Where rows were measured under fresh keys, a last column ``run_key`` tells them from the others.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    has_keys = any(table.run_key for table in tables)
    writer.writerow([*CSV_COLUMNS, *(["run_key"] if has_keys else [])])
    for table in tables:
        dataset = table.about["dataset"].partition(":")[0]
        for row in table.rows:
            for position, column in enumerate(table.columns):
                value = row.metrics[column.label]
                main = position == 0
                writer.writerow(
                    [
                        csv_cell(dataset),
                        csv_cell(row.victim),
                        repr(row.fake_users),
                        row.actions,
                        "" if row.event_share is None else repr(row.event_share),
                        csv_cell(row.defense),
                        csv_cell(row.attacker),
                        int(row.placebo),
                        csv_cell(row.simulator),
                        csv_cell(column.label),
                        csv_cell(column.unit),
                        column.purpose,
                        column.higher_is,
                        "" if column.ceiling is None else column.ceiling,
                        value.n if value else 0,
                        *_numbers(value),
                        *_numbers(row.gain if main else None),
                        repr(row.p_value) if main and row.p_value is not None else "",
                        row.n_failed if main and row.n_failed is not None else "",
                        *(row.rank if main and row.rank else ("", "", "")),
                        *_numbers(row.behind if main else None),
                        repr(row.behind_p) if main and row.behind_p is not None else "",
                        *_numbers(row.placebo_effect if main else None),
                        int(row.marked) if main else "",
                        *([table.run_key] if has_keys else []),
                    ]
                )
    return out.getvalue()


def as_json(suite: str, tables: Sequence[Table]) -> str:
    """Everything that the tables hold, for programs: see :class:`Table` and :class:`Row`.

    ``"defenses"`` holds the worst cases of each table's defenses, in the order of the tables.
    """
    plain = _TABLES.dump_python(tables, mode="json", exclude=NOT_TOLD)
    for table in plain:  # what there is nothing to say of is left out
        for row in table["rows"]:
            for name in ("not_deterministic", "not_confined", "not_counted", "others_not_confined"):
                if not row[name]:
                    del row[name]
    content = {
        "schema": 4,
        "suite": suite,
        "tables": plain,
        "defenses": [plain_worst_cases(t) if t.has_defenses else [] for t in tables],
    }
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _over_budgets(table: Table, style: str) -> list[str]:
    if table.main is None:
        return []
    defended = table.has_defenses
    return series_table(table.series, table.main.label, style, defended=defended)


def _numbers(value: Interval | None) -> list[str]:
    if value is None:
        return [""] * 3
    return [repr(number) for number in (value.mean, value.low, value.high)]
