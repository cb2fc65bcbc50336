"""The influence estimator ``retrain``: no estimate, ground truth by retraining."""

import copy
import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts import (
    DifferentiableRecommender,
    InfluenceObjective,
    RetrainingEstimator,
)
from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench.influence.estimators.first_order import require_differentiable
from loki_bench.influence.fake_users.scorer import (
    check_items,
    check_next_items,
    differences_of_prefixes,
)
from loki_bench.interactions import Interactions, Sequences
from loki_bench.parameters import require_count
from loki_bench.seeds import seed_for

__all__ = ["RetrainInfluence", "objective_value"]


class RetrainInfluence(RetrainingEstimator):
    """Trains a fresh copy with each fake user and reports the objective's change.

    A control copy, trained the same way without a fake user, is subtracted: what remains is the
    fake user's effect and, unless the recommender trains deterministically to convergence, the
    noise of training. One training run for each different candidate and repeat.

    Parameters
    ----------
    train_seed : int or None
        The seed of the first run, the control's included; None takes the one given to ``fit``. With
        the seed that the model itself was trained with, the control is that model.
    repeats : int, 1 or more
        Runs, each with a seed and a control of its own, that an answer is the mean of.
    """

    def __init__(self, *, train_seed: int | None = None, repeats: int = 1) -> None:
        who = type(self).__name__
        require_count(who, "repeats", repeats)
        if train_seed is not None:
            require_count(who, "train_seed", train_seed, least=0)
        self._train_seed = train_seed
        self._repeats = repeats
        self._model: DifferentiableRecommender | None = None
        self._report: dict[str, float] = {}

    def fit(
        self,
        model: DifferentiableRecommender,
        train: Interactions,
        objective: InfluenceObjective,
        *,
        seed: int,
    ) -> Self:
        require_differentiable(model, type(self).__name__)
        self._model = model
        self._train = train
        self._score = partial(objective_value, objective=objective)
        first = seed if self._train_seed is None else self._train_seed
        later = [seed_for(first, f"retrain/{r}") for r in range(1, self._repeats)]
        self._seeds = [first, *later]
        self._report = {"refits": 0.0}
        self._controls = [self._trained_with(Sequences.empty(), s) for s in self._seeds]
        control = float(np.mean([self._score(one) for one in self._controls]))
        self._report |= {
            "control_objective": control,
            "control_drift": control - self._score(model),
        }
        return self

    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        """The change of the objective by one real training run a candidate; 0 for an empty one."""
        self._check_fitted()
        check_items(candidates.items, self._train.n_items)
        out = np.zeros(len(candidates))
        for r, row in enumerate(candidates):
            if len(row):
                out[r] = self.change_of(self._score, Sequences.of([row]))
        return out

    def change_of(
        self, outcome: Callable[[DifferentiableRecommender], float], fake_users: Sequences
    ) -> float:
        """See :meth:`loki_bench.contracts.RetrainingEstimator.change_of`."""
        self._check_fitted()
        check_items(fake_users.items, self._train.n_items)
        runs = zip(self._seeds, self._controls, strict=True)
        return float(
            np.mean([outcome(self._trained_with(fake_users, s)) - outcome(c) for s, c in runs])
        )

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """The difference of two real training runs."""
        following = check_next_items(prefixes, next_items)
        return differences_of_prefixes(self.influence, prefixes, following)

    @property
    def report(self) -> dict[str, float]:
        return dict(self._report)

    def _check_fitted(self) -> None:
        if self._model is None:
            raise ParameterError(f"{type(self).__name__} was asked before fit: call fit first")

    def _trained_with(self, fake_users: Sequences, seed: int) -> DifferentiableRecommender:
        self._report["refits"] += 1.0
        fresh = copy.deepcopy(self._model)
        assert fresh is not None  # noqa: S101  # every caller has checked it
        return self._trained(fresh, self._train.with_users(fake_users), seed)

    def _trained(
        self, model: DifferentiableRecommender, train: Interactions, seed: int
    ) -> DifferentiableRecommender:
        """The model, a copy, trained on ``train``."""
        return model.fit(train, validation=None, seed=seed)


def objective_value(model: DifferentiableRecommender, objective: InfluenceObjective) -> float:
    """The weighted sum of a model's target scores.

    Raises
    ------
    InvalidAnswerError
        It is not finite.
    """
    import torch

    if not len(objective.users):
        return 0.0
    with torch.no_grad():
        scores = model.target_score(objective.users, objective.histories, objective.items)
    value = float(scores.detach().double().cpu().numpy() @ objective.weights)
    if not math.isfinite(value):
        raise InvalidAnswerError(
            f"{type(model).__name__}: the target scores are not finite: lower its learning rate"
        )
    return value
