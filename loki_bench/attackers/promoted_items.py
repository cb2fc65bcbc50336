"""Which items an attack lifts: the targets, or, to sink the targets, their rivals.

Demotion is a special case of promotion (the paper, section 2): a target leaves a user's list when
other items overtake it. An attack that only knows how to promote therefore serves both goals.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AttackerView
from loki_bench.errors import RejectedError

__all__ = ["N_RIVALS", "other_items", "promoted_items"]

N_RIVALS = 10
"""As many rivals as a list has places in the paper's experiments (section 4.3): fewer could not
push the first item of a list out of it."""


def promoted_items(view: AttackerView) -> NDArray[np.int32]:
    """The items to lift.

    ``promote``: the target items, in the order of the goal. ``demote``: the target items' rivals,
    most popular first: of the items that are no targets and that not every target user has
    already (an item that a user has is not shown again), the ``N_RIVALS`` with the most events
    among the target users' neighbours, who are all users that share an item with a target user,
    themselves included; equal counts go to the lower id. If no target user has an event, every
    user is a neighbour.

    Returns
    -------
    int32 array of shape (n,), all different; ``n = n_targets``, or at most ``N_RIVALS``.

    Raises
    ------
    RejectedError
        To demote in a catalogue that has no rival: the attack has nothing to work with.
    """
    if view.goal.kind == "promote":
        return view.goal.items
    history = view.history
    selected_by = _n_target_users_with(view)
    in_reach = selected_by > 0
    if in_reach.any():
        rows, items = history.rows, history.items
        is_neighbour = np.zeros(history.n_users, dtype=bool)
        is_neighbour[rows[in_reach[items]]] = True
        counts = np.bincount(items[is_neighbour[rows]], minlength=history.n_items)
    else:
        counts = history.item_counts
    is_rival = np.ones(history.n_items, dtype=bool)
    is_rival[view.goal.items] = False
    is_rival &= selected_by < max(1, len(view.goal.users))
    rivals = np.flatnonzero(is_rival)
    if not len(rivals):
        raise RejectedError(
            f"the {len(view.goal.items)} target items can't be demoted: every other item of the "
            f"{history.n_items} is in all target users' histories; choose fewer target items"
        )
    order = np.argsort(-counts[rivals], kind="stable")[:N_RIVALS]
    return rivals[order].astype(np.int32)


def other_items(view: AttackerView, promoted: NDArray[np.int32]) -> NDArray[np.int32]:
    """All items that are neither lifted nor targets, rising: what to mix with the lifted ones.

    A target that is to be demoted must not be selected: each event of it would help it.

    Returns
    -------
    int32 array of shape (n,), empty where the catalogue has no other item.
    """
    is_other = np.ones(view.history.n_items, dtype=bool)
    is_other[promoted] = False
    is_other[view.goal.items] = False
    return np.flatnonzero(is_other).astype(np.int32)


def _n_target_users_with(view: AttackerView) -> NDArray[np.int64]:
    """How many target users have each item in their history, shape (n_items,)."""
    n_users_with = np.zeros(view.history.n_items, dtype=np.int64)
    for user in view.goal.users:
        n_users_with[np.unique(view.history[int(user)])] += 1
    return n_users_with
