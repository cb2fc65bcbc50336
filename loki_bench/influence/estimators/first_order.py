"""The part that all first-order estimators share: linearise a model, solve, score fake users."""

from abc import abstractmethod
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts import (
    DifferentiableRecommender,
    FactorRecommender,
    InfluenceEstimator,
    InfluenceObjective,
    TranslationRecommender,
)
from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench.influence.fake_users.factor import FakeUsers
from loki_bench.influence.fake_users.samples import FakeUserOptions
from loki_bench.influence.fake_users.translation import TranslationFakeUsers
from loki_bench.influence.objectives.factor import Curvature, FactorObjective
from loki_bench.influence.objectives.user_sampling import draw_samples
from loki_bench.influence.solvers.conjugate_gradient import Solution
from loki_bench.interactions import Interactions, Sequences

__all__ = [
    "FirstOrderInfluence",
    "Linearisation",
    "Precision",
    "Scorer",
    "numpy_type",
    "require_differentiable",
]

FloatArray = NDArray[np.floating]
Precision = Literal["float32", "float64"]


class Linearisation(Protocol):
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


class Scorer(Protocol):
    """Scores fake users from a solved vector."""

    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.influence``."""
        ...

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.marginal_influence``."""
        ...

    def sequence_rewards(self, sequences: Sequences) -> NDArray[np.float64]:
        """As ``InfluenceEstimator.sequence_rewards``."""
        ...


class FirstOrderInfluence(InfluenceEstimator):
    """Predicts ``-s . G``; a subclass says how ``s`` is found from the target gradient.

    A factor model is handled in closed form and compiled, any other differentiable recommender
    through automatic differentiation; fake users of a translation model have a closed form, too.
    """

    def __init__(
        self,
        *,
        options: FakeUserOptions,
        precision: Precision,
        sample_users: int | None = None,
    ) -> None:
        self._options = options
        self._sample_users = sample_users
        self._dtype = numpy_type(precision)
        self._scorer: Scorer | None = None
        self._report: dict[str, float] = {}

    @abstractmethod
    def _solve(
        self, model: Linearisation, target: FloatArray, objective: InfluenceObjective, seed: int
    ) -> Solution:
        """Find ``s`` with ``H s = target``, approximately."""

    def fit(
        self,
        model: DifferentiableRecommender,
        train: Interactions,
        objective: InfluenceObjective,
        *,
        seed: int,
    ) -> Self:
        require_differentiable(model, type(self).__name__)
        samples = model.training_samples(train, seed=seed)
        linear: Linearisation
        sampled: dict[str, float] = {}
        if isinstance(model, FactorRecommender):
            linear = FactorObjective.of(model, samples, self._dtype)
        else:
            from loki_bench.influence.objectives.autograd import AutogradObjective  # imports torch

            drawn = draw_samples(samples, objective, n_users=self._sample_users, seed=seed)
            linear = AutogradObjective(model, samples, drawn)
            sampled = {
                "sampled_users": float(drawn.n_users),
                "sampled_share": len(drawn.rows) / max(len(samples), 1),
            }
        target = linear.target_gradient(objective)
        solution = self._solve(linear, target, objective, seed)
        if not np.isfinite(solution.s).all():
            raise InvalidAnswerError(
                f"{type(self).__name__}: the solution is not finite: raise the damping"
            )
        if isinstance(linear, FactorObjective):
            fake_users = FakeUsers.of(
                linear,
                solution.s,
                self._options,
                model=model,
                train=train,
                targets=objective,
                seed=seed,
            )
            self._scorer = self._factor_scorer(linear, fake_users)
        elif isinstance(model, TranslationRecommender):
            self._scorer = TranslationFakeUsers(
                model,
                solution.s,
                self._options,
                train=train,
                pool=samples.negatives,
                targets=objective,
                seed=seed,
            )
        else:
            from loki_bench.influence.fake_users.autograd import AutogradFakeUsers
            from loki_bench.influence.objectives.autograd import AutogradObjective

            assert isinstance(linear, AutogradObjective)  # noqa: S101  # narrows the type
            self._scorer = AutogradFakeUsers(
                linear,
                solution.s,
                self._options,
                train=train,
                targets=objective,
                seed=seed,
            )
        self._report = {
            "iterations": float(solution.iterations),
            "relative_residual": solution.relative_residual,
            "negative_curvature": float(solution.negative_curvature),
            "lambda_max": solution.lambda_max,
            "gradient_norm": float(np.linalg.norm(linear.gradient())),
            "target_gradient_norm": float(np.linalg.norm(target)),
            "solution_norm": float(np.linalg.norm(solution.s)),
            "n_parameters": float(linear.size),
            "n_samples": float(linear.n_samples),
            **sampled,
            **self._own_report(),
        }
        return self

    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        return self._fitted().influence(candidates)

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        return self._fitted().marginal_influence(prefixes, next_items)

    def sequence_rewards(self, sequences: Sequences) -> NDArray[np.float64]:
        return self._fitted().sequence_rewards(sequences)

    @property
    def report(self) -> dict[str, float]:
        return dict(self._report)

    def _factor_scorer(self, linear: FactorObjective, fake_users: FakeUsers) -> Scorer:
        """What scores the fake users of a factor model: a subclass may correct it."""
        return fake_users

    def _own_report(self) -> dict[str, float]:
        """What a subclass adds to the report."""
        return {}

    def _fitted(self) -> Scorer:
        if self._scorer is None:
            raise ParameterError(f"{type(self).__name__} was asked before fit: call fit first")
        return self._scorer


def require_differentiable(model: object, estimator: str) -> None:
    """Refuse, with what to do, a model whose loss and score can't be differentiated.

    Raises ``InvalidAnswerError``.
    """
    if not isinstance(model, DifferentiableRecommender):
        raise InvalidAnswerError(
            f"{estimator} was given {type(model).__name__}, which is not differentiable: choose "
            "another surrogate, such as bprmf, or derive the recommender from "
            "loki_bench.contracts.DifferentiableRecommender"
        )


def numpy_type(precision: Precision) -> type[np.float32] | type[np.float64]:
    """The numpy type of a precision's name."""
    if precision == "float32":
        return np.float32
    if precision == "float64":
        return np.float64
    raise ParameterError(f"precision = {precision!r} is not known: give 'float32' or 'float64'")
