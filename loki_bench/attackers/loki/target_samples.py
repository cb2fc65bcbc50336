"""The target samples of an attack, and what their scores are worth (the paper, Eq. 1 and 3).

A target sample is a (target user, history, item to promote) triple whose item is not yet in the
history: a user is never shown what it has. Their weighted sum of scores is the objective whose
influence rewards LOKI's agent.
"""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import InfluenceObjective, Recommender
from loki_bench.errors import RejectedError
from loki_bench.interactions import Interactions

__all__ = ["Reward", "objective_of", "target_samples"]

Reward: TypeAlias = Literal["contrast", "influence", "simulator-rank"]

_RANK_WIDTH = 0.1
"""Width of the smoothed comparison of two scores, in standard deviations of the user's scores."""

_ROUNDING = 1e-7
"""Of the largest score: a standard deviation that says nothing."""

_N_OTHER_USERS = 300
"""Users whose mean score of an item stands for everyone's."""


def target_samples(
    history: Interactions,
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    *,
    repeats_are_shown: bool = False,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Every (user, item) pair whose item may be shown to the user, user by user.

    Those are the items that are not in the user's history; all where ``repeats_are_shown``.

    Returns
    -------
    Two int32 arrays of shape (n,): users and items.

    Raises
    ------
    RejectedError
        There is no such pair: nothing can be promoted.
    """
    if repeats_are_shown:
        n_users, n_items = len(users), len(items)
        return (
            np.repeat(users, n_items).astype(np.int32),
            np.tile(items, n_users).astype(np.int32),
        )
    new = [items[~np.isin(items, history[int(user)])] for user in users]
    counts = [len(some) for some in new]
    if not sum(counts):
        raise RejectedError(
            f"attacker 'loki': each of the {len(users)} target users already has every item to "
            "promote in its history; choose other target items or users"
        )
    return np.repeat(users, counts).astype(np.int32), np.concatenate(new).astype(np.int32)


def objective_of(
    model: Recommender,
    history: Interactions,
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    *,
    reward: Reward,
    seed: int,
) -> InfluenceObjective:
    """The objective over target samples, by which one surrogate rewards an agent.

    ``"influence"`` (the paper, section 3.4) is the mean score. ``"contrast"``, our extension,
    is the mean score less the mean score that other users, drawn at random, give the same
    items. The score alone also pays for clicks that lift an item for everybody alike, as by fake
    users who click targets and nothing else: through the item biases of GRU4Rec and TransRec it
    pays for them most, and they reach few lists of a victim without biases (``docs/loki.md``).
    ``"simulator-rank"`` is the mean of the rank in Eq. 1, smoothed and taken to first
    order in the item's own score: with ``r(s) = 1 + sum_j sigmoid((s_j - s) / w)`` over the
    user's scores ``s_j``, a sample weighs ``-dr/ds``.

    Parameters
    ----------
    model : Recommender
        The fitted surrogate.
    history : Interactions
        What the users are known to have selected.
    users, items : int32 arrays of shape (n,)
        Target samples; n is at least 1.
    reward : Reward
    seed : int
        Draws the other users of ``"contrast"``, of those with events.
    """
    weights = np.full(len(users), 1.0 / len(users))
    if reward == "simulator-rank":
        weights *= _rank_slopes(model, history, users, items)
    if reward == "contrast":
        others = _other_users(history, users, seed)
        different, counts = np.unique(items, return_counts=True)
        shares = np.tile(counts / len(items), len(others)) / max(len(others), 1)
        users = np.concatenate([users, np.repeat(others, len(different))])
        items = np.concatenate([items, np.tile(different, len(others))])
        weights = np.concatenate([weights, -shares])
    return InfluenceObjective(
        users=users, histories=history.take(users), items=items, weights=weights
    )


def _other_users(history: Interactions, users: NDArray[np.int32], seed: int) -> NDArray[np.int32]:
    """Other users with an event, at random without repetition; all if there are few.

    Of users without any the attacker knows nothing: all of them are scored alike.
    """
    others = np.setdiff1d(np.flatnonzero(history.lengths > 0), users).astype(np.int32)
    n = min(_N_OTHER_USERS, len(others))
    return np.sort(np.random.default_rng(seed).choice(others, n, replace=False))


def _rank_slopes(
    model: Recommender,
    history: Interactions,
    users: NDArray[np.int32],
    items: NDArray[np.int32],
) -> NDArray[np.float64]:
    """``-dr/ds`` of each sample, float64 array of shape (n,), at least 0.

    A user whose scores are all alike, but for rounding, has no ranks: its slopes are 0. Where
    nobody has any, all are 1.
    """
    slopes = np.zeros(len(users))
    for user in np.unique(users):
        one = np.array([user], dtype=np.int32)
        scores = model.score_next(one, history.take(one))[0].astype(np.float64)
        spread = float(scores.std())
        if spread <= _ROUNDING * float(np.abs(scores).max()):
            continue
        width = _RANK_WIDTH * spread
        own = users == user
        away = np.abs(scores[None, :] - scores[items[own], None]) / width
        decay = np.exp(-away)
        slopes[own] = (decay / (1 + decay) ** 2).sum(axis=1) / width
    return slopes if slopes.any() else np.ones(len(users))
