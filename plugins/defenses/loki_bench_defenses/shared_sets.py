"""Compiled: the surprise that a given number of each user's item pairs reaches."""

import math
from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from loki_bench.compiled_cache import name_files_by_content

__all__ = ["strongest_pairs"]

name_files_by_content()

Function = TypeVar("Function", bound=Callable[..., object])

compiled = cast("Callable[[Function], Function]", numba.njit(cache=True))
"""Compile at the first call and keep the machine code on disk; the signature stays."""


@compiled
def strongest_pairs(
    user_starts: NDArray[np.int64],
    user_items: NDArray[np.int64],
    item_starts: NDArray[np.int64],
    item_others: NDArray[np.int64],
    together: NDArray[np.float64],
    n_pairs: int,
) -> NDArray[np.float64]:
    """The ``n_pairs``-th largest surprise among each user's pairs of items; 0 for too few pairs.

    Parameters
    ----------
    user_starts, user_items : int64 arrays
        Items of each user as compressed rows, rising in a row.
    item_starts, item_others, together : arrays
        Users that hold both of two items, as compressed rows over all items, rising in a row.
    n_pairs : int, 1 or more

    Returns
    -------
    float64 array of shape (n_users,)
    """
    n_users, n_items = len(user_starts) - 1, len(item_starts) - 1
    held_by = np.zeros(n_items)
    for item in user_items:
        held_by[item] += 1.0
    count_with = np.zeros(n_items)
    reached = np.zeros(n_users)
    top = np.empty(n_pairs)
    for user in range(n_users):
        items = user_items[user_starts[user] : user_starts[user + 1]]
        top[:] = 0.0
        for first in range(len(items)):
            row = range(item_starts[items[first]], item_starts[items[first] + 1])
            for place in row:
                count_with[item_others[place]] = together[place]
            for second in range(first + 1, len(items)):
                n = count_with[items[second]] - 1.0  # the user's own pair is left out
                m = (held_by[items[first]] - 1.0) * (held_by[items[second]] - 1.0) / n_users
                if n > m:
                    surprise = n * math.log(n / m) - n + m
                    if surprise > top[0]:  # top is rising: the least of the best comes first
                        slot = 0
                        while slot + 1 < n_pairs and top[slot + 1] < surprise:
                            top[slot] = top[slot + 1]
                            slot += 1
                        top[slot] = surprise
            for place in row:
                count_with[item_others[place]] = 0.0
        reached[user] = top[0]
    return reached
