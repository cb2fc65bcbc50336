"""A factor model trained to its minimum on frozen samples, and trained on from there.

What an influence function means is the change of *this* minimum. A recommender that was stopped
early, or whose negatives change, has none: its influence can only be compared with training noise
and all (see ``truths``).
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor
from typing_extensions import Self

from loki_bench.contracts import FactorRecommender, FactorTerm, TrainingSamples
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.kernels.factor import (
    add_gradient,
    add_hessian_product,
    margin_derivatives,
    regularise,
)
from loki_bench.influence.objectives.factor import FactorObjective, last_items_of
from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import HeldOut

__all__ = ["ConvergedFactors", "converge"]

_NEWTON_FROM = 1.0
_FIRST_ROW_STEPS = 8


def converge(
    terms: tuple[FactorTerm, ...],
    samples: TrainingSamples,
    *,
    l2_per_sample: bool,
    tolerance: float = 1e-5,
    max_iterations: int = 3000,
) -> tuple[tuple[FactorTerm, ...], float]:
    """Train tables to the minimum of their objective, in float64.

    L-BFGS until no gradient component exceeds 1, then Newton's method in a trust region with
    conjugate gradients (Steihaug, SIAM J. Numer. Anal. 1983; scipy's ``trust-ncg``): near the
    minimum it costs a fifth of L-BFGS and ends at a far smaller gradient.

    Returns
    -------
    The terms with their tables replaced, and the norm of the gradient that is left.
    """
    objective = FactorObjective(terms, samples, l2_per_sample=l2_per_sample)
    derivatives = _Derivatives(objective)
    theta = objective.theta
    if np.abs(objective.gradient()).max() > _NEWTON_FROM:
        theta = minimize(
            derivatives.value_and_gradient,
            theta,
            jac=True,
            method="L-BFGS-B",
            options={
                "maxiter": max_iterations,
                "maxfun": 4 * max_iterations,
                "gtol": _NEWTON_FROM,
                "ftol": 0.0,
            },
        ).x
    found = minimize(
        derivatives.value_and_gradient,
        theta,
        jac=True,
        hessp=derivatives.hessian_product,
        method="trust-ncg",
        options={"gtol": tolerance, "initial_trust_radius": 1.0, "max_trust_radius": 1e3},
    )
    trained = [
        replace(
            term,
            row_table=objective.row_table(found.x, k).copy(),
            item_table=objective.item_table(found.x, k).copy(),
        )
        for k, term in enumerate(terms)
    ]
    return tuple(trained), float(np.linalg.norm(found.jac))


class _Derivatives:
    """An objective at any point; the margins' derivatives are kept for Hessian products there."""

    def __init__(self, objective: FactorObjective) -> None:
        self._rows = (objective.row_starts, objective.row_widths, objective.row_l2)
        self._places = objective.sample_offsets
        self._dims = objective.layout.dims
        self._slope = np.empty(objective.n_samples)
        self._curvature = np.empty(objective.n_samples)
        self._at: NDArray[np.float64] | None = None
        self._loss = 0.0

    def value_and_gradient(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        gradient = np.empty_like(theta)
        regularise(theta, gradient, *self._rows, 0.0)
        ridge = 0.5 * float(gradient @ theta)
        self._move(theta)
        add_gradient(theta, gradient, *self._places, self._dims, self._slope)
        return ridge + self._loss, gradient

    def hessian_product(
        self, theta: NDArray[np.float64], vector: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        self._move(theta)
        out = np.empty_like(vector)
        regularise(vector, out, *self._rows, 0.0)
        add_hessian_product(
            theta, vector, out, *self._places, self._dims, self._slope, self._curvature, False
        )
        return out

    def _move(self, theta: NDArray[np.float64]) -> None:
        if self._at is None or not np.array_equal(theta, self._at):
            self._loss = margin_derivatives(
                theta, *self._places, self._dims, self._slope, self._curvature
            )
            self._at = theta.copy()


class ConvergedFactors(FactorRecommender):
    """A recommender's tables at the minimum of their objective on frozen samples.

    Parameters
    ----------
    model : FactorRecommender
        Fitted; where the tables came from, and who forms training samples.
    terms : tuple of FactorTerm
    samples : TrainingSamples
    gradient_left : float
        Norm of the gradient at the tables.
    """

    def __init__(
        self,
        model: FactorRecommender,
        terms: tuple[FactorTerm, ...],
        samples: TrainingSamples,
        gradient_left: float,
    ) -> None:
        self._source = model
        self._per_sample = model.l2_per_sample
        self._terms = terms
        self._tensors = _tensors(terms)
        self.samples = samples
        self.gradient_left = gradient_left

    @classmethod
    def of(cls, model: FactorRecommender, train: Interactions, *, seed: int) -> "ConvergedFactors":
        """The minimum sought from a fitted model's tables.

        ``seed`` is that of the frozen negatives: an influence estimator must be fitted with the
        same.
        """
        samples = model.training_samples(train, seed=seed)
        terms, left = converge(
            model.factor_terms(), samples, l2_per_sample=model.l2_per_sample, tolerance=1e-8
        )
        return cls(model, terms, samples, left)

    @classmethod
    def still(cls, model: FactorRecommender) -> "ConvergedFactors":
        """A fitted model's tables as they are, in float64; nothing is known of their gradient."""
        nobody = np.empty(0, dtype=np.int32)
        samples = TrainingSamples(
            users=nobody, last_items=nobody, positives=nobody, negatives=nobody
        )
        terms = tuple(
            replace(
                t,
                row_table=t.row_table.astype(np.float64),
                item_table=t.item_table.astype(np.float64),
            )
            for t in model.factor_terms()
        )
        return cls(model, terms, samples, float("nan"))

    def with_user(self, samples: TrainingSamples) -> "ConvergedFactors":
        """Train on from the minimum with the samples of added users (ids from n_users on)."""
        n_users = max(len(t.row_table) for t in self._terms if t.row == "user")
        n_added = int(samples.users.max(initial=n_users - 1)) + 1 - n_users
        rows = _first_rows(self._terms, samples, n_users, n_added, self._per_sample)
        wider = tuple(
            replace(t, row_table=np.vstack([t.row_table, rows.pop(0)])) if t.row == "user" else t
            for t in self._terms
        )
        both = TrainingSamples(
            users=np.concatenate([self.samples.users, samples.users]),
            last_items=np.concatenate([self.samples.last_items, samples.last_items]),
            positives=np.concatenate([self.samples.positives, samples.positives]),
            negatives=np.concatenate([self.samples.negatives, samples.negatives]),
        )
        terms, left = converge(wider, both, l2_per_sample=self._per_sample)
        return ConvergedFactors(self._source, terms, both, left)

    def rotated(self, rng: np.random.Generator) -> "ConvergedFactors":
        """The same model in other coordinates: each term's two tables turned alike at random."""
        turned = []
        for term in self._terms:
            d = term.item_table.shape[1]
            turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
            turned.append(
                replace(term, row_table=term.row_table @ turn, item_table=term.item_table @ turn)
            )
        return ConvergedFactors(self._source, tuple(turned), self.samples, self.gradient_left)

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


def _first_rows(
    terms: tuple[FactorTerm, ...],
    samples: TrainingSamples,
    n_users: int,
    n_added: int,
    per_sample: bool,
) -> list[NDArray[np.float64]]:
    """Each user term's rows of added users, minimal while every other row is held.

    A start from which training moves little; at 0 a pure user model would have no gradient at
    the items.
    """
    user = [t for t in terms if t.row == "user"]
    widths = [t.row_table.shape[1] for t in user]
    out = np.zeros((n_added, sum(widths)))
    for added in range(n_added):
        own = np.flatnonzero(samples.users == n_users + added)
        positives, negatives = samples.positives[own], samples.negatives[own]
        last = samples.last_items[own]
        difference = np.hstack([t.item_table[positives] - t.item_table[negatives] for t in user])
        constant = np.zeros(len(own))
        for t in terms:
            if t.row == "last-item":
                change = t.item_table[positives] - t.item_table[negatives]
                constant += (last >= 0) * (t.row_table[np.maximum(last, 0)] * change).sum(axis=1)
        ridge = np.repeat([t.row_l2 for t in user], widths)
        ridge = ridge * (len(own) if per_sample else 1.0)
        row = out[added]
        for _ in range(_FIRST_ROW_STEPS):
            miss = 1.0 / (1.0 + np.exp(np.clip(constant + difference @ row, -500.0, 500.0)))
            slope = ridge * row - difference.T @ miss
            curved = (difference.T * (miss * (1.0 - miss))) @ difference + np.diag(ridge)
            row -= np.linalg.lstsq(curved, slope, rcond=None)[0]
    return [part.copy() for part in np.split(out, np.cumsum(widths)[:-1], axis=1)]


def _tensors(terms: tuple[FactorTerm, ...]) -> list[Tensor]:
    return [
        torch.from_numpy(table).requires_grad_()
        for term in terms
        for table in (term.row_table, term.item_table)
    ]
