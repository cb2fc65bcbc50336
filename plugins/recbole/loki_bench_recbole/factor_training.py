"""Compiled training of factor models: one step of row-wise AdaGrad a sample, in place.

AdaGrad (Duchi et al., JMLR 2011) with one accumulator a table row: a step of sample s moves each
row that it touches by ``- learning_rate * g / sqrt(accumulator)``, where g is the gradient of
``log(1 + exp(-x_s))`` plus the L2 term of :class:`loki_bench.contracts.FactorTerm`, at the values
before the step, and the accumulator includes the mean of g**2 over the row. (One accumulator a
coordinate is the original; a sum for each row is what recommender systems take, e.g. Mudigere et
al., ISCA 2022, section 4.1.4. It needs one square root a row instead of d, and half the memory.)
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from loki_bench_recbole.compiling import compiled, compiled_inline, compiled_row, compiled_sum
from loki_bench_recbole.prefetching import prefetch_row

__all__ = ["Ids", "Table", "Vector", "adagrad_epoch", "inner_product", "step_row"]

Table = NDArray[np.float32]
Vector = NDArray[np.float32]
Ids = NDArray[np.int32]

_AHEAD = 4
"""Samples between the asking for rows and their use."""

_TOGETHER = 2
"""Samples that are worked on side by side where they touch no common row; of 1 to 4 the fastest."""

_START = cast("int", np.int64(0))
"""A plain 0 has a type of its own: what it is given to would be compiled once more for it."""


@compiled_sum
def inner_product(a: Vector, b: Vector) -> np.float32:
    """The inner product of two vectors of one length."""
    product = np.float32(0)
    for k in range(len(a)):
        product += a[k] * b[k]
    return product


@compiled_sum
def _mean_square(direction: Vector, row: Vector, slope: np.float32, l2: np.float32) -> np.float32:
    """The mean of the squares of ``slope * direction + l2 * row``."""
    total = np.float32(0)
    for k in range(len(row)):
        gradient = slope * direction[k] + l2 * row[k]
        total += gradient * gradient
    return total / np.float32(len(row))


@compiled_row
def step_row(
    table: Table,
    accumulator: Vector,
    row: int,
    direction: Vector,
    slope: np.float32,
    l2: np.float32,
    learning_rate: np.float32,
) -> None:
    """Move one row along the gradient ``slope * direction + l2 * row``."""
    total = accumulator[row] + _mean_square(direction, table[row], slope, l2)
    accumulator[row] = total
    rate = learning_rate / np.sqrt(total)
    for k in range(table.shape[1]):
        table[row, k] -= rate * (slope * direction[k] + l2 * table[row, k])


# The squared lengths of the three gradients of a term follow from these six: they are known before
# the slope is, and so nothing waits for it.
@compiled_sum
def _products(
    row: Vector, positive: Vector, negative: Vector
) -> tuple[np.float32, np.float32, np.float32, np.float32, np.float32, np.float32]:
    """Of r, p, n and p - n: <r, p - n>, |p - n|**2, |r|**2, <r, p>, |p|**2 and |n|**2."""
    margin = difference = own = np.float32(0)
    toward = liked = other = np.float32(0)
    for k in range(len(row)):
        between = positive[k] - negative[k]
        margin += row[k] * between
        difference += between * between
        own += row[k] * row[k]
        toward += row[k] * positive[k]
        liked += positive[k] * positive[k]
        other += negative[k] * negative[k]
    return margin, difference, own, toward, liked, other


@compiled_row
def _move(
    rows: Table,
    items: Table,
    row: int,
    i: int,
    j: int,
    slope: np.float32,
    l2: np.float32,
    rates: tuple[np.float32, np.float32, np.float32],
) -> None:
    """Move the three rows of a term, each by its rate times its gradient."""
    one = np.float32(1)
    keep_row, keep_i, keep_j = one - rates[0] * l2, one - rates[1] * l2, one - rates[2] * l2
    move_row, move_i, move_j = rates[0] * slope, rates[1] * slope, rates[2] * slope
    for k in range(rows.shape[1]):
        own, liked, other = rows[row, k], items[i, k], items[j, k]
        rows[row, k] = keep_row * own - move_row * (liked - other)
        items[i, k] = keep_i * liked - move_i * own
        items[j, k] = keep_j * other + move_j * own


@compiled_inline
def _ask_for(
    step: int, rows: tuple[Ids, ...], positives: Ids, negatives: Ids, tables: tuple[Table, ...]
) -> None:
    """Prefetch the rows of a coming sample."""
    if step < len(positives):
        for term in range(len(rows)):
            prefetch_row(tables[2 * term], rows[term][step])
            prefetch_row(tables[2 * term + 1], positives[step])
            prefetch_row(tables[2 * term + 1], negatives[step])


@compiled_row
def _are_apart(a: int, b: int, rows: tuple[Ids, ...], positives: Ids, negatives: Ids) -> bool:
    """Whether two samples touch no common row."""
    i, j = positives[a], negatives[a]
    apart = (i != positives[b]) & (i != negatives[b])
    apart &= (j != positives[b]) & (j != negatives[b])
    for term in range(len(rows)):
        apart &= rows[term][a] != rows[term][b]
    return bool(apart)


@compiled
def adagrad_epoch(
    rows: tuple[Ids, ...],
    positives: Ids,
    negatives: Ids,
    tables: tuple[Table, ...],
    accumulators: tuple[Vector, ...],
    learning_rate: np.float32,
    l2: np.float32,
    weights: Vector | None = None,
) -> float:
    """One pass over the samples for the score sum_k <tables[2k][rows[k]], tables[2k + 1][item]>.

    The result is that of one sample after the other, in the order of the arrays: two are worked on
    side by side only where they touch no common row, so that the processor need not wait for the
    sums of the first.

    Parameters
    ----------
    rows : tuple of int32 arrays of shape (n,)
        What picks the row of each term, a value for each sample.
    positives, negatives : int32 arrays of shape (n,)
        The two items of each sample; they differ.
    tables : tuple of C-contiguous float32 arrays of shape (n_rows, d)
        Row table, item table, row table, item table ...; changed in place.
    accumulators : tuple of float32 arrays of shape (n_rows,)
        Sums of mean squared gradients, above zero; changed in place.
    learning_rate, l2 : float32
        Each sample adds ``l2 / 2 * |row|**2`` for every row that it touches.
    weights : float32 array of shape (n,), or None
        What each sample's loss and its L2 term are multiplied with; None is 1 for all, and
        compiles to a loop without them.

    Returns
    -------
    The mean loss without L2 and weights, each sample's before its own step.
    """
    n, n_terms = len(positives), len(rows)
    zero, one, two = np.float32(0), np.float32(1), np.float32(2)
    per_number = one / np.float32(tables[0].shape[1])
    sums = np.empty((_TOGETHER, n_terms, 6), np.float32)
    slopes = np.empty(_TOGETHER, np.float32)
    total, product = 0.0, 1.0
    for step in range(_AHEAD):
        _ask_for(step, rows, positives, negatives, tables)
    start = _START
    while start < n:
        size = 1
        if start + 1 < n and _are_apart(start, start + 1, rows, positives, negatives):
            size = _TOGETHER
        for member in range(size):
            sample = start + member
            _ask_for(sample + _AHEAD, rows, positives, negatives, tables)
            i, j = positives[sample], negatives[sample]
            x = zero
            for term in range(n_terms):
                row_table, item_table = tables[2 * term], tables[2 * term + 1]
                found = _products(row_table[rows[term][sample]], item_table[i], item_table[j])
                x += found[0]
                for place in range(6):
                    sums[member, term, place] = found[place]
            e = np.exp(-abs(x))
            product *= 1.0 + float(e)
            total += float(max(-x, zero))
            slopes[member] = -(e if x >= zero else one) / (one + e)
        for member in range(size):
            sample, slope, charge = start + member, slopes[member], l2
            if weights is not None:
                slope, charge = weights[sample] * slope, weights[sample] * charge
            i, j = positives[sample], negatives[sample]
            square, mixed, l2_square = slope * slope, two * slope * charge, charge * charge
            for term in range(n_terms):
                margin, difference, own, toward, liked, other = sums[member, term]
                row, row_sum, item_sum = (
                    rows[term][sample],
                    accumulators[2 * term],
                    accumulators[2 * term + 1],
                )
                # |slope * direction + l2 * row|**2; rounding may leave it below zero
                of_row = square * difference + mixed * margin + l2_square * own
                of_i = square * own + mixed * toward + l2_square * liked
                of_j = square * own - mixed * (toward - margin) + l2_square * other
                row_sum[row] += max(of_row, zero) * per_number
                item_sum[i] += max(of_i, zero) * per_number
                item_sum[j] += max(of_j, zero) * per_number
                rates = (
                    learning_rate / np.sqrt(row_sum[row]),
                    learning_rate / np.sqrt(item_sum[i]),
                    learning_rate / np.sqrt(item_sum[j]),
                )
                _move(tables[2 * term], tables[2 * term + 1], row, i, j, slope, charge, rates)
        start += size
        if product > 1e200:  # the losses are log(1 + e) each: one logarithm for hundreds of them
            total += np.log(product)
            product = 1.0
    return float(total + np.log(product)) / max(n, 1)
