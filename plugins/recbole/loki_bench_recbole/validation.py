"""NDCG@10 of held-out events, the number that early stopping watches.

Ranked by the benchmark's own rule (:mod:`loki_bench.ranking`): the user's history is left out
unless repeats are shown, ties are shared, and a held-out item that is left out has no rank and does
not count, as in the metrics.
"""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from loki_bench.ranking import masked_ranks
from loki_bench.split import HeldOut

__all__ = ["held_out_ranks", "ndcg_at"]

Query = TypeVar("Query", bound=np.generic)

_BLOCK_SCORES = 2**21
"""Scores held at a time: 8 MiB of float32, so that they are counted before they leave the cache."""


def held_out_ranks(
    queries: NDArray[Query],
    scoring: Callable[[NDArray[Query]], NDArray[np.float32]],
    held_out: HeldOut,
) -> NDArray[np.float64]:
    """Rank of each held-out item among the items that are not hidden from its user.

    Parameters
    ----------
    queries : array of shape (n, d) or (n,)
        What the model makes of each user and history, or the number of each.
    scoring : callable
        ``scoring(queries (batch, ...)) -> float32 (batch, n_items)``; called for a block at a time.
    held_out : HeldOut
        The n events.

    Returns
    -------
    float64 array of shape (n,), as :func:`loki_bench.ranking.masked_ranks` gives; NaN where the
    item is hidden.
    """
    n, hidden = len(held_out), held_out.hidden
    ranks = np.empty(n, dtype=np.float64)
    # the first block says how many items there are; of two users, for numpy multiplies a single
    # row by other code, whose last bits are not those of the rest
    start, block = 0, 2
    while start < n:
        end = min(start + block, n)
        scores = scoring(queries[start:end])
        known = hidden.take(np.arange(start, end))
        ranks[start:end] = masked_ranks(scores, known, held_out.items[start:end, None])[:, 0]
        start, block = end, max(1, _BLOCK_SCORES // max(scores.shape[1], 1))
    return ranks


def ndcg_at(k: int, ranks: NDArray[np.float64]) -> float:
    """Mean of 1 / log2(1 + rank) where rank <= k and 0 elsewhere (one relevant item a user).

    Events without a rank (NaN) are left out; 0 where no event has one.
    """
    shown = ranks <= k  # False for NaN
    n_ranked = int(np.count_nonzero(~np.isnan(ranks)))
    return float(np.sum(1 / np.log2(1 + ranks[shown])) / max(n_ranked, 1))
