"""What a solver needs of a surrogate's training objective: a gradient and Hessian products."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import InfluenceObjective

__all__ = ["Curvature", "TrainingObjective"]

Curvature = Literal["exact", "gauss-newton"]
FloatArray = NDArray[np.floating]


class TrainingObjective(Protocol):
    """A model's training objective around its parameters, as one flat vector."""

    @property
    def size(self) -> int:
        """Number of parameters."""
        ...

    @property
    def n_samples(self) -> int:
        """Number of training samples."""
        ...

    def gradient(self) -> FloatArray:
        """Gradient of the objective."""
        ...

    def target_gradient(self, objective: InfluenceObjective) -> FloatArray:
        """Gradient of the weighted sum of target scores."""
        ...

    def hessian_product(
        self,
        vector: FloatArray,
        *,
        curvature: Curvature = "exact",
        damping: float = 0.0,
        out: FloatArray | None = None,
    ) -> FloatArray:
        """``(H + damping I) vector``."""
        ...

    def gauss_newton_diagonal(self, *, seed: int) -> FloatArray | None:
        """Estimate of the diagonal of the Gauss-Newton matrix, by which a solver may scale.

        None where the objective is solved well without (a factor model), or where the model's loss
        has no such matrix.
        """
        ...
