"""The fake users' final sequences: groups from the policy, items from the groups (the paper, 3.4).

The paper draws from all target items alike. Our extension, ``clicks_per_target``: a small budget is
not spread so thin that no target comes into reach. Only as many targets are promoted as get so many
clicks each, those whose clicks the outcome estimator values most. On Amazon Beauty, with 22 fake
users, about 20 clicks on each of 8 targets show more of them than 8 clicks on each of 20.

A second one, ``interleave``: surrogates that ignore the order of events (BPRMF) give every order of
a group sequence the same return, so what the agent learns of it is chance. The victim may well be
sequential; the clicks on targets are then spread evenly among the others.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.loki.environment import GroupEnvironment, draw_items
from loki_bench.attackers.loki.policy import GroupPolicy

__all__ = ["WrittenSequences", "interleaved", "targets_within_reach", "write_sequences"]

_N_PROBES = 512
"""Sequences from which the value of a click on each target is averaged."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WrittenSequences:
    """What the fake users do.

    Attributes
    ----------
    groups : int64 array of shape (n, horizon)
    items : int32 array of shape (n, horizon)
    returns : float64 array of shape (n,)
        Total reward of each fake user alone.
    targets : int32 array of shape (n_kept,)
        The targets that are promoted.
    """

    groups: NDArray[np.int64]
    items: NDArray[np.int32]
    returns: NDArray[np.float64]
    targets: NDArray[np.int32]


def write_sequences(
    environment: GroupEnvironment,
    policy: GroupPolicy,
    n: int,
    *,
    clicks_per_target: int,
    interleave: bool,
    rng: np.random.Generator,
) -> WrittenSequences:
    """Write the sequences of n fake users; the targets are group 0.

    Parameters
    ----------
    environment : GroupEnvironment
    policy : GroupPolicy
    n : int
    clicks_per_target : int
        0 promotes all targets.
    interleave : bool
        Whether to reorder each group sequence by :func:`interleaved`.
    rng : numpy.random.Generator
    """
    actions = policy.group_sequences(n, rng)
    if interleave:
        actions = interleaved(actions)
    groups = environment.groups
    n_clicks = int(np.count_nonzero(actions == 0))
    if clicks_per_target and n_clicks < clicks_per_target * len(groups.members[0]):
        probes = policy.group_sequences(_N_PROBES, rng)
        # Fewer than a fake user's clicks on targets would make it click one twice.
        most_in_a_sequence = int(np.count_nonzero(actions == 0, axis=1).max(initial=0))
        kept = max(1, most_in_a_sequence, n_clicks // clicks_per_target)
        targets = targets_within_reach(environment, probes, kept, rng)
        groups = groups.with_group(0, targets, np.full(len(targets), 1 / len(targets)))
    items = draw_items(groups, actions, rng)
    return WrittenSequences(
        groups=actions,
        items=items,
        returns=environment.reward.step_rewards(items).sum(axis=1),
        targets=groups.members[0],
    )


def interleaved(actions: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same groups with the targets (group 0) spread evenly, the last one at the end.

    The other groups keep their order. Of a horizon ``T``, the j-th of m targets comes at step
    ``floor(j T / m)``, counted from 1: where targets are no more than half of the steps, each
    follows another item.

    Parameters
    ----------
    actions : int64 array of shape (n, horizon)
    """
    spread = np.zeros_like(actions)
    horizon = actions.shape[1]
    for row, written in zip(spread, actions, strict=True):
        n_targets = int(np.count_nonzero(written == 0))
        is_target = np.zeros(horizon, dtype=bool)
        is_target[np.arange(1, n_targets + 1) * horizon // max(n_targets, 1) - 1] = True
        row[~is_target] = written[written != 0]
    return spread


def targets_within_reach(
    environment: GroupEnvironment,
    actions: NDArray[np.int64],
    n_kept: int,
    rng: np.random.Generator,
) -> NDArray[np.int32]:
    """The ``n_kept`` targets whose clicks have the highest mean reward, ascending.

    Parameters
    ----------
    environment : GroupEnvironment
    actions : int64 array of shape (n, horizon)
        Group sequences to draw items for. A target that comes in none of them ranks last; of
        equal ones the lower id is kept.
    n_kept : int
    rng : numpy.random.Generator
    """
    items = draw_items(environment.groups, actions, rng)
    rewards = environment.reward.step_rewards(items)
    targets = environment.groups.members[0]
    values = [
        rewards[items == target].mean() if (items == target).any() else -np.inf
        for target in targets
    ]
    order = np.argsort(-np.array(values), kind="stable")
    return np.sort(targets[order[:n_kept]])
