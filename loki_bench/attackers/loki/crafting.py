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

from loki_bench.attackers.loki.environment import draw_items
from loki_bench.attackers.loki.horizon import over_all_actions
from loki_bench.attackers.loki.plan import AttackPlan
from loki_bench.contracts import Budget

__all__ = ["WrittenSequences", "click_values", "interleaved", "kept_targets", "write_sequences"]


@dataclass(frozen=True, kw_only=True, eq=False)
class WrittenSequences:
    """What the fake users do.

    Attributes
    ----------
    groups : int64 array of shape (n, horizon)
    items : int32 array of shape (n, horizon)
    targets : int32 array of shape (n_kept,)
        The targets that are promoted, ascending.
    """

    groups: NDArray[np.int64]
    items: NDArray[np.int32]
    targets: NDArray[np.int32]


def write_sequences(
    plan: AttackPlan,
    n: int,
    *,
    clicks_per_target: int,
    budget: Budget,
    rng: np.random.Generator,
) -> WrittenSequences:
    """Write the sequences of n fake users.

    Parameters
    ----------
    plan : AttackPlan
    n : int
    clicks_per_target : int
        0 promotes all targets.
    budget : Budget
        Its lengths, where fake users have their own: what is written reaches to the longest.
    rng : numpy.random.Generator
    """
    actions = plan.sequences[rng.integers(len(plan.sequences), size=n)]
    actions = over_all_actions(actions, budget)
    groups = plan.groups
    targets = groups.members[0]
    clicks = np.count_nonzero(actions == 0, axis=1)
    kept = kept_targets(
        targets,
        plan.click_values,
        n_clicks=int(clicks.sum()),
        n_clicks_each=int(clicks.max(initial=0)),
        clicks_per_target=clicks_per_target,
    )
    if len(kept) < len(targets):
        targets = kept
        groups = groups.with_group(0, targets, np.full(len(targets), 1 / len(targets)))
    return WrittenSequences(groups=actions, items=draw_items(groups, actions, rng), targets=targets)


def kept_targets(
    targets: NDArray[np.int32],
    values: NDArray[np.float64],
    *,
    n_clicks: int,
    n_clicks_each: int,
    clicks_per_target: int,
) -> NDArray[np.int32]:
    """The targets that get so many clicks each, int32 array, ascending; all if there are enough.

    Parameters
    ----------
    targets : int32 array of shape (n_targets,)
        Ascending.
    values : float64 array of shape (n_targets,)
        Of targets with equal values the lower id is kept.
    n_clicks, n_clicks_each : int
        Clicks on targets of all fake users, and the most of one of them: with fewer targets than
        these it would click one twice.
    clicks_per_target : int
        0 keeps all.
    """
    if not clicks_per_target or n_clicks >= clicks_per_target * len(targets):
        return targets
    n_kept = max(1, n_clicks_each, n_clicks // clicks_per_target)
    order = np.argsort(-values, kind="stable")
    return np.sort(targets[order[:n_kept]])


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


def click_values(
    items: NDArray[np.int32], rewards: NDArray[np.float64], targets: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Mean reward of the clicks on each target, -inf for one without a click.

    Parameters
    ----------
    items, rewards : arrays of shape (n, horizon)
        Sequences, and the reward of each of their steps.
    targets : int32 array of shape (n_targets,)
    """
    values = np.full(len(targets), -np.inf)
    for place, target in enumerate(targets):
        clicks = items == target
        if clicks.any():
            values[place] = rewards[clicks].mean()
    return values
