"""Compiled leverage correction: what a fake user's own curvature takes away from its influence.

First-order influence lets the clean parameters move as if the added samples' losses were linear;
an item with few clicks then moves two or three times too far. One Newton step with the fake
user's Gauss-Newton curvature K (its row eliminated) changes ``-s . G`` into
``-grad f . (H + K)^-1 G``, and with ``K = Z^T M Z`` Woodbury's identity gives

    -s . G + (Z s)^T (M^-1 + W)^-1 Z A^-1 G,   W = Z A^-1 Z^T,   M^-1 = diag(1 / h) + D D^T / ridge

for samples with clean-parameter gradients Z. Here H inside W is replaced by A, the diagonal block
of each table row; a block of the true Hessian has no indefinite part, so A is positive definite.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import compiled, compiled_part
from loki_bench.influence.kernels.fake_row import row_ridge
from loki_bench.influence.kernels.fake_user import (
    FakeUserTables,
    Workspace,
    extend_user,
    user_value,
)
from loki_bench.influence.kernels.fold_in import cholesky, cholesky_solve
from loki_bench.influence.kernels.row_sums import dot

__all__ = ["RowBlocks", "leverage_values"]

Array = NDArray[np.float64]
IndexArray = NDArray[np.int64]
IntArray = NDArray[np.int32]


class RowBlocks(NamedTuple):
    """The training samples behind every table row, and a cache of factored diagonal blocks.

    Tables are numbered: the item tables of the user terms, the item tables of the last-item terms,
    the row tables of the last-item terms. Row ``r`` of table ``b`` is row ``table_starts[b] + r``
    of the lists.
    """

    table_starts: IndexArray  # (n_tables,) first list of each table
    table_at: IndexArray  # (n_tables,) offset of the table in theta
    offsets: IndexArray  # (n_lists + 1,) samples of each list
    partner_at: IndexArray  # (n_entries,) a sample's gradient in this row is theta[partner] ...
    minus_at: IndexArray  # (n_entries,) ... minus theta[minus], where this is not -1
    curvature: Array  # (n_entries,) h of the sample
    l2: Array  # (n_lists,) L2 coefficient and damping
    added_l2: Array  # (n_tables,) L2 coefficient that one more sample adds
    slot_of: IntArray  # (n_lists,) place in ``factors``; -1: not there
    n_used: IntArray  # (1,)
    factors: Array  # (capacity, d, d) Cholesky factors


@compiled_part
def _factor(blocks: RowBlocks, theta: NDArray[np.floating], at: int, d: int) -> int:
    """The slot of a row's factored block, made if it is not there."""
    if blocks.slot_of[at] >= 0:
        return int(blocks.slot_of[at])
    if blocks.n_used[0] == len(blocks.factors):
        blocks.slot_of[:] = -1
        blocks.n_used[0] = 0
    slot = int(blocks.n_used[0])
    block = blocks.factors[slot]
    for t in range(d):
        for u in range(t + 1):
            block[t, u] = 0.0
        block[t, t] = blocks.l2[at]
    z = np.empty(d)
    for entry in range(blocks.offsets[at], blocks.offsets[at + 1]):
        plus, minus = blocks.partner_at[entry], blocks.minus_at[entry]
        for t in range(d):
            z[t] = theta[plus + t]
        if minus >= 0:
            for t in range(d):
                z[t] -= theta[minus + t]
        for t in range(d):
            scaled = blocks.curvature[entry] * z[t]
            target = block[t, : t + 1]
            for u in range(t + 1):
                target[u] += scaled * z[u]
    cholesky(block, d)
    blocks.slot_of[at] = slot
    blocks.n_used[0] += 1
    return slot


@compiled_part
def _add_table(
    blocks: RowBlocks,
    theta: NDArray[np.floating],
    table: int,
    n: int,
    n_signs: int,
    rows: IndexArray,
    vectors: Array,
    d: int,
    slope: Array,
    weight: Array,
    W: Array,
    moved: Array,
) -> None:
    """Add one table's part to ``W`` and to ``Z A^-1 G``.

    ``rows[s, 0]`` is the row that sample s raises with ``vectors[s]``, ``rows[s, 1]`` (of
    ``n_signs`` 2) the one that it lowers; -1: none.
    """
    done = np.zeros((n, n_signs), np.bool_)
    solved = np.empty((2 * n, d))
    who = np.empty(2 * n, np.int64)
    sign = np.empty(2 * n)
    gradient = np.empty(d)
    for s in range(n):
        for side in range(n_signs):
            row = rows[s, side]
            if row < 0 or done[s, side]:
                continue
            at = blocks.table_starts[table] + row
            slot = _factor(blocks, theta, at, d)
            m = 0
            gradient[:] = 0.0
            for other in range(s, n):
                for other_side in range(n_signs):
                    if rows[other, other_side] != row:
                        continue
                    done[other, other_side] = True
                    who[m] = other
                    sign[m] = 1.0 if other_side == 0 else -1.0
                    same = m > 0
                    for t in range(d):
                        solved[m, t] = vectors[other, t]
                        gradient[t] += slope[other] * sign[m] * vectors[other, t]
                        if blocks.added_l2[table] > 0.0:
                            gradient[t] += (
                                weight[other]
                                * blocks.added_l2[table]
                                * theta[blocks.table_at[table] + row * d + t]
                            )
                        same = same and vectors[other, t] == vectors[who[0], t]
                    if same:  # user terms: every sample moves the row along p
                        solved[m] = solved[0]
                    else:
                        cholesky_solve(blocks.factors[slot], d, solved[m])
                    m += 1
            for i in range(m):
                moved[who[i]] += sign[i] * dot(solved[i], gradient)
                for j in range(m):
                    total = dot(solved[i], vectors[who[j]])
                    W[who[i], who[j]] += sign[i] * sign[j] * total


@compiled_part
def _correction(
    tables: FakeUserTables,
    blocks: RowBlocks,
    work: Workspace,
    n: int,
    positives: IndexArray,
    lasts: IndexArray,
) -> float:
    """``(Z s)^T (M^-1 + W)^-1 Z A^-1 G`` of the user whose samples are loaded and folded in."""
    W = np.zeros((n, n))
    moved = np.zeros(n)
    rows = np.empty((n, 2), np.int64)
    for s in range(n):
        rows[s, 0] = positives[s]
        rows[s, 1] = work.chosen[s]
    table = 0
    column = 0
    for m in range(len(tables.user_dims)):
        d = tables.user_dims[m]
        vectors = np.empty((n, d))
        for s in range(n):
            for t in range(d):
                vectors[s, t] = tables.user_scales[m] * work.p[column + t]
        column += d
        _add_table(
            blocks, tables.theta, table, n, 2, rows, vectors, d, work.slope, work.weight, W, moved
        )
        table += 1
    n_last = len(tables.last_dims)
    last_rows = np.empty((n, 1), np.int64)
    for s in range(n):
        last_rows[s, 0] = lasts[s]
        if lasts[s] < 0:
            rows[s, 0] = -1
            rows[s, 1] = -1
    for m in range(n_last):
        d = tables.last_dims[m]
        vectors = np.zeros((n, d))
        between = np.zeros((n, d))
        for s in range(n):
            if lasts[s] < 0:
                continue
            r = tables.last_rows_at[m] + lasts[s] * d
            i = tables.last_items_at[m] + positives[s] * d
            j = tables.last_items_at[m] + work.chosen[s] * d
            for t in range(d):
                vectors[s, t] = tables.theta[r + t]
                between[s, t] = tables.theta[i + t] - tables.theta[j + t]
        _add_table(
            blocks, tables.theta, table, n, 2, rows, vectors, d, work.slope, work.weight, W, moved
        )
        _add_table(
            blocks,
            tables.theta,
            table + n_last,
            n,
            1,
            last_rows,
            between,
            d,
            work.slope,
            work.weight,
            W,
            moved,
        )
        table += 1
    if tables.row.fold:
        ridge = row_ridge(tables.row, work.weight, n)
        for s in range(n):
            for u in range(n):
                W[s, u] += dot(work.difference[s], work.difference[u]) / ridge
    # (diag(1/h) + W)^-1 = S (I + S W S)^-1 S with S = sqrt(h): h may underflow.
    for s in range(n):
        root = sqrt(work.curvature[s])
        moved[s] *= root
        for u in range(n):
            W[s, u] *= root * sqrt(work.curvature[u])
        W[s, s] += 1.0
    cholesky(W, n)
    cholesky_solve(W, n, moved)
    total = 0.0
    for s in range(n):
        y = work.drift[s] + dot(work.p, work.change[s])
        total += y * sqrt(work.curvature[s]) * moved[s]
    return total


@compiled
def leverage_values(
    tables: FakeUserTables,
    blocks: RowBlocks,
    work: Workspace,
    offsets: IndexArray,
    items: IntArray,
    every_event: bool,
    out: Array,
) -> None:
    """As ``kernels.fake_user.sequence_values``, with the leverage correction."""
    positives = np.empty(len(work.weight), np.int64)
    lasts = np.empty(len(work.weight), np.int64)
    for r in range(len(offsets) - 1):
        row = items[offsets[r] : offsets[r + 1]]
        length = len(row)
        if not every_event:
            out[r] = 0.0
        n = 0
        for event in range(length):
            if not every_event and event < length - 1:
                continue
            n = extend_user(tables, work, row, event, n, event if every_event else 0)
            value = user_value(tables, work, n)
            if n:
                for s in range(n):
                    at = work.event[s]
                    positives[s] = row[at]
                    lasts[s] = row[at - 1] if at else -1
                value += _correction(tables, blocks, work, n, positives, lasts)
            out[offsets[r] + event if every_event else r] = value
