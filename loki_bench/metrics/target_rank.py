"""Where the target items stand, whether or not they are shown."""

import numpy as np

from loki_bench.contracts import Outcome
from loki_bench.metrics.top_k import is_ranked

__all__ = ["target_rank"]


def target_rank(outcome: Outcome) -> float:
    """Median rank of the target items over (target user, target item) pairs.

    Pairs whose item is in the user's own history are left out; NaN if no pair is left. It moves
    long before a target enters a list, where the display rate is still zero.

    Returns
    -------
    float from 1 to the number of items.
    """
    ranks = outcome.target_ranks[is_ranked(outcome.target_ranks)]
    return float(np.median(ranks)) if len(ranks) else float("nan")
