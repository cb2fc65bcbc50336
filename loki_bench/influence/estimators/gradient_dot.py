"""The influence estimator ``gradient-dot``: the inverse Hessian replaced by the identity."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import InfluenceObjective
from loki_bench.influence.estimators.first_order import (
    FirstOrderInfluence,
    Linearisation,
    Precision,
)
from loki_bench.influence.fake_users.samples import FakeRow, FakeUserOptions, Marginal, Negatives
from loki_bench.influence.solvers.conjugate_gradient import Solution

__all__ = ["GradientDotInfluence"]

FloatArray = NDArray[np.floating]


class GradientDotInfluence(FirstOrderInfluence):
    """``s = grad f``: one step of gradient descent (TracIn at the last checkpoint).

    Its sizes are those of a step of length 1 and mean nothing; its ranks are a cheap baseline, and
    for a model trained neither long nor with an L2 term the better one.

    Parameters
    ----------
    fake_user, fold_in_l2, n_negatives, negatives, marginal
        See :class:`~loki_bench.influence.fake_users.samples.FakeUserOptions`.
    precision : "float32" or "float64"
    """

    def __init__(
        self,
        *,
        fake_user: FakeRow = "fold-in",
        fold_in_l2: float | None = None,
        n_negatives: int = 1,
        negatives: Negatives = "shared",
        marginal: Marginal = "refold",
        precision: Precision = "float32",
    ) -> None:
        super().__init__(
            options=FakeUserOptions(
                fake_user=fake_user,
                fold_in_l2=fold_in_l2,
                n_negatives=n_negatives,
                negatives=negatives,
                marginal=marginal,
            ),
            precision=precision,
        )

    def _solve(
        self, model: Linearisation, target: FloatArray, objective: InfluenceObjective, seed: int
    ) -> Solution:
        return Solution(
            s=target,
            iterations=0,
            relative_residual=float("nan"),
            negative_curvature=False,
            lambda_max=float("nan"),
        )
