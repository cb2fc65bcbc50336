"""Models with exact refits, objectives and candidates: what influence estimators are judged by."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import DifferentiableRecommender, InfluenceEstimator, InfluenceObjective
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.testing.factors import ConvergedMatrixFactorisation
from loki_bench.testing.planted import interactions_of
from loki_bench.testing.ridge import RidgeRecommender, objective_value
from loki_bench.testing.subject import Subject

__all__ = ["EstimatorCase", "fitted_estimator"]

SEED = 20
TARGET = 11
N_ITEMS = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class EstimatorCase:
    """A fitted model, an objective on it, candidates, and what refitting with each would change.

    Attributes
    ----------
    model : DifferentiableRecommender
    train : Interactions
    objective : InfluenceObjective
    candidates : Sequences
        Fake users with and without the target item.
    truth : float64 array of shape (n_candidates,)
        Change of the objective when each alone is added and the model refitted, exactly.
    """

    model: DifferentiableRecommender
    train: Interactions
    objective: InfluenceObjective
    candidates: Sequences
    truth: NDArray[np.float64]

    def times(self, weight: float) -> "EstimatorCase":
        """The same case with another weight of the objective; its arrays are new."""
        objective = InfluenceObjective(
            users=self.objective.users.copy(),
            histories=self.objective.histories,
            items=self.objective.items.copy(),
            weights=self.objective.weights * weight,
        )
        return replace(self, objective=objective, truth=self.truth * weight)


def fitted_estimator(
    subject: Subject, *, weight: float = 1.0
) -> tuple[InfluenceEstimator, EstimatorCase]:
    """The estimator fitted on ridge regression or, where it refuses that, on matrix factorisation.

    An estimator says with ``InvalidAnswerError`` that it can't use a model. The objective, and the
    truth with it, are multiplied by ``weight``.
    """
    case = ridge_case().times(weight)
    estimator: InfluenceEstimator = subject.build()
    try:
        return estimator.fit(case.model, case.train, case.objective, seed=SEED), case
    except InvalidAnswerError:
        case = factor_case().times(weight)
        estimator = subject.build()
        return estimator.fit(case.model, case.train, case.objective, seed=SEED), case


@lru_cache(maxsize=1)
def ridge_case() -> EstimatorCase:
    """Ridge regression of the next item on the last one: refitted by one linear solve."""
    train, objective, candidates = _data()
    model = RidgeRecommender(l2=4.0).fit(train, validation=None, seed=SEED)

    def change(row: NDArray[np.int32]) -> float:
        more = train.with_users(Sequences.of([row]))
        refitted = RidgeRecommender(l2=4.0).fit(more, validation=None, seed=SEED)
        return objective_value(refitted, objective) - objective_value(model, objective)

    return EstimatorCase(
        model=model,
        train=train,
        objective=objective,
        candidates=candidates,
        truth=np.array([change(row) for row in candidates]),
    )


@lru_cache(maxsize=1)
def factor_case() -> EstimatorCase:
    """Matrix factorisation at its minimum, trained on from there with a fake user."""
    train, objective, candidates = _data()
    model = ConvergedMatrixFactorisation().fit(train, validation=None, seed=SEED)
    clean = objective_value(model, objective)

    def change(row: NDArray[np.int32]) -> float:
        (left_out,) = np.setdiff1d(np.arange(N_ITEMS, dtype=np.int32), [*row, TARGET])
        refitted = model.refit_with(row, np.full(len(row), left_out))
        return (objective_value(refitted, objective) - clean) / ConvergedMatrixFactorisation.WEIGHT

    return EstimatorCase(
        model=model,
        train=train,
        objective=objective,
        candidates=candidates,
        truth=np.array([change(row) for row in candidates]),
    )


def _data() -> tuple[Interactions, InfluenceObjective, Sequences]:
    """Two tastes: even ones of 60 users have even items, odd ones odd items. The target is odd,
    and the objective its score for six even users: what ties it to even items raises it.
    """
    generator = np.random.default_rng(4)
    half = N_ITEMS // 2
    rows = [
        (2 * generator.permutation(half)[: generator.integers(half - 3, half)] + user % 2).tolist()
        for user in range(60)
    ]
    train = interactions_of(rows, n_items=N_ITEMS)
    users = np.arange(0, 12, 2, dtype=np.int32)
    objective = InfluenceObjective(
        users=users,
        histories=train.take(users),
        items=np.full(len(users), TARGET, dtype=np.int32),
        weights=np.full(len(users), 1 / len(users)),
    )
    # All items but one, and all but that one and the target: a recommender with sampled negatives
    # then has one item only to draw, and the truth does not depend on how it draws.
    candidates = []
    for left_out in range(N_ITEMS - 1):
        order = generator.permutation(N_ITEMS)
        candidates.append(order[order != left_out])
        candidates.append(order[(order != left_out) & (order != TARGET)])
    return train, objective, Sequences.of(candidates)
