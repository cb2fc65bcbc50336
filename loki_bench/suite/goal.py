"""Draws the target items and target users of a seed, or looks up those that a suite gives."""

import math

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Goal, ids
from loki_bench.errors import SuiteError
from loki_bench.interactions import Interactions
from loki_bench.plugins.specs import nearest
from loki_bench.seeds import generator_for
from loki_bench.split import leave_one_out
from loki_bench.suite.suite import Protocol

__all__ = ["POPULAR_SHARE", "draw_goal", "draw_placebo_goal"]

POPULAR_SHARE = 0.1
"""Targets to demote are drawn from this share of the catalogue, the most popular items first."""


def draw_goal(interactions: Interactions, protocol: Protocol, seed: int) -> Goal:
    """The goal of one seed: the same for every attacker and victim, so rows are paired.

    Targets are drawn uniformly from the catalogue and target users uniformly from the users that
    are tested (three events or more), each without repetition. The paper does not say how its 20
    and 20 were chosen. To demote, targets are drawn from the ``POPULAR_SHARE`` of the catalogue
    with the most events that an attacker may see: what is not shown can't be pushed out.

    Raises
    ------
    SuiteError
        More targets or users are asked for than there are, or a given token is unknown.
    """
    random = generator_for(seed, "targets")
    tested = np.flatnonzero(interactions.lengths >= 3)
    items = _given(protocol.targets, interactions.item_tokens, "targets")
    users = _given(protocol.target_users, interactions.user_tokens, "target_users")
    if not items:
        _enough(protocol.n_targets, interactions.n_items, "n_targets", "items")
        drawn = random.choice(_pool(interactions, protocol), protocol.n_targets, replace=False)
        items = sorted(int(i) for i in drawn)
    if not users:
        _enough(protocol.n_target_users, len(tested), "n_target_users", "users with 3 events")
        drawn = random.choice(tested, protocol.n_target_users, replace=False)
        users = sorted(int(u) for u in drawn)
    return Goal(items=ids(items), users=ids(users), kind=protocol.goal)


def draw_placebo_goal(interactions: Interactions, protocol: Protocol, seed: int) -> Goal:
    """The goal that a placebo is given: as many other items, the same target users.

    The items are drawn as :func:`draw_goal` draws, from what is left without the targets. What
    the attack does to the true targets all the same does not come from aiming at them.

    Raises
    ------
    SuiteError
        The catalogue has too few items that are no target.
    """
    goal = draw_goal(interactions, protocol, seed)
    n_targets, n_others = len(goal.items), interactions.n_items - len(goal.items)
    if n_targets > n_others:
        raise SuiteError(
            f"key 'integrity_rows': a placebo needs {n_targets} items that are no target, the data "
            f"has {n_others}; choose fewer targets, or set it to false"
        )
    pool = _pool(interactions, protocol, without=goal.items)
    drawn = generator_for(seed, "placebo").choice(pool, n_targets, replace=False)
    return Goal(items=ids(sorted(int(i) for i in drawn)), users=goal.users, kind=goal.kind)


NOTHING = ids(())


def _pool(
    interactions: Interactions, protocol: Protocol, *, without: NDArray[np.int32] = NOTHING
) -> int | NDArray[np.int64]:
    """What target items are drawn from; a number stands for as many items from the first."""
    if protocol.goal == "promote":
        n_items = interactions.n_items
        return np.setdiff1d(np.arange(n_items), without) if len(without) else n_items
    n_popular = max(protocol.n_targets, math.ceil(POPULAR_SHARE * interactions.n_items))
    counts = leave_one_out(interactions).history.item_counts
    most_popular_first = np.argsort(-counts, kind="stable")
    return most_popular_first[~np.isin(most_popular_first, without)][:n_popular]


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
