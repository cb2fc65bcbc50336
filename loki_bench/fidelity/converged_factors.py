"""A factor model trained to its minimum on frozen samples, and trained on from there.

What an influence function means is the change of *this* minimum. A recommender that was stopped
early, or whose negatives change, has none: its influence can only be compared with training noise
and all (see ``truths``).
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor
from typing_extensions import Self

from loki_bench.contracts import FactorRecommender, FactorTerm, TrainingSamples
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.factor_kernels import add_gradient, margin_derivatives, regularise
from loki_bench.influence.factor_objective import FactorObjective, last_items_of
from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import HeldOut

__all__ = ["ConvergedFactors", "converge"]


def converge(
    terms: tuple[FactorTerm, ...],
    samples: TrainingSamples,
    *,
    l2_per_sample: bool,
    tolerance: float = 1e-6,
    max_iterations: int = 3000,
) -> tuple[tuple[FactorTerm, ...], float]:
    """Train tables to the minimum of their objective by L-BFGS, in float64.

    Returns
    -------
    The terms with their tables replaced, and the largest gradient component that is left.
    """
    objective = FactorObjective(terms, samples, l2_per_sample=l2_per_sample)
    places = objective.sample_offsets
    dims = objective.layout.dims
    slope, curvature = np.empty(len(samples)), np.empty(len(samples))

    def value_and_gradient(
        theta: NDArray[np.float64],
    ) -> tuple[float, NDArray[np.float64]]:
        gradient = np.empty_like(theta)
        rows = (objective.row_starts, objective.row_widths, objective.row_l2)
        regularise(theta, gradient, *rows, 0.0)
        value = 0.5 * float(gradient @ theta)
        value += margin_derivatives(theta, *places, dims, slope, curvature)
        add_gradient(theta, gradient, *places, dims, slope)
        return value, gradient

    found = minimize(
        value_and_gradient,
        objective.theta.astype(np.float64),
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": max_iterations,
            "maxfun": 4 * max_iterations,
            "gtol": tolerance,
            "ftol": 0.0,
            "maxcor": 20,
        },
    )
    trained = []
    for k, term in enumerate(terms):
        trained.append(
            FactorTerm(
                row=term.row,
                row_table=objective.row_table(found.x, k).copy(),
                item_table=objective.item_table(found.x, k).copy(),
                row_l2=term.row_l2,
                item_l2=term.item_l2,
            )
        )
    return tuple(trained), float(np.abs(found.jac).max())


class ConvergedFactors(FactorRecommender):
    """A recommender's tables at the minimum of their objective on frozen samples.

    Parameters
    ----------
    model : FactorRecommender
        Fitted; the minimum is sought from its tables.
    train : Interactions
    seed : int
        Of the frozen negatives: an influence estimator must be fitted with the same.
    """

    def __init__(self, model: FactorRecommender, train: Interactions, *, seed: int) -> None:
        self._source = model
        self._seed = seed
        self.samples = model.training_samples(train, seed=seed)
        self._per_sample = model.l2_per_sample
        self._terms, self.gradient_left = converge(
            model.factor_terms(), self.samples, l2_per_sample=self._per_sample
        )
        self._tensors = _tensors(self._terms)

    def with_user(self, samples: TrainingSamples) -> "ConvergedFactors":
        """Train on from the minimum with the samples of added users (ids from n_users on)."""
        n_users = max(len(t.row_table) for t in self._terms if t.row == "user")
        n_added = int(samples.users.max(initial=n_users - 1)) + 1 - n_users
        wider = tuple(
            FactorTerm(
                row=t.row,
                # away from 0, where a row of a pure user model has no gradient at the items
                row_table=np.vstack([t.row_table, np.full((n_added, t.row_table.shape[1]), 0.01)])
                if t.row == "user"
                else t.row_table,
                item_table=t.item_table,
                row_l2=t.row_l2,
                item_l2=t.item_l2,
            )
            for t in self._terms
        )
        both = TrainingSamples(
            users=np.concatenate([self.samples.users, samples.users]),
            last_items=np.concatenate([self.samples.last_items, samples.last_items]),
            positives=np.concatenate([self.samples.positives, samples.positives]),
            negatives=np.concatenate([self.samples.negatives, samples.negatives]),
        )
        other = object.__new__(ConvergedFactors)
        other._source, other._seed = self._source, self._seed
        other.samples, other._per_sample = both, self._per_sample
        other._terms, other.gradient_left = converge(wider, both, l2_per_sample=self._per_sample)
        other._tensors = _tensors(other._terms)
        return other

    def fit(self, train: Interactions, *, validation: HeldOut | None, seed: int) -> Self:
        raise InvalidAnswerError(
            "ConvergedFactors is made from a fitted recommender and can't be fitted: use with_user"
        )

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        last = last_items_of(histories)
        total = np.zeros((len(users), len(self._terms[0].item_table)))
        for term in self._terms:
            index = users if term.row == "user" else last
            rows = np.where(index[:, None] >= 0, term.row_table[np.maximum(index, 0)], 0.0)
            total += rows @ term.item_table.T
        return total.astype(np.float32)

    def parameters(self) -> list[Tensor]:
        return self._tensors

    def training_samples(self, train: Interactions, *, seed: int) -> TrainingSamples:
        return self._source.training_samples(train, seed=seed)

    def target_score(
        self, users: NDArray[np.int32], histories: Sequences, items: NDArray[np.int32]
    ) -> Tensor:
        return self._scores(users, last_items_of(histories), items)

    def sample_loss(self, samples: TrainingSamples) -> Tensor:
        margin = self._scores(samples.users, samples.last_items, samples.positives)
        margin = margin - self._scores(samples.users, samples.last_items, samples.negatives)
        return torch.nn.functional.softplus(-margin)

    def l2_coefficients(self, samples: TrainingSamples) -> list[Tensor]:
        objective = FactorObjective(self._terms, samples, l2_per_sample=self._per_sample)
        return [
            torch.from_numpy(values[:, None].copy())
            for k in range(len(self._terms))
            for values in (objective.table_row_l2(k), objective.item_l2(k))
        ]

    def factor_terms(self) -> tuple[FactorTerm, ...]:
        return self._terms

    @property
    def l2_per_sample(self) -> bool:
        return self._per_sample

    def _scores(
        self,
        users: NDArray[np.int32],
        last_items: NDArray[np.int32],
        items: NDArray[np.int32],
    ) -> Tensor:
        total = torch.zeros(len(users), dtype=torch.float64)
        for k, term in enumerate(self._terms):
            index = torch.from_numpy(
                np.asarray(users if term.row == "user" else last_items, dtype=np.int64)
            )
            rows = self._tensors[2 * k][index.clamp(min=0)] * (index >= 0).unsqueeze(-1)
            wanted = torch.from_numpy(np.asarray(items, dtype=np.int64))
            total = total + (rows * self._tensors[2 * k + 1][wanted]).sum(-1)
        return total


def _tensors(terms: tuple[FactorTerm, ...]) -> list[Tensor]:
    return [
        torch.from_numpy(table).requires_grad_()
        for term in terms
        for table in (term.row_table, term.item_table)
    ]
