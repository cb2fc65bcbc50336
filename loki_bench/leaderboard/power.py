"""How many seeds a difference needs: the power of the paired t-test (``loki-bench power``)."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from scipy import stats

from loki_bench.leaderboard.intervals import EQUAL
from loki_bench.leaderboard.statistics import LEVEL
from loki_bench.leaderboard.table import Pair, Table

__all__ = ["POWER", "Needed", "needed_for", "power_of", "seeds_needed"]

POWER = 0.8
"""The usual wish: of five true differences four are found."""

MOST = 10_000
"""Seeds that nobody will run."""

LARGEST_SHIFT = 1e8
"""In standard errors; there the power is 1 to the last bit, and far above it scipy has no value."""


@dataclass(frozen=True, kw_only=True)
class Needed:
    """How many seeds tell one pair of attacks apart.

    Attributes
    ----------
    pair : Pair
    key : str
        The run key of its table; empty under public seeds.
    differs : str
        In what its table differs from the first one; empty for that one.
    difference : float
        That is to be found: the wanted one, or the one that was observed.
    spread : float
        Standard deviation of the paired differences over the stored seeds.
    power : float
        Of the test at the stored number of seeds.
    n_seeds : int or None
        None where 10,000 are not enough.
    n_seeds_first_step : int or None
        The same at the level of Holm's first step: that of the test over all pairs of the same
        victim, budget and defense, as a table has them. The last step is the level itself.
    """

    pair: Pair
    key: str
    differs: str
    difference: float
    spread: float
    power: float
    n_seeds: int | None
    n_seeds_first_step: int | None


def power_of(n_seeds: int, difference: float, spread: float, level: float = LEVEL) -> float:
    """The probability that the two-sided paired t-test finds a true difference.

    Parameters
    ----------
    n_seeds : int
        2 or more.
    difference, spread : float
        True mean and standard deviation of the paired differences; spread above 0.
    level : float
        Of the test. Two attacks of a table with k pairs: 0.05 / k is the first step of Holm.
    """
    df = n_seeds - 1
    shift = abs(difference) / spread * math.sqrt(n_seeds)
    limit = float(stats.t.ppf(1 - level / 2, df))
    # by the square of t: the lower tail of scipy's noncentral t has no value at moderate shifts
    return float(stats.ncf.sf(limit**2, 1, df, min(shift, LARGEST_SHIFT) ** 2))


def seeds_needed(
    difference: float, spread: float, *, power: float = POWER, level: float = LEVEL
) -> int | None:
    """The least number of seeds at which the test has that power; None above 10,000.

    >>> seeds_needed(0.5, 1.0), seeds_needed(1.0, 1.0)  # G*Power: 34 and 10
    (34, 10)
    """
    if abs(difference) <= EQUAL or power_of(MOST, difference, spread, level) < power:
        return None
    least, most = 2, 2
    while power_of(most, difference, spread, level) < power:
        least, most = most, min(2 * most, MOST)
    while least < most:
        middle = (least + most) // 2
        if power_of(middle, difference, spread, level) < power:
            least = middle + 1
        else:
            most = middle
    return most


def needed_for(
    tables: Iterable[Table],
    *,
    attacks: Collection[str] = (),
    difference: float | None = None,
    power: float = POWER,
    level: float = LEVEL,
) -> list[Needed]:
    """Each pair of ranked rows whose seeds differ, in the order of the tables.

    Parameters
    ----------
    attacks : collection of str
        Both of a pair must be among them, or one of it if only one is named; all pairs if empty.
    difference : float or None
        The difference that is to be found; the observed one if None.
    """
    found, named = [], set(attacks)
    for table, pair in ((one, pair) for one in tables for pair in one.pairs):
        of_pair = {pair.better[0], pair.worse[0]}
        if named and not (of_pair & named if len(named) == 1 else of_pair <= named):
            continue
        if not pair.spread or pair.spread <= EQUAL:
            continue
        wanted = pair.difference.mean if difference is None else difference
        n_pairs = sum(other.where == pair.where for other in table.pairs)
        found.append(
            Needed(
                pair=pair,
                key=table.run_key,
                differs=table.about.get("differs from the first table in", ""),
                difference=wanted,
                spread=pair.spread,
                power=power_of(pair.difference.n, wanted, pair.spread, level),
                n_seeds=seeds_needed(wanted, pair.spread, power=power, level=level),
                n_seeds_first_step=seeds_needed(
                    wanted, pair.spread, power=power, level=level / n_pairs
                ),
            )
        )
    return found
