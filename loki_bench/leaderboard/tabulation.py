"""Rows of a leaderboard, computed from records alone: same records, same rows, in any order.

Cells of another dataset or protocol make a table of their own: they are never mixed. The first
metric heads the table, whoever declares it: rows are sorted, compared and ranked by it.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, stdev
from typing import TypeAlias

from pydantic import JsonValue

from loki_bench.leaderboard.budget_series import BudgetSeries, series_of
from loki_bench.leaderboard.comparability import (
    differing_fields,
    said_differences,
    why_not_ranked,
)
from loki_bench.leaderboard.failures import failed_seeds
from loki_bench.leaderboard.handed_in import (
    lacking_confinement,
    others_lacking_confinement,
    why_not_counted,
)
from loki_bench.leaderboard.intervals import (
    Bounds,
    Interval,
    difference_bounds,
    interval_of,
    is_by_design,
)
from loki_bench.leaderboard.rows import (
    NO_ATTACK,
    NO_DEFENSE,
    NO_SIMULATOR,
    Block,
    Entry,
    RowKey,
    by_protocol,
    event_shares,
)
from loki_bench.leaderboard.statistics import (
    PairTest,
    behind_best,
    holm,
    pair_tests,
    paired_p_value,
    shared_ranks,
)
from loki_bench.leaderboard.table import SIGNS, Pair, Rank, Row, Table
from loki_bench.leaderboard.user_sample import said_sample
from loki_bench.records.schema import MetricInfo, Record
from loki_bench.suite.actions import actions_order
from loki_bench.suite.cell import Cell
from loki_bench.suite.goal import MOST_MEASURED

__all__ = ["protocol_of", "tables_of"]

Values: TypeAlias = Mapping[RowKey, Mapping[int, float]]
"""The main metric of each row, by seed."""


def tables_of(
    records: Iterable[Record],
    missing: Iterable[Cell] = (),
    *,
    metrics: Sequence[str] = (),
    handed_in: Collection[str] = (),
) -> list[Table]:
    """Group records into tables.

    Parameters
    ----------
    records : iterable of Record
        In any order.
    missing : iterable of Cell
        Cells that have no record yet: they are shown, not hidden.
    metrics : sequence of str
        Labels in the order of the columns; what else records have comes after them. Without it
        the order is that of the records.
    handed_in : collection of cell ids
        Of rows that somebody else handed in: they are ranked only where their author could not
        know the seeds and their attack was confined, see :mod:`loki_bench.leaderboard.handed_in`.
    """
    groups = by_protocol(records, missing)
    found = [_table(group, metrics, handed_in) for group in groups]
    for number, group in enumerate(groups[1:], start=1):
        said = said_differences(
            differing_fields([protocol_of(entries[0].cell) for entries in (groups[0], group)])
        )
        about = {**found[number].about, "differs from the first table in": said}
        found[number] = replace(found[number], about=about)
    return found


def protocol_of(cell: Cell) -> JsonValue:
    """What all cells of one table have in common."""
    names = {"dataset", "protocol_version", "protocol", "isolation"}
    return cell.model_dump(mode="json", include=names)


def _table(entries: Sequence[Entry], metrics: Sequence[str], handed_in: Collection[str]) -> Table:
    columns = _columns(entries, metrics)
    groups: dict[RowKey, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.row].append(entry)
    if not columns:
        rows = [_row(key, group, columns) for key, group in groups.items()]
        not_ranked: tuple[str, ...] = ()
        pairs: tuple[Pair, ...] = ()
    else:
        rows, pairs, not_ranked = _judged(groups, columns, handed_in)
    sign = SIGNS[columns[0].higher_is] if columns else 0
    shares = event_shares(entries)
    series: tuple[BudgetSeries, ...] = ()
    if columns:
        series = series_of(
            {key: _by_seed(group, columns[0].label) for key, group in groups.items()},
            bounds=columns[0].range,
            ceiling=columns[0].ceiling,
            higher_is_better=sign > 0,
            event_shares=shares,
            compared={
                key
                for key, row in zip(groups, rows, strict=True)
                if not (not_ranked or row.not_counted)
            },
        )
    # a craft is done twice in one cell: what that tells is told of all rows of the attack
    told = {
        entry.row.attacker: entry.record.not_deterministic
        for entry in entries
        if entry.record is not None and entry.record.not_deterministic
    }
    rows = [
        replace(
            row,
            not_deterministic=told.get(row.attacker, ""),
            event_share=shares.get((row.fake_users, row.actions)),
        )
        for row in rows
    ]
    cell = entries[0].cell
    about = _about(cell, has_handed_in=any(e.cell.id in handed_in for e in entries))
    regimes = {e.cell.regime.name: e.cell.regime.told for e in entries if e.cell.regime}
    if regimes:
        about["regimes"] = "; ".join(f"{name}: {told}" for name, told in regimes.items())
    return Table(
        about=about,
        run_key=cell.protocol.key,
        columns=columns,
        rows=tuple(sorted(rows, key=lambda row: _place(row, columns, sign or 1))),
        pairs=pairs,
        series=series,
        n_evaluated=cell.protocol.evaluate_users or cell.dataset.n_users,
        n_items=cell.dataset.n_items,
        not_ranked=not_ranked,
    )


def _columns(entries: Sequence[Entry], metrics: Sequence[str]) -> tuple[MetricInfo, ...]:
    """The metrics of the records: those that were asked for first, in that order."""
    found: dict[str, MetricInfo] = {}
    for entry in entries:
        for metric in () if entry.record is None else entry.record.metrics:
            if metric.label not in found:
                found[metric.label] = metric.info
    wanted = [label for label in metrics if label in found]
    return tuple(found[label] for label in dict.fromkeys([*wanted, *found]))


def _judged(
    groups: Mapping[RowKey, Sequence[Entry]],
    columns: Sequence[MetricInfo],
    handed_in: Collection[str],
) -> tuple[list[Row], tuple[Pair, ...], tuple[str, ...]]:
    """Rows with gains, p-values and ranks; their pairs; and why there are none if so."""
    main, sign = columns[0], SIGNS[columns[0].higher_is]
    values = {key: _by_seed(group, main.label) for key, group in groups.items()}
    if not sign:
        why = f"{main.label} is neither better for the attacker nor for the platform"
        return [_row(key, group, columns) for key, group in groups.items()], (), (why,)
    baselines = [
        key for key, group in groups.items() if group[0].cell.is_baseline and not key.placebo
    ]
    best = {key: _best_baseline(key, values, baselines, sign) for key in groups}
    not_counted = why_not_counted(groups, handed_in) if handed_in else {}
    counted = {key: by_seed for key, by_seed in values.items() if key not in not_counted}
    not_ranked = why_not_ranked({key: groups[key] for key in counted}, main.label, counted)
    p_values = {} if not_ranked else _p_values(counted, best, baselines)
    tests = {} if not_ranked else _tests(counted, sign)
    ranks: dict[RowKey, Rank] = {}
    for block, own in tests.items():
        ranked = [
            key for key, by in counted.items() if key.block == block and by and not key.placebo
        ]
        ranks |= shared_ranks(ranked, own)
    behind: dict[RowKey, PairTest[RowKey]] = {}
    for own in tests.values():
        behind |= behind_best(own)
    bounds = difference_bounds(main.range)
    rows = [
        _row(
            key,
            group,
            columns,
            gain=_difference(values, key, best[key], sign, bounds),
            p_value=p_values.get(key),
            rank=ranks.get(key),
            behind=interval_of(behind[key].differences, bounds) if key in behind else None,
            behind_p=behind[key].p_value if key in behind else None,
            n_failed=None
            if key in baselines or key.placebo
            else failed_seeds([sign * gap for gap in _paired_differences(values, key, best[key])]),
            baseline=key in baselines,
            not_counted=not_counted.get(key, ""),
            placebo_effect=_difference(
                values,
                key._replace(placebo=True),
                key._replace(attacker=NO_ATTACK, simulator=NO_SIMULATOR, placebo=False),
                sign,
                bounds,
            ),
        )
        for key, group in groups.items()
    ]
    pairs = tuple(_pair(test, bounds) for own in tests.values() for test in own)
    return rows, pairs, not_ranked


def _best_baseline(
    key: RowKey, values: Values, baselines: Iterable[RowKey], sign: int
) -> RowKey | None:
    """The baseline that is best for an attacker at the same victim, budget and defense.

    It is chosen on the numbers that it is then compared with, which favours it: a gain is, if
    anything, too small.
    """
    rivals = [
        (sign * fmean(values[other].values()), other.attacker, other)
        for other in baselines
        if values[other] and other.block == key.block
    ]
    return max(rivals)[2] if rivals else None


def _p_values(
    values: Values, best: Mapping[RowKey, RowKey | None], baselines: Collection[RowKey]
) -> dict[RowKey, float]:
    """Of each attack against its best baseline, corrected over all of them."""
    raw = {
        key: p_value
        for key, baseline in best.items()
        if key in values
        and not (key in baselines or key.placebo)
        and (p_value := paired_p_value(_paired_differences(values, key, baseline))) is not None
    }
    return dict(zip(raw, holm(list(raw.values())), strict=True))


def _tests(values: Values, sign: int) -> dict[Block, list[PairTest[RowKey]]]:
    """Any two rows of a block that have a value but placebos; the same seeds in each of them."""
    found: dict[Block, list[PairTest[RowKey]]] = {}
    for block in dict.fromkeys(key.block for key in values):
        rows = {
            key: [by[seed] for seed in sorted(by)]
            for key, by in values.items()
            if key.block == block and by and not key.placebo
        }
        found[block] = pair_tests(rows, higher_is_better=sign > 0)
    return found


def _pair(test: PairTest[RowKey], bounds: Bounds) -> Pair:
    difference = interval_of(test.differences, bounds)
    if difference is None:
        raise ValueError("a row without a value is in a pair")
    return Pair(
        where=test.better.block._asdict(),
        better=(test.better.attacker, test.better.simulator),
        worse=(test.worse.attacker, test.worse.simulator),
        difference=difference,
        spread=stdev(test.differences) if difference.n > 1 else None,
        p_value=test.p_value,
        clear=test.clear,
    )


def _difference(
    values: Values, key: RowKey, other: RowKey | None, sign: int, bounds: Bounds
) -> Interval | None:
    differences = _paired_differences(values, key, other)
    return interval_of([sign * value for value in differences], bounds)


def _paired_differences(values: Values, key: RowKey, other: RowKey | None) -> list[float]:
    """Values of one row minus those of another, of the seeds that both have."""
    if other is None or other == key:
        return []
    own, rival = values.get(key, {}), values.get(other, {})
    return [own[seed] - rival[seed] for seed in sorted(own) if seed in rival]


def _by_seed(entries: Sequence[Entry], label: str) -> dict[int, float]:
    return {
        entry.cell.seed: value for entry in entries if (value := entry.value(label)) is not None
    }


def _row(
    key: RowKey,
    entries: Sequence[Entry],
    columns: Sequence[MetricInfo],
    *,
    gain: Interval | None = None,
    p_value: float | None = None,
    rank: Rank | None = None,
    behind: Interval | None = None,
    behind_p: float | None = None,
    n_failed: int | None = None,
    baseline: bool = False,
    not_counted: str = "",
    placebo_effect: Interval | None = None,
) -> Row:
    records = [entry.record for entry in entries if entry.record is not None]
    canaries = [record.canary for record in records if record.canary is not None]
    reached = [canary.training_samples_from_fake_users for canary in canaries]
    known = [number for number in reached if number is not None]
    effect = None if key.placebo else placebo_effect
    return Row(
        victim=key.victim,
        defense=key.defense,
        attacker=key.attacker,
        simulator=key.simulator,
        fake_users=key.fake_users,
        actions=key.actions,
        seeds=tuple(_by_seed(entries, columns[0].label)) if columns else (),
        metrics={
            column.label: interval_of(
                list(_by_seed(entries, column.label).values()),
                column.range,
                by_design=is_by_design(column),
            )
            for column in columns
        },
        gain=gain,
        p_value=p_value,
        rank=rank,
        behind=behind,
        behind_p=behind_p,
        n_failed=n_failed,
        baseline=baseline,
        placebo=key.placebo,
        placebo_effect=placebo_effect,
        from_fake_users=min(known) if known else None,
        counts=dict(sorted(Counter(str(entry.status) for entry in entries).items())),
        reasons=tuple(dict.fromkeys(record.reason for record in records if record.reason)),
        marked=effect is not None and effect.n > 1 and effect.low > 1e-12,
        not_confined=lacking_confinement(records)
        if any(record.confinement is not None for record in records)
        else "",
        others_not_confined=others_lacking_confinement(key, records)
        if any(record.others_confinement for record in records)
        else {},
        not_counted=not_counted,
    )


def _place(
    row: Row, columns: Sequence[MetricInfo], sign: int
) -> tuple[str, float, float, bool, str, bool, float, str, str]:
    """Where a row stands in its table: a placebo right below the other rows of its block."""
    main = row.metrics[columns[0].label] if columns else None
    height = math.inf if main is None else -sign * main.mean
    defense = (row.defense != NO_DEFENSE, row.defense)
    block = (row.victim, -row.fake_users, -actions_order(row.actions), *defense)
    return (*block, row.placebo, height, row.attacker, row.simulator)


def _about(cell: Cell, *, has_handed_in: bool) -> dict[str, str]:
    dataset, protocol = cell.dataset, cell.protocol
    about = {
        "dataset": f"{dataset.component.name}: {dataset.n_users} users, "
        f"{dataset.n_items} items, {dataset.n_events} events",
        "fingerprint": dataset.fingerprint,
        "goal": f"{protocol.goal} {len(protocol.targets) or protocol.n_targets} items to "
        f"{len(protocol.target_users) or protocol.n_target_users} users",
        "protocol version": str(cell.protocol_version),
        "isolation of attackers": cell.isolation,
    }
    if protocol.n_target_users == "all":
        about["goal"] += f", of whom at most {MOST_MEASURED}, drawn from the seed, are measured"
    if protocol.evaluate_users is not None:
        about["evaluated users"] = said_sample(protocol.evaluate_users, cell.dataset.n_users)
    if protocol.key:
        about["seeds"] = f"fresh key {protocol.key}"
    elif has_handed_in:
        about["seeds"] = "public key"
    if protocol.split is not None:
        about["split"] = protocol.split.name
    if protocol.repeats != "mask":
        about["repeats"] = protocol.repeats
    if dataset.notes:
        about["data"] = "; ".join(dataset.notes)
    return about
