"""Compiled sums over table rows: the only loops of the estimators whose order the compiler picks.

They read arrays and write none, see ``compiling.compiled_sum``; loops that write call them.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import compiled_sum

__all__ = ["dot", "dot_difference", "dot_of_sum", "margin_change", "square_of_sum"]

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


@compiled_sum
def square_of_sum(a: FloatArray, b: FloatArray) -> float:
    """``|a + b|**2``, summed in float64."""
    total = 0.0
    for t in range(len(a)):
        total += (a[t] + b[t]) * (a[t] + b[t])
    return total


@compiled_sum
def dot_of_sum(a: FloatArray, b: FloatArray, c: FloatArray) -> float:
    """``<a + b, c>``, summed in float64."""
    total = 0.0
    for t in range(len(a)):
        total += (a[t] + b[t]) * c[t]
    return total
