"""Compiled training and scoring of TransRec: one step of row-wise AdaGrad a sample, in place.

score(u, l, i) = bias_i - |T + user_u + item_l - item_i| (He et al., RecSys 2017, Eq. 3, with the
Euclidean distance as in RecBole). The step is the one of
:mod:`loki_bench_recbole.factor_training`.
"""

from typing import cast

import numpy as np

from loki_bench_recbole.compiling import compiled, compiled_row
from loki_bench_recbole.factor_training import Ids, Table, Vector, inner_product, step_row

__all__ = ["adagrad_epoch_translation", "distance_scores"]

_SHARED_ROW = cast("int", np.int32(0))
"""A plain 0 has a type of its own: what it is given to would be compiled once more for it."""


@compiled_row
def _unit_difference(query: Vector, items: Table, item: int, unit: Vector) -> np.float32:
    """Write (query - item) / |query - item| and return the distance."""
    for k in range(len(query)):
        unit[k] = query[k] - items[item, k]
    distance = np.float32(np.sqrt(inner_product(unit, unit)))
    scale = np.float32(1) / max(distance, np.float32(1e-12))
    for k in range(len(query)):
        unit[k] *= scale
    return distance


@compiled
def adagrad_epoch_translation(
    users: Ids,
    lasts: Ids,
    positives: Ids,
    negatives: Ids,
    tables: tuple[Table, ...],
    accumulators: tuple[Vector, ...],
    learning_rate: np.float32,
    l2: np.float32,
    weights: Vector | None = None,
) -> float:
    """One pass over the samples.

    Parameters
    ----------
    users, lasts, positives, negatives : int32 arrays of shape (n,)
        Taken in their order; ``lasts`` are item ids, never -1.
    tables : tuple of four C-contiguous float32 arrays
        Users (n_users, d), items (n_items, d), biases (n_items, 1) and the translation that all
        users share (1, d); changed in place.
    accumulators : tuple of float32 arrays of shape (n_rows,)
        Sums of mean squared gradients, one for each row of the tables, above zero; changed in
        place.
    learning_rate, l2 : float32
        Each sample adds ``l2 / 2 * |row|**2`` for every row that it touches.
    weights : float32 array of shape (n,), or None
        What each sample's loss and its L2 term are multiplied with; None is 1 for all.

    Returns
    -------
    The mean loss without L2 and weights, each sample's before its own step.
    """
    user_table, item_table, bias_table, shared = tables
    user_sum, item_sum, bias_sum, shared_sum = accumulators
    d = user_table.shape[1]
    query, toward, away = np.empty(d, np.float32), np.empty(d, np.float32), np.empty(d, np.float32)
    pull, one = np.empty(d, np.float32), np.ones(1, np.float32)
    lr, total = learning_rate, 0.0
    for sample in range(len(positives)):
        u, q, i, j = users[sample], lasts[sample], positives[sample], negatives[sample]
        for k in range(d):
            query[k] = shared[0, k] + user_table[u, k] + item_table[q, k]
        x = bias_table[i, 0] - bias_table[j, 0]
        x -= _unit_difference(query, item_table, i, toward)
        x += _unit_difference(query, item_table, j, away)
        e = np.exp(-abs(x))
        total += np.log1p(e) + max(-x, np.float32(0))
        slope = np.float32(-(e if x >= 0 else np.float32(1)) / (np.float32(1) + e))
        charge = l2
        if weights is not None:
            slope, charge = weights[sample] * slope, weights[sample] * charge
        for k in range(d):
            pull[k] = away[k] - toward[k]
        step_row(user_table, user_sum, u, pull, slope, charge, lr)
        step_row(shared, shared_sum, _SHARED_ROW, pull, slope, charge, lr)
        step_row(item_table, item_sum, q, pull, slope, charge, lr)
        step_row(item_table, item_sum, i, toward, slope, charge, lr)
        step_row(item_table, item_sum, j, away, -slope, charge, lr)
        step_row(bias_table, bias_sum, i, one, slope, charge, lr)
        step_row(bias_table, bias_sum, j, one, -slope, charge, lr)
    return total / max(len(positives), 1)


@compiled
def distance_scores(
    products: Table, query_squares: Vector, item_squares: Vector, biases: Vector
) -> None:
    """Turn inner products <query, item> into ``bias - |query - item|``, in place.

    ``|q - i|**2 = |q|**2 + |i|**2 - 2 <q, i>``, so that no array of batch x items x d is made.

    Parameters
    ----------
    products : float32 array of shape (batch, n_items)
        Changed in place.
    query_squares : float32 array of shape (batch,)
        |q|**2 of each row.
    item_squares, biases : float32 arrays of shape (n_items,)
        |i|**2 and the bias of each column.
    """
    for row in range(products.shape[0]):
        square = query_squares[row]
        for item in range(products.shape[1]):
            distance = square + item_squares[item] - np.float32(2) * products[row, item]
            products[row, item] = biases[item] - np.sqrt(max(distance, np.float32(0)))
