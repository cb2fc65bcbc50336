"""The influence estimator ``retrain``: no estimate, ground truth by retraining."""

import copy
import math

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts import DifferentiableRecommender, InfluenceEstimator, InfluenceObjective
from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench.influence.estimators.first_order import require_differentiable
from loki_bench.influence.fake_users.scorer import (
    check_items,
    check_next_items,
    differences_of_prefixes,
)
from loki_bench.interactions import Interactions, Sequences

__all__ = ["RetrainInfluence", "objective_value"]


class RetrainInfluence(InfluenceEstimator):
    """Trains a fresh copy with each fake user and reports the objective's change.

    A control copy, trained the same way without a fake user, is subtracted: what remains is the
    fake user's effect and, unless the recommender trains deterministically to convergence, the
    noise of training. One training run for each different candidate.

    Parameters
    ----------
    train_seed : int or None
        The seed of every run, the control's included; None takes the one given to ``fit``. With
        the seed that the model itself was trained with, the control is that model.
    """

    def __init__(self, *, train_seed: int | None = None) -> None:
        self._train_seed = train_seed
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
        self._objective = objective
        self._seed = seed if self._train_seed is None else self._train_seed
        self._control = self._value_with(Sequences.empty())
        self._report = {
            "control_objective": self._control,
            "control_drift": self._control - objective_value(model, objective),
            "refits": 1.0,
        }
        return self

    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        """The change of the objective by one real training run a candidate; 0 for an empty one."""
        if self._model is None:
            raise ParameterError("RetrainInfluence was asked before fit: call fit first")
        check_items(candidates.items, self._train.n_items)
        out = np.zeros(len(candidates))
        for r, row in enumerate(candidates):
            if len(row):
                out[r] = self._value_with(Sequences.of([row])) - self._control
                self._report["refits"] += 1.0
        return out

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """The difference of two real training runs."""
        following = check_next_items(prefixes, next_items)
        return differences_of_prefixes(self.influence, prefixes, following)

    @property
    def report(self) -> dict[str, float]:
        return dict(self._report)

    def _value_with(self, fake_users: Sequences) -> float:
        fresh = copy.deepcopy(self._model)
        assert fresh is not None  # noqa: S101  # every caller has checked it
        fresh.fit(self._train.with_users(fake_users), validation=None, seed=self._seed)
        return objective_value(fresh, self._objective)


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
