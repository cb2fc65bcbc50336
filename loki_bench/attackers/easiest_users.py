"""Whom a small number of fake users should serve first, and how they are shared out.

An attack that has reached nine target users of ten fails with the tenth because of that user: a
popular last item, or items that everybody has. More targets don't help there; and where there are
too few fake users for all, the users that are easiest to reach come first.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AttackerView
from loki_bench.interactions import Interactions
from loki_bench.ranking import average_ranks

__all__ = ["easiest_first", "reachable_users", "shared_out"]


def easiest_first(history: Interactions, users: NDArray[np.int32]) -> NDArray[np.int64]:
    """The places of the users, those that few fake users reach first.

    Ordered by the rank of their last item's count plus the rank of their items' mean inverse
    count, counted from the rarest: a recommender that looks at the last item has seen a rare one
    followed by little else, and one that looks at all of them has few users to tell them from. A
    user without an event comes last; equals stay in their order.

    Returns
    -------
    int64 array of shape (n_users,).
    """
    counts = history.item_counts
    last = np.full(len(users), np.inf)
    rarity = np.zeros(len(users))
    for place, user in enumerate(users):
        selected = history[int(user)]
        if len(selected):
            last[place] = counts[selected[-1]]
            rarity[place] = (1 / counts[np.unique(selected)]).mean()
    order: NDArray[np.int64] = np.argsort(
        average_ranks(last) + average_ranks(-rarity), kind="stable"
    )
    return order


def reachable_users(view: AttackerView, promoted: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which target users can be shown something to lift, bool array of shape (n_users,).

    A user who has all of it is shown none of it where lists hide what a user has. All where nobody
    can be shown anything, so that there is somebody to serve.
    """
    users = view.goal.users
    if view.repeats == "allow":
        return np.ones(len(users), dtype=bool)
    lacks = np.array([not np.isin(promoted, view.history[int(user)]).all() for user in users])
    return lacks if lacks.any() else ~lacks


def shared_out(weights: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """``n`` fake users by weight, largest remainders first; adds up to n.

    Of equal remainders the earlier user's is larger. Weights must not all be 0.
    """
    exact = weights / weights.sum() * n
    counts: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    order = np.argsort(-np.round(exact - counts, 9), kind="stable")
    counts[order[: n - int(counts.sum())]] += 1
    return counts
