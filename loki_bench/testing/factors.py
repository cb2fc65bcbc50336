"""A small factor model at its exact minimum, for influence estimators that take no other kind."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts import FactorRecommender, FactorTerm, TrainingSamples
from loki_bench.interactions import Interactions, Sequences
from loki_bench.split import HeldOut

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ConvergedMatrixFactorisation"]

FloatArray = NDArray[np.float64]


class ConvergedMatrixFactorisation(FactorRecommender):
    """``score(u, i) = <U[u], V[i]>``, pairwise logistic loss, one fixed negative an event.

    Trained by L-BFGS until nothing moves. Its loss has many minima: what influence predicts is how
    the one that was found moves, so :meth:`refit_with` goes on from there, with a fake user of so
    small a weight that it can't leave for another one.
    """

    L2 = 0.3
    D = 3
    WEIGHT = 0.05

    def fit(self, train: Interactions, *, validation: HeldOut | None, seed: int) -> Self:
        generator = np.random.default_rng(seed)
        items = generator.normal(scale=0.5, size=(train.n_items, self.D))
        users = generator.normal(scale=0.5, size=(train.n_users, self.D))
        self._train, self._seed = train, seed
        self._samples = self.training_samples(train, seed=seed)
        self._minimise(self._samples, users=users, items=items)
        return self

    def refit_with(self, row: NDArray[np.int32], negatives: NDArray[np.int32]) -> Self:
        """A copy trained on from here with one more user of weight ``WEIGHT``.

        Parameters
        ----------
        row : int32 array of shape (n,)
            The user's items.
        negatives : int32 array of shape (n,)
            A negative for each of them.
        """
        n_users, given = self._train.n_users, self._samples
        both = TrainingSamples(
            users=np.append(given.users, np.full(len(row), n_users, dtype=np.int32)),
            last_items=np.append(given.last_items, np.full(len(row), -1, dtype=np.int32)),
            positives=np.append(given.positives, row),
            negatives=np.append(given.negatives, negatives),
        )
        other = type(self)()
        users = self._users.detach().numpy()
        other._minimise(
            both,
            users=np.vstack([users, users.mean(axis=0)]),
            items=self._items.detach().numpy(),
            last_weight=self.WEIGHT,
        )
        return other

    def _minimise(
        self,
        samples: TrainingSamples,
        *,
        users: FloatArray,
        items: FloatArray,
        last_weight: float = 1.0,
    ) -> None:
        import torch
        from scipy.optimize import minimize

        n_users, n_items = len(users), len(items)
        start = np.concatenate([items.ravel(), users.ravel()])
        weights = np.where(samples.users == n_users - 1, last_weight, 1.0)
        l2 = np.full((len(start) // self.D, 1), self.L2)
        l2[-1] *= last_weight
        places = samples.users.astype(np.int64)
        positives, negatives = samples.positives.astype(np.int64), samples.negatives

        def value_and_gradient(theta: FloatArray) -> tuple[float, FloatArray]:
            table, rows = theta[: n_items * self.D].reshape(n_items, -1), theta[n_items * self.D :]
            rows = rows.reshape(n_users, -1)
            difference = table[positives] - table[negatives]
            margin = (rows[places] * difference).sum(axis=1)
            value = weights @ np.logaddexp(0.0, -margin)
            value += 0.5 * float((l2 * theta.reshape(-1, self.D) ** 2).sum())
            slope = -weights / (1.0 + np.exp(margin))
            of_items, of_rows = l2[:n_items] * table, l2[n_items:] * rows
            np.add.at(of_rows, places, slope[:, None] * difference)
            np.add.at(of_items, positives, slope[:, None] * rows[places])
            np.add.at(of_items, negatives, -slope[:, None] * rows[places])
            return float(value), np.concatenate([of_items.ravel(), of_rows.ravel()])

        found = minimize(
            value_and_gradient,
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 3000, "maxfun": 9000, "gtol": 1e-8, "ftol": 0.0},
        ).x
        split = n_items * self.D
        self._items = torch.from_numpy(found[:split].reshape(n_items, -1)).requires_grad_()
        self._users = torch.from_numpy(found[split:].reshape(n_users, -1)).requires_grad_()

    def training_samples(self, train: Interactions, *, seed: int) -> TrainingSamples:
        """One sample an event; a user's negatives depend on the seed and the user alone."""
        negatives = []
        for user, row in enumerate(train):
            others = np.setdiff1d(np.arange(train.n_items), row)
            negatives.append(np.random.default_rng([seed, user]).choice(others, size=len(row)))
        prefixes = train.prefixes()
        return TrainingSamples(
            users=train.rows,
            last_items=np.array([p[-1] if len(p) else -1 for p in prefixes], dtype=np.int32),
            positives=np.array(train.items),
            negatives=np.concatenate([*negatives, np.empty(0)]).astype(np.int32),
        )

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        scores: FloatArray = self._users.detach().numpy()[users] @ self._items.detach().numpy().T
        return scores.astype(np.float32)

    def parameters(self) -> "list[Tensor]":
        return [self._users, self._items]

    def sample_loss(self, samples: TrainingSamples) -> "Tensor":
        import torch

        margin = self._scores(samples.users, samples.positives) - self._scores(
            samples.users, samples.negatives
        )
        return torch.nn.functional.softplus(-margin)

    def l2_coefficients(self, samples: TrainingSamples) -> "list[Tensor]":
        import torch

        return [torch.full((len(p), 1), self.L2, dtype=p.dtype) for p in self.parameters()]

    def target_score(
        self, users: NDArray[np.int32], histories: Sequences, items: NDArray[np.int32]
    ) -> "Tensor":
        return self._scores(users, items)

    def factor_terms(self) -> tuple[FactorTerm, ...]:
        return (
            FactorTerm(
                row="user",
                row_table=self._users.detach().numpy(),
                item_table=self._items.detach().numpy(),
                row_l2=self.L2,
                item_l2=self.L2,
            ),
        )

    @property
    def l2_per_sample(self) -> bool:
        return False

    def _scores(self, users: NDArray[np.int32], items: NDArray[np.int32]) -> "Tensor":
        import torch

        rows = self._users[torch.from_numpy(users.astype(np.int64))]
        return (rows * self._items[torch.from_numpy(items.astype(np.int64))]).sum(-1)
