"""How visible the fake users are in the data (the paper, section 4.4 and Fig. 6)."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Outcome

__all__ = ["kolmogorov_smirnov_distance", "length_distance"]


def length_distance(outcome: Outcome) -> float:
    """Distance of the distributions of sequence lengths before and after the injection.

    The paper's Fig. 6 compares them by eye; this is the two-sample Kolmogorov-Smirnov distance of
    genuine users' lengths and those of genuine and fake users together. As a share of all users
    it can't exceed the fake users' share.

    Returns
    -------
    float in [0, 1]; 0 without fake users, NaN without genuine ones.
    """
    genuine = outcome.genuine_lengths
    if not len(genuine):
        return float("nan")
    return kolmogorov_smirnov_distance(genuine, np.concatenate([genuine, outcome.poison.lengths]))


def kolmogorov_smirnov_distance(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Greatest difference of two samples' empirical distribution functions; neither is empty.

    >>> kolmogorov_smirnov_distance(np.array([1, 2]), np.array([1, 2, 3, 3]))
    0.5
    """
    values = np.union1d(first, second)
    shares = [
        np.searchsorted(np.sort(sample), values, side="right") / len(sample)
        for sample in (first, second)
    ]
    return float(np.max(np.abs(shares[0] - shares[1])))
