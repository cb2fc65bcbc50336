"""Leave-one-out splitting of genuine users' sequences (the paper, section 4.2.2).

Of a user's T events the first T - 2 train, event T - 1 validates and event T tests. Users with
T < 3 only train. Fake users never pass through here: all they do is training data.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions, Sequences

__all__ = ["HeldOut", "Split", "leave_one_out"]


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
    """

    users: NDArray[np.int32]
    histories: Sequences
    items: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """What a victim trains on, is validated on and tested on, and what an attacker may see.

    Attributes
    ----------
    train : Interactions
        Events 1 .. T - 2 of users that are tested, all events of the others.
    history : Interactions
        Events 1 .. T - 1 of users that are tested, all events of the others: the most that an
        attacker is shown.
    validation, test : HeldOut
        Events T - 1 and T.
    """

    train: Interactions
    history: Interactions
    validation: HeldOut
    test: HeldOut


def leave_one_out(interactions: Interactions) -> Split:
    """Split every user's sequence; users with fewer than three events only train."""
    long_enough = interactions.lengths >= 3
    users = np.flatnonzero(long_enough).astype(np.int32)
    known = interactions.without_last(1, rows=long_enough)
    train = interactions.without_last(2, rows=long_enough)
    ends = interactions.offsets[1:][users]
    return Split(
        train=interactions.with_sequences(train),
        history=interactions.with_sequences(known),
        validation=HeldOut(
            users=users, histories=train.take(users), items=interactions.items[ends - 2]
        ),
        test=HeldOut(users=users, histories=known.take(users), items=interactions.items[ends - 1]),
    )
