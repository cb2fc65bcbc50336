"""Whole attacks whose effect on lists of K is compared: what an attacker must choose among.

Influence is a derivative at the clean model. It values fake users who click nothing but targets as
highly as others; trained on them, a recommender may show the targets to nobody. Single fake users
with fillers and a target can't show that, so these are whole budgets, of one kind or mixed.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Goal, Recommender
from loki_bench.interactions import Interactions, Sequences
from loki_bench.simulator import ranks_of_scores

__all__ = ["ATTACKS", "MIXED", "TARGETS_ONLY", "display_rate", "whole_attacks"]

MIXED = "mixed"

TARGETS_ONLY = "targets only"

ATTACKS: Mapping[str, str] = {
    TARGETS_ONLY: "t",
    "item, target": "ot",
    "item, two targets": "ott",
    "two items, target": "oot",
    "last item, target": "lt",
    "popular item, target": "pt",
    "random item, target": "rt",
    "items only": "o",
}
"""A pattern that is repeated: t a target, o an item of the target user that a fake user serves, l
that user's last item, p one of the most popular twentieth, r any other item."""


def whole_attacks(
    train: Interactions,
    goal: Goal,
    *,
    n_fake_users: int,
    length: int,
    n_per_attack: int,
    n_mixed: int,
    rng: np.random.Generator,
) -> tuple[tuple[Sequences, ...], NDArray[np.str_]]:
    """``n_per_attack`` draws of each attack, ``n_mixed`` mixtures of them, and the name of each.

    Every fake user serves one target user, in turn from one drawn at random. A mixture takes its
    fake users from the attacks in shares of its own: how many of them work is then graded.

    Parameters
    ----------
    train : Interactions
    goal : Goal
        Its users have at least one item that is no target.
    n_fake_users, length : int
        Fake users of an attack, and events of each.
    n_per_attack, n_mixed : int
    rng : numpy.random.Generator
    """
    others = np.setdiff1d(np.arange(train.n_items, dtype=np.int32), goal.items)
    popular = others[np.argsort(-train.item_counts[others], kind="stable")]
    popular = popular[: max(1, len(others) // 20)]
    own = [row[~np.isin(row, goal.items)] for row in train.take(goal.users)]

    def written(patterns: list[str]) -> Sequences:
        served = (rng.integers(len(own)) + np.arange(n_fake_users)) % len(own)
        rows = np.empty((n_fake_users, length), dtype=np.int32)
        for row, user, pattern in zip(rows, served, patterns, strict=True):
            pools = {
                "t": goal.items,
                "o": own[user],
                "l": own[user][-1:],
                "p": popular,
                "r": others,
            }
            for step in range(length):
                row[step] = rng.choice(pools[pattern[step % len(pattern)]])
        return Sequences.of(rows)

    attacks, names = [], []
    for name, pattern in ATTACKS.items():
        for _ in range(n_per_attack):
            attacks.append(written([pattern] * n_fake_users))
            names.append(name)
    for _ in range(n_mixed):
        counts = rng.multinomial(n_fake_users, rng.dirichlet(np.ones(len(ATTACKS))))
        patterns = [p for p, n in zip(ATTACKS.values(), counts, strict=True) for _ in range(n)]
        attacks.append(written([patterns[k] for k in rng.permutation(n_fake_users)]))
        names.append(MIXED)
    return tuple(attacks), np.array(names)


def display_rate(model: Recommender, train: Interactions, goal: Goal, list_length: int) -> float:
    """Share of the goal's pairs whose item is in the user's list of K; own items are not shown."""
    histories = train.take(goal.users)
    scores = model.score_next(goal.users, histories).astype(np.float64)
    scores[histories.rows, histories.items] = -np.inf  # last, so that they lift nobody
    return float((ranks_of_scores(scores)[:, goal.items] <= list_length).mean())
