"""Compiled sums over table rows: the only loops of the estimators whose order the compiler picks.

They read arrays and write none, see ``compiling.compiled_sum``; loops that write call them.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import compiled_inline_sum, compiled_sum

__all__ = [
    "dot",
    "dot_difference",
    "dot_row",
    "dot_row_of_sum",
    "margin_change",
    "square_of_row_sum",
]

FloatArray = NDArray[np.floating]


@compiled_sum
def dot(a: FloatArray, b: FloatArray) -> float:
    """``<a, b>``, summed in float64; ``b`` is at least as long as ``a``."""
    total = 0.0
    for t in range(len(a)):
        total += a[t] * b[t]
    return total


@compiled_sum
def dot_difference(row: FloatArray, pos: FloatArray, neg: FloatArray) -> float:
    """``<row, pos - neg>``, summed in float64."""
    total = 0.0
    for t in range(len(row)):
        total += row[t] * (pos[t] - neg[t])
    return total


@compiled_sum
def margin_change(
    row: FloatArray, difference: FloatArray, v_row: FloatArray, change: FloatArray
) -> np.floating:
    """``<v_row, difference> + <row, change>``, summed in the arrays' type."""
    total = row.dtype.type(0)
    for t in range(len(row)):
        total += v_row[t] * difference[t] + row[t] * change[t]
    return total


@compiled_inline_sum
def dot_row(rows: FloatArray, r: int, b: FloatArray) -> float:
    """``<rows[r], b>``, summed in float64."""
    total = 0.0
    for t in range(len(b)):
        total += rows[r, t] * b[t]
    return total


@compiled_inline_sum
def square_of_row_sum(a: FloatArray, rows: FloatArray, r: int) -> float:
    """``|a + rows[r]|**2``, summed in float64."""
    total = 0.0
    for t in range(len(a)):
        total += (a[t] + rows[r, t]) * (a[t] + rows[r, t])
    return total


@compiled_inline_sum
def dot_row_of_sum(a: FloatArray, rows: FloatArray, others: FloatArray, r: int) -> float:
    """``<a + rows[r], others[r]>``, summed in float64."""
    total = 0.0
    for t in range(len(a)):
        total += (a[t] + rows[r, t]) * others[r, t]
    return total
