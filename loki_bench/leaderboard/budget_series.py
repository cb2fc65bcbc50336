"""What an attack does over a series of budgets, in two numbers: an area, and a half-ceiling budget.

At one large budget good attacks stand side by side at the ceiling. Over a series the area under the
main metric tells them apart, and the budget that reaches half of the ceiling says what an attacker
must spend. Budgets are shares of fake users, on a log scale: each doubling counts the same.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loki_bench.leaderboard.fitting import Column, grid_of, interval_column
from loki_bench.leaderboard.formatting import names_in
from loki_bench.leaderboard.intervals import (
    Bounds,
    Interval,
    difference_bounds,
    interval_of,
)
from loki_bench.leaderboard.rows import EventShares, RowKey, name_of
from loki_bench.leaderboard.statistics import PairTest, behind_best, pair_tests, shown_p
from loki_bench.suite.actions import Actions, actions_order

__all__ = [
    "BudgetSeries",
    "area_over_log_budget",
    "half_ceiling_budget",
    "series_of",
    "series_table",
]


@dataclass(frozen=True, kw_only=True)
class BudgetSeries:
    """One attack on one victim over all budgets of a table.

    Attributes
    ----------
    shares : tuple of float
        Fake users as shares of genuine users, in order.
    event_shares : tuple of float or None
        Events of each over all genuine events; None where they are not known.
    area : Interval
        Area under the main metric over log budget, divided by the width of the series: the mean of
        the metric over the series, in the metric's range. Over seeds that have every budget.
    half_ceiling : Interval or None
        The smallest budget, as a share, that reaches half of the ceiling: the geometric mean over
        seeds, its interval taken on the log scale and within the series. A seed that reaches it at
        the smallest budget, or never, counts with that end. None without a ceiling, and where
        less of the metric is better for an attacker.
    n_at_once, n_never : int
        Seeds that reach it at the smallest budget already, and those that do not reach it.
    seeds : tuple of int
        Those that have every budget.
    areas : tuple of float
        One a seed.
    behind : Interval or None
        By how much the largest area on the same budgets is larger, seed by seed; None of that one,
        where the attacks have other seeds, and where the rows of one are not ranked.
    behind_p : float or None
        Of no such difference, paired by seed and corrected by Holm over all pairs of those attacks.
    """

    victim: str
    defense: str
    attacker: str
    simulator: str
    actions: Actions
    shares: tuple[float, ...]
    event_shares: tuple[float | None, ...]
    area: Interval
    half_ceiling: Interval | None
    n_at_once: int
    n_never: int
    seeds: tuple[int, ...]
    areas: tuple[float, ...]
    behind: Interval | None = None
    behind_p: float | None = None


def area_over_log_budget(shares: Sequence[float], values: Sequence[float]) -> float:
    """The trapezoid area under values over log budget, divided by the width in log budget.

    Parameters
    ----------
    shares : sequence of float
        At least two, above zero, in order.
    values : sequence of float
        One a share.

    >>> round(area_over_log_budget([0.001, 0.01, 0.1], [0.0, 0.2, 0.4]), 12)
    0.2
    """
    logs = np.log(shares)
    heights = (np.asarray(values[1:]) + np.asarray(values[:-1])) / 2
    return float(np.sum(heights * np.diff(logs)) / (logs[-1] - logs[0]))


def half_ceiling_budget(
    shares: Sequence[float], values: Sequence[float], ceiling: float
) -> float | None:
    """The smallest budget that reaches half of a ceiling, interpolated on log budget.

    Returns
    -------
    float or None
        The first share itself where it reaches that much; None where none does.

    >>> half_ceiling_budget([0.01, 0.04], [0.1, 0.3], ceiling=0.4)
    0.02
    """
    level = ceiling / 2
    for place, value in enumerate(values):
        if value < level:
            continue
        if place == 0:
            return shares[0]
        below = values[place - 1]
        part = (level - below) / (value - below)
        start, end = math.log(shares[place - 1]), math.log(shares[place])
        return round(math.exp(start + part * (end - start)), 15)
    return None


def series_of(
    values: Mapping[RowKey, Mapping[int, float]],
    *,
    bounds: Bounds,
    ceiling: float | None,
    higher_is_better: bool,
    event_shares: EventShares,
    compared: Collection[RowKey],
) -> tuple[BudgetSeries, ...]:
    """The series of each attack that has two budgets or more with a seed in common.

    Parameters
    ----------
    values : mapping of row to its main metric by seed
        Placebos are left out.
    bounds, ceiling
        Of that metric; without a ceiling the end of its range is taken.
    event_shares : mapping
        Of each budget, to be shown beside it.
    compared : collection of rows
        Those that their table ranks. A series of any others has its area, and stands neither
        behind the best nor before the others.
    """
    groups: dict[RowKey, dict[float, Mapping[int, float]]] = defaultdict(dict)
    apart: set[RowKey] = set()
    for key, by_seed in values.items():
        if key.fake_users > 0 and not key.placebo and by_seed:
            attack = key._replace(fake_users=0.0)
            groups[attack][key.fake_users] = by_seed
            if key not in compared:
                apart.add(attack)
    top = ceiling if ceiling is not None else bounds[1]
    one_a_row: list[BudgetSeries] = []
    rivals: dict[object, list[BudgetSeries]] = defaultdict(list)
    for key, own in sorted(groups.items()):
        if len(own) < 2:
            continue
        one = _series(key, own, bounds, top if higher_is_better else None, event_shares)
        if one is not None:
            one_a_row.append(one)
            if key not in apart:
                rivals[one.victim, one.defense, one.actions, one.shares].append(one)
    behind: dict[BudgetSeries, PairTest[BudgetSeries]] = {}
    for rows in rivals.values():
        if len({one.seeds for one in rows}) == 1:
            areas = {one: one.areas for one in rows}
            behind |= behind_best(pair_tests(areas, higher_is_better=higher_is_better))
    return tuple(_compared(one, behind.get(one), bounds) for one in one_a_row)


def series_table(
    series: Sequence[BudgetSeries],
    main: str,
    style: str,
    *,
    defended: bool,
    width: int | None = None,
) -> list[str]:
    """Title, grid and notes; nothing without a series. ``style`` is tabulate's.

    With a ``width`` the grid has no more letters than that.
    """
    if not series:
        return []
    name = names_in(style)
    rows = sorted(series, key=_place)
    columns = [
        Column(head="victim", cells=[name(one.victim) for one in rows]),
        Column(
            head="budgets",
            cells=[_budgets(one) for one in rows],
            short=[_budgets(one, with_events=False) for one in rows],
        ),
        *([Column(head="defense", cells=[name(one.defense) for one in rows])] if defended else []),
        Column(head="attacker", cells=[name(name_of(one.attacker, one.simulator)) for one in rows]),
        interval_column(f"area under {name(main)}", [one.area for one in rows]),
        interval_column("behind the best", [one.behind for one in rows]),
        Column(head="p", cells=[shown_p(one.behind_p) for one in rows]),
        Column(head="half-ceiling budget", cells=[_shown_half(one) for one in rows]),
    ]
    grid, left_out = grid_of(columns, style, width)
    notes = (
        f"Area under {name(main)} over log budget, divided by the width of the series: its mean "
        "over the series. Half-ceiling budget: the smallest share of fake users that reaches half "
        "of the ceiling, interpolated on log budget, geometric mean over seeds; a seed that never "
        "reaches it counts with the largest budget, one that does so at once with the smallest. "
        "Behind the best: by how much the largest area is larger, seed by seed; p is its paired "
        "t-test, corrected by Holm over all pairs of that victim."
    )
    return ["## Over budgets" if style == "github" else "Over budgets", grid, f"{left_out}{notes}"]


def _compared(
    one: BudgetSeries, test: PairTest[BudgetSeries] | None, bounds: Bounds
) -> BudgetSeries:
    """The series with how far it is behind the best one."""
    if test is None:
        return one
    behind = interval_of(test.differences, difference_bounds(bounds))
    return replace(one, behind=behind, behind_p=test.p_value)


def _place(one: BudgetSeries) -> tuple[str, float, str, float]:
    return one.victim, actions_order(one.actions), one.defense, -one.area.mean


def _series(
    key: RowKey,
    own: Mapping[float, Mapping[int, float]],
    bounds: Bounds,
    top: float | None,
    event_shares: EventShares,
) -> BudgetSeries | None:
    shares = sorted(own)
    seeds = sorted(set.intersection(*(set(by_seed) for by_seed in own.values())))
    rows = [[own[share][seed] for share in shares] for seed in seeds]
    areas = [area_over_log_budget(shares, row) for row in rows]
    area = interval_of(areas, bounds)
    if area is None:
        return None
    reached = [] if top is None else [half_ceiling_budget(shares, row, top) for row in rows]
    logs = [math.log(shares[-1] if one is None else one) for one in reached]
    on_log = interval_of(logs, (math.log(shares[0]), math.log(shares[-1])))
    return BudgetSeries(
        victim=key.victim,
        defense=key.defense,
        attacker=key.attacker,
        simulator=key.simulator,
        actions=key.actions,
        shares=tuple(shares),
        event_shares=tuple(event_shares.get((share, key.actions)) for share in shares),
        area=area,
        half_ceiling=None if on_log is None else _as_share(on_log, shares),
        n_at_once=sum(one == shares[0] for one in reached),
        n_never=sum(one is None for one in reached),
        seeds=tuple(seeds),
        areas=tuple(areas),
    )


def _as_share(on_log: Interval, shares: Sequence[float]) -> Interval:
    """Back from logs; the last bit stays within the series."""
    mean, low, high = (
        min(max(math.exp(value), shares[0]), shares[-1])
        for value in (on_log.mean, on_log.low, on_log.high)
    )
    return Interval(mean, low, high, on_log.n)


def _budgets(one: BudgetSeries, *, with_events: bool = True) -> str:
    first, *_, last = one.event_shares
    budgets = f"{100 * one.shares[0]:g} to {100 * one.shares[-1]:g} % x {one.actions}"
    if with_events and first is not None and last is not None:
        budgets += f" ({100 * first:.3g} to {100 * last:.3g} % of events)"
    return budgets


def _shown_half(one: BudgetSeries) -> str:
    half = one.half_ceiling
    if half is None:
        return "-"
    if one.n_never == half.n:
        return f"over {100 * one.shares[-1]:g} %"
    if one.n_at_once == half.n:
        return f"{100 * one.shares[0]:g} % or less"
    ends = "" if half.n == 1 else f" [{100 * half.low:.3g} %, {100 * half.high:.3g} %]"
    never = f", never in {one.n_never} of {half.n} seeds" if one.n_never else ""
    return f"{100 * half.mean:.3g} %{ends}{never}"
