"""Compiled training of factor models: one AdaGrad step a sample, in place.

AdaGrad (Duchi et al., JMLR 2011) with one accumulator a coordinate. A step of sample s moves each
row that it touches by ``- learning_rate * g / sqrt(accumulator)``, where g is the gradient of
``log(1 + exp(-x_s))`` plus the L2 term of :class:`loki_bench.contracts.FactorTerm`, at the values
before the step, and the accumulator includes g**2.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench_recbole.compiling import compiled, compiled_inline, compiled_sum
from loki_bench_recbole.prefetching import prefetch_place, prefetch_row

__all__ = ["adagrad_epoch", "inner_product", "step_row"]

Table = NDArray[np.float32]
Ids = NDArray[np.int32]

_AHEAD = 4
"""Samples between the asking for rows and their use: of 4, 8, 16 and 32 the fastest."""


@compiled_sum
def inner_product(a: NDArray[np.float32], b: NDArray[np.float32]) -> np.float32:
    """The inner product of two vectors of one length."""
    product = np.float32(0)
    for k in range(len(a)):
        product += a[k] * b[k]
    return product


# One loop a table row: with more arrays in a loop the compiler gives up proving that they do not
# overlap, and stops vectorising.
@compiled
def step_row(
    table: Table,
    accumulator: Table,
    row: int,
    direction: NDArray[np.float32],
    slope: np.float32,
    l2: np.float32,
    learning_rate: np.float32,
) -> None:
    """Move one row along the gradient ``slope * direction + l2 * row``."""
    for k in range(table.shape[1]):
        gradient = slope * direction[k] + l2 * table[row, k]
        total = accumulator[row, k] + gradient * gradient
        accumulator[row, k] = total
        table[row, k] -= learning_rate * gradient / np.sqrt(total)


@compiled_inline
def _ask_for(
    order: NDArray[np.int64],
    step: int,
    rows: tuple[Ids, ...],
    positives: Ids,
    negatives: Ids,
    tables: tuple[Table, ...],
    accumulators: tuple[Table, ...],
) -> None:
    """Prefetch the rows of a coming sample, and the ids of one that comes later still."""
    if step + 2 * _AHEAD < len(order):
        later = order[step + 2 * _AHEAD]
        prefetch_place(positives, later)
        prefetch_place(negatives, later)
        for term in range(len(rows)):
            prefetch_place(rows[term], later)
    if step + _AHEAD < len(order):
        sample = order[step + _AHEAD]
        for term in range(len(rows)):
            row, i, j = rows[term][sample], positives[sample], negatives[sample]
            prefetch_row(tables[2 * term], row)
            prefetch_row(accumulators[2 * term], row)
            prefetch_row(tables[2 * term + 1], i)
            prefetch_row(accumulators[2 * term + 1], i)
            prefetch_row(tables[2 * term + 1], j)
            prefetch_row(accumulators[2 * term + 1], j)


@compiled
def adagrad_epoch(
    order: NDArray[np.int64],
    rows: tuple[Ids, ...],
    positives: Ids,
    negatives: Ids,
    tables: tuple[Table, ...],
    accumulators: tuple[Table, ...],
    learning_rate: np.float32,
    l2: np.float32,
) -> float:
    """One pass over the samples for the score sum_k <tables[2k][rows[k]], tables[2k + 1][item]>.

    Parameters
    ----------
    order : int64 array of shape (n,)
        The samples, in the order in which they are taken.
    rows : tuple of int32 arrays
        What picks the row of each term, a value for each sample.
    positives, negatives : int32 arrays
        The two items of each sample.
    tables : tuple of C-contiguous float32 arrays of shape (n_rows, d)
        Row table, item table, row table, item table ...; changed in place.
    accumulators : tuple of float32 arrays
        Sums of squared gradients, shaped as the tables and above zero; changed in place.
    learning_rate, l2 : float32
        Each sample adds ``l2 / 2 * |row|**2`` for every row that it touches.

    Returns
    -------
    The mean loss without L2, each sample's before its own step.
    """
    n_terms, d = len(rows), tables[0].shape[1]
    row_copies = np.empty((n_terms, d), np.float32)
    differences = np.empty((n_terms, d), np.float32)
    total = 0.0
    for step in range(len(order)):
        _ask_for(order, step, rows, positives, negatives, tables, accumulators)
        sample = order[step]
        i, j = positives[sample], negatives[sample]
        x = np.float32(0)
        for term in range(n_terms):
            row, row_table, item_table = rows[term][sample], tables[2 * term], tables[2 * term + 1]
            for k in range(d):
                row_copies[term, k] = row_table[row, k]
                differences[term, k] = item_table[i, k] - item_table[j, k]
            x += inner_product(row_copies[term], differences[term])
        e = np.exp(-abs(x))
        total += np.log1p(e) + max(-x, np.float32(0))
        slope = np.float32(-(e if x >= 0 else np.float32(1)) / (np.float32(1) + e))
        for term in range(n_terms):
            row, row_table, item_table = rows[term][sample], tables[2 * term], tables[2 * term + 1]
            row_sum, item_sum = accumulators[2 * term], accumulators[2 * term + 1]
            step_row(row_table, row_sum, row, differences[term], slope, l2, learning_rate)
            step_row(item_table, item_sum, i, row_copies[term], slope, l2, learning_rate)
            step_row(item_table, item_sum, j, row_copies[term], -slope, l2, learning_rate)
    return total / max(len(order), 1)
