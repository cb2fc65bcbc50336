"""Small data with a known truth. Each function gives the same data at every call."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import Split, leave_one_out

__all__ = [
    "assorted",
    "attacked_crowd",
    "crowd",
    "cycle",
    "interactions_of",
    "share_of_pairs_right",
    "two_groups",
]


def interactions_of(rows: "list[list[int]]", *, n_items: int) -> Interactions:
    """Interactions of plain lists."""
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)


@lru_cache(maxsize=1)
def two_groups() -> Split:
    """Even users see even items and odd users odd items, in random order, 6 of the 8.

    80 users, 16 items. What a user has not seen of its own parity is what it likes.
    """
    generator = np.random.default_rng(5)
    rows = [(2 * generator.permutation(8)[:6] + user % 2).tolist() for user in range(80)]
    return _read_only(leave_one_out(interactions_of(rows, n_items=16)))


def share_of_pairs_right(scores: NDArray[np.float32]) -> float:
    """How often an unseen item of a user's group in :func:`two_groups` is ahead of another one.

    Parameters
    ----------
    scores : float32 array of shape (80, 16)
        Of all items for each user.

    Returns
    -------
    float: the share of all such pairs, ties counted half.
    """
    right = []
    for user, row in enumerate(two_groups().train):
        unseen = np.setdiff1d(np.arange(16), row)
        own, others = unseen[unseen % 2 == user % 2], unseen[unseen % 2 != user % 2]
        ahead = np.sign(scores[user, own][:, None] - scores[user, others][None, :])
        right.append((ahead.mean() + 1) / 2)
    return float(np.mean(right))


@lru_cache(maxsize=1)
def cycle() -> Split:
    """60 users walk 6 to 8 steps round a cycle of 12 items: the last item says which is next."""
    rows = [[(start + step) % 12 for step in range(6 + start % 3)] for start in range(12)] * 5
    return _read_only(leave_one_out(interactions_of(rows, n_items=12)))


@lru_cache(maxsize=1)
def assorted() -> Interactions:
    """11 users with sequences of all sorts: repetitions, one event, none; 30 items."""
    generator = np.random.default_rng(7)
    rows = [generator.integers(0, 30, size=n).tolist() for n in (6, 4, 9, 5, 3, 12, 7, 8)]
    return interactions_of([*rows, [3], [], [4, 4, 4, 1]], n_items=30)


@lru_cache(maxsize=1)
def crowd() -> Interactions:
    """150 genuine users of 60 items: three tastes, popular and rare items, 5 to 16 events."""
    generator = np.random.default_rng(11)
    popularity = 1.0 / np.arange(1, 61) ** 0.6
    rows = []
    for user in range(150):
        taste = np.where(np.arange(60) % 3 == user % 3, 6.0, 1.0) * popularity
        length = int(generator.integers(5, 17))
        drawn = generator.choice(60, size=length, replace=False, p=taste / taste.sum())
        rows.append(drawn.tolist())
    return interactions_of(rows, n_items=60)


def attacked_crowd() -> Interactions:
    """The crowd and 12 fake users who alternate two rare items with popular ones."""
    fakes = [[58, (2 * n) % 10, 59, (2 * n + 1) % 10, 58, (2 * n + 2) % 10] for n in range(12)]
    return crowd().with_users(Sequences.of(fakes))


def _read_only(split: Split) -> Split:
    """The same split; its arrays are shared by all checks, so none may be written to."""
    for held_out in (split.validation, split.test):
        held_out.users.flags.writeable = False
        held_out.items.flags.writeable = False
    return split
