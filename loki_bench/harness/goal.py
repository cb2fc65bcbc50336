"""Draws the target items and target users of a seed, or looks up those that a suite gives."""

import numpy as np

from loki_bench.contracts import Goal, ids
from loki_bench.errors import SuiteError
from loki_bench.harness.suite import Protocol
from loki_bench.interactions import Interactions
from loki_bench.plugins.specs import nearest
from loki_bench.seeds import generator_for

__all__ = ["draw_goal"]


def draw_goal(interactions: Interactions, protocol: Protocol, seed: int) -> Goal:
    """The goal of one seed: the same for every attacker and victim, so rows are paired.

    Targets are drawn uniformly from the catalogue and target users uniformly from the users that
    are tested (three events or more), each without repetition. The paper does not say how its 20
    and 20 were chosen.

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
        drawn = random.choice(interactions.n_items, protocol.n_targets, replace=False)
        items = sorted(int(i) for i in drawn)
    if not users:
        _enough(protocol.n_target_users, len(tested), "n_target_users", "users with 3 events")
        drawn = random.choice(tested, protocol.n_target_users, replace=False)
        users = sorted(int(u) for u in drawn)
    return Goal(items=ids(items), users=ids(users), kind=protocol.goal)


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
