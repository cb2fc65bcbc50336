"""What LOKI's agent acts on: group sequences become items, items are rewarded (the paper, 3.4).

The state is the sequence of groups so far and doesn't depend on the items drawn or on the
rewards, so whole episodes are written first and rewarded together.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.loki.groups import ItemGroups
from loki_bench.attackers.loki.replay_memory import Episodes

__all__ = ["GroupEnvironment", "ItemsOf", "StepReward", "draw_items"]

ItemsOf: TypeAlias = Callable[[NDArray[np.int64], np.random.Generator], NDArray[np.int32]]
"""Items for group sequences, both of shape (n, horizon)."""

_TRIES = 20
"""After so many draws for a step it is looked how likely another one is to be accepted."""

_RARE = 0.03
"""Where the items that may come have a smaller share of their group, one of them is drawn."""


class StepReward(Protocol):
    """Rewards every step of item sequences."""

    def step_rewards(self, sequences: NDArray[np.int32]) -> NDArray[np.float64]:
        """The reward of each step of n sequences: (n, horizon) items, (n, horizon) rewards."""
        ...


class GroupEnvironment:
    """Turns groups into items and items into rewards.

    Parameters
    ----------
    groups : ItemGroups
        The actions.
    reward : StepReward
    horizon : int
        Length of every sequence (the paper's M).
    items_of : callable, optional
        Draws the items of group sequences; :func:`draw_items` from the groups unless given.
    """

    def __init__(
        self,
        groups: ItemGroups,
        reward: StepReward,
        horizon: int,
        *,
        items_of: ItemsOf | None = None,
    ) -> None:
        self.reward, self.horizon, self.n_actions = reward, horizon, len(groups)
        self._items_of = items_of or (lambda actions, rng: draw_items(groups, actions, rng))

    def play(self, actions: NDArray[np.int64], rng: np.random.Generator) -> Episodes:
        """Draw items for group sequences of shape (n, horizon) and reward every step."""
        rewards = self.reward.step_rewards(self._items_of(actions, rng))
        return Episodes(actions=actions, rewards=rewards.astype(np.float32))

    def mean_return(
        self, actions: NDArray[np.int64], rng: np.random.Generator, *, discount: float = 1.0
    ) -> float:
        """Mean discounted sum of rewards of group sequences of shape (n, horizon)."""
        rewards = self.play(actions, rng).rewards.astype(np.float64)
        return float((rewards @ discount ** np.arange(self.horizon)).mean())


def draw_items(
    groups: ItemGroups, actions: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int32]:
    """Draw an item of each step's group, with the shares of the group.

    Within a sequence an item comes again only after all of its group have been drawn: a repeated
    click spends an event on a training sample that the model already has.

    Parameters
    ----------
    groups : ItemGroups
    actions : int64 array of shape (n, horizon)
        Indices of groups.
    rng : numpy.random.Generator

    Returns
    -------
    int32 array of shape (n, horizon).
    """
    n, horizon = actions.shape
    sizes = np.array([len(items) for items in groups.members], dtype=np.int64)
    flat, ends = np.concatenate(groups.members), np.cumsum(sizes)
    # Group g's items divide the interval from g to g + 1 by their shares.
    bounds = np.concatenate([g + np.cumsum(shares) for g, shares in enumerate(groups.shares)])
    drawn = np.full((n, horizon), -1, dtype=np.int32)
    for step in range(horizon):
        group = actions[:, step]
        visits = (actions[:, :step] == group[:, None]).sum(axis=1)
        allowed = visits // sizes[group]  # how often an item may have come so far
        pending, tries = np.arange(n), 0
        while len(pending):
            if tries == _TRIES:
                rare = _rarely_accepted(groups, group, drawn[:, :step], allowed, pending)
                for row, left in rare.items():
                    drawn[row, step] = rng.choice(groups.members[group[row]], p=left)
                pending = pending[~np.isin(pending, list(rare))]
            own = group[pending]
            place = np.searchsorted(bounds, own + rng.random(len(own)), side="right")
            item = flat[np.clip(place, ends[own] - sizes[own], ends[own] - 1)]  # rounding
            times = (drawn[pending, :step] == item[:, None]).sum(axis=1)
            accepted = times <= allowed[pending]
            drawn[pending[accepted], step] = item[accepted]
            pending, tries = pending[~accepted], tries + 1
    return drawn


def _rarely_accepted(
    groups: ItemGroups,
    group: NDArray[np.int64],
    drawn: NDArray[np.int32],
    allowed: NDArray[np.int64],
    pending: NDArray[np.int64],
) -> dict[int, NDArray[np.float64]]:
    """Rows of which hardly any draw would be accepted, and the shares of what may come there.

    Where the rare items of a group are left, drawing from all of it again and again takes as long
    as they are rare.
    """
    found: dict[int, NDArray[np.float64]] = {}
    for row in pending.tolist():
        members = groups.members[group[row]]
        times = (drawn[row] == members[:, None]).sum(axis=1)
        open_to = times <= allowed[row]
        if not open_to.any():  # other groups have drawn them all
            open_to = times == times.min()
        elif groups.shares[group[row]] @ open_to >= _RARE:
            continue
        left = groups.shares[group[row]] * open_to
        # items without any share come last, all alike
        left = left if left.any() else open_to.astype(np.float64)
        found[row] = left / left.sum()
    return found
