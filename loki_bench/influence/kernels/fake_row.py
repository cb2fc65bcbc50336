"""Compiled rules of a fake user's row: where it starts, and the L2 term that it is charged."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loki_bench.influence.kernels.compiling import compiled_part

__all__ = ["RowRules", "copy_numbers", "first_row", "row_ridge"]

Array = NDArray[np.float64]
IntArray = NDArray[np.int32]


class RowRules(NamedTuple):
    """How a fake user, who is no row of the clean model, is given one."""

    fold: bool  # whether it is folded in; False: it stays where it starts whatever the user does
    first_rows: Array  # (1 or n_items, width): where it starts, see :func:`first_row`
    ridge: float  # L2 coefficient of the folded-in row
    ridge_per_sample: bool  # whether ``ridge`` is charged once a sample


@compiled_part
def copy_numbers(source: NDArray[np.generic], target: NDArray[np.generic]) -> None:
    """Write ``target[: len(source)]``.

    ``target[:] = source`` also compiles what numpy says where shapes differ, a second of strings.
    """
    for t in range(len(source)):
        target[t] = source[t]


@compiled_part
def first_row(rules: RowRules, sequence: IntArray) -> Array:
    """Where the row of a user starts: at the only one, or at the one of the user's first item.

    By the first item, a user has the same one whoever is scored beside it and however far its
    sequence has come.
    """
    row: Array = rules.first_rows[sequence[0] % len(rules.first_rows)]
    return row


@compiled_part
def row_ridge(rules: RowRules, weight: Array, n: int) -> float:
    """The L2 coefficient of the row of a user with the first ``n`` samples."""
    if not rules.ridge_per_sample:
        return rules.ridge
    total = 0.0
    for s in range(n):
        total += weight[s]
    return rules.ridge * total
