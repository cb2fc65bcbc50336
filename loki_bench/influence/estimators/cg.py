"""The influence estimator ``cg``: the inverse Hessian by conjugate gradients."""

from typing import Literal, TypeAlias, get_args

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
from loki_bench.influence.objectives.factor import Curvature, FactorObjective
from loki_bench.influence.solvers.conjugate_gradient import Solution, scaled_conjugate_gradient

__all__ = ["ConjugateGradientInfluence"]

FloatArray = NDArray[np.floating]

CurvatureChoice: TypeAlias = Literal["automatic", "exact", "gauss-newton"]

_MAX_RESTARTS = 12
_MAX_ITERATIONS = 300
_MAX_NETWORK_ITERATIONS = 20


class ConjugateGradientInfluence(FirstOrderInfluence):
    """``s = (H + damping I)^-1 grad f`` by conjugate gradients (the paper, Eq. 2-3).

    H is the Hessian of the *sum* of the sample losses and the regulariser: a damping of 1 here is
    one of 1 / N beside the mean of Eq. 2. A run stops at negative curvature, which a model that was
    not trained to convergence has, and the report says so.

    Parameters
    ----------
    damping : float, 0 or more, or None
        Added to the Hessian's diagonal. None starts with 0 and, at negative curvature, starts anew
        with twice the most negative eigenvalue met (at least four times the damping before), so
        that the answer solves a system that is reported. A number is taken as it is: a run that
        meets negative curvature then keeps its last point. A tenth of the L2 coefficient cuts the
        iterations of a converged model about sevenfold at little loss of rank correlation.
    relative_damping : float, 0 or more
        Adds so many times the diagonal of the Gauss-Newton matrix, estimated, where the model has
        no closed form: its parameters' curvatures differ by orders of magnitude, and one number for
        all of them is too much for some and nothing for others.
    curvature : "automatic", "exact" or "gauss-newton"
        Gauss-Newton drops the indefinite part: always solvable, slightly less faithful, and only
        for models whose ``loss_is_log_probability``. Automatic is exact for a factor model, and
        for a model whose losses are not such; Gauss-Newton for any other: a network trained to an
        early stop is far from a minimum, and its exact Hessian indefinite at every turn.
    tolerance : float
        Relative residual to stop at; in variables scaled by the diagonal, where that is estimated.
        The report has both: ``relative_residual`` of the system as it stands, ``scaled_residual``
        of the scaled one.
    max_iterations : int or None
        None is 300 for a factor model, whose product takes milliseconds, and 20 for any other.
    sample_users : int or None
        Hessian products of a model without a closed form are taken over the objective's users, the
        users with its items, and so many of the others, drawn once; None takes everyone. The
        report says how many users and which share of the samples that is. Closed forms always
        take everyone.
    fake_user, fold_in_l2, n_negatives, negatives, marginal
        See :class:`~loki_bench.influence.fake_users.samples.FakeUserOptions`.
    precision : "float32" or "float64"
        Below a tolerance of 1e-4 float32 drifts along the zero modes: use float64 there.
    """

    def __init__(
        self,
        *,
        damping: float | None = None,
        relative_damping: float = 0.1,
        curvature: CurvatureChoice = "automatic",
        tolerance: float = 1e-3,
        max_iterations: int | None = None,
        sample_users: int | None = 1024,
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
            sample_users=sample_users,
        )
        if damping is not None and damping < 0:
            raise ParameterError(f"damping = {damping} must be 0 or more")
        if relative_damping < 0:
            raise ParameterError(f"relative_damping = {relative_damping} must be 0 or more")
        if curvature not in get_args(CurvatureChoice):
            raise ParameterError(
                f"curvature = {curvature!r} is not known: give one of "
                + ", ".join(get_args(CurvatureChoice))
            )
        if not 0 < tolerance < 1:
            raise ParameterError(f"tolerance = {tolerance} must lie between 0 and 1")
        if max_iterations is not None and max_iterations < 1:
            raise ParameterError(f"max_iterations = {max_iterations} must be 1 or more")
        if sample_users is not None and sample_users < 1:
            raise ParameterError(
                f"sample_users = {sample_users} must be 1 or more; null takes everyone"
            )
        self._damping = damping
        self._used_damping = 0.0
        self._relative_damping = relative_damping
        self._used_relative_damping = 0.0
        self._scaled_residual = 0.0
        self._restarts = 0
        self._products = 0
        self._curvature: CurvatureChoice = curvature
        self._gauss_newton = False
        self._tolerance = tolerance
        self._max_iterations = max_iterations

    def _solve(
        self, model: Linearisation, target: FloatArray, objective: InfluenceObjective, seed: int
    ) -> Solution:
        self._used_damping, self._restarts = self._damping or 0.0, 0
        products = 0
        diagonal = model.gauss_newton_diagonal(seed=seed)
        self._used_relative_damping = 0.0 if diagonal is None else self._relative_damping
        self._gauss_newton = self._curvature == "gauss-newton" or (
            self._curvature == "automatic"
            and diagonal is not None  # there are losses to take the Gauss-Newton matrix of
        )
        curvature: Curvature = "gauss-newton" if self._gauss_newton else "exact"

        limit = self._max_iterations
        if limit is None:
            limit = (
                _MAX_ITERATIONS if isinstance(model, FactorObjective) else _MAX_NETWORK_ITERATIONS
            )

        def product(vector: FloatArray, out: FloatArray) -> FloatArray:
            model.hessian_product(vector, curvature=curvature, damping=self._used_damping, out=out)
            if diagonal is not None:
                out += self._relative_damping * diagonal * vector
            return out

        while True:
            solution = scaled_conjugate_gradient(
                product,
                target,
                None if diagonal is None else diagonal + self._used_damping,
                tolerance=self._tolerance,
                max_iterations=limit,
            )
            products += solution.iterations
            self._scaled_residual = solution.scaled_residual
            if (
                not solution.negative_curvature
                or self._damping is not None
                or self._restarts == _MAX_RESTARTS
            ):
                self._products = products
                return solution
            most_negative = max(self._used_damping - solution.lambda_min, 0.0)
            self._used_damping = max(
                2.0 * most_negative, 4.0 * self._used_damping, 1e-6 * solution.lambda_max
            )
            self._restarts += 1

    def _own_report(self) -> dict[str, float]:
        scaled = {"scaled_residual": self._scaled_residual}
        return {
            "damping": self._used_damping,
            "relative_damping": self._used_relative_damping,
            "restarts": float(self._restarts),
            "hessian_products": float(self._products),
            "gauss_newton": float(self._gauss_newton),
            **({} if np.isnan(self._scaled_residual) else scaled),
        }
