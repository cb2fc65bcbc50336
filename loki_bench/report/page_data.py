"""What the page shows, as compact JSON: tables, their cells, and the figures' points."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from pydantic import JsonValue

from loki_bench.leaderboard.headlines import tied_with_best
from loki_bench.leaderboard.intervals import Interval
from loki_bench.leaderboard.rendering import told
from loki_bench.leaderboard.rows import Entry, RowKey, by_protocol
from loki_bench.leaderboard.table import Row, Table, tables_of
from loki_bench.leaderboard.warnings import warnings_of
from loki_bench.records.schema import LearningCurve, Record, Spent
from loki_bench.report.figure_data import length_shares
from loki_bench.suite.actions import GENUINE
from loki_bench.suite.cell import Cell, CellBudget

__all__ = ["page_data"]

ID_LENGTH = 16
"""Characters of a cell's id: `loki-bench reproduce` takes the beginning of one."""


def page_data(
    suite: str,
    summary: str,
    records: Iterable[Record],
    missing: Iterable[Cell] = (),
    *,
    metrics: Sequence[str] = (),
    handed_in: Collection[str] = (),
) -> dict[str, JsonValue]:
    """Everything that the page's script reads; the same records give the same data."""
    records, missing = list(records), list(missing)
    groups = by_protocol(records, missing)
    tables = tables_of(records, missing, metrics=metrics, handed_in=handed_in)
    return {
        "suite": suite,
        "summary": summary,
        "tables": [_table(t, entries) for t, entries in zip(tables, groups, strict=True)],
    }


def _table(table: Table, entries: Sequence[Entry]) -> JsonValue:
    by_row: dict[RowKey, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_row[entry.row].append(entry)
    records = [entry.record for entry in entries if entry.record is not None]
    return {
        "about": {**table.about},
        "metrics": [column.label for column in table.columns],
        "ceilings": {c.label: c.ceiling for c in table.columns if c.ceiling is not None},
        "told": [told(column) for column in table.columns],
        "baselines": [*sorted({row.attacker for row in table.rows if row.baseline})],
        "high": table.sign >= 0,
        "notRanked": [*table.not_ranked],
        "warnings": [*warnings_of(table)],
        "rows": [_row(row, by_row[_key(row)], table) for row in table.rows],
        "lengths": [
            {
                "attacks": [*shares.attacks],
                "budget": shares.budget,
                "before": _points(shares.before),
                "after": _points(shares.after),
            }
            for shares in length_shares(records)
        ],
    }


def _key(row: Row) -> RowKey:
    return RowKey(
        victim=row.victim,
        fake_users=row.fake_users,
        actions=row.actions,
        defense=row.defense,
        attacker=row.attacker,
        simulator=row.simulator,
        placebo=row.placebo,
    )


def _row(row: Row, entries: Sequence[Entry], table: Table) -> JsonValue:
    return {
        "victim": row.victim,
        "share": row.fake_users,
        "actions": row.actions,
        "events": _number(row.event_share),
        "defense": row.defense,
        "attack": row.attacker,
        "simulator": row.simulator,
        "placebo": row.placebo,
        "metrics": [_interval(row.metrics[column.label]) for column in table.columns],
        "gain": _interval(row.gain),
        "p": _number(row.p_value),
        "failed": row.n_failed,
        "rank": row.rank and [*row.rank],
        "behind": _interval(row.behind),
        "behindP": _number(row.behind_p),
        "tied": [*tied_with_best(table.pairs, row)] if row.rank and row.behind is None else [],
        "marked": row.marked,
        "seeds": len(row.seeds),
        "cells": [_cell(entry, table) for entry in entries],
    }


def _granted_events(budget: CellBudget, spent: Spent | None) -> int | None:
    """Of genuine lengths what was spent: each fake user has exactly its own."""
    if budget.actions == GENUINE:
        return None if spent is None else spent.events
    return budget.n_fake_users * budget.actions


def _cell(entry: Entry, table: Table) -> JsonValue:
    """Id, seed, status, reason, metrics, and the ledger: what was spent beside the grant.

    Last, of an attacker that reports them, the groups of items step by step, and the learning
    curve: rounds of training done, and the return of the policy after them.
    """
    cell, record = entry.cell, entry.record
    spent = None if record is None else record.spent
    reports = None if record is None else record.reports
    granted = cell.budget.n_fake_users
    queries = 0 if cell.oracle is None else cell.oracle.queries
    groups = None if reports is None else reports.group_sequence
    return [
        "" if record is None else record.id[:ID_LENGTH],
        cell.seed,
        entry.status,
        "" if record is None else record.reason,
        [_number(entry.value(column.label)) for column in table.columns],
        [None if spent is None else spent.fake_users, granted],
        [None if spent is None else spent.events, _granted_events(cell.budget, spent)],
        None if spent is None else spent.events_on_targets,
        [None if spent is None else spent.queries, queries],
        None if spent is None else spent.surrogate_fits,
        None if groups is None else [*groups],
        _curve(None if reports is None else reports.learning_curve),
    ]


def _curve(curve: LearningCurve | None) -> JsonValue:
    if curve is None or not curve.greedy_return:
        return None
    return [[*curve.evaluated_after], [_number(value) for value in curve.greedy_return]]


def _points(shares: Mapping[int, float]) -> JsonValue:
    """Percent of users by length."""
    return [[length, _number(100 * share)] for length, share in shares.items()]


def _interval(value: Interval | None) -> JsonValue:
    if value is None:
        return None
    return [_number(value.mean), _number(value.low), _number(value.high), value.n]


def _number(value: float | None) -> float | None:
    """Six digits: enough to read and to draw; records hold all of them."""
    return None if value is None else float(f"{value:.6g}")
