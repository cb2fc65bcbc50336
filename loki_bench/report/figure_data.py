"""What the figures for papers show, taken from records: bars, lines, lengths, learned sequences."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from loki_bench.leaderboard.intervals import Interval
from loki_bench.leaderboard.rows import NO_DEFENSE, NO_SIMULATOR, SINGLE, RowKey, row_key
from loki_bench.leaderboard.table import Row, Table
from loki_bench.records.schema import Record, Reports
from loki_bench.suite.actions import GENUINE, actions_order

__all__ = [
    "Learned",
    "LengthShares",
    "Line",
    "Transfer",
    "attack_of",
    "learned",
    "length_shares",
    "lines",
    "transfers",
]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One attack on one victim along one axis of the budget; a single point for a bar.

    Attributes
    ----------
    x : tuple of float
    y : tuple of Interval
        The table's main metric.
    baseline : bool
        Whether others are measured against this attack.
    """

    victim: str
    attack: str
    baseline: bool
    x: tuple[float, ...]
    y: tuple[Interval, ...]


@dataclass(frozen=True, kw_only=True)
class LengthShares:
    """How long training sequences are before and after the injection.

    Attributes
    ----------
    attacks : tuple of str
        Those that lead to the same lengths.
    before, after : mapping of length to share of users
    """

    attacks: tuple[str, ...]
    budget: str
    before: Mapping[int, float]
    after: Mapping[int, float]


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What one attack learned against one victim under one budget, by seed.

    Attributes
    ----------
    sequences : mapping of seed to the group at each step of its most common sequence
    curves : mapping of seed to mean return by round of training
        Empty where the attack reports no learning curve.
    """

    row: RowKey
    sequences: Mapping[int, tuple[str, ...]]
    curves: Mapping[int, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """How one attack does on each victim with each single surrogate, under its largest budget.

    Attributes
    ----------
    values : mapping of (surrogate, victim) to Interval
        The table's main metric.
    """

    attacker: str
    values: Mapping[tuple[str, str], Interval]


def attack_of(row: Row | RowKey) -> str:
    """The attack, with its simulator where it is not the protocol's own."""
    usual = row.simulator in (NO_SIMULATOR, "leave-one-out")
    return row.attacker if usual else f"{row.attacker} ({row.simulator})"


def lines(table: Table, over: str) -> list[Line]:
    """The rows of a table along ``"fake_users"`` (in percent), ``"actions"`` or ``"victim"``.

    The rest of the budget is the largest of the table; for ``"victim"`` all of it, and every line
    is one point. Placebos, defended rows and rows without a value are left out.
    """
    rows = _drawn(table)
    if over == "actions":  # genuine lengths have no place on an axis of numbers
        rows = [row for row in rows if row.actions != GENUINE]
    else:
        longest = max((actions_order(row.actions) for row in rows), default=0.0)
        rows = [row for row in rows if actions_order(row.actions) == longest]
    if over != "fake_users":
        most = max((row.fake_users for row in rows), default=0.0)
        rows = [row for row in rows if row.fake_users == most]
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.victim, attack_of(row)].append(row)
    return [_line(victim, attack, own, over, table) for (victim, attack), own in groups.items()]


def transfers(table: Table) -> list[Transfer]:
    """Attacks that the table has with more than one single surrogate, in order of their names."""
    largest: dict[str, dict[tuple[str, str], Row]] = defaultdict(dict)
    for row in sorted(_drawn(table), key=lambda row: (row.fake_users, actions_order(row.actions))):
        if row.simulator.startswith(SINGLE):
            largest[row.attacker][row.simulator.removeprefix(SINGLE), row.victim] = row
    main = _main(table)
    return [
        Transfer(
            attacker=attacker,
            values={at: value for at, row in own.items() if (value := row.metrics[main])},
        )
        for attacker, own in sorted(largest.items())
        if len({surrogate for surrogate, _ in own}) > 1
    ]


def length_shares(records: Iterable[Record]) -> list[LengthShares]:
    """Lengths before and after attacks, each under its largest budget; those that are equal once.

    Of the cells that differ in seed or victim alone the first is taken.
    """
    found: dict[str, tuple[tuple[float, float], LengthShares]] = {}
    for key, record in sorted(
        ((row_key(record.cell), record) for record in records),
        key=lambda pair: (pair[0], pair[1].id),
    ):
        lengths = record.lengths
        if lengths is None or not lengths.fake or key.placebo or key.defense != NO_DEFENSE:
            continue
        budget, attack = (key.fake_users, actions_order(key.actions)), attack_of(key)
        if attack not in found or budget > found[attack][0]:
            genuine, fake = lengths.genuine, lengths.fake
            after = {n: genuine.get(n, 0) + fake.get(n, 0) for n in {**genuine, **fake}}
            shares = LengthShares(
                attacks=(attack,),
                budget=f"{100 * key.fake_users:g} % x {key.actions}",
                before=_shares(genuine),
                after=_shares(after),
            )
            found[attack] = (budget, shares)
    merged: list[LengthShares] = []
    for _, own in sorted(found.values(), key=lambda pair: pair[1].attacks):
        same = next((one for one in merged if replace(one, attacks=own.attacks) == own), None)
        if same is None:
            merged.append(own)
        else:
            attacks = same.attacks + own.attacks
            merged[merged.index(same)] = replace(same, attacks=attacks)
    return merged


def learned(records: Iterable[Record]) -> list[Learned]:
    """What attacks report to have learned, under the largest budget of each, row by row."""
    groups: dict[RowKey, dict[int, Reports]] = defaultdict(dict)
    for record in records:
        key, reports = row_key(record.cell), record.reports
        if reports is not None and reports.group_sequence is not None and not key.placebo:
            groups[key][record.cell.seed] = reports
    largest: dict[tuple[str, str, str, str], RowKey] = {}
    for key in sorted(groups):  # the largest budget is the last
        largest[key.victim, key.defense, key.attacker, key.simulator] = key
    return [_learned(key, groups[key]) for key in largest.values()]


def _learned(key: RowKey, reports: Mapping[int, Reports]) -> Learned:
    seeds = sorted(reports)
    return Learned(
        row=key,
        sequences={seed: reports[seed].group_sequence or () for seed in seeds},
        curves={
            seed: curve.mean_return
            for seed in seeds
            if (curve := reports[seed].learning_curve) is not None
        },
    )


def _main(table: Table) -> str:
    """The label of the main metric; figures are drawn of tables that have one."""
    return table.columns[0].label


def _drawn(table: Table) -> list[Row]:
    """Rows with a value of the main metric, without placebos and defended rows."""
    main = _main(table)
    return [
        row
        for row in table.rows
        if not row.placebo and row.defense == NO_DEFENSE and row.metrics[main] is not None
    ]


def _line(victim: str, attack: str, rows: list[Row], over: str, table: Table) -> Line:
    main = _main(table)
    scale = {"fake_users": 100.0, "actions": 1.0}.get(over, 0.0)
    points = sorted(
        ((scale * getattr(row, over) if scale else 0.0), value)
        for row in rows
        if (value := row.metrics[main]) is not None
    )
    return Line(
        victim=victim,
        attack=attack,
        baseline=rows[0].baseline,
        x=tuple(x for x, _ in points),
        y=tuple(y for _, y in points),
    )


def _shares(counts: Mapping[int, int]) -> dict[int, float]:
    total = sum(counts.values())
    return {length: counts[length] / total for length in sorted(counts)}
