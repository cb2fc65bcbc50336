"""The compiled trainers' epoch: new negatives, a new order, one pass of a compiled loop."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.draws import Stream, epoch_key, shuffled_in_blocks
from loki_bench_recbole.samples import SampleSource

__all__ = ["BLOCK_SAMPLES", "INITIAL_ACCUMULATOR", "CompiledEpoch", "aligned"]

INITIAL_ACCUMULATOR = 1e-6
"""AdaGrad's sum of squares before the first step: keeps an untouched row from dividing by zero."""

BLOCK_SAMPLES = 2**18
"""Samples taken from neighbouring users before others come: their rows stay in the caches.

Below it (Amazon Beauty, MovieLens-100K) an epoch is one shuffle of all samples.
"""

_LINE = 64
"""Bytes in a cache line."""

Pass = Callable[[NDArray[np.int64], NDArray[np.int32], tuple[NDArray[np.float32], ...]], float]


class CompiledEpoch(Epoch):
    """AdaGrad, compiled, on the model's own memory.

    Parameters
    ----------
    source : SampleSource
    tables : tuple of float32 arrays
        What is trained: only their shapes are used here.
    one_pass : callable
        ``one_pass(order, negatives, accumulators) -> mean loss``, changing the tables and the
        accumulators (one for each table) in place.
    seed : int
    """

    def __init__(
        self,
        source: SampleSource,
        tables: tuple[NDArray[np.float32], ...],
        one_pass: Pass,
        *,
        seed: int,
    ) -> None:
        self._source, self._one_pass, self._seed = source, one_pass, seed
        self._accumulators = tuple(aligned(table.shape, INITIAL_ACCUMULATOR) for table in tables)

    def __call__(self, epoch: int) -> float:
        """One pass over the samples."""
        negatives = self._source.negatives(seed=self._seed, epoch=epoch)
        key = epoch_key(self._seed, Stream.ORDER, epoch)
        order = shuffled_in_blocks(len(self._source), BLOCK_SAMPLES, key)
        return float(self._one_pass(order, negatives, self._accumulators))


def aligned(shape: tuple[int, ...], value: float) -> NDArray[np.float32]:
    """A filled array that begins at a cache line, as torch's tables do and numpy's arrays do not.

    A row of 64 numbers is then four lines and not parts of five: an epoch of four million events
    takes 18 % less time (`benchmarks/cache_lines.py`), with the same bits.
    """
    n = int(np.prod(shape))
    memory = np.empty(n + _LINE // 4, dtype=np.float32)
    start = -memory.ctypes.data % _LINE // 4
    filled = memory[start : start + n].reshape(shape)
    filled[:] = value
    return filled
