"""Compiled sums over many candidate samples: the derivative of each loss along one vector.

Candidates come in any order, and a sum over three rows of two tables each waits for memory. They
are taken row by row (of users, or of last items), so that the row's own numbers stay in the
first cache; every answer is a sum of its own, so their order changes no bit.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import compiled, compiled_inline_sum

__all__ = ["add_margins", "losses_along", "order_by_row"]

FloatArray = NDArray[np.floating]
Ids = NDArray[np.int32]


@compiled
def order_by_row(rows: Ids, n_rows: int) -> NDArray[np.int64]:
    """The places of the candidates with a row (0 or more), row by row: a counting sort."""
    starts = np.zeros(n_rows + 1, np.int64)
    for row in rows:
        if row >= 0:
            starts[row + 1] += 1
    for row in range(n_rows):
        starts[row + 1] += starts[row]
    order = np.empty(starts[n_rows], np.int64)
    for s in range(len(rows)):
        if rows[s] >= 0:
            order[starts[rows[s]]] = s
            starts[rows[s]] += 1
    return order


@compiled_inline_sum
def _margin_and_change(
    row: FloatArray, vector: FloatArray, items: FloatArray, i: np.uint64, j: np.uint64, d: int
) -> tuple[np.floating, np.floating]:
    """``<A_r, B_i - B_j>`` and its derivative along the vector, summed in the arrays' type."""
    margin = of_row = of_items = items.dtype.type(0)  # three sums: none waits for another
    for t in range(d):
        difference = items[i, t] - items[j, t]
        margin += row[t] * difference
        of_row += vector[t] * difference
        of_items += row[t] * (items[i, d + t] - items[j, d + t])
    return margin, of_row + of_items


@compiled
def add_margins(
    order: NDArray[np.int64],
    rows: Ids,
    positives: Ids,
    negatives: Ids,
    tables: tuple[FloatArray, FloatArray],
    items: FloatArray,
    margins: FloatArray,
    changes: FloatArray,
) -> None:
    """Add one term's part to the margin of each candidate and to its derivative.

    Ids are put into their order first and answers are put back last: what is between then waits
    for the rows of items alone, a kilobyte a candidate at 64 factors.

    Parameters
    ----------
    order : int64 array of shape (m,)
        Which candidates, row by row; the others' term is zero.
    rows, positives, negatives : int32 arrays of shape (n,)
    tables : tuple of two arrays of shape (n_rows, d)
        The row table, and its part of the vector.
    items : array of shape (n_items, 2 d)
        The item table, and its part of the vector beside it.
    margins, changes : arrays of shape (n,)
    """
    n, d = len(order), tables[0].shape[1]
    of, liked, other = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    for place in range(n):
        s = order[place]
        of[place], liked[place], other[place] = rows[s], positives[s], negatives[s]
    margin, change = np.empty(n, margins.dtype), np.empty(n, margins.dtype)
    place = 0
    while place < n:
        current = of[place]
        row, vector = tables[0][current], tables[1][current]
        while place < n and of[place] == current:
            # unsigned: a signed index may count from the end, which costs a branch each
            i, j = np.uint64(liked[place]), np.uint64(other[place])
            margin[place], change[place] = _margin_and_change(row, vector, items, i, j, d)
            place += 1
    for place in range(n):
        s = order[place]
        margins[s] += margin[place]
        changes[s] += change[place]


@compiled
def losses_along(margins: FloatArray, changes: FloatArray, out: NDArray[np.float64]) -> None:
    """Write ``g_s dx_s`` with ``g_s = -sigmoid(-x_s)`` into ``out``."""
    one = margins.dtype.type(1)
    for s in range(len(margins)):
        e = np.exp(-abs(margins[s]))
        out[s] = -(e if margins[s] > 0 else one) / (one + e) * changes[s]
