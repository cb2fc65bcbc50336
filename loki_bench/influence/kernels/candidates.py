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
    row_table: FloatArray,
    row_vector: FloatArray,
    item_table: FloatArray,
    item_vector: FloatArray,
    row: np.uint64,
    i: np.uint64,
    j: np.uint64,
) -> tuple[np.floating, np.floating]:
    """``<A_r, B_i - B_j>`` and its derivative along the vector, summed in the arrays' type."""
    margin = change = row_table.dtype.type(0)
    for t in range(row_table.shape[1]):
        difference = item_table[i, t] - item_table[j, t]
        margin += row_table[row, t] * difference
        change += row_vector[row, t] * difference
        change += row_table[row, t] * (item_vector[i, t] - item_vector[j, t])
    return margin, change


@compiled
def add_margins(
    order: NDArray[np.int64],
    rows: Ids,
    positives: Ids,
    negatives: Ids,
    tables: tuple[FloatArray, FloatArray],
    vectors: tuple[FloatArray, FloatArray],
    margins: FloatArray,
    changes: FloatArray,
) -> None:
    """Add one term's part to the margin of each candidate and to its derivative.

    Parameters
    ----------
    order : int64 array of shape (m,)
        Which candidates, in the order in which they are taken; the others' term is zero.
    rows, positives, negatives : int32 arrays of shape (n,)
    tables, vectors : tuples of two arrays of shape (n_rows, d) and (n_items, d)
        Row table and item table, and their part of the vector.
    margins, changes : arrays of shape (n,)
    """
    for s in order:
        # unsigned: a signed index may count from the end, which costs a branch each
        margin, change = _margin_and_change(
            tables[0],
            vectors[0],
            tables[1],
            vectors[1],
            np.uint64(rows[s]),
            np.uint64(positives[s]),
            np.uint64(negatives[s]),
        )
        margins[s] += margin
        changes[s] += change


@compiled
def losses_along(margins: FloatArray, changes: FloatArray, out: NDArray[np.float64]) -> None:
    """Write ``g_s dx_s`` with ``g_s = -sigmoid(-x_s)`` into ``out``."""
    one = margins.dtype.type(1)
    for s in range(len(margins)):
        e = np.exp(-abs(margins[s]))
        out[s] = -(e if margins[s] > 0 else one) / (one + e) * changes[s]
