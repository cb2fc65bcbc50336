"""Ranks of chosen items among all items, with ties shared and the user's own history left out.

``rank = 1 + number of items above + (number of other items tied with it) / 2``, counted over the
items that are not in the user's history. An item of the history has no rank (NaN): it is never
shown. The same rule serves every recommender, the simulator and every metric.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Sequences

__all__ = ["average_ranks", "masked_ranks", "masked_ranks_if_finite"]


def average_ranks(values: NDArray[np.number]) -> NDArray[np.float64]:
    """Ranks from 1 for the smallest value, ties averaged, along the last axis.

    What ``scipy.stats.rankdata`` answers. To import ``scipy.stats`` takes about a second, which
    each isolated attack, a process of its own, would spend.

    Parameters
    ----------
    values : array of any shape, without NaN

    Returns
    -------
    float64 array of the same shape, integers and halves.
    """
    order = np.argsort(values, axis=-1, kind="stable")
    rising = np.take_along_axis(values, order, axis=-1)
    starts = np.ones(rising.shape, dtype=bool)
    starts[..., 1:] = rising[..., 1:] != rising[..., :-1]
    ends = np.ones(rising.shape, dtype=bool)
    ends[..., :-1] = starts[..., 1:]
    places = np.arange(rising.shape[-1])
    first = np.maximum.accumulate(np.where(starts, places, 0), axis=-1)
    backwards = np.where(ends, places, len(places))[..., ::-1]
    last = np.minimum.accumulate(backwards, axis=-1)[..., ::-1]
    ranks = np.empty(rising.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=-1)
    return ranks


def masked_ranks(
    scores: NDArray[np.float32], histories: Sequences, items: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Rank the given items for each user.

    Parameters
    ----------
    scores : float array of shape (n_users, n_items)
        Finite; higher is ranked first.
    histories : Sequences of n_users rows
        Each user's own items, left out of the ranking; an item may be repeated.
    items : int array of shape (n_users, m)
        The items to rank, a row for each user.

    Returns
    -------
    float64 array of shape (n_users, m), integers and halves from 1; NaN where the item is in the
    user's own history.
    """
    return _counted(scores, histories, items)[0]


def masked_ranks_if_finite(
    scores: NDArray[np.float32], histories: Sequences, items: NDArray[np.int32]
) -> NDArray[np.float64] | None:
    """:func:`masked_ranks`, or None where any score is NaN or infinite, in one pass over them."""
    ranks, finite = _counted(scores, histories, items)
    return ranks if finite else None


def _counted(
    scores: NDArray[np.float32], histories: Sequences, items: NDArray[np.int32]
) -> tuple[NDArray[np.float64], bool]:
    # numba takes long to import, and commands that only read records come past here
    from loki_bench.rank_counting import count_ranks

    ranks: NDArray[np.float64]
    ranks, finite = count_ranks(scores, histories.offsets, histories.items, items)
    return ranks, bool(finite)
