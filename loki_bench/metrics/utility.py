"""How well the recommender serves genuine users: their own test event's rank."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Outcome
from loki_bench.metrics.shown import is_ranked, is_shown, share

__all__ = ["hr", "hr_change", "ndcg"]


def hr(outcome: Outcome, k: int) -> float:
    """Hit rate: share of test events among their user's first ``k``, after the attack.

    Test events of an item that the user already had are left out, for the protocol never shows
    them, whatever the recommender says; NaN if no test event is left.

    Returns
    -------
    float in [0, 1].
    """
    return _hit_rate(outcome.test_ranks, k)


def ndcg(outcome: Outcome, k: int) -> float:
    """Normalised discounted cumulative gain of the test events, after the attack.

    With one relevant item a user: the mean of ``1 / log2(1 + rank)`` where the rank is at most
    ``k``, of 0 elsewhere. Leaves out what :func:`hr` leaves out; NaN if nothing is left.

    Returns
    -------
    float in [0, 1].
    """
    ranks = outcome.test_ranks[is_ranked(outcome.test_ranks)]
    if not len(ranks):
        return float("nan")
    return float(np.sum(1 / np.log2(1 + ranks[is_shown(ranks, k)]))) / len(ranks)


def hr_change(outcome: Outcome, k: int) -> float:
    """Hit rate after the attack minus hit rate before it: negative where users are worse off.

    Returns
    -------
    float in [-1, 1]; NaN where :func:`hr` is.
    """
    return _hit_rate(outcome.test_ranks, k) - _hit_rate(outcome.clean_test_ranks, k)


def _hit_rate(ranks: NDArray[np.float64], k: int) -> float:
    """Share of the ranked events that are shown.

    >>> _hit_rate(np.array([1.0, 10.5, np.nan]), 10)
    0.5
    """
    return share(is_shown(ranks, k), is_ranked(ranks))
