"""Fold-in by automatic differentiation: Newton's method on the rows of many fake users at once.

The users' losses share no row of a user table, so their Hessian is block diagonal: one double
backward pass gives every row its own Hessian product, and conjugate gradients run side by side.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from loki_bench.contracts import TrainingSamples
from loki_bench.influence.fake_users.borrowed_rows import BorrowedRows

__all__ = ["fold_in_rows"]

_NEWTON_STEPS = 25
_INNER_STEPS = 12
_HALVINGS = 12
_GRADIENT_TOLERANCE = 1e-4


def fold_in_rows(
    borrowed: BorrowedRows,
    samples: TrainingSamples,
    weights: NDArray[np.float64],
    ridges: list[Tensor],
    start: list[Tensor],
) -> list[Tensor]:
    """The rows that minimise each fake user's weighted loss and L2 term.

    Parameters
    ----------
    borrowed : BorrowedRows
    samples : TrainingSamples
        Of fake users 0 .. n - 1.
    weights : float64 array of shape (n_samples,)
    ridges : list of tensors of shape (n, 1)
        L2 coefficient of each user's row, for each user table.
    start : list of tensors of shape (n, ...)
        Where to begin, for each user table; a row whose loss can't be lowered stays there.

    Returns
    -------
    Tensors shaped like ``start``.
    """
    model = borrowed.objective.model
    n = len(start[0])
    shape = [row.shape[1:].numel() for row in start]
    point = torch.cat([row.reshape(n, -1) for row in start], dim=1)
    ridge = torch.cat([r.expand(n, size) for r, size in zip(ridges, shape, strict=True)], dim=1)
    weight = torch.as_tensor(weights, dtype=point.dtype, device=point.device)
    index = torch.as_tensor(samples.users, device=point.device).long()

    def split(rows: Tensor) -> list[Tensor]:
        return [
            part.reshape(row.shape)
            for part, row in zip(torch.split(rows, shape, dim=1), start, strict=True)
        ]

    def values(rows: Tensor) -> Tensor:
        with torch.no_grad(), borrowed.holding(split(rows)):
            loss = weight * model.sample_loss(samples)
        own = torch.zeros(n, dtype=loss.dtype, device=loss.device).index_add_(0, index, loss)
        return own + 0.5 * (ridge * rows.square()).sum(dim=1)

    tables = [borrowed.objective.parameters[t] for t in borrowed.tables]
    value = values(point)
    for _ in range(_NEWTON_STEPS):
        with borrowed.holding(split(point)):
            loss = (weight * model.sample_loss(samples)).sum()
            graph = torch.autograd.grad(loss, tables, create_graph=True)
            slope = _rows(graph, n) + ridge * point

            def product(v: Tensor, graph: tuple[Tensor, ...] = graph) -> Tensor:
                along = sum(
                    ((g[:n] * part).sum() for g, part in zip(graph, split(v), strict=True)),
                    start=torch.zeros((), dtype=v.dtype, device=v.device),
                )
                second = torch.autograd.grad(along, tables, retain_graph=True)
                return _rows(second, n) + ridge * v

            if float(slope.detach().norm(dim=1).max()) <= _GRADIENT_TOLERANCE:
                break
            step = _row_conjugate_gradient(product, -slope.detach())
        length = torch.ones(n, 1, dtype=point.dtype, device=point.device)
        for _ in range(_HALVINGS):
            trial = values(point + length * step)
            worse = ~(trial <= value + 1e-6 * (1.0 + value.abs()))
            if not bool(worse.any()):
                break
            length[worse] *= 0.5
        length[~(trial <= value + 1e-6 * (1.0 + value.abs()))] = 0.0
        point = point + length * step
        value = values(point)
        if not bool((length > 0).any()):
            break
    return split(point)


def _rows(gradients: tuple[Tensor, ...], n: int) -> Tensor:
    return torch.cat([g[:n].reshape(n, -1) for g in gradients], dim=1)


def _row_conjugate_gradient(product: Callable[[Tensor], Tensor], b: Tensor) -> Tensor:
    """Solve every row's own system at once; a row stops at negative curvature."""
    x = torch.zeros_like(b)
    r, p = b.clone(), b.clone()
    rr = (r * r).sum(1, keepdim=True)
    enough = 1e-4 * rr
    alive = rr > 0
    for inner in range(_INNER_STEPS):
        hp = product(p)
        curvature = (p * hp).sum(1, keepdim=True)
        if inner == 0:  # a first direction of negative curvature: a short steepest step
            bad = alive & (curvature <= 0)
            x = torch.where(bad, b / hp.norm(dim=1, keepdim=True).clamp(min=1.0), x)
        alive = alive & (curvature > 0)
        alpha = torch.where(alive, rr / curvature.clamp(min=torch.finfo(b.dtype).tiny), 0.0)
        x = x + alpha * p
        r = r - alpha * hp
        after = (r * r).sum(1, keepdim=True)
        p = torch.where(alive, r + after / rr.clamp(min=torch.finfo(b.dtype).tiny) * p, p)
        rr = after
        alive = alive & (rr > enough)
        if not bool(alive.any()):
            break
    return x
