"""NDCG@10 of held-out events, the number that early stopping watches.

The same rule as :mod:`loki_bench.ranking`: the user's own history is left out, ties are shared,
and a held-out item that is itself in the history is never shown (its gain is 0).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from loki_bench.split import HeldOut
from loki_bench_recbole.compiling import compiled

__all__ = ["Scoring", "held_out_ranks", "ndcg_at"]

Scoring = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_BLOCK_SCORES = 2**21
"""Scores held at a time: 8 MiB of float32, so that they are counted before they leave the cache."""


def held_out_ranks(
    queries: NDArray[np.float32], scoring: Scoring, held_out: HeldOut
) -> NDArray[np.float64]:
    """Rank of each held-out item among the items outside the user's history.

    Parameters
    ----------
    queries : float32 array of shape (n, d)
        What the model makes of each user and history.
    scoring : callable
        ``scoring(queries (batch, d)) -> float32 (batch, n_items)``; called for a block at a time.
    held_out : HeldOut
        The n events.

    Returns
    -------
    float64 array of shape (n,), as :func:`loki_bench.ranking.masked_ranks` gives; NaN where the
    item is in the history.
    """
    n, histories = len(held_out), held_out.histories
    ranks = np.empty(n, dtype=np.float64)
    start, block = 0, 1  # the first block, of one user, says how many items there are
    while start < n:
        end = min(start + block, n)
        scores = scoring(queries[start:end])
        ranks[start:end] = _ranks(
            scores, histories.offsets[start : end + 1], histories.items, held_out.items[start:end]
        )
        start, block = end, max(1, _BLOCK_SCORES // max(scores.shape[1], 1))
    return ranks


def ndcg_at(k: int, ranks: NDArray[np.float64]) -> float:
    """Mean of 1 / log2(1 + rank) where rank <= k and 0 elsewhere (one relevant item a user)."""
    shown = ranks <= k  # False for NaN
    return float(np.sum(1 / np.log2(1 + ranks[shown])) / max(len(ranks), 1))


@compiled
def _ranks(
    scores: NDArray[np.float32],
    offsets: NDArray[np.int64],
    history: NDArray[np.int32],
    items: NDArray[np.int32],
) -> NDArray[np.float64]:
    ranks = np.empty(len(items), dtype=np.float64)
    for row in range(len(items)):
        target = scores[row, items[row]]
        above, level = 0, 0
        for item in range(scores.shape[1]):
            above += scores[row, item] > target
            level += scores[row, item] == target
        own = False
        for p in range(offsets[row], offsets[row + 1]):
            item = history[p]
            own |= item == items[row]
            if scores[row, item] >= target:
                repeated = False
                for q in range(offsets[row], p):
                    repeated |= history[q] == item
                if not repeated:
                    above -= scores[row, item] > target
                    level -= scores[row, item] == target
        ranks[row] = np.nan if own else 1 + above + (level - 1) / 2
    return ranks
