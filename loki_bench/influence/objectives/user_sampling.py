"""Hessian products over some of the users: which users, and what their samples then weigh.

A recurrent network's product over all of Amazon Beauty takes seconds, and a solve takes dozens. The
users whose curvature the objective feels most are always in; the others are drawn once, so that
every product is that of one fixed matrix.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import InfluenceObjective, TrainingSamples

__all__ = ["DrawnSamples", "draw_samples"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnSamples:
    """Some of the training samples, and how many each stands for.

    Attributes
    ----------
    rows : int64 array of shape (n,)
        Ascending places in the training samples.
    weights : float64 array of shape (n,)
        1, or the number of users that the sample's user stands for.
    n_users : int
        Number of different users.
    """

    rows: NDArray[np.int64]
    weights: NDArray[np.float64]
    n_users: int


def draw_samples(
    samples: TrainingSamples,
    objective: InfluenceObjective,
    *,
    n_users: int | None,
    seed: int,
) -> DrawnSamples:
    """All samples of the objective's users and of users with its items, and of others drawn.

    Parameters
    ----------
    samples : TrainingSamples
    objective : InfluenceObjective
    n_users : int or None
        How many of the other users to draw; None, or as many as there are, takes everyone.
    seed : int
    """
    everyone = np.unique(samples.users)
    touches = np.isin(samples.positives, objective.items)
    touches |= np.isin(samples.last_items, objective.items)
    always = np.union1d(samples.users[touches], np.intersect1d(objective.users, everyone))
    others = np.setdiff1d(everyone, always)
    if n_users is None or n_users >= len(others):
        return DrawnSamples(
            rows=np.arange(len(samples)), weights=np.ones(len(samples)), n_users=len(everyone)
        )
    drawn = np.random.default_rng(seed).choice(others, n_users, replace=False)
    kept = np.concatenate([always, drawn])
    rows = np.flatnonzero(np.isin(samples.users, kept))
    weights = np.where(np.isin(samples.users[rows], drawn), len(others) / n_users, 1.0)
    return DrawnSamples(rows=rows, weights=weights, n_users=len(kept))
