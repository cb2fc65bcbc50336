"""Training on all prefixes of a sequence at once, in batches of sequences of like length."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.draws import Stream, epoch_key, shuffled
from loki_bench_recbole.samples import SampleSource

__all__ = ["PaddedRows", "PrefixEpoch", "by_length"]

PrefixLoss = Callable[[Tensor, Tensor, Tensor, Tensor, torch.Generator], Tensor]


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
    def of(cls, offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> Self:
        """Lay out the given rows of the ragged array with these offsets."""
        lengths = offsets[rows + 1] - offsets[rows]
        width = int(lengths.max(initial=0))
        columns = np.arange(width)
        filled = columns < lengths[:, None]
        index = np.where(filled, offsets[rows][:, None] + columns, 0)
        return cls(index=index, filled=filled, lengths=lengths, width=width)


def by_length(
    lengths: NDArray[np.int64], batch_size: int, order: NDArray[np.int64] | None = None
) -> list[NDArray[np.int64]]:
    """Group rows of like length, about ``batch_size`` elements a group, shortest rows first.

    An empty row counts as one element. ``order`` decides among rows of one length.
    """
    if not len(lengths):
        return []
    order = np.arange(len(lengths)) if order is None else order
    order = order[np.argsort(lengths[order], kind="stable")]
    group = (np.cumsum(np.maximum(lengths[order], 1)) - 1) // batch_size
    return np.split(order, np.flatnonzero(np.diff(group)) + 1)


class PrefixEpoch(Epoch):
    """Adam on batches of whole sequences; every prefix of a sequence is a sample.

    Parameters
    ----------
    source : SampleSource
        Without users' first events, so that a user's samples are its sequence's prefixes.
    tensors : list of Tensor
        The leaves to train, all on one device.
    loss : callable
        ``loss(inputs (b, width), filled (b, width), positives (m,), negatives (m,), generator)``
        -> Tensor (), the mean over the m filled places, whose ids come in their order.
    learning_rate : float
    batch_size : int
    seed : int
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
    ) -> None:
        self._source, self._loss, self._seed = source, loss, seed
        self._batch_size = batch_size
        self._device = tensors[0].device
        self._optimiser = torch.optim.Adam(tensors, lr=learning_rate, fused=True)
        # a user's samples are consecutive, and the last items are the network's inputs
        counts = np.bincount(source.users)
        self._lengths = counts[counts > 0]
        self._offsets = np.concatenate([[0], np.cumsum(self._lengths)]).astype(np.int64)

    def __call__(self, epoch: int) -> float:
        """One pass over the samples with new negatives, new batches and new dropout."""
        source, seed = self._source, self._seed
        negatives = source.negatives(seed=seed, epoch=epoch)
        users = shuffled(len(self._lengths), epoch_key(seed, Stream.ORDER, epoch))
        batches = by_length(self._lengths, self._batch_size, users)
        generator = torch.Generator(self._device)
        generator.manual_seed(int(epoch_key(seed, Stream.DROPOUT, epoch)) >> 1)
        total = torch.zeros((), device=self._device)
        for batch in shuffled(len(batches), epoch_key(seed, Stream.BATCHES, epoch)):
            padded = PaddedRows.of(self._offsets, batches[batch])
            taken = padded.index[padded.filled]
            loss = self._loss(
                self._tensor(source.last_items[padded.index]),
                torch.from_numpy(padded.filled).to(self._device),
                self._tensor(source.positives[taken]),
                self._tensor(negatives[taken]),
                generator,
            )
            self._optimiser.zero_grad()
            torch.autograd.backward(loss)
            self._optimiser.step()
            total += loss.detach() * len(taken)
        return float(total) / len(source)

    def _tensor(self, ids: NDArray[np.int32]) -> Tensor:
        return torch.from_numpy(ids.astype(np.int64)).to(self._device)
