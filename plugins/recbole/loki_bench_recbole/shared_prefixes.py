"""Histories that continue each other, found so that a recurrent network reads each item once.

The samples of one user have all prefixes of its sequence as their histories. Read one by one they
cost the square of its length; the states after all of them come out of one pass over the longest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.interactions import Sequences

__all__ = ["SharedPrefixes"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SharedPrefixes:
    """Runs of histories each of which repeats the one before it and may go on.

    Attributes
    ----------
    longest : int64 array of shape (n_runs,)
        The last history of each run: the others are its prefixes.
    run : int64 array of shape (n,)
        The run of each history.
    """

    longest: NDArray[np.int64]
    run: NDArray[np.int64]

    @classmethod
    def of(cls, histories: Sequences, owners: NDArray[np.int32] | None = None) -> Self:
        """Find the runs of neighbouring rows; an empty row continues nothing but an empty one.

        With ``owners``, of shape (n,), rows of two owners do not continue each other.
        """
        n = len(histories)
        lengths = histories.lengths
        before = lengths[:-1]
        goes_on = (before <= lengths[1:]) & ((before > 0) | (lengths[1:] == 0))
        if owners is not None:
            goes_on &= owners[:-1] == owners[1:]
        candidates = np.flatnonzero(goes_on)
        sizes = before[candidates]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        row = np.repeat(candidates, sizes)
        offsets, items = histories.offsets, histories.items
        differs = items[offsets[row] + within] != items[offsets[row + 1] + within]
        goes_on[row[differs]] = False
        ends = np.append(~goes_on, True)[:n]  # no row at all ends no run
        longest = np.flatnonzero(ends)
        run = np.cumsum(ends) - ends
        return cls(longest=longest, run=run.astype(np.int64))
