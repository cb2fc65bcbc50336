"""The influence estimator ``lissa``: the inverse Hessian by the paper's Neumann recursion."""

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import InfluenceObjective
from loki_bench.errors import ParameterError
from loki_bench.influence.estimators.first_order import (
    FirstOrderInfluence,
    Linearisation,
    Precision,
)
from loki_bench.influence.fake_users.samples import FakeRow, FakeUserOptions, Marginal, Negatives
from loki_bench.influence.objectives.factor import Curvature
from loki_bench.influence.solvers.conjugate_gradient import Solution
from loki_bench.influence.solvers.lissa_recursion import largest_eigenvalue, lissa

__all__ = ["LissaInfluence"]

FloatArray = NDArray[np.floating]

# the power iteration estimates from below, and a step of 2 / lambda_max only just converges
_MARGIN = 1.1


class LissaInfluence(FirstOrderInfluence):
    """``s = (H + damping I)^-1 grad f`` by LiSSA over the whole training set.

    The paper names stochastic Hessian-vector products; here each step takes all samples: with
    minibatches of a share b of the data the scale must grow like 1 / b or the recursion diverges,
    and no passes over the data are saved.

    Parameters
    ----------
    damping, curvature, tolerance
        As in ``cg``.
    max_iterations : int
    scale : float or None
        None takes 1.1 times the estimated largest eigenvalue.
    fake_user, fold_in_l2, n_negatives, negatives, marginal
        See :class:`~loki_bench.influence.fake_users.samples.FakeUserOptions`.
    precision : "float32" or "float64"
    """

    def __init__(
        self,
        *,
        damping: float = 0.0,
        curvature: Curvature = "exact",
        tolerance: float = 1e-3,
        max_iterations: int = 500,
        scale: float | None = None,
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
        if damping < 0:
            raise ParameterError(f"damping = {damping} must be 0 or more")
        if curvature not in get_args(Curvature):
            raise ParameterError(
                f"curvature = {curvature!r} is not known: give 'exact' or 'gauss-newton'"
            )
        if not 0 < tolerance < 1:
            raise ParameterError(f"tolerance = {tolerance} must lie between 0 and 1")
        if max_iterations < 1:
            raise ParameterError(f"max_iterations = {max_iterations} must be 1 or more")
        if scale is not None and not scale > 0:
            raise ParameterError(f"scale = {scale} must be above 0")
        self._damping = damping
        self._curvature: Curvature = curvature
        self._tolerance = tolerance
        self._max_iterations = max_iterations
        self._scale = scale
        self._used_scale = float("nan")

    def _solve(
        self, model: Linearisation, target: FloatArray, objective: InfluenceObjective, seed: int
    ) -> Solution:
        def product(vector: FloatArray, out: FloatArray) -> FloatArray:
            return model.hessian_product(
                vector, curvature=self._curvature, damping=self._damping, out=out
            )

        largest = largest_eigenvalue(product, target, seed=seed)
        self._used_scale = self._scale or _MARGIN * largest or 1.0
        return lissa(
            product,
            target,
            scale=self._used_scale,
            tolerance=self._tolerance,
            max_iterations=self._max_iterations,
            lambda_max=largest,
        )

    def _own_report(self) -> dict[str, float]:
        return {"damping": self._damping, "scale": self._used_scale}
