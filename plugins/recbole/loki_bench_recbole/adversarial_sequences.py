"""Training of sequence models against noise on the vectors of the items that they read."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from loki_bench_recbole.adversarial_fit import moved, typical_length
from loki_bench_recbole.samples import SampleSource

__all__ = ["under_noise"]

VectorLoss = Callable[
    [Tensor, Tensor, Tensor, Tensor, Tensor, torch.Generator, "Tensor | None"], Tensor
]
"""``(vectors (b, width, d), users (b,), trained, positives, negatives, generator, weights)``."""


def under_noise(loss: VectorLoss, items: Tensor, source: SampleSource) -> VectorLoss:
    """The loss of a batch plus that of the same batch with each vector moved, times a weight.

    A vector is moved along the gradient of the batch's loss: a sequence's samples are its
    prefixes, so the vectors of a sequence are moved once for all of them. Those of the items that
    are predicted stay. Each pass has dropout of its own.
    """
    noise = source.noise
    if noise is None:
        return loss
    of_users = None
    if noise.of_users is not None:
        of_users = torch.from_numpy(noise.of_users.astype(np.float32)).to(items.device)

    def both(
        vectors: Tensor,
        users: Tensor,
        trained: Tensor,
        positives: Tensor,
        negatives: Tensor,
        generator: torch.Generator,
        weights: Tensor | None,
    ) -> Tensor:
        plain = loss(vectors, users, trained, positives, negatives, generator, weights)
        (uphill,) = torch.autograd.grad(plain, vectors, retain_graph=True)
        radius = noise.radius * float(typical_length(items.detach().cpu().numpy()))
        of_rows = torch.ones(len(users), device=vectors.device)
        if of_users is not None:
            of_rows = of_users[users]
        radii = (radius * of_rows)[:, None].expand(vectors.shape[:2])
        moved_loss = loss(
            moved(vectors, uphill, radii), users, trained, positives, negatives, generator, weights
        )
        return plain + noise.weight * moved_loss

    return both
