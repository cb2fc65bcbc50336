"""The influence estimator ``gradient-dot``: the inverse Hessian replaced by the identity."""

from dataclasses import dataclass

from loki_bench.influence.estimators.first_order import (
    FirstOrderInfluence,
    LinearSystem,
    SolvedSystem,
)
from loki_bench.influence.solvers.conjugate_gradient import Solution

__all__ = ["GradientDotInfluence"]


@dataclass(frozen=True, kw_only=True)
class GradientDotInfluence(FirstOrderInfluence):
    """``s = grad f``: one step of gradient descent (TracIn at the last checkpoint).

    Its sizes are those of a step of length 1 and mean nothing; its ranks are a cheap baseline, and
    for a model trained neither long nor with an L2 term the better one.

    Parameters
    ----------
    fake_user, fold_in_l2, n_negatives, negatives, marginal
        See :class:`~loki_bench.influence.fake_users.options.FakeUserOptions`.
    precision : "float32" or "float64"
    """

    def _solve(self, system: LinearSystem) -> SolvedSystem:
        return SolvedSystem(solution=Solution.direct(system.target))
