"""Alternating least squares for clicks, differentiable in the clicks of fake users.

The surrogate of the attacks that bring their own: weighted regularised matrix factorisation (Hu,
Koren & Volinsky, ICDM 2008),

    sum_ui c_ui (x_ui - <p_u, q_i>)^2 + l2 (sum_u |p_u|^2 + sum_i |q_i|^2),  c_ui = 1 + alpha x_ui,

with x 1 for what a genuine user selected and 0 for the rest. A fake user's x may lie between 0 and
1: that is what an attack ascends in. Given one side, the other one is a least-squares problem for
each row, so a sweep is two closed forms, and torch differentiates through as many as one likes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from loki_bench.interactions import Interactions

__all__ = ["Factors", "ImplicitFactorisation"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Factors:
    """Float32 tensors: ``users`` (n_users, d), ``fakes`` (n_fakes, d), ``items`` (n_items, d)."""

    users: Tensor
    fakes: Tensor
    items: Tensor

    def detached(self) -> "Factors":
        """The same numbers, cut off from what they were computed from."""
        return Factors(
            users=self.users.detach(), fakes=self.fakes.detach(), items=self.items.detach()
        )


class ImplicitFactorisation:
    """The factorisation of one history.

    Parameters
    ----------
    history : Interactions
        Genuine users' events; repeated ones count once.
    n_factors : int
        d.
    alpha, l2 : float
        See the module.
    """

    def __init__(
        self, history: Interactions, *, n_factors: int = 16, alpha: float = 10.0, l2: float = 5.0
    ) -> None:
        pairs = np.unique(history.rows.astype(np.int64) * history.n_items + history.items)
        where = torch.from_numpy(np.stack([pairs // history.n_items, pairs % history.n_items]))
        ones = torch.ones(len(pairs))
        shape = (history.n_users, history.n_items)
        self._clicks = torch.sparse_coo_tensor(
            where, ones, shape, check_invariants=False
        ).coalesce()
        self._clicked_by = self._clicks.t().coalesce()
        self._n_factors, self._alpha, self._l2 = n_factors, alpha, l2

    def start(self, n_fakes: int, *, seed: int) -> Factors:
        """Small random factors of everybody."""
        generator = torch.Generator().manual_seed(seed)
        n_users, n_items = self._clicks.shape
        users, fakes, items = (
            0.1 * torch.randn((n, self._n_factors), generator=generator)
            for n in (n_users, n_fakes, n_items)
        )
        return Factors(users=users, fakes=fakes, items=items)

    def sweeps(self, factors: Factors, clicks: Tensor, n_sweeps: int) -> Factors:
        """Everybody's factors after some sweeps, users first; gradients reach ``clicks``.

        Parameters
        ----------
        clicks : float32 tensor of shape (n_fakes, n_items)
            The fake users' x, between 0 and 1.
        """
        for _ in range(n_sweeps):
            users, fakes = self.users_of(factors.items), self.fakes_of(factors.items, clicks)
            items = self.items_of(users, fakes, clicks)
            factors = Factors(users=users, fakes=fakes, items=items)
        return factors

    def users_of(self, items: Tensor) -> Tensor:
        """Genuine users' factors given the items'."""
        squares = self._alpha * torch.sparse.mm(self._clicks, _outer(items))
        return self._solved(
            items, squares, (1 + self._alpha) * torch.sparse.mm(self._clicks, items)
        )

    def fakes_of(self, items: Tensor, clicks: Tensor) -> Tensor:
        """Fake users' factors given the items'."""
        squares = self._alpha * (clicks @ _outer(items))
        return self._solved(items, squares, self._strength(clicks) @ items)

    def items_of(self, users: Tensor, fakes: Tensor, clicks: Tensor) -> Tensor:
        """Items' factors given everybody else's."""
        everybody = torch.cat([users, fakes])
        squares = torch.sparse.mm(self._clicked_by, _outer(users)) + clicks.t() @ _outer(fakes)
        linear = (1 + self._alpha) * torch.sparse.mm(self._clicked_by, users)
        linear = linear + self._strength(clicks).t() @ fakes
        return self._solved(everybody, self._alpha * squares, linear)

    def _strength(self, clicks: Tensor) -> Tensor:
        """``c x`` of each click."""
        return clicks + self._alpha * clicks.square()

    def _solved(self, others: Tensor, squares: Tensor, linear: Tensor) -> Tensor:
        """The rows that minimise the loss: ``(others' gram + squares + l2)^-1 linear``."""
        d = self._n_factors
        everywhere = others.t() @ others + self._l2 * torch.eye(d)
        rows: Tensor = torch.linalg.solve(squares.reshape(-1, d, d) + everywhere, linear)
        return rows


def _outer(factors: Tensor) -> Tensor:
    """Each row's outer product with itself, flat: (n, d) to (n, d * d)."""
    return (factors[:, :, None] * factors[:, None, :]).flatten(1)
