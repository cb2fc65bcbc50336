"""Compiled marginal influence of one more item, for many prefixes or many items of one prefix."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import NONE, compiled
from loki_bench.influence.kernels.fake_row import copy_numbers, first_row, row_ridge
from loki_bench.influence.kernels.fake_user import (
    FakeUserTables,
    Workspace,
    append_event,
    extend_user,
    user_value,
)
from loki_bench.influence.kernels.fold_in import solve_row_system
from loki_bench.influence.kernels.row_sums import dot

__all__ = ["derivative_marginals", "difference_marginals"]

Array = NDArray[np.float64]
IndexArray = NDArray[np.int64]
IntArray = NDArray[np.int32]


@compiled
def _same(a: IntArray, b: IntArray) -> bool:
    if len(a) != len(b):
        return False
    for t in range(len(a)):  # noqa: SIM110  # numba compiles no generator
        if a[t] != b[t]:
            return False
    return True


@compiled
def difference_marginals(
    tables: FakeUserTables,
    work: Workspace,
    offsets: IndexArray,
    items: IntArray,
    next_items: IntArray,
    out: Array,
) -> None:
    """Influence of each prefix with its next item, less that of the prefix, both folded in."""
    longest = 0
    for r in range(len(offsets) - 1):
        longest = max(longest, offsets[r + 1] - offsets[r])
    row = np.empty(longest + 1, np.int32)
    kept_a = np.zeros_like(work.a)
    kept_p = np.zeros_like(work.p)
    n = NONE
    value = 0.0
    for r in range(len(offsets) - 1):
        prefix = items[offsets[r] : offsets[r + 1]]
        length = len(prefix)
        if r == 0 or not _same(prefix, items[offsets[r - 1] : offsets[r]]):
            copy_numbers(prefix, row)
            n = NONE
            value = 0.0
            if length:
                n = extend_user(tables, work, row, length - 1, NONE, NONE)
                value = user_value(tables, work, n)
            copy_numbers(work.a, kept_a)
            copy_numbers(work.p, kept_p)
        copy_numbers(kept_a, work.a)
        copy_numbers(kept_p, work.p)
        row[length] = next_items[r]
        collides = False
        for s in range(n):
            if work.chosen[s] == next_items[r]:
                collides = True
        m = extend_user(tables, work, row, length, n, length)
        out[r] = user_value(tables, work, m) - value
        if collides and length:
            n = extend_user(tables, work, row, length - 1, NONE, NONE)


@compiled
def derivative_marginals(
    tables: FakeUserTables,
    work: Workspace,
    offsets: IndexArray,
    items: IntArray,
    next_items: IntArray,
    out: Array,
) -> None:
    """First derivative of a prefix's influence in the weight of the next item's samples.

    ``-(s . gradient in the clean parameters + s_p . gradient in the row)`` with
    ``s_p = -K_pp^-1 K_pQ s`` and K the Hessian of the prefix's samples: how the row answers. Equal
    prefixes that follow each other share the row, so one more candidate costs three dot products.
    """
    longest = 0
    for r in range(len(offsets) - 1):
        longest = max(longest, offsets[r + 1] - offsets[r])
    row = np.empty(longest + 1, np.int32)
    s_p = np.zeros_like(work.p)
    n = NONE
    for r in range(len(offsets) - 1):
        prefix = items[offsets[r] : offsets[r + 1]]
        length = len(prefix)
        if r == 0 or not _same(prefix, items[offsets[r - 1] : offsets[r]]):
            copy_numbers(prefix, row)
            n = NONE
            if length:
                n = extend_user(tables, work, row, length - 1, NONE, NONE)
            user_value(tables, work, n)
            s_p[:] = 0.0
            if tables.row.fold and n:
                for s in range(n):
                    y = work.drift[s] + dot(work.p, work.change[s])
                    for t in range(len(s_p)):
                        s_p[t] += (
                            work.curvature[s] * y * work.difference[s, t]
                            + work.slope[s] * work.change[s, t]
                        )
                solve_row_system(
                    n,
                    work.difference,
                    work.gram,
                    work.curvature,
                    row_ridge(tables.row, work.weight, n),
                    s_p,
                    work.system,
                    work.step,
                )
                for t in range(len(s_p)):
                    s_p[t] = -s_p[t]
        row[length] = next_items[r]
        if length == 0:
            copy_numbers(first_row(tables.row, row), work.p)
        end = append_event(tables, work, row, length, length + 1, n, False)
        total = 0.0
        for s in range(n, end):
            x = work.constant[s] + dot(work.p, work.difference[s])
            y = work.drift[s] + dot(work.p, work.change[s]) + dot(s_p, work.difference[s])
            slope = -work.weight[s] / (1.0 + np.exp(x))
            total -= slope * y + work.weight[s] * work.rho[s]
            if tables.row.ridge_per_sample:
                total -= work.weight[s] * tables.row.ridge * dot(work.p, s_p)
        out[r] = total
