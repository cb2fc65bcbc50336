"""The training samples that a set of sequences gives: what is predicted, after what, for whom."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import AdversarialNoise, TrainingSamples
from loki_bench.interactions import Interactions, Sequences, distinct_items
from loki_bench_recbole.draws import Stream, draw_negatives, epoch_key

__all__ = ["SampleSource", "last_items", "prefixes"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleSource:
    """Every training sample of a set of sequences, but for the negatives, which change by epoch.

    Samples are in the order of the events: user by user, oldest first.

    Attributes
    ----------
    users, last_items, positives : int32 arrays of shape (n,)
        ``last_items`` is -1 where the sample is the user's first event.
    events : int64 array of shape (n,)
        Index of the positive in the flat item array.
    n_items : int
    item_offsets : int64 array of shape (n_users + 1,)
    user_items : int32 array
        Each user's own items, sorted and without repeats: never drawn as negatives.
    weights : float32 array of shape (n,), or None
        What each sample's loss is multiplied with; None is 1 for all.
    noise : AdversarialNoise or None
        What the samples' losses have to stand.
    """

    users: NDArray[np.int32]
    last_items: NDArray[np.int32]
    positives: NDArray[np.int32]
    events: NDArray[np.int64]
    n_items: int
    item_offsets: NDArray[np.int64]
    user_items: NDArray[np.int32]
    weights: NDArray[np.float32] | None = None
    noise: AdversarialNoise | None = None

    @classmethod
    def of(cls, train: Interactions, *, from_first: bool) -> "SampleSource":
        """Collect the samples.

        Parameters
        ----------
        train : Interactions
            Users' training events.
        from_first : bool
            Whether a user's first event is a sample too (matrix factorisation) or only those
            that follow another one (models of the order).

        A user with events on the whole catalogue has no negative item and gives no sample.
        """
        rows = train.rows
        last = np.empty(train.n_events, dtype=np.int32)
        last[1:] = train.items[:-1]
        starts = train.offsets[:-1][train.lengths > 0]
        last[starts] = -1
        offsets, user_items = distinct_items(train)
        keep = (np.diff(offsets) < train.n_items)[rows]
        if not from_first:
            keep &= last >= 0
        events = np.flatnonzero(keep)
        return cls(
            users=rows[events],
            last_items=last[events],
            positives=train.items[events],
            events=events,
            n_items=train.n_items,
            item_offsets=offsets,
            user_items=user_items,
        )

    def __len__(self) -> int:
        return len(self.users)

    @staticmethod
    def what_gives_one(*, from_first: bool) -> str:
        """Which users give a sample (:meth:`of`), for messages."""
        return f"{'an event' if from_first else 'two events'}, and not the whole catalogue"

    def weighted(self, event_weights: NDArray[np.float64]) -> "SampleSource":
        """The same samples, each with the weight of the event that it predicts."""
        return replace(self, weights=event_weights[self.events].astype(np.float32))

    def against(self, noise: AdversarialNoise) -> "SampleSource":
        """The same samples, whose losses have to stand noise."""
        return replace(self, noise=noise)

    def noise_scales(self) -> NDArray[np.float32]:
        """What the radius of the noise is multiplied with in each sample; shape (n,)."""
        if self.noise is None or self.noise.of_users is None:
            return np.ones(len(self), dtype=np.float32)
        return self.noise.of_users[self.users].astype(np.float32)

    def negatives(self, *, seed: int, epoch: int) -> NDArray[np.int32]:
        """One negative item a sample, int32 array of shape (n,); see ``draw_negatives``."""
        return draw_negatives(
            self.users,
            self.item_offsets,
            self.user_items,
            self.n_items,
            epoch_key(seed, Stream.NEGATIVES, epoch),
        )

    def with_negatives(self, *, seed: int) -> TrainingSamples:
        """All samples with the negatives of epoch 0."""
        return TrainingSamples(
            users=self.users,
            last_items=self.last_items,
            positives=self.positives,
            negatives=self.negatives(seed=seed, epoch=0),
        )


def last_items(offsets: NDArray[np.int64], items: NDArray[np.int32]) -> NDArray[np.int32]:
    """The last item of each row, -1 for an empty row; int32 array of shape (n,)."""
    last = np.full(len(offsets) - 1, -1, dtype=np.int32)
    filled = offsets[1:] > offsets[:-1]
    last[filled] = items[offsets[1:][filled] - 1]
    return last


def prefixes(train: Interactions, source: SampleSource) -> Sequences:
    """The items before each sample's positive one: a row for each sample of ``train``."""
    starts = train.offsets[source.users]
    offsets = np.zeros(len(source) + 1, dtype=np.int64)
    np.cumsum(source.events - starts, out=offsets[1:])
    gather = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], np.diff(offsets))
    return Sequences(offsets, train.items[gather])
