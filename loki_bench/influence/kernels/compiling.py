"""numba's decorator with types: the compiled function keeps the signature of its source."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np

from loki_bench.compiled_cache import name_files_by_content

__all__ = [
    "NONE",
    "compiled",
    "compiled_inline",
    "compiled_inline_sum",
    "compiled_part",
    "compiled_sum",
]

name_files_by_content()

Function = TypeVar("Function", bound=Callable[..., object])

NONE = cast("int", np.int64(0))
"""A count that starts at nothing. A plain 0 that is handed to a compiled function has a type of its
own: the function, and whatever it calls, would be compiled once more for it."""

compiled = cast("Callable[[Function], Function]", numba.njit(cache=True, error_model="numpy"))
"""Compile at the first call and keep the machine code on disk.

Arithmetic is exact: NaN and infinities go through to the checks that look for them. Division by
zero is infinite, as in numpy: a check of every divisor would stop vectorisation.
"""

compiled_part = cast(
    "Callable[[Function], Function]",
    numba.njit(cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True),
)
"""The same for what only other compiled functions call.

What Python would call it through takes as long to compile as the function: it unpacks every array
of every argument. Where numba is switched off it is a plain function, as all others are.
"""

compiled_inline = cast(
    "Callable[[Function], Function]",
    numba.njit(cache=True, error_model="numpy", inline="always"),
)
"""The same as lines of whatever calls it: for long functions that are called in one place.

The compiler works through a function once for itself and once more in each that calls it, and in
each that calls that.
"""

compiled_sum = cast(
    "Callable[[Function], Function]",
    numba.njit(
        cache=True,
        error_model="numpy",
        fastmath={"reassoc", "contract"},
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    ),
)
"""A part with sums taken in any order, for functions that only read arrays.

A loop that also writes arrays must not take it: such a loop is compiled twice, and which of the
two runs depends on how close its arrays lie in memory. With exact arithmetic both give the same
bits; with sums in any order they do not, and an influence would no longer repeat.
"""

compiled_inline_sum = cast(
    "Callable[[Function], Function]",
    numba.njit(
        cache=True,
        error_model="numpy",
        fastmath={"reassoc", "contract"},
        forceinline=True,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    ),
)
"""``compiled_sum`` as a part of whatever calls it.

A call hands each array over as seven numbers, which takes as long as the loop over a row.
"""
