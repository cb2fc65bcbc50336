"""Features of the popularity of what a user holds, set beside those of users of like length."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions
from loki_bench.parameters import require_count
from loki_bench_defenses.log_degrees import log_degrees
from loki_bench_defenses.outliers import robust_z, second_mode
from loki_bench_defenses.scored import ScoredDefense

__all__ = ["DegreeFeatures", "degree_features"]

LEAST_GROUP = 300


class DegreeFeatures(ScoredDefense):
    """Users whose items are of unusual degree: mean, range and upper quartile.

    The features are those of DegreeSAD (Li et al., IEICE Transactions 2016), as its public
    re-implementations have them; the paper trains a classifier on labelled users. Nobody is
    labelled here, so each feature is turned into a robust z-score among users of like length
    (:func:`groups_of_like_length`: in a small group one attack would be the rule), and the
    suspicion is the root of the mean square of the three. The threshold is where a second mode
    begins (:func:`~loki_bench_defenses.outliers.second_mode`).

    Parameters
    ----------
    n_groups : int
        The most groups of like length.
    """

    def __init__(self, n_groups: int = 3) -> None:
        super().__init__()
        self.n_groups = require_count("defense 'degree'", "n_groups", n_groups)

    def score(self, train: Interactions) -> NDArray[np.float64]:
        """Root of the mean square of three z-scores; 0 for users without events."""
        suspicion = np.zeros(train.n_users)
        active = np.flatnonzero(train.lengths)
        if not len(active):
            return suspicion
        features, lengths = degree_features(train)[active], train.lengths[active]
        groups = groups_of_like_length(lengths, self.n_groups)
        z = np.zeros_like(features)
        for group in np.unique(groups):
            members = groups == group
            for column in range(features.shape[1]):
                z[members, column] = robust_z(features[members, column])
        suspicion[active] = np.sqrt(np.square(z).mean(axis=1))
        return suspicion

    def threshold(self, suspicion: NDArray[np.float64]) -> float:
        return second_mode(suspicion)


def groups_of_like_length(lengths: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    """The group of each user: about equally many, equal lengths together, 300 or more in each.

    Users of one length are often more than a group's share, which leaves others small: the smallest
    joins its smaller neighbour until each has 300, or all are one.

    >>> lengths = np.repeat([9, 10, 11], [30, 950, 320])
    >>> groups_of_like_length(lengths, 3)[[0, 30, -1]].tolist()
    [0, 0, 1]
    """
    cuts = np.quantile(lengths, np.arange(1, n_groups) / n_groups)
    groups = np.searchsorted(cuts, lengths, side="right")
    while True:
        _, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        groups = which.reshape(-1)
        smallest = int(np.argmin(sizes))
        if len(sizes) == 1 or sizes[smallest] >= LEAST_GROUP:
            return groups
        beside = [place for place in (smallest - 1, smallest + 1) if 0 <= place < len(sizes)]
        groups[groups == smallest] = min(beside, key=lambda place: int(sizes[place]))


def degree_features(train: Interactions) -> NDArray[np.float64]:
    """Mean, range and upper quartile of the log degree of each user's items, shape (n_users, 3).

    An item's degree is the number of its events by other users, plus one. Users without events
    have zeros.
    """
    rows, logs = train.rows, log_degrees(train)
    ordered = logs[np.lexsort((logs, rows))]
    features = np.zeros((train.n_users, 3))
    has = train.lengths > 0
    starts, ends = train.offsets[:-1][has], train.offsets[1:][has]
    features[has, 0] = np.bincount(rows, logs, minlength=train.n_users)[has] / (ends - starts)
    features[has, 1] = ordered[ends - 1] - ordered[starts]
    features[has, 2] = ordered[starts + 3 * (ends - starts) // 4]
    return features
