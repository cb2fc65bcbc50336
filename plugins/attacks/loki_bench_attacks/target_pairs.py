"""The pairs of a target user and an item to lift that can be won."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AttackerView
from loki_bench.errors import RejectedError

__all__ = ["target_pairs"]


def target_pairs(
    view: AttackerView, promoted: NDArray[np.int32], *, who: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every (user, item) pair whose item may be shown to the user, user by user.

    Those are the items that are not in the user's history; all where the view's repeats are
    allowed.

    Returns
    -------
    Two int64 arrays of shape (n,): users and items.

    Raises
    ------
    RejectedError
        There is no such pair.
    """
    users: list[int] = []
    items: list[int] = []
    for user in view.goal.users.tolist():
        had = set() if view.repeats == "allow" else set(view.history[user].tolist())
        new = [item for item in promoted.tolist() if item not in had]
        users += [user] * len(new)
        items += new
    if not users:
        raise RejectedError(
            f"{who}: each of the {len(view.goal.users)} target users already has every item to "
            "promote in its history; choose other target items or users"
        )
    return np.array(users, dtype=np.int64), np.array(items, dtype=np.int64)
