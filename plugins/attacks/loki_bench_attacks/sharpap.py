"""The unrolled attack against the worst model in a ball around its surrogate."""

import numpy as np
import torch
from torch import Tensor

from loki_bench.parameters import require_number
from loki_bench_attacks.revadv import UnrolledAttack, adversarial_loss

__all__ = ["SharpnessAwareAttack", "worst_case"]


class SharpnessAwareAttack(UnrolledAttack):
    """After Xie et al. (2026): before each step the trained surrogate moves to its worst point.

    The goal is theirs, ``min over poison, max over |e| <= rho, min over training`` of the attack's
    loss at the trained weights plus ``e``, and so is the approximation by one step of
    sharpness-aware minimisation (:func:`worst_case`). The attack that it is put on is
    :class:`~loki_bench_attacks.revadv.UnrolledAttack`, as in the paper's main example. Ours: the
    ball is a share of the weights' length, ``e`` is held while the loss is differentiated, and what
    is ours in ``revadv``. With ``radius`` 0 the poison is that of ``revadv``.

    Parameters
    ----------
    radius : float, at least 0
        ``rho``, in lengths of the factors that the loss reads.
    n_steps, step, n_sweeps, n_unrolled, candidate_share
        See :class:`~loki_bench_attacks.revadv.UnrolledAttack`.
    """

    name = "sharpap"

    def __init__(
        self,
        *,
        radius: float = 0.05,
        n_steps: int = 15,
        step: float = 0.3,
        n_sweeps: int = 10,
        n_unrolled: int = 3,
        candidate_share: float = 0.25,
    ) -> None:
        super().__init__(
            n_steps=n_steps,
            step=step,
            n_sweeps=n_sweeps,
            n_unrolled=n_unrolled,
            candidate_share=candidate_share,
        )
        self._radius = require_number("attacker 'sharpap'", "radius", radius)

    def _loss(
        self, user_factors: Tensor, item_factors: Tensor, users: Tensor, items: Tensor
    ) -> Tensor:
        of_users, of_items = worst_case(
            user_factors, item_factors, users, items, radius=self._radius
        )
        return adversarial_loss(user_factors + of_users, item_factors + of_items, users, items)


def worst_case(
    user_factors: Tensor, item_factors: Tensor, users: Tensor, items: Tensor, *, radius: float
) -> tuple[Tensor, Tensor]:
    """The change of the factors that raises the attack's loss most, to first order.

    ``e = radius |w| g / |g|``: ``g`` is the gradient of
    :func:`~loki_bench_attacks.revadv.adversarial_loss` and ``w`` the factors that it reads, the
    users' of the pairs and all items'.

    Returns
    -------
    Two float32 tensors shaped like the factors, without gradient; 0 where the loss is flat.
    """
    at = [factors.detach().requires_grad_() for factors in (user_factors, item_factors)]
    with torch.enable_grad():
        loss = adversarial_loss(at[0], at[1], users, items)
        slopes = torch.autograd.grad(loss, at)
    goal = torch.from_numpy(np.unique(users.numpy()))
    read = torch.cat([at[0][goal], at[1]]).detach()
    steepness = torch.cat([slope.flatten() for slope in slopes]).norm()
    if not float(steepness) > 0:
        return torch.zeros_like(slopes[0]), torch.zeros_like(slopes[1])
    length = radius * read.norm() / steepness
    return length * slopes[0], length * slopes[1]
