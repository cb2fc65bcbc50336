"""An interval of two levels: seeds, and the users and targets that a display rate is a mean of.

The interval over seeds takes each seed's rate as it is. That rate is a mean over drawn target users
and items, which spread, too. Here the variance of the mean over seeds is that between seeds plus
that within them: in each seed the crossed sampling variance of users and items (Owen 2007, the
"pigeonhole" variance), from the ranks that are stored. Where every seed draws its own users and
items the spread between seeds holds that within already; where all seeds have the same users and
items it says what the interval over seeds can't. Either way it holds the interval over seeds
(:func:`~loki_bench.leaderboard.intervals.interval_of`): where all seeds agree, at the floor above
all, there may be no spread at either level, and the bound that stands there stands here, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench.leaderboard.intervals import Bounds, Interval, interval_of, student_t

__all__ = ["TwoLevels", "two_levels"]


@dataclass(frozen=True, kw_only=True)
class TwoLevels:
    """The interval of a rate, and where its spread comes from.

    Attributes
    ----------
    interval : Interval
        Student's t with n - 1 degrees of freedom, cut off at the range; no end of it lies within
        the interval over seeds.
    between_seeds, users, targets : float
        Standard deviations: of the rates of seeds, of the rates of users within a seed, of those of
        targets within a seed (both the root of the mean variance over seeds).
    """

    interval: Interval
    between_seeds: float
    users: float
    targets: float


def two_levels(
    shown: Sequence[NDArray[np.float64]], bounds: Bounds, *, same_goal: bool
) -> TwoLevels | None:
    """The interval over seeds, then users and targets; None for fewer than two seeds.

    Parameters
    ----------
    shown : sequence of float64 arrays of shape (users, targets)
        One a seed: 1 where the target is shown to the user, 0 where not, NaN for a pair that does
        not count.
    bounds
        Of the rate.
    same_goal : bool
        Whether all seeds have the same users and targets: then their spread does not average out
        over seeds, and is taken from the mean over seeds of each pair.
    """
    n = len(shown)
    shown = [_counted(pairs) for pairs in shown]
    rates = [float(np.nanmean(pairs)) for pairs in shown]
    over_seeds = interval_of(rates, bounds)
    if over_seeds is None or n < 2:
        return None
    mean = over_seeds.mean
    between = float(np.std(rates, ddof=1))
    spreads = [_spreads(pairs) for pairs in shown]
    if same_goal:
        within = _variance(np.mean(np.stack(shown), axis=0))
    else:
        within = math.fsum(_variance(pairs) for pairs in shown) / n**2
    half = student_t(n - 1) * math.sqrt(between**2 / n + within)
    least, greatest = bounds
    low = mean - half if least is None else max(least, mean - half)
    high = mean + half if greatest is None else min(greatest, mean + half)
    users, targets = (math.sqrt(math.fsum(s[side] for s in spreads) / n) for side in (0, 1))
    return TwoLevels(
        interval=Interval(mean, min(low, over_seeds.low), max(high, over_seeds.high), n),
        between_seeds=between,
        users=users,
        targets=targets,
    )


def _counted(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Without users and targets that have no pair that counts."""
    pairs = pairs[~np.isnan(pairs).all(axis=1)]
    return pairs[:, ~np.isnan(pairs).all(axis=0)]


def _spreads(pairs: NDArray[np.float64]) -> tuple[float, float]:
    """Variances of the users' and of the targets' rates."""
    users, targets = (
        float(np.var(rates, ddof=1)) if len(rates) > 1 else 0.0
        for rates in (np.nanmean(pairs, axis=1), np.nanmean(pairs, axis=0))
    )
    return users, targets


def _variance(pairs: NDArray[np.float64]) -> float:
    """Of the mean of crossed users and targets: theirs over their numbers, less what counts twice.

    With variances ``a`` of users' rates, ``b`` of targets' rates and ``c`` of single pairs:
    ``a / users + b / targets - c / pairs``, for each of the first two holds the pairs' own noise.
    """
    users, targets = _spreads(pairs)
    n_users, n_targets = pairs.shape
    rows = np.nanmean(pairs, axis=1, keepdims=True)
    columns = np.nanmean(pairs, axis=0, keepdims=True)
    residual = pairs - rows - columns + np.nanmean(pairs)
    own = float(np.nansum(residual**2)) / max(1, (n_users - 1) * (n_targets - 1))
    n_pairs = int(np.sum(~np.isnan(pairs)))
    return max(0.0, float(users / n_users + targets / n_targets - own / n_pairs))
