"""The compiled loop behind :func:`loki_bench.ranking.masked_ranks`: counting, without a sort."""

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["count_ranks"]


# A function of its own, and counts of 32 bits: so the loop is compiled to vector instructions that
# take eight scores at a time, in half the time of counts of 64 bits.
@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba has no types
def _counts(scores: NDArray[np.float32], score: float) -> tuple[int, int, int]:
    """How many scores lie above ``score``, how many are equal to it, and how many are finite."""
    above, level, finite = np.int32(0), np.int32(0), np.int32(0)
    for item in range(len(scores)):
        other = scores[item]
        above = np.int32(above + np.int32(other > score))
        level = np.int32(level + np.int32(other == score))
        finite = np.int32(finite + np.int32(other - other == 0))  # infinity less itself is NaN
    return int(above), int(level), int(finite)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def count_ranks(
    scores: NDArray[np.float32],
    offsets: NDArray[np.int64],
    own_items: NDArray[np.int32],
    items: NDArray[np.int32],
) -> tuple[NDArray[np.float64], bool]:
    """Rank ``items[row]`` within ``scores[row]`` without the row's own items.

    Parameters
    ----------
    scores : float array of shape (n, n_items)
        ``n_items`` below 2**31.
    offsets : int64 array of shape (n + 1,)
    own_items : int array
        ``own_items[offsets[row]:offsets[row + 1]]`` are left out; an item may be repeated.
    items : int array of shape (n, m)

    Returns
    -------
    (ranks, finite)
        A float64 array of shape (n, m), NaN where the item is one of the row's own; and whether all
        scores are finite: without that the ranks mean nothing.
    """
    ranks = np.empty(items.shape, dtype=np.float64)
    all_finite = True
    for row in range(items.shape[0]):
        own = np.sort(own_items[offsets[row] : offsets[row + 1]])
        if items.shape[1] == 0:
            all_finite &= _counts(scores[row], 0)[2] == scores.shape[1]
        for column in range(items.shape[1]):
            item = items[row, column]
            score = scores[row, item]
            above, level, finite = _counts(scores[row], score)
            all_finite &= finite == scores.shape[1]
            is_own = False
            for place in range(len(own)):
                other = own[place]
                if place and other == own[place - 1]:
                    continue
                is_own |= other == item
                above -= scores[row, other] > score
                level -= scores[row, other] == score
            ranks[row, column] = np.nan if is_own else 1 + above + (level - 1) / 2
    return ranks, all_finite
