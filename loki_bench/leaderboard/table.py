"""Rows of a leaderboard, computed from records alone: same records, same rows, in any order.

A row is one attack on one victim with one budget and one simulator, over all seeds. Cells of
another dataset or protocol make a table of their own: they are never mixed.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

__all__ = ["Interval", "Row", "Table", "tables_of"]

BASELINES = ("none", "random", "popular")
"""The paper's baselines; a row's gain is measured against the best of them."""

MAIN_METRICS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "promote": (("display_rate", 1),),
    "demote": (("demotion_rate", 1), ("display_rate", -1)),
}
"""What a table is sorted by, for each goal: the first metric that its records have, and whether an
attacker wants more (1) or less (-1) of it."""

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with Student's t confidence interval; no interval for one seed."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a leaderboard.

    Attributes
    ----------
    metrics : mapping of metric label to Interval or None
        None where no seed has a value.
    gain : Interval or None
        By how much the main metric is better for the attacker than that of the best baseline of
        the same victim and budget, seed by seed; None for that baseline itself and where no seed
        has both. Where less is better (a display rate to demote) a fall is a positive gain.
    from_fake_users : int or None
        Least number of training samples, over seeds, that came from fake users.
    counts : mapping of status to number of cells
    reasons : tuple of str
        Why cells have no result, each reason once.
    """

    victim: str
    attacker: str
    simulator: str
    fake_users: float
    actions: int
    seeds: tuple[int, ...]
    metrics: Mapping[str, Interval | None]
    gain: Interval | None
    from_fake_users: int | None
    counts: Mapping[str, int]
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """All rows of one dataset and protocol.

    Attributes
    ----------
    about : mapping of str to str
        Dataset, protocol and component versions, as a person reads them.
    metric_labels : tuple of str
        The first one is the main metric.
    ceilings : mapping of metric label to float
        The highest value that the protocol allows.
    """

    about: Mapping[str, str]
    metric_labels: tuple[str, ...]
    ceilings: Mapping[str, float]
    rows: tuple[Row, ...]


def tables_of(records: Iterable[Mapping[str, Any]], missing: Iterable[Any] = ()) -> list[Table]:
    """Group records into tables.

    Parameters
    ----------
    records : iterable of mapping
        Whole records, in any order.
    missing : iterable of mapping
        Cells (as in a record's ``cell``) that have no record yet: they are shown, not hidden.
    """
    entries = [*records, *({"cell": c, "status": "missing", "reason": ""} for c in missing)]
    by_protocol: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for entry in sorted(entries, key=_order):
        by_protocol[_protocol_key(entry["cell"])].append(entry)
    return [_table(group) for _, group in sorted(by_protocol.items())]


def _table(entries: list[Mapping[str, Any]]) -> Table:
    labels = tuple(sorted({label for e in entries for label in e.get("metrics", {})}))
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for entry in entries:
        groups[_row_key(entry["cell"])].append(entry)
    main, sign = _main_metric(labels, entries[0]["cell"]["protocol"]["goal"])
    labels = tuple(sorted(labels, key=lambda label: label != main))
    rows = [
        _row(key, group, labels, sign, _best_baseline(key, groups, main, sign) if main else None)
        for key, group in groups.items()
    ]
    ceilings: dict[str, float] = {}
    for entry in entries:
        ceilings |= entry.get("ceilings", {})
    return Table(
        about=_about(entries[0]["cell"]),
        metric_labels=labels,
        ceilings=ceilings,
        rows=tuple(sorted(rows, key=lambda row: _rank(row, labels, sign))),
    )


def _main_metric(labels: tuple[str, ...], goal: str) -> tuple[str | None, int]:
    """The label to sort by, and 1 where an attacker wants it high or -1 where low."""
    for name, sign in MAIN_METRICS[goal]:
        for label in labels:
            if label.partition("@")[0] == name:
                return label, sign
    return None, 1


def _row(
    key: tuple[Any, ...],
    entries: list[Mapping[str, Any]],
    labels: tuple[str, ...],
    sign: int,
    baseline: tuple[tuple[Any, ...], dict[int, float]] | None,
) -> Row:
    victim, fake_users, actions, attacker, simulator = key
    counts: dict[str, int] = defaultdict(int)
    for entry in entries:
        counts[entry["status"]] += 1
    gain = None
    if baseline is not None and baseline[0] != key:
        own = _by_seed(entries, labels[0])
        paired = [seed for seed in own if seed in baseline[1]]
        gain = _interval([sign * (own[seed] - baseline[1][seed]) for seed in paired])
    reached = [
        e["canary"]["training_samples_from_fake_users"] for e in entries if e["status"] == "ok"
    ]
    known = [number for number in reached if number is not None]
    return Row(
        victim=victim,
        attacker=attacker,
        simulator=simulator,
        fake_users=fake_users,
        actions=actions,
        seeds=tuple(e["cell"]["seed"] for e in entries if e["status"] == "ok"),
        metrics={label: _interval(list(_by_seed(entries, label).values())) for label in labels},
        gain=gain,
        from_fake_users=min(known) if known else None,
        counts=dict(sorted(counts.items())),
        reasons=tuple(dict.fromkeys(e["reason"] for e in entries if e["reason"])),
    )


def _best_baseline(
    key: tuple[Any, ...],
    groups: Mapping[tuple[Any, ...], list[Mapping[str, Any]]],
    main: str,
    sign: int,
) -> tuple[tuple[Any, ...], dict[int, float]] | None:
    """The paper's baseline with the best mean for an attacker at the same victim and budget."""
    rivals = [
        (other, values)
        for other, entries in groups.items()
        if other[:3] == key[:3] and other[3] in BASELINES and (values := _by_seed(entries, main))
    ]
    return max(rivals, key=lambda r: (sign * np.mean(list(r[1].values())), r[0][3]), default=None)


def _by_seed(entries: list[Mapping[str, Any]], label: str) -> dict[int, float]:
    return {
        e["cell"]["seed"]: e["metrics"][label]
        for e in entries
        if e["status"] == "ok" and e["metrics"].get(label) is not None
    }


def _interval(values: list[float]) -> Interval | None:
    if not values:
        return None
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Interval(mean, mean, mean, 1)
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * error
    return Interval(mean, mean - half, mean + half, len(values))


def _rank(row: Row, labels: tuple[str, ...], sign: int) -> tuple[Any, ...]:
    main = row.metrics.get(labels[0]) if labels else None
    height = -sign * main.mean if main else math.inf
    return (row.victim, -row.fake_users, -row.actions, height, row.attacker, row.simulator)


def _row_key(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        _label(cell["victim"]),
        cell["budget"]["fake_users"],
        cell["budget"]["actions"],
        _label(cell["attacker"], cell.get("influence")),
        cell["simulator"] or "-",
    )


def _protocol_key(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        cell["dataset"]["component"]["name"],
        cell["dataset"]["fingerprint"],
        cell["protocol_version"],
        repr(sorted(cell["protocol"].items())),
    )


def _order(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    cell = entry["cell"]
    return (_protocol_key(cell), _row_key(cell), cell["seed"], entry.get("id", ""))


def _label(component: Mapping[str, Any], influence: Mapping[str, Any] | None = None) -> str:
    changed = dict(component["changed"])
    if influence is not None and (influence["name"] != "cg" or influence["changed"]):
        changed["influence"] = _label(influence)
    if not changed:
        return str(component["name"])
    values = ", ".join(f"{name}={value}" for name, value in sorted(changed.items()))
    return f"{component['name']}({values})"


def _about(cell: Mapping[str, Any]) -> dict[str, str]:
    dataset, protocol = cell["dataset"], cell["protocol"]
    return {
        "dataset": f"{dataset['component']['name']}: {dataset['n_users']} users, "
        f"{dataset['n_items']} items, {dataset['n_events']} events",
        "fingerprint": dataset["fingerprint"],
        "goal": f"{protocol['goal']} {len(protocol['targets']) or protocol['n_targets']} items to "
        f"{len(protocol['target_users']) or protocol['n_target_users']} users",
        "protocol version": str(cell["protocol_version"]),
    }
