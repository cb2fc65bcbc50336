"""Sequences of fake users whose fillers are chosen: filler, item to lift, filler, item to lift ...

The attacks of the literature choose a *set* of filler items for each fake user, since the
recommenders that they were written for ignore the order of events. As in the alternating attacks
of loki-bench every other event is an item to lift, so that rows of a table differ in which fillers
were chosen and not in how much of the budget goes to targets.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import draw_in_turn, lengths_of, rows_by_length
from loki_bench.contracts import Budget
from loki_bench.interactions import Sequences

__all__ = ["items_to_lift", "n_fillers_of", "profiles_of_choice", "profiles_of_pairs"]


def n_fillers_of(budget: Budget) -> NDArray[np.int64]:
    """How many fillers each fake user has room for, int64 array of shape (n_fake_users,).

    Every other event, the first among them; none where there is a single event, which is an item
    to lift.
    """
    lengths = lengths_of(budget)
    return np.where(lengths > 1, (lengths + 1) // 2, 0)


def items_to_lift(
    n_lifted: NDArray[np.int64], promoted: NDArray[np.int32], generator: np.random.Generator
) -> list[NDArray[np.int32]]:
    """For each fake user so many of the items to lift, each alike often over all of them.

    Parameters
    ----------
    n_lifted : int64 array of shape (n_fake_users,)
    promoted : int32 array of shape (n_promoted,)
        The items to lift, at least one.
    """
    rows: list[NDArray[np.int32]] = [np.empty(0, dtype=np.int32)] * len(n_lifted)
    for places, n_draws in rows_by_length(n_lifted):
        drawn = draw_in_turn(promoted, n_rows=len(places), n_draws=n_draws, generator=generator)
        for place, own in zip(places.tolist(), drawn, strict=True):
            rows[place] = own
    return rows


def profiles_of_pairs(
    fillers: Sequence[NDArray[np.int32]], lifted: Sequence[NDArray[np.int32]]
) -> Sequences:
    """Each fake user's fillers and items to lift by turns, a filler first; then what is left.

    The n-th filler of a fake user stands right before its n-th item to lift.
    """
    return Sequences.of(_interleaved(*both) for both in zip(fillers, lifted, strict=True))


def profiles_of_choice(
    budget: Budget,
    chosen: Sequence[NDArray[np.int32]],
    promoted: NDArray[np.int32],
    generator: np.random.Generator,
) -> Sequences:
    """Spend the budget on chosen items and, alike often, on the items to lift.

    Parameters
    ----------
    budget : Budget
    chosen : sequence of int32 arrays
        The fillers of each fake user, who clicks them in a random order. Of more than it has room
        for (:func:`n_fillers_of`) the first are taken; the places of missing ones are items to
        lift.
    promoted : int32 array of shape (n_promoted,)
        The items to lift, at least one.
    generator : numpy Generator
        Draws all orders, and which items to lift stand where.
    """
    fillers = [
        generator.permutation(own[:room].copy())  # an empty view is shuffled in place
        for own, room in zip(chosen, n_fillers_of(budget).tolist(), strict=True)
    ]
    n_lifted = lengths_of(budget) - np.array([len(own) for own in fillers], dtype=np.int64)
    return profiles_of_pairs(fillers, items_to_lift(n_lifted, promoted, generator))


def _interleaved(fillers: NDArray[np.int32], lifted: NDArray[np.int32]) -> NDArray[np.int32]:
    n_pairs = min(len(fillers), len(lifted))
    pairs = np.stack([fillers[:n_pairs], lifted[:n_pairs]], axis=1).reshape(-1)
    return np.concatenate([pairs, fillers[n_pairs:], lifted[n_pairs:]])
