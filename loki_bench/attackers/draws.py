"""Draw items for many fake users at once, and lay them out as sequences."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Budget
from loki_bench.interactions import Sequences

__all__ = [
    "draw_in_turn",
    "draw_without_repetition",
    "equal_length_sequences",
    "lengths_of",
    "rows_by_length",
    "sequences_by_length",
]

_LARGEST_BLOCK = 4_000_000
"""Random keys held at a time (32 MB); how they are cut into blocks does not change the draws."""


def draw_without_repetition(
    pool: NDArray[np.int32], *, n_rows: int, n_draws: int, generator: np.random.Generator
) -> NDArray[np.int32]:
    """Draw from the pool for each row, uniformly and without repetition within the row.

    Parameters
    ----------
    pool : int32 array of shape (n_pool,)
        Not empty, unless nothing is to be drawn.
    n_rows : int
        One row a fake user.
    n_draws : int
        Items in each row.
    generator : numpy Generator
        The only source of randomness.

    Returns
    -------
    int32 array of shape (n_rows, n_draws), in random order. Where ``n_draws`` exceeds the pool,
    a row goes through the whole pool in random order, then through it in a new random order ...
    """
    n_pool = len(pool)
    drawn = np.empty((n_rows, n_draws), dtype=np.int32)
    rows_at_a_time = max(1, _LARGEST_BLOCK // max(1, n_pool))
    for start in range(0, n_draws, max(1, n_pool)):
        wanted = min(n_pool, n_draws - start)
        for row in range(0, n_rows, rows_at_a_time):
            n_block = min(rows_at_a_time, n_rows - row)
            keys = generator.random((n_block, n_pool))
            # the places of the smallest of independent uniform keys, in the order of their keys
            places = np.argpartition(keys, wanted - 1, axis=1)[:, :wanted]
            order = np.argsort(np.take_along_axis(keys, places, axis=1), axis=1)
            places = np.take_along_axis(places, order, axis=1)
            drawn[row : row + n_block, start : start + wanted] = pool[places]
    return drawn


def draw_in_turn(
    pool: NDArray[np.int32],
    *,
    n_rows: int,
    n_draws: int,
    generator: np.random.Generator,
    shares: NDArray[np.float64] | None = None,
) -> NDArray[np.int32]:
    """Draw as :func:`draw_without_repetition`, and alike often over all rows.

    Each row draws among the items that the rows before it drew least, so that no two items'
    numbers of draws differ by more than one. With ``shares`` (above 0, one an item) the numbers of
    draws are as the shares, as far as a row goes through the pool before it repeats an item.

    Returns
    -------
    int32 array of shape (n_rows, n_draws), each pass through the pool in random order.
    """
    times = np.zeros(len(pool))
    drawn = np.empty((n_rows, n_draws), dtype=np.int32)
    for row in drawn:
        for start in range(0, n_draws, max(1, len(pool))):
            # at equal times at random: keys lie between two whole numbers
            keys = times + generator.random(len(pool))
            order = np.argsort(keys if shares is None else keys / shares, kind="stable")
            places = generator.permutation(order[: n_draws - start])
            row[start : start + len(places)] = pool[places]
            times[places] += 1
    return drawn


def equal_length_sequences(items: NDArray[np.int32]) -> Sequences:
    """The rows of an int32 array of shape (n_rows, n_actions) as sequences."""
    n_rows, n_actions = items.shape
    offsets = np.arange(n_rows + 1, dtype=np.int64) * n_actions
    return Sequences(offsets, items.reshape(-1))


def lengths_of(budget: Budget) -> NDArray[np.int64]:
    """Events of each fake user, int64 array of shape (n_fake_users,), where all are spent."""
    if budget.lengths is not None:
        return budget.lengths
    return np.full(budget.n_fake_users, budget.n_actions, dtype=np.int64)


def rows_by_length(lengths: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Each length that occurs, shortest first, with the rows that have it."""
    for length in np.unique(lengths):
        yield np.flatnonzero(lengths == length), int(length)


def sequences_by_length(
    budget: Budget, write: Callable[[int, int], NDArray[np.int32]]
) -> Sequences:
    """Sequences that spend a budget, written for all fake users of one length at a time.

    Parameters
    ----------
    write : callable
        ``write(n_rows, n_actions)`` gives an int32 array of that shape.
    """
    if budget.lengths is None:
        return equal_length_sequences(write(budget.n_fake_users, budget.n_actions))
    rows: list[NDArray[np.int32]] = [np.empty(0, dtype=np.int32)] * budget.n_fake_users
    for places, length in rows_by_length(budget.lengths):
        for place, row in zip(places.tolist(), write(len(places), length), strict=True):
            rows[place] = row
    return Sequences.of(rows)
