"""A leaderboard's tables as values: rows, pairs of rows, and what a table's head says.

A row is one attack on one victim with one budget, one defense and one simulator, over all seeds.
How they come from records: :mod:`loki_bench.leaderboard.tabulation`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import JsonValue

from loki_bench.leaderboard.budget_series import BudgetSeries
from loki_bench.leaderboard.intervals import Interval
from loki_bench.leaderboard.rows import NO_DEFENSE, RowKey
from loki_bench.records.schema import MetricInfo
from loki_bench.suite.actions import Actions

__all__ = ["SIGNS", "Pair", "Rank", "Row", "Table"]

Rank: TypeAlias = tuple[int, int, int]

SIGNS = {"better for the attacker": 1, "better for the platform": -1, "neither": 0}
"""1 where an attacker wants a metric high, -1 where low, 0 where neither."""


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
        """That of the main metric, see :data:`SIGNS`; 0 where there is none."""
        return 0 if self.main is None else SIGNS[self.main.higher_is]

    @property
    def has_defenses(self) -> bool:
        """Whether any row is defended."""
        return any(row.defense != NO_DEFENSE for row in self.rows)
