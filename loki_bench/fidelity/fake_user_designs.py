"""The fake users whose predicted and true effects are compared: single, in groups, item by item.

Ranking users with a target item above users without one is easy (counting clicks does it); an
estimator is worth its cost only if it also ranks well inside each stratum.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import (
    DifferentiableRecommender,
    Goal,
    InfluenceEstimator,
    InfluenceObjective,
    RetrainingEstimator,
)
from loki_bench.errors import InvalidAnswerError, SuiteError
from loki_bench.fidelity.whole_attacks import display_rate, whole_attacks
from loki_bench.interactions import Interactions, Sequences

__all__ = [
    "STRATA",
    "Experiment",
    "FakeUserDesign",
    "Outcome",
    "design_fake_users",
    "draw_goal",
    "experiments_of",
    "mean_score_objective",
]

STRATA = ("random", "popular", "target-users", "no-target")

Outcome: TypeAlias = Callable[[DifferentiableRecommender], float]
"""A number that a trained model has."""


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiment:
    """Things whose effects are ranked against each other.

    Attributes
    ----------
    name : str
        ``single``, ``group 1 %`` ..., ``display rate 3 %`` ... or ``next item``.
    added : tuple of Sequences
        The fake users of each thing.
    beyond : Sequences or None
        Fake users whose effect is taken away from each thing's: the prefix of next items.
    strata : str array of shape (n,)
        Of each thing; all alike where there are none.
    outcome : callable or None
        What is measured of a trained model; None is the objective.
    """

    name: str
    added: tuple[Sequences, ...]
    beyond: Sequences | None
    strata: NDArray[np.str_]
    outcome: Outcome | None = None

    def predicted_by(self, estimator: InfluenceEstimator) -> NDArray[np.float64]:
        """What an estimator says: the sum over a group's members, or marginal influences.

        Of another outcome than the objective an estimator that trains has a value of its own; of
        any other the sum is taken, whose order may yet be that of the outcome.

        Raises ``InvalidAnswerError`` unless it gives one finite number for each candidate.
        """
        if self.outcome is not None and isinstance(estimator, RetrainingEstimator):
            changed = [estimator.change_of(self.outcome, group) for group in self.added]
            return _checked(np.array(changed), len(changed), estimator)
        if self.beyond is None:
            sizes = [len(group) for group in self.added]
            flat = Sequences.of([row for group in self.added for row in group])
            each = _checked(estimator.influence(flat), len(flat), estimator)
            return np.add.reduceat(each, np.cumsum([0, *sizes[:-1]]))
        following = np.array([int(group[0][-1]) for group in self.added], dtype=np.int32)
        prefixes = Sequences.of([self.beyond[0]] * len(following))
        marginals = estimator.marginal_influence(prefixes, following)
        return _checked(marginals, len(following), estimator)

    def first(self, n: int) -> "Experiment":
        """The same with the first n things alone."""
        return replace(self, added=self.added[:n], strata=self.strata[:n])

    def target_clicks(self, goal: Goal) -> NDArray[np.float64]:
        """The heuristic to beat: how many events are on target items."""
        return np.array([float(np.isin(group.items, goal.items).sum()) for group in self.added])


def _checked(values: object, n: int, estimator: InfluenceEstimator) -> NDArray[np.float64]:
    answer = np.asarray(values, dtype=np.float64)
    if answer.shape != (n,) or not np.isfinite(answer).all():
        raise InvalidAnswerError(
            f"{type(estimator).__name__} answered values of shape {answer.shape}, "
            f"{int((~np.isfinite(answer)).sum())} of them not finite, to {n} candidates: an "
            "influence estimator must give one finite number for each"
        )
    return answer


def draw_goal(
    train: Interactions,
    *,
    n_items: int,
    n_users: int,
    popularity: tuple[int, int],
    rng: np.random.Generator,
) -> Goal:
    """Target items whose number of events lies in ``popularity``, and target users without them.

    Raises ``SuiteError`` where there are too few.
    """
    counts = train.item_counts
    fit = np.flatnonzero((counts >= popularity[0]) & (counts <= popularity[1]))
    if len(fit) < n_items:
        raise SuiteError(
            f"{len(fit)} items have {popularity[0]} to {popularity[1]} training events, and "
            f"{n_items} targets are wanted: widen design.popularity"
        )
    items = rng.choice(fit, n_items, replace=False).astype(np.int32)
    free = [u for u, row in enumerate(train) if len(row) > 1 and not np.isin(row, items).any()]
    if len(free) < n_users:
        raise SuiteError(
            f"{len(free)} users lack every target item, and {n_users} are wanted: lower "
            "design.n_target_users"
        )
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


def experiments_of(
    train: Interactions, goal: Goal, design: "DesignSizes", rng: np.random.Generator
) -> list[Experiment]:
    """All experiments with one goal: single fake users, groups, whole attacks, next items."""
    singles = design_fake_users(
        train, goal, n_per_stratum=design.n_per_stratum, length=design.length, rng=rng
    )
    rows = singles.sequences
    out = []
    if len(rows):
        alone = tuple(rows.take([r]) for r in range(len(rows)))
        out.append(Experiment(name="single", added=alone, beyond=None, strata=singles.strata))
    for share in design.group_shares if design.n_groups else ():
        size = max(1, round(share * train.n_users))
        groups = _groups(train, goal, design, size, rng)
        out.append(
            Experiment(
                name=f"group {100 * share:g} %",
                added=groups,
                beyond=None,
                strata=np.full(len(groups), "all"),
            )
        )
    for share in design.attack_shares if design.n_per_attack or design.n_mixed_attacks else ():
        attacks, names = whole_attacks(
            train,
            goal,
            n_fake_users=max(1, round(share * train.n_users)),
            length=design.length,
            n_per_attack=design.n_per_attack,
            n_mixed=design.n_mixed_attacks,
            rng=rng,
        )
        shown = partial(display_rate, train=train, goal=goal, list_length=design.list_length)
        out.append(
            Experiment(
                name=f"display rate {100 * share:g} %",
                added=attacks,
                beyond=None,
                strata=names,
                outcome=shown,
            )
        )
    if design.n_next_items:
        out.append(_next_items(train, goal, design, rng))
    return out


class DesignSizes(Protocol):
    """How much to measure; see the suite file's table ``design``."""

    @property
    def n_per_stratum(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def group_shares(self) -> list[float]: ...
    @property
    def n_groups(self) -> int: ...
    @property
    def attack_shares(self) -> list[float]: ...
    @property
    def n_per_attack(self) -> int: ...
    @property
    def n_mixed_attacks(self) -> int: ...
    @property
    def list_length(self) -> int: ...
    @property
    def n_next_items(self) -> int: ...


def _groups(
    train: Interactions, goal: Goal, design: DesignSizes, size: int, rng: np.random.Generator
) -> tuple[Sequences, ...]:
    """Groups of fresh fake users; each takes its members from the strata in shares of its own.

    With equal shares all large groups would be alike, and their order noise.
    """
    groups = []
    for _ in range(design.n_groups):
        pool = design_fake_users(train, goal, n_per_stratum=size, length=design.length, rng=rng)
        shares = rng.dirichlet(np.ones(len(STRATA)))
        counts = rng.multinomial(size, shares)
        members = [
            r
            for stratum, count in zip(STRATA, counts, strict=True)
            for r in np.flatnonzero(pool.strata == stratum)[:count]
        ]
        groups.append(pool.sequences.take(members))
    return tuple(groups)


def _next_items(
    train: Interactions, goal: Goal, design: DesignSizes, rng: np.random.Generator
) -> Experiment:
    """A prefix without targets, and what may follow it: targets, target users' items, others."""
    prefix_of = design_fake_users(
        train, goal, n_per_stratum=1, length=max(1, design.length // 2), rng=rng
    )
    prefix = prefix_of.sequences[-1]
    own = np.setdiff1d(train.take(goal.users).items, [*prefix, *goal.items])
    others = np.setdiff1d(
        np.arange(train.n_items, dtype=np.int32), [*prefix, *goal.items, *own.tolist()]
    )
    n_own = min((design.n_next_items - 1) // 2, len(own))
    n_others = min(design.n_next_items - 1 - n_own, len(others))
    following = [
        int(goal.items[0]),
        *rng.choice(own, n_own, replace=False).tolist(),
        *rng.choice(others, n_others, replace=False).tolist(),
    ]
    return Experiment(
        name="next item",
        added=tuple(Sequences.of([[*prefix.tolist(), item]]) for item in following),
        beyond=Sequences.of([prefix]),
        strata=np.full(len(following), "all"),
    )
