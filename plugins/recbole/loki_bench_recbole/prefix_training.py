"""Training on all prefixes of a sequence at once, in batches of sequences of like length."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.draws import Stream, epoch_key, shuffled
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.samples import SampleSource

__all__ = ["PaddedRows", "PrefixEpoch", "Windows", "by_length"]

PrefixLoss = Callable[
    [Tensor, Tensor, Tensor, Tensor, Tensor, torch.Generator, "Tensor | None"], Tensor
]


@dataclass(frozen=True, kw_only=True, eq=False)
class PaddedRows:
    """Where the elements of some ragged rows lie, padded on the right to the longest.

    Attributes
    ----------
    index : int64 array of shape (n_rows, width)
        Into the flat array; some valid place where there is nothing.
    filled : bool array of shape (n_rows, width)
    lengths : int64 array of shape (n_rows,)
    width : int
        Length of the longest row.
    """

    index: NDArray[np.int64]
    filled: NDArray[np.bool_]
    lengths: NDArray[np.int64]
    width: int

    @classmethod
    def of(cls, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Self:
        """Lay out the rows that begin at these places of the flat array and are so long."""
        width = int(lengths.max(initial=0))
        columns = np.arange(width)
        filled = columns < lengths[:, None]
        index = np.where(filled, starts[:, None] + columns, 0)
        return cls(index=index, filled=filled, lengths=lengths, width=width)


def by_length(
    lengths: NDArray[np.int64], batch_size: int, order: NDArray[np.int64] | None = None
) -> list[NDArray[np.int64]]:
    """Group rows of like length, about ``batch_size`` elements a group, shortest rows first.

    An empty row counts as one element. ``order`` decides among rows of one length.
    """
    order = np.arange(len(lengths)) if order is None else order
    if not len(order):
        return []
    order = order[np.argsort(lengths[order], kind="stable")]
    group = (np.cumsum(np.maximum(lengths[order], 1)) - 1) // batch_size
    return np.split(order, np.flatnonzero(np.diff(group)) + 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """Parts of sequences that a network of limited length reads; they may overlap.

    Attributes
    ----------
    starts, lengths : int64 arrays of shape (n_windows,)
        Where a window begins in the flat array, and how many places it has.
    read_before : int64 array of shape (n_windows,)
        How many of its first places belong to the window before it, where they were samples.
    """

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    read_before: NDArray[np.int64]

    @classmethod
    def of(cls, lengths: NDArray[np.int64], longest: int | None) -> Self:
        """Cover sequences of these lengths, none of them empty, that lie one after the other.

        A sequence of at most ``longest`` places is one window. A longer one has its first
        ``longest`` places in one, and then moves on by half as many: what is new in a later
        window comes after at least ``longest - longest // 2`` places (but for 1, where none do).
        """
        begins = np.cumsum(lengths) - lengths
        if longest is None:
            return cls(starts=begins, lengths=lengths, read_before=np.zeros_like(lengths))
        step = max(longest // 2, 1)
        n_windows = 1 + np.maximum(-((longest - lengths) // step), 0)
        owner = np.repeat(np.arange(len(lengths)), n_windows)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows)
        ends = np.minimum(longest + number * step, lengths[owner])
        firsts = np.maximum(ends - longest, 0)
        before = np.where(number > 0, longest + (number - 1) * step, firsts)
        return cls(
            starts=begins[owner] + firsts, lengths=ends - firsts, read_before=before - firsts
        )

    def any_of(self, places: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether any place of a window is marked, bool array of shape (n_windows,)."""
        before = np.concatenate([[0], np.cumsum(places)])
        marked: NDArray[np.bool_] = before[self.starts + self.lengths] > before[self.starts]
        return marked


class PrefixEpoch(Epoch):
    """Adam on batches of whole sequences; every prefix of a sequence is a sample.

    Parameters
    ----------
    source : SampleSource
        Without users' first events, so that a user's samples are its sequence's prefixes.
    tensors : list of Tensor
        The leaves to train, all on one device.
    loss : callable
        ``loss(inputs (b, width), users (b,), trained (b, width), positives (m,), negatives (m,),
        generator, weights (m,) or None)`` -> Tensor (), the mean over the m places that are
        samples, whose ids come in their order. Padding is on the right and is no sample.
    learning_rate : float
    batch_size : int
    seed : int
    longest : int or None
        The most items that the network reads: a longer sequence is cut into :class:`Windows`.
    moving : MovingRows or None
        Only these rows are trained, on the sequences with a sample that moves them.
    moving_tables : sequence of bool arrays of shape (n_rows,) or None
        With ``moving``, which rows of each tensor move; None: none does.
    """

    def __init__(
        self,
        source: SampleSource,
        tensors: list[Tensor],
        loss: PrefixLoss,
        *,
        learning_rate: float,
        batch_size: int,
        seed: int,
        longest: int | None = None,
        moving: MovingRows | None = None,
        moving_tables: Sequence[NDArray[np.bool_] | None] = (),
    ) -> None:
        self._source, self._loss, self._seed = source, loss, seed
        self._batch_size = batch_size
        self._device = tensors[0].device
        self._moving = moving
        self._still: list[tuple[Tensor, Tensor]] = []
        """With ``moving``, the tensors that are trained, and which of their rows are not."""
        if moving is not None:
            self._still = [
                (tensor, torch.from_numpy(~moves))
                for tensor, moves in zip(tensors, moving_tables, strict=True)
                if moves is not None
            ]
            tensors = [tensor for tensor, _ in self._still]
        self._optimiser = torch.optim.Adam(tensors, lr=learning_rate, fused=True)
        # a user's samples are consecutive, and the last items are the network's inputs
        counts = np.bincount(source.users)
        self._windows = Windows.of(counts[counts > 0], longest)

    def __call__(self, epoch: int) -> float:
        """One pass over the samples with new negatives, new batches and new dropout."""
        source, seed, windows = self._source, self._seed, self._windows
        negatives = source.negatives(seed=seed, epoch=epoch)
        order = shuffled(len(windows.lengths), epoch_key(seed, Stream.ORDER, epoch))
        if self._moving is not None:
            touched = self._moving.touched_by(source, negatives)
            order = order[windows.any_of(touched)[order]]
        batches = by_length(windows.lengths, self._batch_size, order)
        generator = torch.Generator(self._device)
        generator.manual_seed(int(epoch_key(seed, Stream.DROPOUT, epoch)) >> 1)
        total, n_taken = torch.zeros((), device=self._device), 0
        for batch in shuffled(len(batches), epoch_key(seed, Stream.BATCHES, epoch)):
            rows = batches[batch]
            padded = PaddedRows.of(windows.starts[rows], windows.lengths[rows])
            trained = padded.filled
            trained &= np.arange(padded.width) >= windows.read_before[rows][:, None]
            taken = padded.index[trained]
            loss = self._loss(
                self._tensor(source.last_items[padded.index]),
                self._tensor(source.users[windows.starts[rows]]),
                torch.from_numpy(trained).to(self._device),
                self._tensor(source.positives[taken]),
                self._tensor(negatives[taken]),
                generator,
                None if source.weights is None else self._tensor_of(source.weights[taken]),
            )
            self._optimiser.zero_grad()
            if self._moving is None:
                torch.autograd.backward(loss)
            else:
                # a row without a gradient from the first step on is never moved by Adam
                torch.autograd.backward(loss, inputs=[tensor for tensor, _ in self._still])
                for tensor, still in self._still:
                    if tensor.grad is not None:
                        tensor.grad[still] = 0.0
            self._optimiser.step()
            total += loss.detach() * len(taken)
            n_taken += len(taken)
        return float(total) / max(n_taken, 1)

    def _tensor(self, ids: NDArray[np.int32]) -> Tensor:
        return self._tensor_of(ids.astype(np.int64))

    def _tensor_of(self, values: NDArray[np.int64] | NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(values).to(self._device)
