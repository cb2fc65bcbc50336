"""Rows of a leaderboard, computed from records alone: same records, same rows, in any order.

A row is one attack on one victim with one budget, one defense and one simulator, over all seeds.
Cells of another dataset or protocol make a table of their own: they are never mixed.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from loki_bench.leaderboard.comparability import differing_fields, said_differences
from loki_bench.leaderboard.judging import (
    Values,
    best_baseline,
    judged,
    paired_differences,
    why_not_ranked,
)
from loki_bench.leaderboard.row_key import NO_DEFENSE, RowKey, row_key
from loki_bench.leaderboard.statistics import Interval, interval_of

__all__ = ["Row", "Table", "by_protocol", "tables_of"]

MAIN_METRICS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "promote": (("display_rate", 1),),
    "demote": (("demotion_rate", 1), ("display_rate", -1)),
}
"""What a table is sorted by, for each goal: the first metric that its records have, and whether an
attacker wants more (1) or less (-1) of it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a leaderboard.

    Attributes
    ----------
    metrics : mapping of metric label to Interval or None
        None where no seed has a value.
    gain : Interval or None
        By how much the main metric is better for the attacker than that of the best baseline of
        the same victim, budget and defense, seed by seed; None for that baseline itself and
        where no seed has both. Where less is better (a display rate to demote) a fall is a
        positive gain.
    p_value : float or None
        Of a gain of zero, paired by seed and corrected by Holm over all attacks of the table; None
        for baselines and placebos, for one seed, and in a table that is not ranked.
    rank : (rank, low, high) or None
        Among the rows of the same victim, budget and defense, with its interval over resampled
        seeds; None for placebos, for rows without any result, and in a table that is not ranked.
    placebo : bool
        Whether the attack was given other targets than those that are measured.
    placebo_effect : Interval or None
        How much better than `none` this attack's placebo is for the attacker, seed by seed.
    from_fake_users : int or None
        Least number of training samples, over seeds, that came from fake users; None where the
        victim does not count them, or a defense left no clean victim to compare with.
    counts : mapping of status to number of cells
    reasons : tuple of str
        Why cells have no result, each reason once.
    """

    victim: str
    defense: str
    attacker: str
    simulator: str
    fake_users: float
    actions: int
    seeds: tuple[int, ...]
    metrics: Mapping[str, Interval | None]
    gain: Interval | None
    p_value: float | None
    rank: tuple[int, int, int] | None
    placebo: bool
    placebo_effect: Interval | None
    from_fake_users: int | None
    counts: Mapping[str, int]
    reasons: tuple[str, ...]

    @property
    def marked(self) -> bool:
        """Whether the attack works without its targets: its placebo's interval lies above 0."""
        effect = self.placebo_effect
        return effect is not None and not self.placebo and effect.low > 1e-12


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
    higher_is_better : bool
        Whether the attack wants the main metric high or low.
    n_users, n_items : int
        Of the dataset.
    not_ranked : tuple of str
        Why rows have no rank: which seed is missing, which field differs. Empty: they are ranked.
    """

    about: Mapping[str, str]
    metric_labels: tuple[str, ...]
    ceilings: Mapping[str, float]
    rows: tuple[Row, ...]
    higher_is_better: bool
    n_users: int
    n_items: int
    not_ranked: tuple[str, ...]


def tables_of(records: Iterable[Mapping[str, Any]], missing: Iterable[Any] = ()) -> list[Table]:
    """Group records into tables.

    Parameters
    ----------
    records : iterable of mapping
        Whole records, in any order.
    missing : iterable of mapping
        Cells (as in a record's ``cell``) that have no record yet: they are shown, not hidden.
    """
    return _telling_apart(by_protocol(records, missing))


def by_protocol(
    records: Iterable[Mapping[str, Any]], missing: Iterable[Any] = ()
) -> list[list[Mapping[str, Any]]]:
    """The records behind each table of :func:`tables_of`, in the order of its tables.

    A missing cell is an entry with the status ``missing`` and no results.
    """
    entries = [*records, *({"cell": c, "status": "missing", "reason": ""} for c in missing)]
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for entry in sorted(entries, key=_order):
        groups[_protocol_key(entry["cell"])].append(entry)
    return [group for _, group in sorted(groups.items())]


def _telling_apart(groups: list[list[Mapping[str, Any]]]) -> list[Table]:
    """One table a protocol; from the second on each says in which fields it is another one."""
    found = [_table(group) for group in groups]
    for number, group in enumerate(groups[1:], start=1):
        pair = [_protocol_of(entries[0]["cell"]) for entries in (groups[0], group)]
        said = said_differences(differing_fields(pair))
        about = {**found[number].about, "differs from the first table in": said}
        found[number] = replace(found[number], about=about)
    return found


def _table(entries: list[Mapping[str, Any]]) -> Table:
    labels = tuple(sorted({label for e in entries for label in e.get("metrics", {})}))
    main, sign = _main_metric(labels, entries[0]["cell"]["protocol"]["goal"])
    labels = tuple(sorted(labels, key=lambda label: label != main))
    groups: dict[RowKey, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in entries:
        groups[row_key(entry["cell"])].append(entry)
    values = {key: _by_seed(group, main) if main else {} for key, group in groups.items()}
    best = {key: best_baseline(key, values, sign) for key in groups}
    not_ranked = why_not_ranked(groups, values) if main else ()
    p_values, ranks = ({}, {}) if not_ranked else judged(values, best, sign)
    rows = [
        _row(
            key,
            group,
            labels,
            gain=_difference(values, key, best[key], sign),
            p_value=p_values.get(key),
            rank=ranks.get(key),
            placebo_effect=_difference(values, key.of_placebo, key.of_none, sign),
        )
        for key, group in groups.items()
    ]
    ceilings: dict[str, float] = {}
    for entry in entries:
        ceilings |= entry.get("ceilings", {})
    return Table(
        about=_about(entries[0]["cell"]),
        metric_labels=labels,
        ceilings=ceilings,
        rows=tuple(sorted(rows, key=lambda row: _place(row, labels, sign))),
        higher_is_better=sign > 0,
        n_users=entries[0]["cell"]["dataset"]["n_users"],
        n_items=entries[0]["cell"]["dataset"]["n_items"],
        not_ranked=not_ranked,
    )


def _main_metric(labels: tuple[str, ...], goal: str) -> tuple[str | None, int]:
    """The label to sort by, and 1 where an attacker wants it high or -1 where low."""
    for name, sign in MAIN_METRICS[goal]:
        for label in labels:
            if label.partition("@")[0] == name:
                return label, sign
    return None, 1


def _row(
    key: RowKey,
    entries: list[Mapping[str, Any]],
    labels: tuple[str, ...],
    *,
    gain: Interval | None,
    p_value: float | None,
    rank: tuple[int, int, int] | None,
    placebo_effect: Interval | None,
) -> Row:
    counts: dict[str, int] = defaultdict(int)
    for entry in entries:
        counts[entry["status"]] += 1
    reached = [
        e["canary"]["training_samples_from_fake_users"] for e in entries if e["status"] == "ok"
    ]
    known = [number for number in reached if number is not None]
    return Row(
        victim=key.victim,
        defense=key.defense,
        attacker=key.attacker,
        simulator=key.simulator,
        fake_users=key.fake_users,
        actions=key.actions,
        seeds=tuple(e["cell"]["seed"] for e in entries if e["status"] == "ok"),
        metrics={label: interval_of(list(_by_seed(entries, label).values())) for label in labels},
        gain=gain,
        p_value=p_value,
        rank=rank,
        placebo=key.placebo,
        placebo_effect=placebo_effect,
        from_fake_users=min(known) if known else None,
        counts=dict(sorted(counts.items())),
        reasons=tuple(dict.fromkeys(e["reason"] for e in entries if e["reason"])),
    )


def _difference(values: Values, key: RowKey, other: RowKey | None, sign: int) -> Interval | None:
    return interval_of([sign * value for value in paired_differences(values, key, other)])


def _by_seed(entries: list[Mapping[str, Any]], label: str) -> dict[int, float]:
    return {
        e["cell"]["seed"]: e["metrics"][label]
        for e in entries
        if e["status"] == "ok" and e["metrics"].get(label) is not None
    }


def _place(row: Row, labels: tuple[str, ...], sign: int) -> tuple[Any, ...]:
    """Where a row stands in its table: a placebo right below the other rows of its block."""
    main = row.metrics.get(labels[0]) if labels else None
    height = math.inf if main is None else -sign * main.mean
    defense = (row.defense != NO_DEFENSE, row.defense)
    block = (row.victim, -row.fake_users, -row.actions, *defense)
    return (*block, row.placebo, height, row.attacker, row.simulator)


def _protocol_of(cell: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("dataset", "protocol_version", "protocol")
    return {**{key: cell[key] for key in keys}, "isolation": _isolation(cell)}


def _isolation(cell: Mapping[str, Any]) -> str:
    return str(cell.get("isolation", "in-process"))  # it was always so before there were processes


def _protocol_key(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        cell["dataset"]["component"]["name"],
        cell["dataset"]["fingerprint"],
        cell["protocol_version"],
        repr(sorted(cell["protocol"].items())),
        _isolation(cell),
    )


def _order(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    cell = entry["cell"]
    return (_protocol_key(cell), row_key(cell), cell["seed"], entry.get("id", ""))


def _about(cell: Mapping[str, Any]) -> dict[str, str]:
    dataset, protocol = cell["dataset"], cell["protocol"]
    return {
        "dataset": f"{dataset['component']['name']}: {dataset['n_users']} users, "
        f"{dataset['n_items']} items, {dataset['n_events']} events",
        "fingerprint": dataset["fingerprint"],
        "goal": f"{protocol['goal']} {len(protocol['targets']) or protocol['n_targets']} items to "
        f"{len(protocol['target_users']) or protocol['n_target_users']} users",
        "protocol version": str(cell["protocol_version"]),
        "isolation of attackers": _isolation(cell),
    }
