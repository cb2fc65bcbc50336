"""numba's decorator with types: the compiled function keeps the signature of its source."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np

__all__ = ["NONE", "compiled", "compiled_inline_sum", "compiled_sum"]

Function = TypeVar("Function", bound=Callable[..., object])

NONE = cast("int", np.int64(0))
"""A count that starts at nothing. A plain 0 that is handed to a compiled function has a type of its
own: the function, and whatever it calls, would be compiled once more for it."""

compiled = cast("Callable[[Function], Function]", numba.njit(cache=True, error_model="numpy"))
"""Compile at the first call and keep the machine code on disk.

Arithmetic is exact: NaN and infinities go through to the checks that look for them. Division by
zero is infinite, as in numpy: a check of every divisor would stop vectorisation.
"""

compiled_sum = cast(
    "Callable[[Function], Function]",
    numba.njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"}),
)
"""The same with sums taken in any order, for functions that only read arrays.

A loop that also writes arrays must not take it: such a loop is compiled twice, and which of the
two runs depends on how close its arrays lie in memory. With exact arithmetic both give the same
bits; with sums in any order they do not, and an influence would no longer repeat.
"""

compiled_inline_sum = cast(
    "Callable[[Function], Function]",
    numba.njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"}, forceinline=True),
)
"""``compiled_sum`` as a part of whatever calls it.

A call hands each array over as seven numbers, which takes as long as the loop over a row.
"""
