"""Ranks that follow from lists: an item that is not listed has no known rank.

A recommender that declares ``answers = "top-k"`` scores what it lists, and answers -inf elsewhere.
Such an item is not tied with the others that are missing: it has rank infinity, which is beyond
every cut-off that the list reaches.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Sequences
from loki_bench.ranking import masked_ranks

__all__ = ["checked_lists", "listed_ranks", "scores_of_lists"]


def scores_of_lists(lists: NDArray[np.integer], *, n_items: int) -> NDArray[np.float32]:
    """Lists as a recommender with ``answers = "top-k"`` gives them to the host.

    Parameters
    ----------
    lists : int array of shape (batch, k)
        Item ids, best first; -1 where a list has ended. An item stands in a list once.
    n_items : int

    Returns
    -------
    float32 array of shape (batch, n_items): k for the first item of a list, k - 1 for the next
    one ..., -inf for those that are not listed.

    >>> scores_of_lists(np.array([[2, 0, -1]]), n_items=4).tolist()
    [[2.0, -inf, 3.0, -inf]]
    """
    batch, k = lists.shape
    scores = np.full((batch, n_items), -np.inf, dtype=np.float32)
    rows, columns = np.nonzero(lists >= 0)
    scores[rows, lists[rows, columns]] = k - columns
    return scores


def checked_lists(
    scores: NDArray[np.float32], hidden: Sequences, *, list_length: int, name: str
) -> NDArray[np.bool_]:
    """Which items are listed, bool of the shape of ``scores``.

    Parameters
    ----------
    scores : float32 array of shape (batch, n_items)
    hidden : Sequences of batch rows
        Items that are left out of each user's list.
    list_length : int
        How many others each user must be shown, where there are so many.
    name : str
        The recommender's, for errors.

    Raises
    ------
    InvalidAnswerError
        A NaN or a positive infinity, or a list that is too short.
    """
    if not np.all(scores < np.inf):  # False for NaN
        raise InvalidAnswerError(
            f"recommender '{name}' answered with NaN or positive infinity; expected a finite "
            "number for each item that it lists, and -inf for the others"
        )
    listed: NDArray[np.bool_] = scores > -np.inf
    can_be_shown = np.ones(scores.shape, dtype=np.bool_)
    can_be_shown[hidden.rows, hidden.items] = False
    n_shown = np.count_nonzero(listed & can_be_shown, axis=1)
    wanted = np.minimum(np.count_nonzero(can_be_shown, axis=1), list_length)
    if (n_shown < wanted).any():
        row = int(np.argmax(n_shown < wanted))
        raise InvalidAnswerError(
            f"recommender '{name}' lists {n_shown[row]} items outside of a user's own history of "
            f"{len(hidden[row])} events; its list_length promises {wanted[row]}: ask the service "
            "for more items, so that enough are left without the user's own"
        )
    return listed


def listed_ranks(
    scores: NDArray[np.float32],
    hidden: Sequences,
    items: NDArray[np.int32],
    *,
    list_length: int,
    name: str,
) -> NDArray[np.float64]:
    """Ranks of the given items for each user, infinity where an item is not listed.

    Parameters
    ----------
    scores, hidden, list_length, name
        See :func:`checked_lists`.
    items : int32 array of shape (batch, m)

    Returns
    -------
    float64 array of shape (batch, m), see :func:`loki_bench.ranking.masked_ranks`: NaN where the
    item is hidden.

    Raises
    ------
    InvalidAnswerError
        As :func:`checked_lists`.
    """
    listed = checked_lists(scores, hidden, list_length=list_length, name=name)
    ranks = masked_ranks(scores, hidden, items)
    unknown = ~np.take_along_axis(listed, items.astype(np.int64), axis=1)
    ranks[unknown & ~np.isnan(ranks)] = np.inf
    return ranks
