"""Writes tables as Markdown, CSV and JSON. Nothing here reads a clock, a path or a machine."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from tabulate import tabulate

from loki_bench.leaderboard.chance import victims_at_chance
from loki_bench.leaderboard.defense_table import defense_table, plain_worst_cases
from loki_bench.leaderboard.formatting import csv_cell, escape_markdown, names_in, plain, shown
from loki_bench.leaderboard.row_key import NO_DEFENSE
from loki_bench.leaderboard.statistics import N_RESAMPLES, Interval
from loki_bench.leaderboard.table import Row, Table

__all__ = ["as_csv", "as_json", "as_markdown", "as_text"]

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
    "ceiling",
    "n_seeds",
    "mean",
    "low",
    "high",
    "bootstrap_low",
    "bootstrap_high",
    "gain",
    "gain_low",
    "gain_high",
    "gain_bootstrap_low",
    "gain_bootstrap_high",
    "p_value",
    "rank",
    "rank_low",
    "rank_high",
    "placebo_effect",
    "placebo_effect_low",
    "placebo_effect_high",
    "marked",
)


def as_markdown(suite: str, summary: str, tables: list[Table]) -> str:
    """A page with one table for each dataset and protocol, and one of its defenses if any."""
    parts = [f"# Leaderboard: {escape_markdown(suite)}", escape_markdown(summary)]
    for table in tables:
        parts += [
            "\n".join(f"- {name}: {escape_markdown(v)}" for name, v in table.about.items()),
            _grid(table, "github"),
            _notes(table, "github"),
            *defense_table(table, "github"),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_text(tables: list[Table]) -> str:
    """The same tables for a terminal."""
    parts = [
        part
        for table in tables
        for part in (
            _grid(table, "simple"),
            _notes(table, "simple"),
            *defense_table(table, "simple"),
        )
    ]
    return "\n\n".join(parts)


def as_csv(tables: list[Table]) -> str:
    """One line a row and metric, with full precision."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for table in tables:
        for row in table.rows:
            for position, label in enumerate(table.metric_labels):
                value = row.metrics[label]
                main = position == 0
                effect = row.placebo_effect if main else None
                writer.writerow(
                    [
                        csv_cell(table.about["dataset"].partition(":")[0]),
                        csv_cell(row.victim),
                        repr(row.fake_users),
                        row.actions,
                        csv_cell(row.defense),
                        csv_cell(row.attacker),
                        int(row.placebo),
                        csv_cell(row.simulator),
                        csv_cell(label),
                        table.ceilings.get(label, ""),
                        value.n if value else 0,
                        *_numbers(value),
                        *_numbers(row.gain if main else None),
                        repr(row.p_value) if main and row.p_value is not None else "",
                        *(row.rank if main and row.rank else ("", "", "")),
                        *_numbers(effect)[:3],
                        int(row.marked) if main else "",
                    ]
                )
    return out.getvalue()


def as_json(suite: str, tables: list[Table]) -> str:
    """Everything that the tables hold, for programs."""
    content = {"schema": 2, "suite": suite, "tables": [_plain_table(t) for t in tables]}
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _grid(table: Table, style: str) -> str:
    name = names_in(style)
    main = table.metric_labels[0] if table.metric_labels else "metric"
    ceiling = table.ceilings.get(main)
    head = name(main) if ceiling is None else f"{name(main)} (of {ceiling:g})"
    headers = [
        "victim",
        "budget",
        *(["defense"] if _has_defenses(table) else []),
        "attacker",
        "simulator",
        head,
        "gain on best baseline",
        "p",
        "rank",
    ]
    headers += [*map(name, table.metric_labels[1:]), "seeds", "samples from fakes"]
    text: str = tabulate(
        [_cells(row, table, name) for row in table.rows],
        headers=headers,
        tablefmt=style,
        disable_numparse=True,
    )
    return text


def _cells(row: Row, table: Table, name: Callable[[str], str]) -> list[str]:
    return [
        name(row.victim),
        f"{100 * row.fake_users:g} % x {row.actions}",
        *([name(row.defense)] if _has_defenses(table) else []),
        name(_attack(row)),
        name(row.simulator),
        *(shown(row.metrics[label]) for label in table.metric_labels[:1]),
        shown(row.gain, signed=True),
        _shown_p(row.p_value),
        _shown_rank(row.rank),
        *(shown(row.metrics[label]) for label in table.metric_labels[1:]),
        _seeds(row),
        "?" if row.from_fake_users is None else str(row.from_fake_users),
    ]


def _seeds(row: Row) -> str:
    others = [f"{number} {status}" for status, number in row.counts.items() if status != "ok"]
    return ", ".join([str(len(row.seeds)), *others])


def _attack(row: Row) -> str:
    """The attack's name; a dagger where it works without its targets."""
    if row.placebo:
        return f"{row.attacker}, placebo"
    return f"{row.attacker} †" if row.marked else row.attacker


def _notes(table: Table, style: str) -> str:
    name = names_in(style)
    main = name(table.metric_labels[0]) if table.metric_labels else "metric"
    notes = [
        "Mean and 95 % confidence half-width over seeds (Student's t). The gain is paired seed by "
        "seed against the best of none, random and popular at the same victim and budget; p is its "
        "paired t-test, corrected by Holm for all attacks of the table. The rank is among rows of "
        f"one victim and budget, with its 95 % interval over {N_RESAMPLES} resamples of the seeds."
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
        f"† {name(f'{row.attacker} on {row.victim}')}: works without its targets: its placebo "
        f"moves {main} by {shown(row.placebo_effect, signed=True)} from none."
        for row in table.rows
        if row.marked
    ]
    notes += [f"{name(warning)}." for warning in victims_at_chance(table)]
    if _has_defenses(table):
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


def _has_defenses(table: Table) -> bool:
    return any(row.defense != NO_DEFENSE for row in table.rows)


def _shown_p(p_value: float | None) -> str:
    if p_value is None:
        return "-"
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _shown_rank(rank: tuple[int, int, int] | None) -> str:
    if rank is None:
        return "-"
    own, low, high = rank
    return str(own) if low == high == own else f"{own} ({low}-{high})"


def _numbers(value: Interval | None) -> list[str]:
    if value is None:
        return [""] * 5
    bootstrap = (value.bootstrap_low, value.bootstrap_high)
    return [repr(number) for number in (value.mean, value.low, value.high, *bootstrap)]


def _plain_table(table: Table) -> dict[str, Any]:
    return {
        "about": dict(table.about),
        "metrics": list(table.metric_labels),
        "ceilings": dict(table.ceilings),
        "higher_is_better": table.higher_is_better,
        "not_ranked": list(table.not_ranked),
        "rows": [_plain_row(row) for row in table.rows],
        "defenses": plain_worst_cases(table),
    }


def _plain_row(row: Row) -> dict[str, Any]:
    rank = None if row.rank is None else dict(zip(("rank", "low", "high"), row.rank, strict=True))
    return {
        "victim": row.victim,
        "defense": row.defense,
        "attacker": row.attacker,
        "simulator": row.simulator,
        "fake_users": row.fake_users,
        "actions": row.actions,
        "seeds": list(row.seeds),
        "metrics": {label: plain(value) for label, value in row.metrics.items()},
        "gain": plain(row.gain),
        "p_value": row.p_value,
        "rank": rank,
        "placebo": row.placebo,
        "placebo_effect": plain(row.placebo_effect),
        "marked": row.marked,
        "training_samples_from_fake_users": row.from_fake_users,
        "counts": dict(row.counts),
        "reasons": list(row.reasons),
    }
