"""Training by torch and Adam, in batches formed without a Python step for each sample."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.draws import Stream, epoch_key, shuffled
from loki_bench_recbole.samples import SampleSource

__all__ = ["AdamEpoch"]

BatchLoss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


class AdamEpoch(Epoch):
    """Adam (Kingma and Ba, ICLR 2015) on the mean loss of shuffled batches of samples.

    Parameters
    ----------
    source : SampleSource
    tensors : list of Tensor
        The leaves to train, all on one device.
    loss : callable
        ``loss(users, last_items, positives, negatives) -> Tensor (batch,)``, L2 included.
    learning_rate : float
    batch_size : int
    seed : int
    """

    def __init__(
        self,
        source: SampleSource,
        tensors: list[Tensor],
        loss: BatchLoss,
        *,
        learning_rate: float,
        batch_size: int,
        seed: int,
    ) -> None:
        self._source, self._loss, self._seed = source, loss, seed
        self._batch_size = batch_size
        self._device = tensors[0].device
        self._optimiser = torch.optim.Adam(tensors, lr=learning_rate, fused=True)
        self._weights = (
            None if source.weights is None else torch.from_numpy(source.weights).to(self._device)
        )
        self._ids = [
            self._tensor(column) for column in (source.users, source.last_items, source.positives)
        ]

    def __call__(self, epoch: int) -> float:
        """One pass over the samples with new negatives in a new order."""
        negatives = self._tensor(self._source.negatives(seed=self._seed, epoch=epoch))
        order = self._tensor(
            shuffled(len(self._source), epoch_key(self._seed, Stream.ORDER, epoch))
        )
        total = torch.zeros((), device=self._device)
        for rows in torch.split(order, self._batch_size):
            users, last, positives = (column[rows] for column in self._ids)
            loss = self._loss(users, last, positives, negatives[rows])
            if self._weights is not None:
                loss = self._weights[rows] * loss
            self._optimiser.zero_grad()
            torch.autograd.backward(loss.mean())
            self._optimiser.step()
            total += loss.detach().sum()
        return float(total) / len(self._source)

    def _tensor(self, ids: NDArray[np.integer]) -> Tensor:
        return torch.from_numpy(ids.astype(np.int64)).to(self._device)
