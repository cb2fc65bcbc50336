"""What a defense leaves of the training data, and how a victim is trained on that.

A dropped fake user is gone. A dropped genuine user keeps an id, with no event: the platform still
serves that user, as it serves a newcomer. The recommender is given the user's history when it
ranks, but has learnt nothing of the user; a table row of that user stays as it was initialised.
A dropped user's validation event is dropped too: the platform does not trust it. A defense that
drops all fake users and nobody else therefore gives the clean victim, bit for bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from loki_bench.content_ids import bytes_digest, content_id
from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import HeldOut, Split

__all__ = ["NO_POISON", "DefenseAnswer", "TrainingData", "events_of", "shown_to_defense"]

NO_POISON = Sequences.empty()


@dataclass(frozen=True, kw_only=True)
class DefenseAnswer:
    """What a defense answered for one data set, in the host's order: genuine, then fake users.

    Attributes
    ----------
    kept : bool array of shape (n_users + n_fake_users,)
    suspicion : float64 array of the same shape, or None
    report : mapping
        The defense's numbers about itself.
    confinement : tuple of str or None
        What it was kept from while it answered; None where that was all, or it ran in-process.
    weights : float64 array of shape (n_events_kept,), or None
        Of the events of the users that it keeps, where it weighs events.
    user_weights : float64 array of the shape of ``kept``, or None
        The mean weight of each user's events, 1 without events; with ``weights``.
    """

    kept: NDArray[np.bool_]
    suspicion: NDArray[np.float64] | None
    report: Mapping[str, JsonValue]
    confinement: tuple[str, ...] | None = None
    weights: NDArray[np.float64] | None = None
    user_weights: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """What a victim is trained on, as it differs from the clean data.

    Attributes
    ----------
    poison : Sequences
        Fake users.
    dropped : int64 array of shape (n_dropped,)
        Genuine users whose events are left out, rising.
    weights : float64 array of shape (n_events_left,), or None
        Of the events that are left, genuine users' first; None where all count alike.
    """

    poison: Sequences
    dropped: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None

    @classmethod
    def undefended(cls, poison: Sequences) -> "TrainingData":
        """All genuine users and the whole poison."""
        return cls(poison=poison, dropped=np.empty(0, dtype=np.int64))

    @classmethod
    def left_by(cls, filtered: DefenseAnswer, poison: Sequences) -> "TrainingData":
        """What a defense kept of the genuine users and the poison."""
        n_genuine = len(filtered.kept) - len(poison)
        weights = filtered.weights
        return cls(
            poison=poison.take(np.flatnonzero(filtered.kept[n_genuine:])),
            dropped=np.flatnonzero(~filtered.kept[:n_genuine]),
            # weights that change nothing are none: the victim is then that of a filter
            weights=None if weights is None or (weights == 1).all() else weights,
        )

    def digest(self) -> str:
        """The address of the content; that of the poison where that is all there is to it."""
        if not len(self.dropped) and self.weights is None:
            return self.poison.digest()
        dropped = bytes_digest(self.dropped.astype("<i8").tobytes())
        content = {"poison": self.poison.digest(), "dropped": dropped}
        if self.weights is not None:
            content["weights"] = bytes_digest(self.weights.astype("<f8").tobytes())
        return content_id(content)

    def of(self, split: Split) -> tuple[Interactions, HeldOut | None]:
        """Training data and validation events; None where no validation event is left."""
        train, validation = split.train, split.validation
        if len(self.dropped):
            is_dropped = np.zeros(train.n_users, dtype=bool)
            is_dropped[self.dropped] = True
            train = train.with_sequences(
                train.without_last(int(train.lengths.max()), rows=is_dropped)
            )
            rows = np.flatnonzero(~is_dropped[validation.users])
            validation = validation.take(rows)
        return train.with_users(self.poison), validation if len(validation) else None


def shown_to_defense(
    train: Interactions, random: np.random.Generator
) -> tuple[Interactions, NDArray[np.int64]]:
    """The users in an order drawn at random, without tokens, and that order.

    In the host's order fake users come last and have no token: either would give them away.
    """
    order = random.permutation(train.n_users)
    shuffled = train.take(order)
    shown = Interactions(
        shuffled.offsets, shuffled.items, n_items=train.n_items, item_tokens=train.item_tokens
    )
    return shown, order


def events_of(data: Sequences, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the events of these rows lie in ``data.items``, in the order of the rows."""
    starts, lengths = data.offsets[rows], data.lengths[rows]
    begins = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(lengths.sum()) + np.repeat(starts - begins, lengths))
