"""What the page shows, as compact JSON: tables, their cells, and the figures' points."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from loki_bench.leaderboard.row_key import RowKey, row_key
from loki_bench.leaderboard.statistics import Interval
from loki_bench.leaderboard.table import Row, Table, by_protocol, tables_of
from loki_bench.report.figure_data import length_shares

__all__ = ["page_data"]

ID_LENGTH = 16
"""Characters of a cell's id: `loki-bench reproduce` takes the beginning of one."""


def page_data(
    suite: str,
    summary: str,
    records: Iterable[Mapping[str, Any]],
    missing: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Everything that the page's script reads; the same records give the same data."""
    records, missing = list(records), list(missing)
    groups = by_protocol(records, missing)
    tables = tables_of(records, missing)
    return {
        "suite": suite,
        "summary": summary,
        "tables": [_table(t, entries) for t, entries in zip(tables, groups, strict=True)],
    }


def _table(table: Table, entries: list[Mapping[str, Any]]) -> dict[str, Any]:
    by_row: dict[RowKey, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in entries:
        by_row[row_key(entry["cell"])].append(entry)
    return {
        "about": dict(table.about),
        "metrics": list(table.metric_labels),
        "ceilings": dict(table.ceilings),
        "high": table.higher_is_better,
        "notRanked": list(table.not_ranked),
        "rows": [_row(row, by_row[_key(row)], table) for row in table.rows],
        "lengths": [
            {
                "attacks": list(shares.attacks),
                "budget": shares.budget,
                "before": _points(shares.before),
                "after": _points(shares.after),
            }
            for shares in length_shares([e for e in entries if e["status"] == "ok"])
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


def _row(row: Row, entries: list[Mapping[str, Any]], table: Table) -> dict[str, Any]:
    return {
        "victim": row.victim,
        "share": row.fake_users,
        "actions": row.actions,
        "defense": row.defense,
        "attack": row.attacker,
        "simulator": row.simulator,
        "placebo": row.placebo,
        "metrics": [_interval(row.metrics[label]) for label in table.metric_labels],
        "gain": _interval(row.gain),
        "p": _number(row.p_value),
        "rank": row.rank,
        "marked": row.marked,
        "seeds": len(row.seeds),
        "cells": [_cell(entry, table) for entry in entries],
    }


def _cell(entry: Mapping[str, Any], table: Table) -> list[Any]:
    """Id, seed, status, reason, metrics, and the ledger: what was spent beside the grant.

    Last, of an attacker that reports them, the groups of items step by step, and the learning
    curve: rounds of training done, and the return of the policy after them.
    """
    budget, spent = entry["cell"]["budget"], entry.get("spent") or {}
    values = entry.get("metrics", {})
    n_fake, actions = budget["n_fake_users"], budget["actions"]
    oracle = entry["cell"].get("oracle") or {}
    report = entry.get("reports", {}).get("attacker", {})
    return [
        entry.get("id", "")[:ID_LENGTH],
        entry["cell"]["seed"],
        entry["status"],
        entry["reason"],
        [_number(values.get(label)) for label in table.metric_labels],
        [spent.get("fake_users"), n_fake],
        [spent.get("events"), n_fake * actions],
        spent.get("events_on_targets"),
        [spent.get("queries"), oracle.get("queries", 0)],
        spent.get("surrogate_fits"),
        report.get("group_sequence"),
        _curve(report.get("learning_curve")),
    ]


def _curve(curve: Mapping[str, Any] | None) -> list[list[float | None]] | None:
    if not curve or not curve.get("greedy_return"):
        return None
    return [list(curve["evaluated_after"]), [_number(value) for value in curve["greedy_return"]]]


def _points(shares: Mapping[int, float]) -> list[list[float | None]]:
    """Percent of users by length."""
    return [[length, _number(100 * share)] for length, share in shares.items()]


def _interval(value: Interval | None) -> list[float | None] | None:
    if value is None:
        return None
    return [_number(value.mean), _number(value.low), _number(value.high), value.n]


def _number(value: float | None) -> float | None:
    """Six digits: enough to read and to draw; records hold all of them."""
    return None if value is None else float(f"{value:.6g}")
