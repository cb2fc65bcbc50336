"""Fake users that serve one target user each: a group's items are those of the user served.

The paper's group "items already selected by the target users" mixes what twenty different users are
known by. A fake user that keeps to the items of a single one of them is that user's neighbour and
nobody else's; its last item, from which a sequential recommender predicts the next, is an action of
its own. Our extension.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.loki.environment import draw_items
from loki_bench.attackers.loki.groups import ItemGroups
from loki_bench.attackers.loki.next_items import NextItems
from loki_bench.interactions import Interactions

__all__ = ["ServedUsers", "served_users"]

_OWN_ITEMS = "target users' items"
_LAST_ITEM = "the last item"
_NEXT_ITEMS = "the likely next items"


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedUsers:
    """The actions of a fake user, and the items behind them for each target user.

    Attributes
    ----------
    groups : ItemGroups
        The actions: targets, target users' items, target users' last items, clusters.
    pools : ItemGroups
        All pools that items are drawn from.
    pool_of : int64 array of shape (n_target_users, n_actions)
        Which pool an action draws from where that target user is served.
    serves_one : bool
        False where every target user is served with the same items.
    drawn_by_share : frozenset of int
        Pools whose items are written as often as their shares say; items of others alike often.
    """

    groups: ItemGroups
    pools: ItemGroups
    pool_of: NDArray[np.int64]
    serves_one: bool
    drawn_by_share: frozenset[int] = field(default_factory=frozenset)

    @property
    def n_users(self) -> int:
        """Number of target users."""
        return len(self.pool_of)

    def draw(
        self, served: NDArray[np.int64], actions: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int32]:
        """Items for group sequences: int32 array of shape (n, horizon).

        Parameters
        ----------
        served : int64 array of shape (n,)
            The target user, by its place in the goal, that each fake user serves.
        actions : int64 array of shape (n, horizon)
        rng : numpy.random.Generator
        """
        return draw_items(self.pools, self.pool_of[served[:, None], actions], rng)

    def draw_for_anybody(
        self, actions: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int32]:
        """The same with a target user drawn for each fake user, all alike."""
        return self.draw(rng.integers(self.n_users, size=len(actions)), actions, rng)

    def with_targets(self, targets: NDArray[np.int32]) -> "ServedUsers":
        """The same with fewer targets, int32 array of shape (n,), ascending."""
        shares = np.full(len(targets), 1 / len(targets))
        return replace(
            self,
            groups=self.groups.with_group(0, targets, shares),
            pools=self.pools.with_group(0, targets, shares),
        )


def served_users(
    history: Interactions,
    users: NDArray[np.int32],
    groups: ItemGroups,
    *,
    one_user: bool,
    following: NextItems | None = None,
) -> ServedUsers:
    """What each target user offers to fake users that serve it.

    A user's items are the different ones of its history without the targets; the last of them is
    kept for the action of its own, unless there is no other. Where next items of it are predicted,
    these are that action's, and the last item is one of the others. A user without any such item
    is served with all target users' items; without a group of these, every user alike.

    Parameters
    ----------
    history : Interactions
        What the attacker knows.
    users : int32 array of shape (n_target_users,)
    groups : ItemGroups
        As :func:`~loki_bench.attackers.loki.groups.item_groups` divides the catalogue.
    one_user : bool
        False serves every target user with all of them's items, as the paper does.
    following : NextItems or None
        The likeliest next items of the same users.
    """
    if not one_user or _OWN_ITEMS not in groups.names:
        alike = np.tile(np.arange(len(groups), dtype=np.int64), (len(users), 1))
        return ServedUsers(groups=groups, pools=groups, pool_of=alike, serves_one=False)
    everybodys = groups.names.index(_OWN_ITEMS)
    pools = _Pools(groups)
    pool_of = np.empty((len(users), len(groups) + 1), dtype=np.int64)
    by_share = set()
    last_items = []
    for place, user in enumerate(users):
        selected = history[int(user)]
        selected = selected[np.isin(selected, groups.members[everybodys])]
        name = f"{_OWN_ITEMS}, of user {user}"
        likely, shares = (selected[:0], np.ones(0)) if following is None else following.of(place)
        if not len(likely):
            others = np.unique(selected[selected != selected[-1]]) if len(selected) else selected
            own = [pools.add(name, pool) for pool in (others, selected[-1:]) if len(pool)]
            last_items.extend(selected[-1:].tolist())
        else:
            own = [pools.add(name, np.unique(selected)) if len(selected) else everybodys]
            own.append(pools.add(name, likely, shares))
            by_share.add(own[-1])
            last_items.extend(likely.tolist())
        first, last = (own[0], own[-1]) if own else (everybodys, everybodys)
        pool_of[place] = [0, first, last, *range(2, len(groups))]
    lasts = np.unique(last_items).astype(np.int32)
    named = _LAST_ITEM if following is None else _NEXT_ITEMS
    return ServedUsers(
        groups=ItemGroups(
            names=(*groups.names[:2], named, *groups.names[2:]),
            members=(*groups.members[:2], lasts, *groups.members[2:]),
            shares=(*groups.shares[:2], np.full(len(lasts), 1 / len(lasts)), *groups.shares[2:]),
        ),
        pools=pools.groups(),
        pool_of=pool_of,
        serves_one=True,
        drawn_by_share=frozenset(by_share),
    )


class _Pools:
    """The groups, and pools that are added to them."""

    def __init__(self, groups: ItemGroups) -> None:
        self._names, self._members = list(groups.names), list(groups.members)
        self._shares = list(groups.shares)

    def add(
        self,
        name: str,
        members: NDArray[np.int32],
        shares: NDArray[np.float64] | None = None,
    ) -> int:
        """The number of a new pool, whose items are drawn alike unless shares are given."""
        self._names.append(name)
        self._members.append(members.astype(np.int32))
        alike = np.full(len(members), 1 / len(members))
        self._shares.append(alike if shares is None else shares)
        return len(self._names) - 1

    def groups(self) -> ItemGroups:
        return ItemGroups(
            names=tuple(self._names), members=tuple(self._members), shares=tuple(self._shares)
        )
