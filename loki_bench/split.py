"""Splits of genuine users' sequences into what trains, what validates and what tests.

Every split is two cuts in each user's sequence (:class:`SplitBounds`): the events before the first
train, the event at it validates; the events before the second are known when the user is tested,
the event at it tests, and what comes after it is not used. Leave-one-out is the paper's (section
4.2.2): of a user's T events the first T - 2 train, event T - 1 validates and event T tests; users
with T < 3 only train. Fake users never pass through here: all they do is training data.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.content_ids import bytes_digest
from loki_bench.interactions import Interactions, Sequences

__all__ = ["HeldOut", "Repeats", "Split", "SplitBounds", "leave_one_out", "split_at"]

Repeats: TypeAlias = Literal["mask", "allow", "drop-later"]
"""What becomes of an item that a user had before: it is never shown, it may be shown again, or
all but the user's first event with it are dropped when the data is read."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """One event held out of each of some users' sequences, with what came before it.

    Attributes
    ----------
    users : int32 array of shape (n,)
        Ids of the users that have a held-out event.
    histories : Sequences of n rows
        The events before the held-out one, oldest first.
    items : int32 array of shape (n,)
        The held-out item of each user.
    repeats_are_shown : bool
        Whether items of a user's history are ranked with the others. Where they are not, a
        held-out item that is in the history has no rank.
    """

    users: NDArray[np.int32]
    histories: Sequences
    items: NDArray[np.int32]
    repeats_are_shown: bool = False

    def __len__(self) -> int:
        return len(self.users)

    @property
    def hidden(self) -> Sequences:
        """What is left out of each user's ranking, n rows: the history, or nothing."""
        if not self.repeats_are_shown:
            return self.histories
        return Sequences(np.zeros(len(self) + 1, dtype=np.int64), np.empty(0, dtype=np.int32))

    @property
    def is_ranked(self) -> NDArray[np.bool_]:
        """Whether each held-out item has a rank, shape (n,): it is not among what is hidden."""
        hidden, ranked = self.hidden, np.ones(len(self), dtype=bool)
        rows = hidden.rows
        ranked[rows[hidden.items == self.items[rows]]] = False
        return ranked

    def take(self, rows: NDArray[np.integer]) -> "HeldOut":
        """The held-out events of these rows, in their order."""
        return replace(
            self,
            users=self.users[rows],
            histories=self.histories.take(rows),
            items=self.items[rows],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitBounds:
    """Where each user's sequence is cut.

    Attributes
    ----------
    trained : int64 array of shape (n_users,)
        How many of the first events train; the next one validates if it is known.
    known : int64 array of shape (n_users,)
        How many of the first events are known before the test event, which is the next one if
        there is one; ``trained`` or more. A user without a training event is neither validated
        nor tested.
    """

    trained: NDArray[np.int64]
    known: NDArray[np.int64]

    def digest(self) -> str:
        """SHA-256 of the cuts; the same on every machine."""
        arrays = (self.trained.astype("<i8"), self.known.astype("<i8"))
        return bytes_digest(b"bounds" + b"".join(array.tobytes() for array in arrays))


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """What a victim trains on, is validated on and tested on, and what an attacker may see.

    For leave-one-out:

    Attributes
    ----------
    train : Interactions
        Events 1 .. T - 2 of users that are tested, all events of the others.
    history : Interactions
        Events 1 .. T - 1 of users that are tested, all events of the others: the most that an
        attacker is shown.
    validation, test : HeldOut
        Events T - 1 and T. A validation event that has no rank is left out: nothing that watches
        it would learn from it.
    """

    train: Interactions
    history: Interactions
    validation: HeldOut
    test: HeldOut

    @property
    def repeats_are_shown(self) -> bool:
        """Whether lists hold items of the user's own history."""
        return self.test.repeats_are_shown


def leave_one_out(interactions: Interactions) -> Split:
    """Split every user's sequence; users with fewer than three events only train.

    All validation events are there, those without a rank included.
    """
    return _cut(interactions, _one_out(interactions), repeats_are_shown=False)


def split_at(
    interactions: Interactions, bounds: SplitBounds | None, *, repeats: Repeats = "mask"
) -> Split:
    """The split of some bounds; leave-one-out where there are none."""
    shown = repeats == "allow"
    split = _cut(interactions, bounds or _one_out(interactions), repeats_are_shown=shown)
    ranked = split.validation.is_ranked
    if ranked.all():
        return split
    return replace(split, validation=split.validation.take(np.flatnonzero(ranked)))


def _one_out(interactions: Interactions) -> SplitBounds:
    lengths = interactions.lengths
    held_out = (lengths >= 3).astype(np.int64)
    return SplitBounds(trained=lengths - 2 * held_out, known=lengths - held_out)


def _cut(interactions: Interactions, bounds: SplitBounds, *, repeats_are_shown: bool) -> Split:
    trained, known = bounds.trained, bounds.known
    train = interactions.with_sequences(interactions.first(trained))
    history = interactions.with_sequences(interactions.first(known))

    def held_out(before: Interactions, ends: NDArray[np.int64]) -> HeldOut:
        places = before.lengths
        users = np.flatnonzero((places < ends) & (trained > 0)).astype(np.int32)
        everyone = len(users) == len(before)  # no copy then: it may take a tenth of a gigabyte
        return HeldOut(
            users=users,
            histories=Sequences(before.offsets, before.items) if everyone else before.take(users),
            items=interactions.items[interactions.offsets[users] + places[users]],
            repeats_are_shown=repeats_are_shown,
        )

    return Split(
        train=train,
        history=history,
        validation=held_out(train, known),
        test=held_out(history, interactions.lengths),
    )
