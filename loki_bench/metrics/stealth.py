"""How visible the fake users are in the data (the paper, section 4.4 and Fig. 6)."""

import numpy as np
from scipy.stats import ks_2samp

from loki_bench.contracts import Outcome

__all__ = ["length_ks"]


def length_ks(outcome: Outcome) -> float:
    """Distance of the distributions of sequence lengths before and after the injection.

    The paper's Fig. 6 compares them by eye; this is the two-sample Kolmogorov-Smirnov statistic of
    genuine users' lengths and those of genuine and fake users together. As a share of all users
    it can't exceed the fake users' share.

    Returns
    -------
    float in [0, 1]; 0 without fake users, NaN without genuine ones.
    """
    genuine = outcome.genuine_lengths
    if not len(genuine):
        return float("nan")
    if not len(outcome.poison):
        return 0.0
    after = np.concatenate([genuine, outcome.poison.lengths])
    # "asymp" is about its p-value alone: an exact one takes long, and nobody reads it
    return float(ks_2samp(genuine, after, method="asymp").statistic)
