"""How well the recommender serves genuine users: their own test event's rank."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Outcome
from loki_bench.metrics.top_k import is_ranked, is_shown, share

__all__ = ["discounted_gain", "hit_rate", "hr", "hr_change", "ndcg"]


def hr(outcome: Outcome, k: int) -> float:
    """Hit rate: share of test events among their user's first ``k``, after the attack.

    Test events of an item that the user already had are left out, for the protocol never shows
    them, whatever the recommender says; NaN if no test event is left.

    Returns
    -------
    float in [0, 1].
    """
    return hit_rate(outcome.test_ranks, k)


def ndcg(outcome: Outcome, k: int) -> float:
    """Normalised discounted cumulative gain of the test events, after the attack.

    With one relevant item a user: the mean of ``1 / log2(1 + rank)`` where the rank is at most
    ``k``, of 0 elsewhere. Leaves out what :func:`hr` leaves out; NaN if nothing is left.

    Returns
    -------
    float in [0, 1].
    """
    return discounted_gain(outcome.test_ranks, k)


def hr_change(outcome: Outcome, k: int) -> float:
    """Hit rate after the attack minus hit rate before it: negative where users are worse off.

    Returns
    -------
    float in [-1, 1]; NaN where :func:`hr` is.
    """
    return hit_rate(outcome.test_ranks, k) - hit_rate(outcome.clean_test_ranks, k)


def hit_rate(ranks: NDArray[np.float64], k: int) -> float:
    """Share of the ranked events that are shown; NaN if none is ranked.

    >>> hit_rate(np.array([1.0, 10.5, np.nan]), 10)
    0.5
    """
    return share(is_shown(ranks, k), is_ranked(ranks))


def discounted_gain(ranks: NDArray[np.float64], k: int) -> float:
    """Mean of ``1 / log2(1 + rank)`` of the ranked events, 0 past ``k``; NaN if none is ranked.

    >>> discounted_gain(np.array([3.0, 10.5, np.nan]), 10)
    0.25
    """
    known = ranks[is_ranked(ranks)]
    if not len(known):
        return float("nan")
    return float(np.sum(1 / np.log2(1 + known[is_shown(known, k)]))) / len(known)
