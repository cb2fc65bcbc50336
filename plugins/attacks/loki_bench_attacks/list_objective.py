"""How far target items are from the users' lists, as an objective of influence (Fang et al. 2020).

The paper's loss compares a target with each item of a user's list by the smoothed count of wrongly
ordered pairs (Wilcoxon-Mann-Whitney): ``sum_u sum_{i in L_u} g(s_ui - s_ut)`` with
``g(x) = 1 / (1 + exp(-x / b))``. What an estimator predicts is a weighted sum of scores, so the
loss is taken to first order in the scores of the model at hand.
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import InfluenceObjective, Recommender
from loki_bench.errors import RejectedError
from loki_bench.interactions import Interactions

__all__ = ["list_objective", "slopes"]


def slopes(away: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """``dg/dx`` of each difference: ``g(x) (1 - g(x)) / b``; the same shape, at least 0."""
    # a width near the least of numbers gives slopes that are none, which who asks refuses
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        decay = np.exp(-np.abs(away) / width)  # symmetric, and safe where x is far from 0
        found: NDArray[np.float64] = decay / (1 + decay) ** 2 / width
    return found


def list_objective(
    model: Recommender,
    history: Interactions,
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    *,
    list_length: int,
    width: float,
    repeats_are_shown: bool = False,
    who: str,
) -> InfluenceObjective:
    """Minus the loss, to first order: targets up, the items of each user's list down.

    Parameters
    ----------
    model : Recommender
        Fitted on what the attacker knows.
    history : Interactions
    users, items : int32 arrays
        Target users and items to lift; pairs that a user has already are left out, unless
        ``repeats_are_shown``, and users for whom the model scores all items alike.
    list_length : int
        Length of ``L_u``, of the items that are shown but for the items to lift.
    width : float, above 0
        ``b``, in standard deviations of the user's scores.
    who : str
        For messages.

    Raises
    ------
    RejectedError
        No item can be lifted for any user, all scores are alike, or the loss is flat.
    """
    of_users: list[NDArray[np.int32]] = []
    of_items: list[NDArray[np.int32]] = []
    weights: list[NDArray[np.float64]] = []
    n_liftable = n_pairs = 0
    for user in users:
        own = history[int(user)]
        lifted = items if repeats_are_shown else items[~np.isin(items, own)]
        if not len(lifted):
            continue
        n_liftable += 1
        one = np.array([user], dtype=np.int32)
        scores = model.score_next(one, history.take(one))[0].astype(np.float64)
        if scores.min() == scores.max():
            continue
        shown = scores.copy()
        shown[items] = -np.inf
        if not repeats_are_shown:
            shown[own] = -np.inf
        order = np.argsort(-shown, kind="stable")[:list_length]
        listed = order[np.isfinite(shown[order])].astype(np.int32)
        away = scores[listed][:, None] - scores[lifted][None, :]
        pairs = slopes(away, width * float(scores.std()))
        both = np.concatenate([lifted, listed])
        n_pairs += pairs.size
        of_users.append(np.full(len(both), user, dtype=np.int32))
        of_items.append(both)
        weights.append(np.concatenate([pairs.sum(axis=0), -pairs.sum(axis=1)]))
    if not of_users and n_liftable:
        raise RejectedError(
            f"{who}: the surrogate scores all items alike for each of the {n_liftable} target "
            "users who can be shown an item; choose another surrogate, or let it train for longer"
        )
    if not of_users:
        raise RejectedError(
            f"{who}: each of the {len(users)} target users already has every item to promote in "
            "its history; choose other target items or users"
        )
    slope_of_pairs = np.concatenate(weights) / len(of_users)
    steepest = float(np.abs(slope_of_pairs).max())
    # estimators work in float32: what is less than its least number is 0 to them. Without a pair
    # there is nothing to overtake, and nothing to weigh
    if n_pairs and not np.finfo(np.float32).tiny <= steepest < np.inf:
        raise RejectedError(
            f"{who}: with width {width!r} no listed item is near enough to an item to lift, the "
            f"loss has the slope {steepest:.2g}; give a larger width"
        )
    everybody = np.concatenate(of_users)
    return InfluenceObjective(
        users=everybody,
        histories=history.take(everybody),
        items=np.concatenate(of_items),
        weights=slope_of_pairs,
    )
