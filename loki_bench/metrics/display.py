"""How many target items the target users are shown (the paper, section 4.2.3)."""

import numpy as np

from loki_bench.contracts import Outcome
from loki_bench.metrics.top_k import is_ranked, is_shown, share

__all__ = [
    "collateral",
    "demotion_rate",
    "display_rate",
    "display_rate_ceiling",
    "user_display_rate",
]


def display_rate(outcome: Outcome, k: int) -> float:
    """Share of (target user, target item) pairs whose item is in the user's first ``k``.

    Pairs whose item is in the user's own history are left out; NaN if no pair is left.

    Returns
    -------
    float in [0, 1]; see :func:`display_rate_ceiling` for what can be reached.
    """
    return share(is_shown(outcome.target_ranks, k), is_ranked(outcome.target_ranks))


def collateral(outcome: Outcome, k: int) -> float:
    """The display rate of the target items among genuine users who were not targeted.

    Of a sample of them that the host draws: the share of (user, target item) pairs whose item is in
    the user's first ``k``. Pairs whose item is in the user's own history are left out; NaN if no
    pair is left, or the sample is not known.

    Returns
    -------
    float in [0, 1], with the ceiling of :func:`display_rate`.
    """
    ranks = outcome.untargeted_ranks
    return float("nan") if ranks is None else share(is_shown(ranks, k), is_ranked(ranks))


def display_rate_ceiling(k: int, n_targets: int) -> float:
    """The most that :func:`display_rate` can be: a list of ``k`` has no room for more targets.

    ``min(1, k / n_targets)``. It is exact where no target is in a target user's history and no
    scores are tied; targets in histories leave more room for the others, and exactly tied items
    share one rank, so that all of them may be in the list or out of it.

    >>> display_rate_ceiling(10, 20)
    0.5
    >>> display_rate_ceiling(10, 5)
    1.0
    """
    return min(1.0, k / n_targets)


def user_display_rate(outcome: Outcome, k: int) -> float:
    """Share of target users with at least one target item in their first ``k``.

    Users who have every target in their own history are left out; NaN if no user is left.

    Returns
    -------
    float in [0, 1].
    """
    ranks = outcome.target_ranks
    reached = np.logical_or.reduce(is_shown(ranks, k), axis=1)
    return share(reached, np.logical_or.reduce(is_ranked(ranks), axis=1))


def demotion_rate(outcome: Outcome, k: int) -> float:
    """Share of the pairs shown before the attack that are not shown after it.

    A pair is a target user and a target item in the user's first ``k``; NaN if none was there
    before the attack: there was nothing to push out.

    Returns
    -------
    float in [0, 1].
    """
    before = is_shown(outcome.clean_target_ranks, k)
    return share(before & ~is_shown(outcome.target_ranks, k), before)
