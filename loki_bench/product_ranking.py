"""Exact ranks where scores are inner products: in tiles that stay in the cache, whatever the size.

``score_next`` answers with whole rows: they leave the cache before they are counted, and of a
million items there is room for four users at a time, which is a matrix-vector product. The tables
of a factor model give the same scores in tiles of 256 users by about 1,024 items. That they are
the same, bit for bit, is not taken on trust: the tiles are compared with what ``score_next``
answered for the first users.
"""

import sys
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import FactorTerm
from loki_bench.interactions import Sequences

__all__ = ["ranks_by_products"]

_TILE_USERS = 256
_TILE_ITEMS = 1024
"""About: the catalogue is cut into parts of nearly one size, none smaller than this."""

Table = NDArray[np.float32]
Product = Callable[[Table, Table, Table], object]
"""``product(queries, items, out)`` writes the inner products."""


def ranks_by_products(
    terms: tuple[FactorTerm, ...],
    users: NDArray[np.int32],
    histories: Sequences,
    items: NDArray[np.int32],
    first_scores: NDArray[np.float32],
    *,
    hidden: Sequences | None = None,
) -> NDArray[np.float64] | None:
    """The ranks that a factor model's own scores give, found from its tables.

    Parameters
    ----------
    terms : tuple of FactorTerm
        Of the model.
    users : int32 array of shape (n,)
    histories : Sequences of n rows
    items : int32 array of shape (n, m)
        The items to rank, a row for each user.
    first_scores : float32 array of shape (some, n_items)
        What the model answered for the first of these users.
    hidden : Sequences of n rows, or None
        The items that are not ranked; None: those of the histories.

    Returns
    -------
    float64 array of shape (n, m) as :func:`loki_bench.ranking.masked_ranks` gives; None where the
    tables do not give these very scores, a score might not be finite, or the catalogue is so small
    that nothing would be gained.
    """
    from loki_bench.rank_counting import count_tile_ranks, distinct_rows

    n_items = first_scores.shape[1]
    factors = _joined(terms, users, histories, n_items)
    if factors is None or n_items < _TILE_ITEMS:
        return None
    queries, table = factors
    n_tiles = n_items // _TILE_ITEMS
    ends = [n_items * tile // n_tiles for tile in range(n_tiles + 1)]
    tiles = list(pairwise(ends))
    product = _same_product(queries, table, tiles, first_scores)
    if product is None:
        return None
    left_out = histories if hidden is None else hidden
    own_offsets, own_items = distinct_rows(left_out.offsets, left_out.items)
    above, level = (np.zeros(items.shape, dtype=np.int32) for _ in range(2))
    is_own = np.zeros(items.shape, dtype=np.bool_)
    scores = np.empty(items.shape, dtype=np.float32)
    memory = _memory_of(tiles)
    for start in range(0, len(users), _TILE_USERS):
        rows = np.arange(start, min(start + _TILE_USERS, len(users)))
        # a block of full height even at the end: a lower one may be multiplied by other code
        block = queries[np.resize(rows, _TILE_USERS)]
        for column in range(items.shape[1]):
            wanted = table[np.resize(items[rows, column], _TILE_USERS)]
            square = np.empty((_TILE_USERS, _TILE_USERS), dtype=np.float32)
            product(block, wanted, square)
            scores[rows, column] = np.diagonal(square)[: len(rows)]
        for begin, end in tiles:
            tile = memory[end - begin]
            product(block, table[begin:end], tile)
            own = own_offsets, own_items, items
            count_tile_ranks(tile, start, begin, *own, scores, above, level, is_own)
    ranks: NDArray[np.float64] = np.where(is_own, np.nan, 1 + above + (level - 1) / 2)
    return ranks


def _joined(
    terms: tuple[FactorTerm, ...],
    users: NDArray[np.int32],
    histories: Sequences,
    n_items: int,
) -> tuple[Table, Table] | None:
    """Queries (n, d) and items (n_items, d) of the sum of all terms, or None: not such tables."""
    last = np.full(len(histories), -1, dtype=np.int64)
    filled = histories.lengths > 0
    last[filled] = histories.items[histories.offsets[1:][filled] - 1]
    queries, tables = [], []
    for term in terms:
        ids = users.astype(np.int64) if term.row == "user" else last
        rows, columns = term.row_table, term.item_table
        fits = rows.ndim == columns.ndim == 2 and len(columns) == n_items
        fits = fits and rows.dtype == columns.dtype == np.float32
        if not fits or rows.shape[1] != columns.shape[1] or ids.max(initial=-1) >= len(rows):
            return None
        queries.append(rows[ids])
        queries[-1][ids < 0] = 0
        tables.append(columns)
    if not terms or not len(users):
        return None
    joined, table = np.concatenate(queries, axis=1), np.concatenate(tables, axis=1)
    lengths = [np.einsum("nd,nd->n", part, part, dtype=np.float64) for part in (joined, table)]
    # no score is larger than this: far below the largest number of float32
    finite = bool(lengths[0].max() * lengths[1].max() < 1e74)  # False of NaN
    return (joined, table) if finite else None


def _same_product(
    queries: Table, table: Table, tiles: list[tuple[int, int]], first_scores: Table
) -> Product | None:
    """The fastest product whose tiles are the first users' scores; None where none's are."""
    n = min(len(first_scores), _TILE_USERS)
    block = queries[np.resize(np.arange(n), _TILE_USERS)]
    memory = _memory_of(tiles)
    same: list[tuple[float, Product]] = []
    for product in (_by_numpy, _by_torch) if "torch" in sys.modules else (_by_numpy,):
        seconds, agrees = [], True
        for begin, end in tiles:
            tile = memory[end - begin]
            started = time.perf_counter()
            product(block, table[begin:end], tile)
            seconds.append(time.perf_counter() - started)
            agrees = agrees and np.array_equal(tile[:n], first_scores[:n, begin:end])
        if agrees:
            same.append((float(np.median(seconds)), product))
    return min(same, key=lambda found: found[0])[1] if same else None


def _memory_of(tiles: list[tuple[int, int]]) -> dict[int, Table]:
    """Where the scores of a tile are kept, by its width; contiguous, or counting is slow."""
    widths = {end - begin for begin, end in tiles}
    memory = np.empty(_TILE_USERS * max(widths), dtype=np.float32)
    return {width: memory[: _TILE_USERS * width].reshape(_TILE_USERS, width) for width in widths}


def _by_numpy(queries: Table, items: Table, out: Table) -> None:
    """OpenBLAS as a rule: the faster on AMD's processors."""
    np.matmul(queries, items.T, out=out)


def _by_torch(queries: Table, items: Table, out: Table) -> None:
    """MKL as a rule: the faster on Intel's processors."""
    import torch

    with torch.no_grad():
        torch.mm(torch.from_numpy(queries), torch.from_numpy(items).T, out=torch.from_numpy(out))
