"""A recommender whose refit is exact: ridge regression of the next item on the last one.

Its loss is quadratic, so its minimum, and with it the truth about adding a fake user, is one
linear solve. The kit lends it to attackers as a surrogate and judges influence estimators by it.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts import (
    DifferentiableRecommender,
    InfluenceEstimator,
    InfluenceObjective,
    RowwiseRecommender,
    TrainingSamples,
)
from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import HeldOut

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["RidgeInfluence", "RidgeRecommender", "last_items", "objective_value"]

FloatArray = NDArray[np.float64]


def last_items(histories: Sequences) -> NDArray[np.int64]:
    """The last item of each history, -1 where it is empty; shape (n,)."""
    return np.array([row[-1] if len(row) else -1 for row in histories], dtype=np.int64)


class RidgeRecommender(RowwiseRecommender):
    """``score(history, i) = W[0, i] + W[1 + last item, i]``, W by ridge regression.

    A sample's loss is ``1/2 sum_i (score_i - [i is the positive])**2``; negatives play no part.
    Users play no part beyond their histories either.

    Parameters
    ----------
    l2 : float above 0
        Coefficient of every weight, charged once.
    """

    def __init__(self, *, l2: float = 5.0) -> None:
        if not l2 > 0:
            raise ParameterError(f"recommender 'ridge': l2 = {l2!r} must be above 0")
        self.l2 = l2
        self._n_users = self._n_items = 0
        self._n_samples: int | None = None
        self._weights: Tensor | None = None

    def fit(self, train: Interactions, *, validation: HeldOut | None, seed: int) -> Self:
        import torch

        samples = self.training_samples(train, seed=seed)
        n = train.n_items
        gram = np.zeros((n + 1, n + 1))
        targets = np.zeros((n + 1, n))
        rows, positives = samples.last_items.astype(np.int64) + 1, samples.positives
        gram[0, 0] = len(samples)
        known = rows > 0
        np.add.at(gram, (rows[known], rows[known]), 1.0)
        np.add.at(gram, (np.zeros_like(rows[known]), rows[known]), 1.0)
        gram[1:, 0] = gram[0, 1:]
        np.add.at(targets, (np.zeros_like(rows), positives), 1.0)
        np.add.at(targets, (rows[known], positives[known]), 1.0)
        self.curvature = gram + self.l2 * np.eye(n + 1)
        self._weights = torch.from_numpy(np.linalg.solve(self.curvature, targets)).requires_grad_()
        self._n_users, self._n_items, self._n_samples = train.n_users, n, len(samples)
        return self

    def fit_rows(
        self,
        train: Interactions,
        *,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        seed: int,
    ) -> Self:
        """An item's row is its column of W: no other column plays a part in it."""
        self._check(users, items)
        if train.n_users < self._n_users or train.n_items != self._n_items:
            raise ParameterError(
                f"recommender 'ridge': was fitted on {self._n_users} users and {self._n_items} "
                f"items, and is given {train.n_users} and {train.n_items} to train some rows on; "
                "give the same catalogue, and further users behind the others"
            )
        before = self._fitted().detach().numpy().copy()
        self.fit(train, validation=None, seed=seed)
        stay = np.setdiff1d(np.arange(train.n_items), items)
        self._fitted().detach().numpy()[:, stay] = before[:, stay]
        return self

    @property
    def n_training_samples(self) -> int | None:
        return self._n_samples

    @property
    def weights(self) -> FloatArray:
        """W, float64 of shape (1 + n_items, n_items)."""
        table: FloatArray = self._fitted().detach().numpy()
        return table

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        self._check(users, histories.items)
        table, last = self.weights, last_items(histories)
        scores: FloatArray = table[0] + np.where(last[:, None] >= 0, table[1 + last], 0.0)
        return scores.astype(np.float32)

    def parameters(self) -> "list[Tensor]":
        return [self._fitted()]

    def training_samples(self, train: Interactions, *, seed: int) -> TrainingSamples:
        """One sample an event, the first included; the negative is the next item of the catalogue
        that the user does not have (the loss does not use it)."""
        last = np.full(train.n_events, -1, dtype=np.int32)
        last[1:] = train.items[:-1]
        last[train.offsets[:-1][train.lengths > 0]] = -1
        negatives = np.empty(train.n_events, dtype=np.int32)
        for user, row in enumerate(train):
            others = np.setdiff1d(np.arange(train.n_items), row)
            places = np.searchsorted(others, row) % max(1, len(others))
            start, end = train.offsets[user], train.offsets[user + 1]
            negatives[start:end] = others[places] if len(others) else row
        return TrainingSamples(
            users=train.rows,
            last_items=last,
            positives=np.array(train.items),
            negatives=negatives,
            histories=train.prefixes(),
        )

    def sample_loss(self, samples: TrainingSamples) -> "Tensor":
        import torch

        scores = self._scores(samples.last_items.astype(np.int64))
        wanted = torch.nn.functional.one_hot(
            torch.from_numpy(samples.positives.astype(np.int64)), self._n_items
        )
        return 0.5 * (scores - wanted).square().sum(dim=1)

    def l2_coefficients(self, samples: TrainingSamples) -> "list[Tensor]":
        import torch

        return [torch.full((1, 1), self.l2, dtype=torch.float64)]

    def target_score(
        self, users: NDArray[np.int32], histories: Sequences, items: NDArray[np.int32]
    ) -> "Tensor":
        import torch

        self._check(users, np.concatenate([histories.items, items]))
        wanted = torch.from_numpy(items.astype(np.int64))
        return self._scores(last_items(histories)).gather(1, wanted[:, None])[:, 0]

    def _scores(self, last: NDArray[np.int64]) -> "Tensor":
        import torch

        table, known = self._fitted(), torch.from_numpy((last >= 0)[:, None])
        return table[0] + torch.where(known, table[torch.from_numpy(1 + last)], 0.0)

    def _fitted(self) -> "Tensor":
        if self._weights is None:
            raise ParameterError("recommender 'ridge' is not fitted: call fit first")
        return self._weights

    def _check(self, users: NDArray[np.int32], items: NDArray[np.int32]) -> None:
        self._fitted()
        for ids, n, what in ((users, self._n_users, "user"), (items, self._n_items, "item")):
            if len(ids) and (ids.min() < 0 or ids.max() >= n):
                raise ParameterError(
                    f"recommender 'ridge': {what}s {ids.min()} to {ids.max()} were given; fit saw "
                    f"{what}s 0 to {n - 1}"
                )


class RidgeInfluence(InfluenceEstimator):
    """First-order influence (the paper, Eq. 2-3) in closed form, for :class:`RidgeRecommender`.

    With ``S = H^-1 grad f`` an added sample (x, p) has the influence
    ``-<S, x (W' x - e_p)'> = x' S e_p - x' S W' x``.
    """

    def __init__(self) -> None:
        self._worth: FloatArray | None = None

    def fit(
        self,
        model: DifferentiableRecommender,
        train: Interactions,
        objective: InfluenceObjective,
        *,
        seed: int,
    ) -> Self:
        if not isinstance(model, RidgeRecommender):
            raise InvalidAnswerError(
                f"the kit's own estimator takes its ridge recommender only, got "
                f"{type(model).__name__}"
            )
        weights = model.weights
        slope = np.zeros_like(weights)
        last = last_items(objective.histories)
        np.add.at(slope, (np.zeros_like(last), objective.items), objective.weights)
        known = last >= 0
        np.add.at(slope, (1 + last[known], objective.items[known]), objective.weights[known])
        solved = np.linalg.solve(model.curvature, slope)
        # features of every last item, no last item first
        features = np.hstack([np.ones((len(weights), 1)), np.eye(len(weights), k=0)[:, 1:]])
        along, scores = features @ solved, features @ weights
        self._worth = along - (along * scores).sum(axis=1, keepdims=True)
        return self

    def influence(self, candidates: Sequences) -> FloatArray:
        total = np.zeros(len(candidates))
        np.add.at(total, candidates.rows, self.sequence_rewards(candidates))
        return total

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        if self._worth is None:
            raise ParameterError("the kit's own estimator was asked before fit: call fit first")
        n_items = self._worth.shape[1]
        given = np.concatenate([prefixes.items, next_items])
        if len(given) and (given.min() < 0 or given.max() >= n_items):
            raise ParameterError(
                f"the kit's own estimator was given items {given.min()} to {given.max()}; "
                f"it was fitted on 0 to {n_items - 1}"
            )
        values: FloatArray = self._worth[1 + last_items(prefixes), next_items]
        return values


def objective_value(model: DifferentiableRecommender, objective: InfluenceObjective) -> float:
    """The weighted sum of target scores."""
    scores = model.target_score(objective.users, objective.histories, objective.items)
    return float((scores.detach().numpy() * objective.weights).sum())
