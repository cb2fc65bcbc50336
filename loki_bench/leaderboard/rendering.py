"""Writes tables as Markdown, CSV and JSON. Nothing here reads a clock, a path or a machine."""

import csv
import io
import json
from collections.abc import Callable, Sequence

from pydantic import TypeAdapter
from tabulate import tabulate

from loki_bench.leaderboard.budget_series import series_table
from loki_bench.leaderboard.defense_table import defense_table, plain_worst_cases
from loki_bench.leaderboard.formatting import csv_cell, escape_markdown, names_in, one_line
from loki_bench.leaderboard.headlines import headlines
from loki_bench.leaderboard.intervals import Interval, shown
from loki_bench.leaderboard.rows import NO_DEFENSE
from loki_bench.leaderboard.table import Row, Table
from loki_bench.leaderboard.warnings import warnings_of
from loki_bench.records.schema import MetricInfo

__all__ = ["as_csv", "as_json", "as_markdown", "as_text", "leaderboard_files", "told"]

SIMPLE = "simple"
"""tabulate's style for a terminal; Markdown's is ``"github"``."""

CSV_COLUMNS = (
    "dataset",
    "victim",
    "fake_users",
    "actions",
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


def leaderboard_files(suite: str, summary: str, tables: Sequence[Table]) -> dict[str, str]:
    """The content of each file of a leaderboard by its name, to write or to check."""
    return {
        "leaderboard.md": as_markdown(suite, summary, tables),
        "leaderboard.csv": as_csv(tables),
        "leaderboard.json": as_json(suite, tables),
    }


def as_markdown(suite: str, summary: str, tables: Sequence[Table]) -> str:
    """A page with one table for each dataset and protocol, and one of its defenses if any."""
    parts = [f"# Leaderboard: {escape_markdown(suite)}", escape_markdown(summary)]
    for table in tables:
        parts += [
            "\n".join(f"- {name}: {escape_markdown(v)}" for name, v in table.about.items()),
            "\n".join(f"- {escape_markdown(line)}" for line in headlines(table)),
            _grid(table, "github"),
            _notes(table, "github"),
            *(defense_table(table, "github") if table.has_defenses else ()),
            *_over_budgets(table, "github"),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_text(tables: Sequence[Table]) -> str:
    """The same tables for a terminal."""
    parts = []
    for table in tables:
        said = "\n".join(one_line(line) for line in headlines(table))
        parts += [said, _grid(table, SIMPLE), _notes(table, SIMPLE)]
        parts += defense_table(table, SIMPLE) if table.has_defenses else []
        parts += _over_budgets(table, SIMPLE)
    return "\n\n".join(part for part in parts if part)


def as_csv(tables: Sequence[Table]) -> str:
    """One line a row and metric, with full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
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
                    ]
                )
    return out.getvalue()


def as_json(suite: str, tables: Sequence[Table]) -> str:
    """Everything that the tables hold, for programs: see :class:`Table` and :class:`Row`.

    ``"defenses"`` holds the worst cases of each table's defenses, in the order of the tables.
    """
    plain = _TABLES.dump_python(tables, mode="json", exclude={"__all__": {"n_users", "n_items"}})
    for table in plain:  # what there is nothing to say of is left out
        for row in table["rows"]:
            for name in ("not_deterministic", "not_confined", "not_counted"):
                if not row[name]:
                    del row[name]
    content = {
        "schema": 4,
        "suite": suite,
        "tables": plain,
        "defenses": [plain_worst_cases(t) if t.has_defenses else [] for t in tables],
    }
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _grid(table: Table, style: str) -> str:
    name = names_in(style)
    heads = [
        name(column.label)
        if column.ceiling is None
        else f"{name(column.label)} (max {column.ceiling:g})"
        for column in table.columns
    ] or ["metric"]
    headers = [
        "victim",
        "budget",
        *(["defense"] if table.has_defenses else []),
        "attacker",
        "simulator",
        heads[0],
        "gain over the best baseline",
        "p",
        "failed in",
        "rank",
        "behind the best",
        "p of the pair",
        *heads[1:],
        "seeds",
        "poison samples",
    ]
    text: str = tabulate(
        [_cells(row, table, name) for row in table.rows],
        headers=headers,
        tablefmt=style,
        disable_numparse=True,
    )
    return text


def _over_budgets(table: Table, style: str) -> list[str]:
    if table.main is None:
        return []
    defended = table.has_defenses
    return series_table(table.series, table.main.label, style, defended=defended)


def told(metric: MetricInfo) -> str:
    """How to read a metric: ``hr@10 (utility, share, higher is better for the platform)``."""
    higher = "" if metric.higher_is == "neither" else f", higher is {metric.higher_is}"
    return f"{metric.label} ({metric.purpose}, {metric.unit}{higher})"


def _cells(row: Row, table: Table, name: Callable[[str], str]) -> list[str]:
    values = [shown(row.metrics[column.label]) for column in table.columns]
    others = [f"{number} {status}" for status, number in row.counts.items() if status != "ok"]
    return [
        name(row.victim),
        f"{100 * row.fake_users:g} % x {row.actions}",
        *([name(row.defense)] if table.has_defenses else []),
        name(_attack(row)),
        name(row.simulator),
        *values[:1],
        shown(row.gain, signed=True),
        _shown_p(row.p_value),
        "-" if row.n_failed is None else f"{row.n_failed} of {len(row.seeds)} seeds",
        _shown_rank(row.rank),
        shown(row.behind),
        _shown_p(row.behind_p),
        *values[1:],
        ", ".join([str(len(row.seeds)), *others]),
        "?" if row.from_fake_users is None else str(row.from_fake_users),
    ]


def _attack(row: Row) -> str:
    """The attack's name, with a sign for each note on it."""
    if row.placebo:
        return f"{row.attacker}, placebo"
    marks = ((row.marked, "†"), (row.not_deterministic, "‡"), (row.not_confined, "§"))
    return f"{row.attacker} {''.join(sign for is_so, sign in marks if is_so)}".rstrip()


def _notes(table: Table, style: str) -> str:
    name = names_in(style)
    baselines = sorted({name(row.attacker) for row in table.rows if row.baseline})
    best = f"the best baseline ({', '.join(baselines) or 'this table has none'})"
    notes = [
        "Mean and 95 % confidence interval over seeds: Student's t, written as ends where the "
        "metric's range cuts it off; where all seeds agree, the bound that holds for any "
        "distribution. The gain is paired seed by seed against "
        f"{best} at the same victim and budget; p is its paired t-test, corrected by Holm for all "
        "attacks of the table. An attack failed in a seed where its gain is zero or less, or below "
        "half of the median of its seeds. Any two rows of one victim and budget are compared, too, "
        "paired and corrected by Holm over all pairs there: those that the seeds do not tell apart "
        "(p of 0.05 or more) are tied and share ranks; 1-3 is a row that could have any of these "
        "places. The JSON file has every pair."
    ]
    if table.columns:
        notes.append(f"Metrics: {'; '.join(told(column) for column in table.columns)}.")
    notes += [
        f"{key.title()}: {table.about[key]}."
        for key in ("seeds", "split", "repeats", "data")
        if key in table.about
    ]
    if table.not_ranked:
        notes.append(f"Not ranked: {name('; '.join(table.not_ranked))}.")
    if any(row.placebo for row in table.rows):
        notes.append(
            "A placebo is the same attack, given other targets than those that are measured."
        )
        if without := _budgets_without_placebo(table):
            notes.append(f"No placebo was run at {', '.join(without)}: no row there is marked.")
    notes += [
        f"† {name(f'{row.attacker} on {row.victim}')}: not target-specific (placebo moves it, "
        f"too): its placebo moves {name(table.main.label)} by "
        f"{shown(row.placebo_effect, signed=True)} from none."
        for row in table.rows
        if row.marked and table.main is not None
    ]
    notes += [f"{name(warning)}." for warning in warnings_of(table)]
    if table.has_defenses:
        notes.append("Rows are compared with those behind the same defense.")
    for row in table.rows:
        against = "" if row.defense == NO_DEFENSE else f" defended by {row.defense}"
        notes += [name(f"{row.attacker} on {row.victim}{against}: {why}") for why in row.reasons]
    return "\n".join(notes)


def _budgets_without_placebo(table: Table) -> list[str]:
    def shown_budget(row: Row) -> str:
        return f"{100 * row.fake_users:g} % x {row.actions}"

    placebos = {shown_budget(row) for row in table.rows if row.placebo}
    budgets = dict.fromkeys(shown_budget(row) for row in table.rows)
    return [budget for budget in budgets if budget not in placebos]


def _shown_p(p_value: float | None) -> str:
    if p_value is None:
        return "-"
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _shown_rank(rank: tuple[int, int, int] | None) -> str:
    if rank is None:
        return "-"
    _, low, high = rank
    return str(low) if low == high else f"{low}-{high}"


def _numbers(value: Interval | None) -> list[str]:
    if value is None:
        return [""] * 3
    return [repr(number) for number in (value.mean, value.low, value.high)]
