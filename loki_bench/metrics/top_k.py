"""Who is shown what: the one rule behind every metric with a cut-off."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_ranked", "is_shown", "share"]


def is_ranked(ranks: NDArray[np.float64]) -> NDArray[np.bool_]:
    """False where the item is in the user's own history: it has no rank (NaN), and does not count.

    >>> is_ranked(np.array([1.0, np.nan])).tolist()
    [True, False]
    """
    return ~np.isnan(ranks)


def is_shown(ranks: NDArray[np.float64], k: int) -> NDArray[np.bool_]:
    """Whether the item is in the list of the first ``k``: rank k is in, k + 0.5 and NaN are out.

    >>> is_shown(np.array([1.0, 10.0, 10.5, np.nan]), 10).tolist()
    [True, True, False, False]
    """
    return ranks <= k


def share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    """Number of True values of ``part`` for each one of ``whole``; NaN where that has none.

    >>> share(np.array([True, False]), np.array([True, True]))
    0.5
    >>> share(np.array([False]), np.array([False]))
    nan
    """
    n_whole = int(np.count_nonzero(whole))
    return int(np.count_nonzero(part)) / n_whole if n_whole else float("nan")
