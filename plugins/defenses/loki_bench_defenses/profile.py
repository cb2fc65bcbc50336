"""A statistical filter of user profiles: length, popularity and repetition."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions
from loki_bench_defenses.log_degrees import log_degrees
from loki_bench_defenses.outliers import ROUNDING, are_equal, outlier_threshold, robust_z
from loki_bench_defenses.scored import ScoredDefense

__all__ = ["ProfileFilter"]

N_POPULARITY_GROUPS = 10
NEIGHBOURHOOD = 0.1  # lengths within ten per cent, and two at least, are like each other

INTERPOLATION_ERROR = 0.2  # where lengths fall off steeply, nearby ones tell little more


class ProfileFilter(ScoredDefense):
    """Drops users of unusual popularity or repetition, and bursts of users of one length.

    A user's suspicion is the largest of three numbers, each in standard deviations:

    - popularity: how far the mean logarithm of the popularity of the user's items lies from that
      of all users. Its variance has a part between users and a part that falls with the length.
    - repetition: how many more events repeat one of the user's items than at the rate of all
      users; a binomial count.
    - burst: how many more users have exactly this length, and a popularity in the same tenth, than
      nearby lengths let expect; a Poisson count around an expectation good to 20 %. One attack
      writes sequences of one length. The least length in the data is left out: there a filter such
      as 5-core makes a step.

    The dispersion of the last two is estimated from the data and never taken below that of the
    model. The threshold is that of :func:`~loki_bench_defenses.outliers.outlier_threshold`.
    """

    def score(self, train: Interactions) -> NDArray[np.float64]:
        """The largest of the three numbers; see the class."""
        suspicion = np.zeros(train.n_users)
        active = np.flatnonzero(train.lengths)
        if not len(active):
            return suspicion
        events = train.with_sequences(train.take(active))
        popularity, within = popularity_of(events)
        numbers = (
            np.abs(popularity_z(popularity, within, events.lengths)),
            repetition_z(events),
            burst_z(events.lengths, popularity),
        )
        suspicion[active] = np.maximum(0.0, np.max(numbers, axis=0))
        return suspicion

    def threshold(self, suspicion: NDArray[np.float64]) -> float:
        return outlier_threshold(len(suspicion))


def popularity_of(events: Interactions) -> tuple[NDArray[np.float64], float]:
    """Mean log popularity of each user's events, and the variance of one event within a user.

    An item's popularity is that of :func:`.log_degrees`. No user is without events.
    """
    logs = log_degrees(events)
    means = np.bincount(events.rows, logs) / events.lengths
    if are_equal(means):  # means of equal numbers differ by how many there are
        means[:] = np.median(means)
    spare = events.n_events - len(events)
    within = float(np.sum(np.square(logs - means[events.rows]))) / spare if spare else 0.0
    return means, within


def popularity_z(
    popularity: NDArray[np.float64], within: float, lengths: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Distance from the median in standard deviations of users of the same length.

    Where such a deviation is 0 but for rounding, so is the distance.
    """
    median = np.median(popularity)
    distances = popularity - median
    total = np.square(1.4826 * np.median(np.abs(distances)))
    between = max(0.0, float(total - within * np.median(1 / lengths)))
    scale = np.sqrt(between + within / lengths)
    told = scale > ROUNDING * abs(median)
    return np.asarray(np.divide(distances, scale, out=np.zeros(len(distances)), where=told))


def repetition_z(events: Interactions) -> NDArray[np.float64]:
    """Repeated events above the rate of all users, in standard deviations."""
    own = events.rows.astype(np.int64) * events.n_items + events.items
    distinct = np.bincount(np.unique(own) // events.n_items, minlength=len(events))
    repeated = events.lengths - distinct
    rate = (repeated.sum() + 1) / (events.n_events + 2)
    z = (repeated - rate * events.lengths) / np.sqrt(rate * (1 - rate) * events.lengths)
    return np.asarray(z / _dispersion(z))


def burst_z(lengths: NDArray[np.int64], popularity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Users of one length and like popularity above the number nearby lengths let expect."""
    cuts = np.quantile(popularity, np.arange(1, N_POPULARITY_GROUPS) / N_POPULARITY_GROUPS)
    tenth = np.searchsorted(cuts, popularity, side="right")
    counts = np.zeros((lengths.max() + 1, N_POPULARITY_GROUPS))
    np.add.at(counts, (lengths, tenth), 1)
    sums = np.vstack([np.zeros(N_POPULARITY_GROUPS), np.cumsum(counts, axis=0)])
    present = np.unique(lengths)[1:]
    z = np.zeros_like(counts)
    for length in present:
        reach = max(2, int(NEIGHBOURHOOD * length))
        low, high = max(present[0] - 1, length - reach), length + reach
        top = min(high + 1, len(counts))
        nearby = sums[top] - sums[low] - counts[length]
        expected = nearby / (high - low)
        z[length] = (counts[length] - expected) / np.sqrt(
            expected + 1 + np.square(INTERPOLATION_ERROR * expected)
        )
    return (z / _dispersion(z[counts > 0]))[lengths, tenth]


def _dispersion(z: NDArray[np.float64]) -> float:
    """Standard deviation of the bulk, 1 at least."""
    spread = robust_z(z)
    scaled = np.abs(spread) > 0
    if not scaled.any():
        return 1.0
    unit = np.median((z - np.median(z))[scaled] / spread[scaled])
    return max(1.0, float(unit))
