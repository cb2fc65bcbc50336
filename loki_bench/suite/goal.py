"""Draws the target items and target users of a seed, or looks up those that a suite gives."""

import math

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Goal, ids
from loki_bench.errors import SuiteError
from loki_bench.plugins.specs import nearest
from loki_bench.seeds import generator_for
from loki_bench.split import Split
from loki_bench.suite.suite import Popularity, Protocol

__all__ = [
    "MOST_MEASURED",
    "N_UNTARGETED",
    "POPULAR_SHARE",
    "draw_goal",
    "draw_placebo_goal",
    "untargeted_users",
]

POPULAR_SHARE = 0.1
"""The share of the catalogue, the most popular items first, that is the head."""

MOST_MEASURED = 1000
"""Target users whose ranks are kept where all users are target users."""

N_UNTARGETED = 200
"""Users who were not targeted whose ranks are kept where a metric reads them."""

MID_SHARE = 0.5
"""The share of the catalogue, the most popular items first, that is head and middle."""


def draw_goal(split: Split, protocol: Protocol, seed: int, *, measured: bool = False) -> Goal:
    """The goal of one seed: the same for every attacker and victim, so rows are paired.

    Targets are drawn uniformly from the catalogue and target users uniformly from the users that
    are tested, each without repetition. The paper does not say how its 20 and 20 were chosen. To
    demote, targets are drawn from the ``POPULAR_SHARE`` of the catalogue with the most events that
    an attacker may see: what is not shown can't be pushed out. With ``n_target_users = "all"``
    every user that is tested is a target user; ranks of all of them would be as many as the targets
    for each, so that ``MOST_MEASURED`` of them are ranked: the goal that is ``measured``. They are
    drawn anew at each seed, and what a table says over seeds holds that draw, too.

    With a ``target_popularity`` the catalogue is sorted by events in the training data, of equal
    ones the lower id first: the first tenth is the head, what follows up to the half is the
    middle, the rest is the tail, which has the items without any event.

    Raises
    ------
    SuiteError
        More targets or users are asked for than there are, or a given token is unknown.
    """
    random = generator_for(seed, "targets", key=protocol.key)
    tested, known = split.test.users, split.history
    items = _given(protocol.targets, known.item_tokens, "targets")
    users = _given(protocol.target_users, known.user_tokens, "target_users")
    if not items:
        _enough(protocol.n_targets, known.n_items, "n_targets", "items")
        pool = _pool(split, protocol)
        if not isinstance(pool, int):
            what = f"items in '{protocol.target_popularity}'"
            _enough(protocol.n_targets, len(pool), "n_targets", what)
        drawn = random.choice(pool, protocol.n_targets, replace=False)
        items = sorted(int(i) for i in drawn)
    if not users:
        wanted = len(tested) if protocol.n_target_users == "all" else protocol.n_target_users
        _enough(wanted, len(tested), "n_target_users", "users that are tested")
        drawn = random.choice(tested, wanted, replace=False)
        if measured and protocol.n_target_users == "all":
            drawn = drawn[:MOST_MEASURED]
        users = sorted(int(u) for u in drawn)
    return Goal(items=ids(items), users=ids(users), kind=protocol.goal)


def draw_placebo_goal(split: Split, protocol: Protocol, seed: int) -> Goal:
    """The goal that a placebo is given: as many other items, the same target users.

    The items are drawn as :func:`draw_goal` draws, from what is left without the targets. What
    the attack does to the true targets all the same does not come from aiming at them.

    Raises
    ------
    SuiteError
        The catalogue has too few items that are no target.
    """
    goal = draw_goal(split, protocol, seed)
    pool = _pool(split, protocol, without=goal.items)
    n_targets, n_others = len(goal.items), pool if isinstance(pool, int) else len(pool)
    if n_targets > n_others:
        raise SuiteError(
            f"key 'integrity_rows': a placebo needs {n_targets} items that are no target, the data "
            f"has {n_others}; choose fewer targets, or set it to false"
        )
    random = generator_for(seed, "placebo", key=protocol.key)
    drawn = random.choice(pool, n_targets, replace=False)
    return Goal(items=ids(sorted(int(i) for i in drawn)), users=goal.users, kind=goal.kind)


def untargeted_users(split: Split, protocol: Protocol, seed: int, n: int) -> NDArray[np.int32]:
    """Users that are tested and are no target users: ``n`` of them, or all there are; rising.

    They are drawn from the seed: the same in every cell of it.
    """
    others = np.setdiff1d(split.test.users, draw_goal(split, protocol, seed).users)
    random = generator_for(seed, "untargeted users", key=protocol.key)
    drawn = random.choice(others, min(n, len(others)), replace=False)
    return ids(sorted(int(u) for u in drawn))


NOTHING = ids(())


def _pool(
    split: Split, protocol: Protocol, *, without: NDArray[np.int32] = NOTHING
) -> int | NDArray[np.int64]:
    """What target items are drawn from; a number stands for as many items from the first."""
    n_items = split.history.n_items
    if protocol.target_popularity != "uniform":
        stratum = _stratum(split.train.item_counts, protocol.target_popularity)
        return np.setdiff1d(stratum, without, assume_unique=True)
    if protocol.goal == "promote":
        if not len(without):
            return n_items
        return np.setdiff1d(np.arange(n_items), without, assume_unique=True)
    n_popular = max(protocol.n_targets, math.ceil(POPULAR_SHARE * n_items))
    counts = split.history.item_counts
    most_popular_first = np.argsort(-counts, kind="stable")
    return most_popular_first[~np.isin(most_popular_first, without)][:n_popular]


def _stratum(counts: NDArray[np.int64], popularity: Popularity) -> NDArray[np.int64]:
    """The items of one popularity, rising."""
    most_popular_first = np.argsort(-counts, kind="stable")
    head, middle = (math.ceil(share * len(counts)) for share in (POPULAR_SHARE, MID_SHARE))
    ends = {"head": (0, head), "mid": (head, middle), "tail": (middle, len(counts))}
    first, last = ends[popularity]
    return np.sort(most_popular_first[first:last])


def _given(tokens: list[str], known: tuple[str, ...], key: str) -> list[int]:
    if not tokens:
        return []
    numbers = {token: number for number, token in enumerate(known)}
    for token in tokens:
        if token not in numbers:
            raise SuiteError(
                f"key 'protocol.{key}': the dataset has no '{token}'{nearest(token, list(known))}"
            )
    return sorted(numbers[token] for token in tokens)


def _enough(wanted: int, available: int, key: str, what: str) -> None:
    if wanted > available:
        raise SuiteError(
            f"key 'protocol.{key}': {wanted} asked for, the data has {available} {what}"
        )
