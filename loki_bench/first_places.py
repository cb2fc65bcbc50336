"""Ranks of held-out items that are among the first k, without the work that can't matter.

Where scores are inner products, a held-out item that lies below k of the most popular items is
not among the first k, whatever the rest of the catalogue: its user needs no more scores. Early
stopping looks at NDCG@10, to which about one user in fifteen contributes.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Sequences
from loki_bench.ranking import masked_ranks

__all__ = ["FirstPlaces"]

_FIRST_TILE = 256
"""Items that every user is compared with; each tile ends at three times the place of the last."""

_WIDEST_TILE = 16_384
"""Items of a tile at most."""

_TILE_SCORES = 2**19
"""Scores held at a time, 2 MiB of float32: they are counted before they leave the cache."""

_WHOLE_SCORES = 2**21
"""The same where the whole catalogue is scored."""


class FirstPlaces:
    """Who has a held-out item among the first k; made once for many looks at the same events.

    A rank is found from inner products taken tile by tile, in another shape than the whole
    product. Sums in float32 may then differ in their last bits, so a score counts as above or
    below only if it is so by more than such sums can differ. Users with a score that is neither
    are ranked by the product with the whole catalogue: the ranks are those of
    :func:`loki_bench.ranking.masked_ranks` on it, exactly.

    Parameters
    ----------
    histories : Sequences of n rows
        Each user's own items, left out of the ranking. How often an item is in them is its
        popularity, which decides the order of work and nothing else.
    items : int32 array of shape (n,)
        The held-out item of each user.
    n_items : int
        Size of the catalogue.
    k : int
    """

    def __init__(
        self, histories: Sequences, items: NDArray[np.int32], *, n_items: int, k: int
    ) -> None:
        from loki_bench.rank_counting import distinct_rows  # numba takes long to import

        self._histories, self._items, self._k = histories, items, k
        counts = np.bincount(histories.items, minlength=n_items)
        self._order = np.argsort(-counts, kind="stable")
        place = np.empty(n_items, dtype=np.int32)
        place[self._order] = np.arange(n_items)
        self._places = place[items]
        self._own_offsets, self._own_places = distinct_rows(
            histories.offsets, place[histories.items]
        )
        owners = np.repeat(np.arange(len(items)), np.diff(self._own_offsets))
        self._is_own = np.zeros(len(items), dtype=bool)
        self._is_own[owners[self._own_places == self._places[owners]]] = True

    def ranks(
        self, queries: NDArray[np.float32], factors: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Rank the held-out items by the inner products of queries and item factors.

        Parameters
        ----------
        queries : float32 array of shape (n, d)
        factors : float32 array of shape (n_items, d)

        Returns
        -------
        float64 array of shape (n,)
            The exact rank where it is k or less, infinity where it is more, NaN where the item is
            in the user's own history.
        """
        from loki_bench.rank_counting import count_tile, score_bounds

        ranks = np.where(self._is_own, np.nan, np.inf)
        alive = np.flatnonzero(~self._is_own)
        low, high, finite = score_bounds(queries, factors, self._items)
        above, near = (np.zeros(len(ranks), dtype=np.int32) for _ in range(2))
        if not finite:  # a product may overflow: no margin is known
            near[:] = 1
        start, n_items = 0, len(factors) if finite else 0
        while start < n_items:
            end = min(max(3 * start, _FIRST_TILE), start + _WIDEST_TILE, n_items)
            tile = np.ascontiguousarray(factors[self._order[start:end]])
            block = max(1, _TILE_SCORES // (end - start))
            memory = np.empty((min(block, len(alive)), end - start), dtype=np.float32)
            for first in range(0, len(alive), block):
                rows = alive[first : first + block]
                scores = np.matmul(queries[rows], tile.T, out=memory[: len(rows)])
                own = self._own_offsets, self._own_places, self._places
                count_tile(scores, rows, start, *own, low, high, above, near)
            alive = alive[above[alive] < self._k]
            start = end
        clear = alive[near[alive] == 0]
        ranks[clear] = 1 + above[clear]
        self._rank_whole_rows(alive[near[alive] > 0], queries, factors, ranks)
        return ranks

    def _rank_whole_rows(
        self,
        rows: NDArray[np.int64],
        queries: NDArray[np.float32],
        factors: NDArray[np.float32],
        ranks: NDArray[np.float64],
    ) -> None:
        """Write the ranks of some users by the product with the whole catalogue."""
        block = max(1, min(_WHOLE_SCORES // max(len(factors), 1), len(self._items)))
        for first in range(0, len(rows), block):
            some = rows[first : first + block]
            # as many rows as the product for everybody has: a smaller one may be multiplied by
            # other code, and its last bits may differ
            scores = (queries[np.resize(some, block)] @ factors.T)[: len(some)]
            known, wanted = self._histories.take(some), self._items[some, None]
            exact = masked_ranks(scores, known, wanted)[:, 0]
            ranks[some] = np.where(exact > self._k, np.inf, exact)
