"""The influence estimator ``lissa``: the inverse Hessian by the paper's Neumann recursion."""

from dataclasses import dataclass
from typing import get_args

from loki_bench.influence.estimators.first_order import (
    FirstOrderInfluence,
    FloatArray,
    LinearSystem,
    SolvedSystem,
)
from loki_bench.influence.fake_users.options import require_choice
from loki_bench.influence.objectives.training_objective import Curvature
from loki_bench.influence.solvers.lissa_recursion import largest_eigenvalue, lissa
from loki_bench.parameters import require_count, require_number

__all__ = ["LissaInfluence"]

# the power iteration estimates from below, and a step of 2 / lambda_max only just converges
_MARGIN = 1.1


@dataclass(frozen=True, kw_only=True)
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
        See :class:`~loki_bench.influence.fake_users.options.FakeUserOptions`.
    precision : "float32" or "float64"
    """

    damping: float = 0.0
    curvature: Curvature = "exact"
    tolerance: float = 1e-3
    max_iterations: int = 500
    scale: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        who = type(self).__name__
        require_number(who, "damping", self.damping)
        require_choice("curvature", self.curvature, get_args(Curvature))
        require_number(who, "tolerance", self.tolerance, above=0, below=1)
        require_count(who, "max_iterations", self.max_iterations)
        if self.scale is not None:
            require_number(who, "scale", self.scale, above=0)

    def _solve(self, system: LinearSystem) -> SolvedSystem:
        def product(vector: FloatArray, out: FloatArray) -> FloatArray:
            return system.training.hessian_product(
                vector, curvature=self.curvature, damping=self.damping, out=out
            )

        target = system.target
        largest = largest_eigenvalue(product, target, seed=system.seed)
        scale = self.scale or _MARGIN * largest or 1.0
        solution = lissa(
            product,
            target,
            scale=scale,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
            lambda_max=largest,
        )
        return SolvedSystem(
            solution=solution,
            damping=self.damping,
            report={"damping": self.damping, "scale": scale},
        )
