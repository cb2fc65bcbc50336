"""Training on masked events of whole sequences, in batches of sequences of like length."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loki_bench.interactions import Sequences
from loki_bench_recbole.adapter import Epoch
from loki_bench_recbole.draws import Stream, epoch_key, shuffled
from loki_bench_recbole.prefix_training import PaddedRows, Windows, by_length

__all__ = ["MaskedEpoch"]

MaskedLoss = Callable[[Tensor, Tensor, Tensor, torch.Generator], Tensor]


class MaskedEpoch(Epoch):
    """Adam on batches of whole sequences, some events of each of which are to be told.

    Every sequence is read once an epoch. Of every second one, drawn anew, the last event alone is
    masked; of the others each event with the chance ``mask_ratio``, and one if that gives none.

    Parameters
    ----------
    sequences : Sequences
        None of them empty.
    tensors : list of Tensor
        The leaves to train, all on one device.
    loss : callable
        ``loss(items (b, width), masked (b, width), filled (b, width), generator) -> Tensor ()``,
        the mean over the masked places. Padding is on the right.
    mask_ratio : float
    learning_rate : float
    batch_size : int
        About how many events a batch holds.
    longest : int
        The most places that the network reads: a longer sequence is cut into :class:`Windows`.
    seed : int
    """

    def __init__(
        self,
        sequences: Sequences,
        tensors: list[Tensor],
        loss: MaskedLoss,
        *,
        mask_ratio: float,
        learning_rate: float,
        batch_size: int,
        longest: int,
        seed: int,
    ) -> None:
        self._items, self._loss, self._seed = sequences.items.astype(np.int64), loss, seed
        self._mask_ratio, self._batch_size = mask_ratio, batch_size
        self._device = tensors[0].device
        self._optimiser = torch.optim.Adam(tensors, lr=learning_rate, fused=True)
        self._windows = Windows.of(sequences.lengths, longest)

    def __call__(self, epoch: int) -> float:
        """One pass over the sequences with new masks, new batches and new dropout."""
        windows, seed = self._windows, self._seed
        order = shuffled(len(windows.lengths), epoch_key(seed, Stream.ORDER, epoch))
        batches = by_length(windows.lengths, self._batch_size, order)
        draws = np.random.default_rng(int(epoch_key(seed, Stream.MASKS, epoch)))
        dropout = torch.Generator(self._device)
        dropout.manual_seed(int(epoch_key(seed, Stream.DROPOUT, epoch)) >> 1)
        total, n_masked = torch.zeros((), device=self._device), 0
        for batch in shuffled(len(batches), epoch_key(seed, Stream.BATCHES, epoch)):
            rows = batches[batch]
            padded = PaddedRows.of(windows.starts[rows], windows.lengths[rows])
            masked = masks(padded, self._mask_ratio, draws)
            loss = self._loss(
                torch.from_numpy(self._items[padded.index]).to(self._device),
                torch.from_numpy(masked).to(self._device),
                torch.from_numpy(padded.filled).to(self._device),
                dropout,
            )
            self._optimiser.zero_grad()
            torch.autograd.backward(loss)
            self._optimiser.step()
            n = int(np.count_nonzero(masked))
            total += loss.detach() * n
            n_masked += n
        return float(total) / n_masked


def masks(rows: PaddedRows, mask_ratio: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Which places are masked, at least one of each row; see :class:`MaskedEpoch`."""
    n = len(rows.lengths)
    last_alone = generator.random(n) < 0.5
    masked = (generator.random(rows.filled.shape) < mask_ratio) & rows.filled
    one = (generator.random(n) * rows.lengths).astype(np.int64)
    columns = np.arange(rows.width)
    masked |= ~np.logical_or.reduce(masked, axis=1, keepdims=True) & (columns == one[:, None])
    last = columns == rows.lengths[:, None] - 1
    masked[last_alone] = last[last_alone]
    return masked
