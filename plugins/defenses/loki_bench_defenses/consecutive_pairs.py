"""Steps from one item to another."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions

__all__ = ["consecutive_pairs"]


def consecutive_pairs(
    train: Interactions,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """User, item and next item of each step between two different items."""
    users, items = train.rows, train.items
    first = np.flatnonzero((users[1:] == users[:-1]) & (items[1:] != items[:-1]))
    return users[first], items[first], items[first + 1]
