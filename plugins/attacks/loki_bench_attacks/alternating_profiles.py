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

__all__ = ["alternating_profiles", "n_fillers_of", "profiles_of_choice"]


def n_fillers_of(budget: Budget) -> NDArray[np.int64]:
    """How many fillers each fake user has room for, int64 array of shape (n_fake_users,).

    Every other event, the first among them; none where there is a single event, which is an item
    to lift.
    """
    lengths = lengths_of(budget)
    return np.where(lengths > 1, (lengths + 1) // 2, 0)


def alternating_profiles(
    budget: Budget,
    fillers: Sequence[NDArray[np.int32]],
    promoted: NDArray[np.int32],
    generator: np.random.Generator,
) -> Sequences:
    """Spend the budget on these fillers and, alike often, on the items to lift.

    Parameters
    ----------
    budget : Budget
    fillers : sequence of int32 arrays
        Those of each fake user in the order of its events, ``n_fillers_of(budget)`` of them; fewer
        where the catalogue has no more, and the places that are left are items to lift.
    promoted : int32 array of shape (n_promoted,)
        The items to lift, at least one.
    generator : numpy Generator
        Draws which items to lift stand where.
    """
    lengths = lengths_of(budget)
    rows: list[NDArray[np.int32]] = [np.empty(0, dtype=np.int32)] * len(lengths)
    n_lifted = lengths - np.array([len(own) for own in fillers], dtype=np.int64)
    for places, n_draws in rows_by_length(n_lifted):
        lifted = draw_in_turn(promoted, n_rows=len(places), n_draws=n_draws, generator=generator)
        for place, own in zip(places.tolist(), lifted, strict=True):
            rows[place] = _interleaved(fillers[place], own)
    return Sequences.of(rows)


def profiles_of_choice(
    budget: Budget,
    chosen: Sequence[NDArray[np.int32]],
    promoted: NDArray[np.int32],
    generator: np.random.Generator,
) -> Sequences:
    """As :func:`alternating_profiles`, each fake user's chosen items in a random order.

    ``chosen`` may hold more than there is room for; the first are taken.
    """
    fillers = [
        generator.permutation(own[:room])
        for own, room in zip(chosen, n_fillers_of(budget).tolist(), strict=True)
    ]
    return alternating_profiles(budget, fillers, promoted, generator)


def _interleaved(fillers: NDArray[np.int32], lifted: NDArray[np.int32]) -> NDArray[np.int32]:
    n_pairs = min(len(fillers), len(lifted))
    pairs = np.stack([fillers[:n_pairs], lifted[:n_pairs]], axis=1).reshape(-1)
    return np.concatenate([pairs, fillers[n_pairs:], lifted[n_pairs:]])
