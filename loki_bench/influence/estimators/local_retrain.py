"""The influence estimator ``local-retrain``: the rows that a fake user moves, trained anew."""

import numpy as np
from typing_extensions import Self

from loki_bench.contracts import DifferentiableRecommender, InfluenceObjective, RowwiseRecommender
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.estimators.retrain import RetrainInfluence
from loki_bench.interactions import Interactions

__all__ = ["LocalRetrainInfluence"]


class LocalRetrainInfluence(RetrainInfluence):
    """Trains few rows anew with each fake user and reports the objective's change.

    The rows of the objective's items, of its users, of these users' items and of the fake users are
    trained from scratch, all others stay at the model: ``retrain`` at the cost of the samples that
    touch them. Where the objective weighs some samples above 0, those below (what other users give
    the targets) don't count. For a :class:`~loki_bench.contracts.RowwiseRecommender`.

    Parameters
    ----------
    train_seed : int or None
        The seed of the first run, the control's included; None takes the one given to ``fit``.
    repeats : int, 1 or more
        Runs, each with a seed and a control of its own, that an answer is the mean of.
    """

    def fit(
        self,
        model: DifferentiableRecommender,
        train: Interactions,
        objective: InfluenceObjective,
        *,
        seed: int,
    ) -> Self:
        if not isinstance(model, RowwiseRecommender):
            raise InvalidAnswerError(
                f"influence estimator 'local-retrain' needs a RowwiseRecommender, and "
                f"{type(model).__name__} can't train some rows alone: use 'retrain'"
            )
        lifted = objective.weights > 0
        if not lifted.any():
            lifted = objective.weights < 0
        self._users = np.unique(objective.users[lifted]).astype(np.int32)
        own = train.take(self._users).items
        self._items = np.union1d(objective.items[lifted], own).astype(np.int32)
        super().fit(model, train, objective, seed=seed)
        self._report |= {
            "moving_users": float(len(self._users)),
            "moving_items": float(len(self._items)),
        }
        return self

    def _trained(
        self, model: DifferentiableRecommender, train: Interactions, seed: int
    ) -> DifferentiableRecommender:
        assert isinstance(model, RowwiseRecommender)  # noqa: S101  # fit took nothing else
        return model.fit_rows(train, users=self._users, items=self._items, seed=seed)
