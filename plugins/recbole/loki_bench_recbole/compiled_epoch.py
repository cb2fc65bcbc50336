"""The compiled trainers' epoch: new negatives, a new order, one pass of a compiled loop."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.epoch_samples import TouchedSamples, every_sample
from loki_bench_recbole.factor_training import Ids, Table, Vector
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.samples import SampleSource

__all__ = ["BLOCK_SAMPLES", "INITIAL_ACCUMULATOR", "CompiledEpoch"]

INITIAL_ACCUMULATOR = 1e-6
"""AdaGrad's sum before the first step: keeps an untouched row from dividing by zero."""

BLOCK_SAMPLES = 2**18
"""Samples taken from neighbouring users before others come: their rows stay in the caches.

Below it (Amazon Beauty, MovieLens-100K) an epoch is one shuffle of all samples.
"""

Pass = Callable[[tuple[Ids, ...], Ids, Ids, "Vector | None", tuple[Vector, ...]], float]


class CompiledEpoch(Epoch):
    """Row-wise AdaGrad, compiled, on the model's own memory.

    Parameters
    ----------
    source : SampleSource
    rows : tuple of int32 arrays of shape (n_samples,)
        What picks the rows that a sample touches, beside its items.
    tables : tuple of float32 arrays of shape (n_rows, d)
        What is trained: only their numbers of rows are used here.
    one_pass : callable
        ``one_pass(rows, positives, negatives, weights, accumulators) -> mean loss``, changing the
        tables and the accumulators, one of shape (n_rows,) for each table, in place. The ids and
        the weights, if there are any, come in the order in which the samples are to be taken.
    seed : int
    moving : MovingRows or None
        Samples that move none of these rows are left out.
    moving_tables : sequence of bool arrays of shape (n_rows,) or None
        With ``moving``, which rows of each table move; None: none does. A sum of infinity makes the
        steps of the others zero.
    sums_before : tuple of float32 arrays
        With ``moving``, the sums that an earlier fit ended with, one for each table and perhaps for
        fewer users: other items than those that move take the steps that these leave them.
    """

    def __init__(
        self,
        source: SampleSource,
        rows: tuple[Ids, ...],
        tables: tuple[Table, ...],
        one_pass: Pass,
        *,
        seed: int,
        moving: MovingRows | None = None,
        moving_tables: Sequence[NDArray[np.bool_] | None] = (),
        sums_before: tuple[Vector, ...] = (),
    ) -> None:
        self._source, self._rows, self._one_pass = source, rows, one_pass
        self._samples: Callable[[int], tuple[NDArray[np.int64], Ids]]
        if moving is None:
            self._samples = partial(every_sample, source, seed=seed, block=BLOCK_SAMPLES)
        else:
            self._samples = TouchedSamples(source, moving, seed=seed, block=BLOCK_SAMPLES)
        self._sums_before = sums_before
        self._accumulators = tuple(
            np.full(len(table), INITIAL_ACCUMULATOR, dtype=np.float32) for table in tables
        )
        self._trained = [np.ones(len(table), dtype=np.bool_) for table in tables]
        if moving is not None:
            self._trained = [
                np.zeros(len(table), dtype=np.bool_) if moves is None else moves
                for table, moves in zip(tables, moving_tables, strict=True)
            ]
            for place, (total, moves) in enumerate(
                zip(self._accumulators, moving_tables, strict=True)
            ):
                if sums_before and moves is moving.items:
                    total[~moves] = sums_before[place][~moves]
                    self._trained[place] = np.ones_like(moves)
                else:
                    total[~self._trained[place]] = np.inf

    @property
    def accumulators(self) -> tuple[Vector, ...]:
        """AdaGrad's sums, float32 of shape (n_rows,) for each table; the epochs' own memory."""
        return self._accumulators

    @property
    def ended_sums(self) -> tuple[Vector, ...]:
        """The sums that a later training goes on from, one for each table; none where unknown.

        A row that did not move has its weights of before, and so its sum of before.
        """
        if all(trained.all() for trained in self._trained):
            return self._accumulators
        if not self._sums_before:
            return ()
        ended = tuple(total.copy() for total in self._accumulators)
        for total, trained, old in zip(ended, self._trained, self._sums_before, strict=True):
            stayed = np.flatnonzero(~trained)
            total[stayed] = old[stayed]
        return ended

    def __call__(self, epoch: int) -> float:
        """One pass over the samples; the loss is NaN where a step was too large for float32."""
        order, negatives = self._samples(epoch)
        # put into their order once, and then read one after the other
        rows = tuple(row[order] for row in self._rows)
        positives = self._source.positives[order]
        weights = None if self._source.weights is None else self._source.weights[order]
        loss = float(self._one_pass(rows, positives, negatives, weights, self._accumulators))
        # an infinite sum would divide every later step of its row to nothing, and nobody would know
        finite = all(
            bool((np.isfinite(total) | ~moves).all())
            for total, moves in zip(self._accumulators, self._trained, strict=True)
        )
        return loss if finite else float("nan")
