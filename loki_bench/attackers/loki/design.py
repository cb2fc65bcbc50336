"""A candidate attack as a whole: which groups, for whom, which targets; and how it is written."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.draws import draw_in_turn
from loki_bench.attackers.easiest_users import shared_out
from loki_bench.attackers.loki.served_users import ServedUsers

__all__ = ["Design", "write_design"]

_TARGETS = 0
"""The pool of the items that are lifted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """What all fake users do, but for the items that are drawn.

    Attributes
    ----------
    origin : str
        Where it comes from, for the record.
    groups : int64 array of shape (horizon,)
        The group of each action.
    weights : float64 array of shape (n_target_users,)
        How much of the fake users each target user gets; not all 0.
    targets : int32 array of shape (n_targets,)
        The items that are lifted, ascending.
    targets_each : int
        How many different ones of them a fake user clicks at most; 0 for all that it has clicks
        for. What many fake users hold together gives them away.
    mixed : bool
        Whether a fake user draws from the items of all target users, and serves none of its own.
    """

    origin: str
    groups: NDArray[np.int64]
    weights: NDArray[np.float64]
    targets: NDArray[np.int32]
    targets_each: int = 0
    mixed: bool = False

    def with_groups(self, origin: str, groups: NDArray[np.int64]) -> "Design":
        """The same users and targets with another group sequence."""
        return replace(self, origin=origin, groups=groups)

    def with_weights(self, origin: str, weights: NDArray[np.float64]) -> "Design":
        """The same groups and targets for other users."""
        return replace(self, origin=origin, weights=weights)

    def with_targets_each(self, n: int) -> "Design":
        """The same with so many different targets a fake user."""
        return replace(self, origin=f"{self.origin}, {n} targets each", targets_each=n)


def write_design(
    design: Design, users: ServedUsers, n: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """The items of n fake users, int32 array of shape (n, horizon).

    Items of a group are drawn in turn by the fake users of one target user: a few of them thus
    reach as many different items as there is room for.
    """
    pools = users.with_targets(design.targets).pools
    items = np.empty((n, len(design.groups)), dtype=np.int32)
    first = 0
    for count, pool_of in _shares(design, users, n):
        rows = items[first : first + count]
        for pool in np.unique(pool_of):
            is_own = pool_of == pool
            n_draws = int(is_own.sum())
            n_different = n_draws
            if design.targets_each and pool == _TARGETS:
                n_different = min(n_draws, design.targets_each)
            drawn = draw_in_turn(
                pools.members[pool],
                n_rows=count,
                n_draws=n_different,
                generator=rng,
                shares=pools.shares[pool] if pool in users.drawn_by_share else None,
            )
            rows[:, is_own] = drawn[:, np.arange(n_draws) % n_different]
        first += count
    return items


def _shares(design: Design, users: ServedUsers, n: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """So many fake users in a row, and the pool that each of their actions draws from."""
    if design.mixed:
        yield n, design.groups
        return
    counts = shared_out(design.weights, n)
    for place in np.flatnonzero(counts):
        yield int(counts[place]), users.pool_of[place, design.groups]
