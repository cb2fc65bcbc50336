"""Users whose consecutive items are seldom held together by anybody else."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions
from loki_bench.parameters import require_count
from loki_bench_defenses.consecutive_pairs import consecutive_pairs
from loki_bench_defenses.holdings import holdings
from loki_bench_defenses.outliers import robust_z, second_mode
from loki_bench_defenses.scored import ScoredDefense

__all__ = ["CooccurrenceFilter"]


class CooccurrenceFilter(ScoredDefense):
    """Improbable consecutive pairs, judged against pairs of items that are as popular.

    For two different items that follow each other in a user's sequence, the lift is the number of
    *other* users that hold both over the number expected if items were held independently, each
    with 1/2 added. Popular pairs have other lifts than rare ones: each lift is turned into its
    place (0 to 1, ties at their middle) among pairs of like expectation. A user's places have mean
    1/2 and variance 1/12 if the user is like the others; the suspicion is the robust z-score of
    how far their sum lies below, and the threshold is where a second mode begins
    (:func:`~loki_bench_defenses.outliers.second_mode`).

    The model is estimated from the data as it is, fake users included, for nothing cleaner is
    known: fake users that all visit the same pairs support each other, and are not found.

    Parameters
    ----------
    n_groups : int
        Groups of about equally many pairs of like expectation.
    """

    def __init__(self, n_groups: int = 50) -> None:
        super().__init__()
        self.n_groups = require_count("defense 'cooccurrence'", "n_groups", n_groups)

    def score(self, train: Interactions) -> NDArray[np.float64]:
        """Robust z-score of how far a user's places lie below one half."""
        suspicion = np.zeros(train.n_users)
        users, lifts, expected = consecutive_lifts(train)
        if not len(users):
            return suspicion
        places = places_among_alike(lifts, expected, self.n_groups)
        n_pairs = np.bincount(users, minlength=train.n_users)
        below = np.bincount(users, 0.5 - places, minlength=train.n_users)
        judged = n_pairs > 0
        suspicion[judged] = robust_z(below[judged] / np.sqrt(n_pairs[judged] / 12))
        return suspicion

    def threshold(self, suspicion: NDArray[np.float64]) -> float:
        return second_mode(suspicion)


def consecutive_lifts(
    train: Interactions,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """User, lift and expectation of each pair of different consecutive items, own pair left out."""
    users, one, other = consecutive_pairs(train)
    matrix = holdings(train)
    held_by = np.asarray(matrix.sum(axis=0)).ravel()
    together = (matrix.T @ matrix).tocsr()
    observed = np.asarray(together[one, other]).ravel() - 1 if len(users) else np.empty(0)
    expected = (held_by[one] - 1) * (held_by[other] - 1) / max(train.n_users - 1, 1)
    return users, (observed + 0.5) / (expected + 0.5), expected


def places_among_alike(
    values: NDArray[np.float64], alike: NDArray[np.float64], n_groups: int
) -> NDArray[np.float64]:
    """The place from 0 to 1 of each value among those with a like ``alike``; ties share a place.

    >>> places_among_alike(np.array([3.0, 1.0, 3.0, 9.0]), np.zeros(4), 1).tolist()
    [0.5, 0.125, 0.5, 0.875]
    """
    places = np.empty(len(values))
    if not len(values):
        return places
    # cut between different expectations only: the order of users means nothing
    cuts = np.quantile(alike, np.arange(1, n_groups) / n_groups)
    groups = np.searchsorted(cuts, alike, side="right")
    for group in range(n_groups):
        members = np.flatnonzero(groups == group)
        _, which, counts = np.unique(values[members], return_inverse=True, return_counts=True)
        middles = np.cumsum(counts) - counts / 2
        places[members] = middles[which.reshape(-1)] / len(members)
    return places
