"""Rows of a leaderboard, computed from records alone: same records, same rows, in any order.

A row is one attack on one victim with one budget, one defense and one simulator, over all seeds.
Cells of another dataset or protocol make a table of their own: they are never mixed. The first
metric heads the table, whoever declares it: rows are sorted, compared and ranked by it.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from loki_bench.leaderboard.user_sample import said_sample
from loki_bench.records.schema import MetricInfo, Record
from loki_bench.suite.actions import Actions, actions_order
from loki_bench.suite.cell import Cell
from loki_bench.suite.goal import MOST_MEASURED

__all__ = ["Pair", "Row", "Table", "protocol_of", "tables_of"]

Values: TypeAlias = Mapping[RowKey, Mapping[int, float]]
"""The main metric of each row, by seed."""

Rank: TypeAlias = tuple[int, int, int]

SIGNS = {"better for the attacker": 1, "better for the platform": -1, "neither": 0}
"""Whether an attacker wants more or less of a metric."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two rows of one victim, budget and defense, compared seed by seed.

    Attributes
    ----------
    where : mapping of str to value
        Victim, budget and defense.
    better, worse : (attacker, simulator)
        By the mean of the main metric.
    difference : Interval
        By how much the better one is better for the attacker, seed by seed.
    spread : float or None
        Standard deviation of that over seeds; None for one seed.
    p_value : float or None
        Of no difference, paired by seed and corrected by Holm over all pairs of the same victim,
        budget and defense; None for one seed.
    clear : bool
        Whether the p-value is below 0.05; where it is not, the two are tied.
    """

    where: Mapping[str, JsonValue]
    better: tuple[str, str]
    worse: tuple[str, str]
    difference: Interval
    spread: float | None
    p_value: float | None
    clear: bool


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a leaderboard.

    Attributes
    ----------
    seeds : tuple of int
        Those at which the main metric has a value: it may be undefined at some that ended well.
    event_share : float or None
        Events that the budget grants, over all genuine events; None where lengths are drawn and no
        attack was run (:func:`loki_bench.leaderboard.rows.event_shares`).
    metrics : mapping of metric label to Interval or None
        None where no seed has a value.
    gain : Interval or None
        By how much the main metric is better for the attacker than that of the best baseline of
        the same victim, budget and defense, seed by seed; None for that baseline itself and
        where no seed has both. Where less is better (a display rate to demote, a rank to promote)
        a fall is a positive gain.
    p_value : float or None
        Of a gain of zero, paired by seed and corrected by Holm over all attacks of the table; None
        for baselines and placebos, for one seed, and in a table that is not ranked.
    rank : (rank, low, high) or None
        Among the rows of the same victim, budget and defense: 1 + the rows that are clearly better,
        that again, and the number of rows less those that are clearly worse. None for placebos,
        for rows without any result, and in a table that is not ranked.
    behind : Interval or None
        By how much the best row of the same victim, budget and defense is better, seed by seed;
        None for that row itself, and wherever there is no rank.
    behind_p : float or None
        Of no such difference; the pair's, see :class:`Pair`.
    n_failed : int or None
        Seeds in which the attack failed (:mod:`loki_bench.leaderboard.failures`); None for
        baselines and placebos.
    baseline : bool
        Whether others are measured against this row.
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
    marked : bool
        Whether the attack works without its targets: its placebo's interval, of two seeds or more,
        lies above 0.
    not_deterministic : str
        How a craft of this attack, done twice, differed; empty where it did not.
    not_confined : str
        What did not keep the attack from the machine: ``"partial: without network"``; empty where
        nothing was lacking, and in an in-process table, whose head says so.
    others_not_confined : mapping of str to str
        The same of its victim, its defense and metrics, by who it is: ``"defense 'x'"``; those
        alone where anything was lacking.
    not_counted : str
        Why a row that was handed in has no rank; empty where it has one, and for all other rows.
    """

    victim: str
    defense: str
    attacker: str
    simulator: str
    fake_users: float
    actions: Actions
    seeds: tuple[int, ...]
    metrics: Mapping[str, Interval | None]
    gain: Interval | None
    p_value: float | None
    rank: Rank | None
    behind: Interval | None
    behind_p: float | None
    n_failed: int | None
    baseline: bool
    placebo: bool
    placebo_effect: Interval | None
    from_fake_users: int | None
    counts: Mapping[str, int]
    reasons: tuple[str, ...]
    marked: bool
    event_share: float | None = None
    not_deterministic: str = ""
    not_confined: str = ""
    not_counted: str = ""
    others_not_confined: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> RowKey:
        """What the row is about."""
        return RowKey(
            victim=self.victim,
            fake_users=self.fake_users,
            actions=self.actions,
            defense=self.defense,
            attacker=self.attacker,
            simulator=self.simulator,
            placebo=self.placebo,
        )


@dataclass(frozen=True, kw_only=True)
class Table:
    """All rows of one dataset and protocol.

    Attributes
    ----------
    about : mapping of str to str
        Dataset, protocol and component versions, as a person reads them.
    run_key : str
        That of all its cells; empty for the public one.
    columns : tuple of MetricInfo
        The metrics in the order of the suite; the first one is the main metric.
    pairs : tuple of Pair
        Any two rows of one victim, budget and defense but placebos; none in a table that is not
        ranked.
    series : tuple of BudgetSeries
        Of each attack over all budgets, where there are two or more.
    n_evaluated : int
        Users whose test events were ranked.
    n_items : int
        Of the dataset.
    not_ranked : tuple of str
        Why rows have no rank: which seed is missing, which field differs. Empty: they are ranked.
    """

    about: Mapping[str, str]
    run_key: str
    columns: tuple[MetricInfo, ...]
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    series: tuple[BudgetSeries, ...]
    n_evaluated: int
    n_items: int
    not_ranked: tuple[str, ...]

    @property
    def main(self) -> MetricInfo | None:
        """The metric that rows are sorted by; None where no record has any."""
        return self.columns[0] if self.columns else None

    @property
    def sign(self) -> int:
        """1 where an attacker wants the main metric high, -1 where low, 0 where neither."""
        return 0 if self.main is None else SIGNS[self.main.higher_is]

    @property
    def has_defenses(self) -> bool:
        """Whether any row is defended."""
        return any(row.defense != NO_DEFENSE for row in self.rows)


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
