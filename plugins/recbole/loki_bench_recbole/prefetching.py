"""Asking for memory before it is needed: a table row that the next samples will touch.

A sample touches rows at random, so a table that outgrows the caches costs a trip to memory for
each. Which rows come is known ahead: asked for a few samples early, they are there in time. A
prefetch changes no value, so results do not depend on it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from loki_bench_recbole.compiling import compiled_inline

__all__ = ["prefetch_row"]

_FLOATS_A_LINE = 16
"""float32 values in a cache line of 64 bytes."""


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def _prefetch(_: Any, array: Any, flat: Any) -> tuple[Any, Callable[..., Any]]:
    """Prefetch, for writing, the cache line of one element of a C-contiguous array."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        data = context.make_array(kind)(context, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
        number = ir.IntType(32)
        prefetch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number]),
            "llvm.prefetch",
        )
        # for writing; keep in all caches; data, not instructions
        builder.call(prefetch, [place, number(1), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), code


@compiled_inline
def prefetch_row(table: NDArray[np.float32], row: int) -> None:
    """Ask for one row of a C-contiguous table."""
    d = table.shape[1]
    for k in range(0, d, _FLOATS_A_LINE):
        _prefetch(table, row * d + k)
