"""numba's decorator with types: the compiled function keeps the signature of its source."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

from loki_bench.compiled_cache import name_files_by_content

__all__ = ["compiled", "compiled_inline", "compiled_row", "compiled_sum"]

name_files_by_content()

Function = TypeVar("Function", bound=Callable[..., object])

compiled = cast("Callable[[Function], Function]", numba.njit(cache=True, error_model="numpy"))
"""Compile at the first call and keep the machine code on disk.

Division by zero is infinite, as in numpy: a check of every divisor would stop vectorisation.
"""

compiled_sum = cast(
    "Callable[[Function], Function]",
    numba.njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"}, forceinline=True),
)
"""For a loop over the numbers of a table row that only reads arrays: sums are taken in any order.

A loop that also writes arrays must not take it: such a loop is compiled twice, and which of the
two runs depends on how close its arrays lie in memory. With exact arithmetic both give the same
bits; with sums in any order they do not, and a fit would no longer repeat.
"""

compiled_row = cast(
    "Callable[[Function], Function]",
    numba.njit(cache=True, error_model="numpy", forceinline=True),
)
"""For a loop over the numbers of a table row that writes arrays, part of whatever calls it.

A call would hand each array over as seven numbers, which takes as long as the loop.
"""

compiled_inline = cast("Callable[[Function], Function]", numba.njit(cache=True, inline="always"))
"""For functions of a few operations that other compiled functions call."""
