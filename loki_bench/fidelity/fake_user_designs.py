"""The fake users whose predicted and true effects are compared, in strata.

Ranking users with a target item above users without one is easy (counting clicks does it); an
estimator is worth its cost only if it also ranks well inside each stratum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Goal, InfluenceObjective
from loki_bench.interactions import Interactions, Sequences

__all__ = ["STRATA", "FakeUserDesign", "design_fake_users", "draw_goal", "mean_score_objective"]

STRATA = ("random", "popular", "target-users", "no-target")


@dataclass(frozen=True, kw_only=True, eq=False)
class FakeUserDesign:
    """Fake users and the stratum of each.

    Attributes
    ----------
    sequences : Sequences of n rows
    strata : str array of shape (n,)
        ``random``, ``popular`` and ``target-users`` say where the fillers come from and have
        target items; ``no-target`` has none.
    """

    sequences: Sequences
    strata: NDArray[np.str_]


def draw_goal(
    train: Interactions,
    *,
    n_items: int,
    n_users: int,
    popularity: tuple[int, int],
    rng: np.random.Generator,
) -> Goal:
    """Target items whose number of events lies in ``popularity``, and target users without them.

    Raises ``ValueError`` where there are too few.
    """
    counts = train.item_counts
    fit = np.flatnonzero((counts >= popularity[0]) & (counts <= popularity[1]))
    if len(fit) < n_items:
        raise ValueError(f"{len(fit)} items have {popularity} events; {n_items} targets wanted")
    items = rng.choice(fit, n_items, replace=False).astype(np.int32)
    free = [u for u, row in enumerate(train) if len(row) > 1 and not np.isin(row, items).any()]
    if len(free) < n_users:
        raise ValueError(f"{len(free)} users lack every target item; {n_users} wanted")
    users = rng.choice(np.array(free), n_users, replace=False).astype(np.int32)
    return Goal(items=items, users=users)


def mean_score_objective(train: Interactions, goal: Goal) -> InfluenceObjective:
    """The mean score of all pairs of a target user and a target item."""
    users = np.repeat(goal.users, len(goal.items))
    return InfluenceObjective(
        users=users,
        histories=train.take(users),
        items=np.tile(goal.items, len(goal.users)),
        weights=np.full(len(users), 1.0 / len(users)),
    )


def design_fake_users(
    train: Interactions, goal: Goal, *, n_per_stratum: int, length: int, rng: np.random.Generator
) -> FakeUserDesign:
    """Draw ``n_per_stratum`` fake users of each stratum; no item twice in a sequence.

    A user of a stratum with targets has one to three of them at random places.
    """
    others = np.setdiff1d(np.arange(train.n_items, dtype=np.int32), goal.items)
    popular = others[np.argsort(-train.item_counts[others], kind="stable")]
    popular = popular[: max(length, len(others) // 20)]
    own = np.setdiff1d(np.unique(train.take(goal.users).items), goal.items)
    pools = {"random": others, "popular": popular, "target-users": own}
    rows, strata = [], []
    for stratum in STRATA:
        for n in range(n_per_stratum):
            pool = pools.get(stratum, list(pools.values())[n % len(pools)])
            size = min(length, len(pool))
            row = rng.choice(pool, size, replace=False)
            if stratum != "no-target":
                n_targets = min(int(rng.integers(1, 4)), len(goal.items), size)
                places = rng.choice(size, n_targets, replace=False)
                row[places] = rng.choice(goal.items, n_targets, replace=False)
            rows.append(row)
            strata.append(stratum)
    return FakeUserDesign(sequences=Sequences.of(rows), strata=np.array(strata))
