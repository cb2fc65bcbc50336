"""Compiled choice of a fake user's negatives, from a pool of items that is frozen at the fit."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import compiled

__all__ = ["SampleRules", "choose_negatives", "negatives_place"]

IntArray = NDArray[np.int32]


class SampleRules(NamedTuple):
    """Which training samples an event of a fake user makes."""

    negatives: IntArray  # the frozen pool, read from :func:`negatives_place` on
    n_negatives: int  # averaged over for each sample
    negatives_per_prefix: bool
    first_weight: float  # weight of a sample of a user's first event; 0: it makes none
    later_weight: float


@compiled
def negatives_place(row: IntArray, event: int, rules: SampleRules) -> int:
    """Where in the pool the negatives of one event of a user are read from.

    By the event's number alone, or by a polynomial hash of the items up to it: then different
    users have different negatives, and one user always the same, whoever is scored beside it.
    """
    size = len(rules.negatives)
    if not rules.negatives_per_prefix:
        return (event * rules.n_negatives) % size
    key = np.int64(0)
    for t in range(event + 1):
        key = (key * 1000003 + np.int64(row[t]) + 1) % 2147483647  # below 2^51: no overflow
    return int((key * rules.n_negatives) % size)


@compiled
def choose_negatives(
    rules: SampleRules, row: IntArray, event: int, length: int, chosen: IntArray
) -> bool:
    """Write the negatives of one event into ``chosen[:n_negatives]``.

    Each is the first item of the pool, from the event's own place on, that is not in
    ``row[:length]``: two candidates that share a prefix share its negatives (common random
    numbers). False where the user has every item of the pool: there is nothing to rank below.
    """
    size = len(rules.negatives)
    first = negatives_place(row, event, rules)
    for k in range(rules.n_negatives):
        place = (first + k) % size
        found = False
        for _ in range(size):
            candidate = rules.negatives[place]
            own = False
            for t in range(length):
                if row[t] == candidate:
                    own = True
                    break
            if not own:
                chosen[k] = candidate
                found = True
                break
            place = (place + 1) % size
        if not found:
            return False
    return True
