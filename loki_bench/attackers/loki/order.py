"""Whether a recommender looks at the order in which a user did things."""

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AttackerView, Recommender
from loki_bench.interactions import Interactions, Sequences

__all__ = ["uses_order"]

_MOST_USERS = 64
"""A recommender that looks at the order shows it with any of them."""

_ROUNDING = 1e-5
"""Of the largest score: what the order of a sum of 32-bit numbers may change."""


def uses_order(model: Recommender, view: AttackerView) -> bool:
    """Whether scores change, by more than rounding, when histories are read backwards.

    Asked with target users, or others where no target user's history reads differently backwards:
    one of a single event says nothing. Where nobody's does, two items are imagined.
    """
    users, histories = _told_apart(view)
    if not len(users):
        return False
    forwards = model.score_next(users, histories)
    backwards = model.score_next(users, Sequences.of([row[::-1] for row in histories]))
    largest = np.abs(forwards[np.isfinite(forwards)]).max(initial=0.0)
    return not np.allclose(forwards, backwards, rtol=0.0, atol=_ROUNDING * float(largest))


def _told_apart(view: AttackerView) -> tuple[NDArray[np.int32], Sequences]:
    """Users and histories that read differently backwards; none in a catalogue of one item."""
    known = view.history
    for candidates in (view.goal.users, np.arange(known.n_users, dtype=np.int32)):
        found = list(islice((user for user in candidates if _differs(known, user)), _MOST_USERS))
        if found:
            users = np.array(found, dtype=np.int32)
            return users, known.take(users)
    users = view.goal.users[: 1 if known.n_items > 1 else 0]
    return users, Sequences.of([[0, 1] for _ in users])


def _differs(known: Interactions, user: int) -> bool:
    row = known[int(user)]
    return not np.array_equal(row, row[::-1])
