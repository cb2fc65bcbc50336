"""The compiled loop behind :func:`loki_bench.ranking.masked_ranks`: counting, without a sort."""

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["count_ranks"]


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba has no types
def count_ranks(
    scores: NDArray[np.float32],
    offsets: NDArray[np.int64],
    own_items: NDArray[np.int32],
    items: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Rank ``items[row]`` within ``scores[row]`` without the row's own items.

    Parameters
    ----------
    scores : float array of shape (n, n_items)
    offsets : int64 array of shape (n + 1,)
    own_items : int array
        ``own_items[offsets[row]:offsets[row + 1]]`` are left out; an item may be repeated.
    items : int array of shape (n, m)

    Returns
    -------
    float64 array of shape (n, m); NaN where the item is one of the row's own.
    """
    ranks = np.empty(items.shape, dtype=np.float64)
    for row in range(items.shape[0]):
        own = np.sort(own_items[offsets[row] : offsets[row + 1]])
        for column in range(items.shape[1]):
            item = items[row, column]
            score = scores[row, item]
            above, level = 0, 0
            for other in range(scores.shape[1]):
                above += scores[row, other] > score
                level += scores[row, other] == score
            is_own = False
            for place in range(len(own)):
                other = own[place]
                if place and other == own[place - 1]:
                    continue
                is_own |= other == item
                above -= scores[row, other] > score
                level -= scores[row, other] == score
            ranks[row, column] = np.nan if is_own else 1 + above + (level - 1) / 2
    return ranks
