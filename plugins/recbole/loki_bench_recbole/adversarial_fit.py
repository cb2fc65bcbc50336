"""Fits against noise on the vectors that a sample reads (He et al., APR, SIGIR 2018)."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import Self

from loki_bench.contracts import AdversarialNoise, AdversarialRecommender
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions
from loki_bench.split import HeldOut
from loki_bench_recbole.adapter import RecBoleRecommender

__all__ = ["AdversarialFit", "moved", "typical_length"]


class AdversarialFit(RecBoleRecommender, AdversarialRecommender):
    """A recommender whose trainers read the noise of :class:`SampleSource`."""

    @abstractmethod
    def _refuse_noise(self) -> None:
        """Raise ``ParameterError`` where the trainer that was chosen knows no noise."""

    def fit_adversarial(
        self,
        train: Interactions,
        *,
        validation: HeldOut | None,
        seed: int,
        noise: AdversarialNoise,
    ) -> Self:
        """See :meth:`loki_bench.contracts.AdversarialRecommender.fit_adversarial`.

        L2 is charged once, not for both losses.

        Raises
        ------
        ParameterError
            The trainer knows no noise, or ``of_users`` is not of these users; what ``fit`` raises.
        """
        if noise.of_users is not None and len(noise.of_users) != train.n_users:
            raise ParameterError(
                f"{self.name}: noise for {len(noise.of_users)} users, and there are "
                f"{train.n_users}; give each a value"
            )
        self._refuse_noise()
        # without weight the loops have no second loss: the bits are those of fit
        return self._fit(train, validation, seed, None, noise if noise.weight else None)


def typical_length(table: NDArray[np.float32]) -> np.float32:
    """Root mean square of the lengths of a table's rows."""
    return np.float32(np.sqrt(np.mean(np.sum(np.square(table), axis=1))))


def moved(vectors: Tensor, uphill: Tensor, radius: Tensor) -> Tensor:
    """Vectors moved along a direction by a radius each; where there is no direction, not at all.

    Parameters
    ----------
    vectors, uphill : tensors of shape (..., d)
        ``uphill`` is held.
    radius : tensor of shape (...,)
    """
    direction = uphill.detach()
    length = direction.norm(dim=-1, keepdim=True)
    # a gradient may be as small as a loss is flat, and still says where up is
    found: Tensor = vectors + radius.unsqueeze(-1) * direction / length.clamp_min(1e-18)
    return found
