"""Which samples an epoch takes, in which order, and their negatives."""

import numpy as np
from numpy.typing import NDArray

from loki_bench_recbole.draws import (
    Stream,
    draw_negatives,
    draw_negatives_among,
    epoch_key,
    shuffled,
    shuffled_in_blocks,
)
from loki_bench_recbole.moving_rows import MovingRows
from loki_bench_recbole.samples import SampleSource

__all__ = ["TouchedSamples", "every_sample"]

RARE = 0.25
"""Moving items are few where they are less than such a share of what any user can draw."""


def every_sample(
    source: SampleSource, epoch: int, *, seed: int, block: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The numbers of all samples in the order in which they are taken, and the negative of each.

    ``block``: see ``shuffled_in_blocks``.
    """
    order = shuffled_in_blocks(len(source), block, epoch_key(seed, Stream.ORDER, epoch))
    return order, source.negatives(seed=seed, epoch=epoch)[order]


class TouchedSamples:
    """The samples of each epoch that move a row, where all other rows stay.

    Those of a user or a positive or last item that moves are always among them, others where their
    negative moves. Of up to ``block`` samples they are those of a whole epoch, in its order. Of
    more, where few items move, no negative is drawn for the samples that move nothing: the chances
    are the same, and an epoch takes as long as what it trains on, however large the data are.

    Parameters
    ----------
    source : SampleSource
    moving : MovingRows
    seed : int
    block : int
        See ``shuffled_in_blocks``.
    """

    def __init__(self, source: SampleSource, moving: MovingRows, *, seed: int, block: int) -> None:
        self._source, self._moving, self._seed, self._block = source, moving, seed, block
        self._is_always = moving.always_touched_by(source)
        self._always = np.flatnonzero(self._is_always)
        self._few = np.flatnonzero(moving.items).astype(np.int32)
        self._least_free = source.n_items - int(np.diff(source.item_offsets).max(initial=0))
        self._is_rare = len(source) > block and len(self._few) < RARE * self._least_free

    def __call__(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Their numbers in the order in which they are taken, and the negative of each."""
        return self._of_few(epoch) if self._is_rare else self._of_all(epoch)

    def _of_all(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        order, negatives = every_sample(self._source, epoch, seed=self._seed, block=self._block)
        touched = self._is_always[order] | self._moving.items[negatives]
        return order[touched], negatives[touched]

    def _of_few(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        source, always = self._source, self._always
        own = (source.item_offsets, source.user_items, source.n_items)
        always_negatives = draw_negatives(
            source.users[always], *own, epoch_key(self._seed, Stream.NEGATIVES, epoch)
        )
        rare, rare_negatives = draw_negatives_among(
            self._few,
            self._least_free,
            source.users,
            *own,
            epoch_key(self._seed, Stream.RARE_NEGATIVES, epoch),
        )
        others = ~self._is_always[rare]
        samples = np.concatenate([always, rare[others]])
        negatives = np.concatenate([always_negatives, rare_negatives[others]])
        order = shuffled(len(samples), epoch_key(self._seed, Stream.ORDER, epoch))
        return samples[order], negatives[order]
