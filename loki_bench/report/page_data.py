"""What the page's script reads, as compact JSON: rows with their numbers, and their cells."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from loki_bench.leaderboard.intervals import Interval
from loki_bench.leaderboard.rows import Entry, RowKey
from loki_bench.leaderboard.table import Row, Table
from loki_bench.records.schema import Spent
from loki_bench.suite.actions import GENUINE
from loki_bench.suite.cell import CellBudget

__all__ = ["ID_LENGTH", "cells_of", "plain_row"]

ID_LENGTH = 16
"""Characters of a cell's id: `loki-bench reproduce` takes the beginning of one."""


def cells_of(entries: Sequence[Entry]) -> Mapping[RowKey, list[Entry]]:
    """The entries of each row."""
    by_row: dict[RowKey, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_row[entry.row].append(entry)
    return by_row


def plain_row(
    row: Row,
    placebo: Row | None,
    cells: Mapping[RowKey, list[Entry]],
    table: Table,
    number: int,
    sequences: dict[str, int],
) -> dict[str, JsonValue]:
    """One row, with the cells of its placebo behind its own.

    Parameters
    ----------
    number : int
        Of the table on the page.
    sequences : dict of str to int
        Learned sequences with their places in the page's list; new ones are added.
    """
    own = cells.get(row.key, [])
    others = [] if placebo is None else cells.get(placebo.key, [])
    return {
        "t": number,
        "victim": row.victim,
        "share": row.fake_users,
        "actions": row.actions,
        "defense": row.defense,
        "attack": row.attacker,
        "simulator": row.simulator,
        "placebo": row.placebo,
        "metrics": [_interval(row.metrics[column.label]) for column in table.columns],
        "gain": _interval(row.gain),
        "p": _number(row.p_value),
        "rank": row.rank and [*row.rank],
        "effect": _interval(row.placebo_effect),
        "behind": _number(None if row.behind is None else row.behind.mean),
        "behind_p": _number(row.behind_p),
        "failed": row.n_failed,
        "samples": row.from_fake_users,
        "events": _number(row.event_share),
        "seeds": len(row.seeds),
        "cells": [
            *(_cell(entry, table, "", sequences) for entry in own),
            *(_cell(entry, table, "placebo", sequences) for entry in others),
        ],
    }


def _granted_events(budget: CellBudget, spent: Spent | None) -> int | None:
    """Of genuine lengths what was spent: each fake user has exactly its own."""
    if budget.actions == GENUINE:
        return None if spent is None else spent.events
    return budget.n_fake_users * budget.actions


def _cell(entry: Entry, table: Table, what: str, sequences: dict[str, int]) -> JsonValue:
    """Id, seed, what it is, status and reason, metrics, and the ledger: spent beside granted.

    The ledger is fake users, events, events on targets, queries and surrogates. Last, of an
    attacker that reports them, the place of its groups of items, step by step, in the page's list.
    """
    cell, record = entry.cell, entry.record
    spent = None if record is None else record.spent
    reports = None if record is None else record.reports
    queries = 0 if cell.oracle is None else cell.oracle.queries
    groups = None if reports is None else reports.group_sequence
    reason = "" if record is None or not record.reason else f": {record.reason}"
    ended = f"{entry.status}{reason}"
    found: list[JsonValue] = [
        "" if record is None else record.id[:ID_LENGTH],
        cell.seed,
        f"{what}, {ended}" if what else "" if ended == "ok" else ended,
        [_number(entry.value(column.label), 5) for column in table.columns],
        _of(None if spent is None else spent.fake_users, cell.budget.n_fake_users),
        _of(None if spent is None else spent.events, _granted_events(cell.budget, spent)),
        None if spent is None else spent.events_on_targets,
        _of(None if spent is None else spent.queries, queries),
        None if spent is None else spent.surrogate_fits,
    ]
    if not groups:
        return found
    return [*found, sequences.setdefault("|".join(groups), len(sequences))]


def _of(spent: int | None, granted: int | None) -> JsonValue:
    """One number where all that was granted was spent."""
    return spent if spent == granted else [spent, granted]


def _interval(value: Interval | None) -> JsonValue:
    if value is None:
        return None
    return [_number(value.mean), _number(value.low), _number(value.high)]


def _number(value: float | None, digits: int = 6) -> float | None:
    """Enough digits to read; records hold all of them. Whole numbers have no point."""
    if value is None:
        return None
    number = float(f"{value:.{digits}g}")
    return int(number) if number.is_integer() else number
