"""The part that all first-order estimators share: linearise a model, solve, score fake users."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Self

from loki_bench.contracts import (
    DifferentiableRecommender,
    InfluenceEstimator,
    InfluenceObjective,
)
from loki_bench.errors import InvalidAnswerError, ParameterError, UnsolvedError
from loki_bench.influence.estimators.linearisation import linearisation_of
from loki_bench.influence.fake_users.options import FakeUserOptions, require_choice
from loki_bench.influence.fake_users.scorer import FakeUserScorer
from loki_bench.influence.objectives.training_objective import TrainingObjective
from loki_bench.influence.solvers.conjugate_gradient import Solution
from loki_bench.interactions import Interactions, Sequences

__all__ = [
    "MOST_RESIDUAL",
    "FirstOrderInfluence",
    "FloatArray",
    "LinearSystem",
    "Precision",
    "SolvedSystem",
    "require_differentiable",
]

FloatArray = NDArray[np.floating]
Precision = Literal["float32", "float64"]

MOST_RESIDUAL = 0.05
"""No answer is used of a solution whose ``|H s - b| / |b|`` is larger: it solves another system."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearSystem:
    """``H s = target``.

    Attributes
    ----------
    training : TrainingObjective
        Its Hessian is H.
    targets : InfluenceObjective
        The weighted sum of target scores, whose gradient is the right-hand side.
    seed : int
    """

    training: TrainingObjective
    targets: InfluenceObjective
    seed: int

    @property
    def target(self) -> FloatArray:
        """The right-hand side, shape (size,): made anew at each call, and the caller's own."""
        return self.training.target_gradient(self.targets)


@dataclass(frozen=True, kw_only=True, eq=False)
class SolvedSystem:
    """The vector ``s``, and the system that it solves.

    Attributes
    ----------
    solution : Solution
    damping : float
        Of the Hessian of the system.
    report : mapping of str to float
        What the estimator adds to its report.
    """

    solution: Solution
    damping: float = 0.0
    report: Mapping[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class _Fit:
    """What the last fit left: no scorer before the first."""

    scorer: FakeUserScorer | None = None
    report: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FirstOrderInfluence(FakeUserOptions, InfluenceEstimator):
    """Predicts ``-s . G``; a subclass says how ``s`` is found from the target gradient.

    A factor model is handled in closed form and compiled, any other differentiable recommender
    through automatic differentiation; fake users of a translation model have a closed form, too.

    A solution whose relative residual is above ``MOST_RESIDUAL`` is refused, never used.

    A subclass is a dataclass: its fields and those of this class are the estimator's parameters.

    Parameters
    ----------
    fake_user, fold_in_l2, n_negatives, negatives, marginal
        See :class:`~loki_bench.influence.fake_users.options.FakeUserOptions`.
    precision : "float32" or "float64"
        Of a factor model's tables.
    """

    precision: Precision = "float32"
    _fit: _Fit = field(init=False, repr=False, compare=False, default_factory=_Fit)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("precision", self.precision, get_args(Precision))

    @abstractmethod
    def _solve(self, system: LinearSystem) -> SolvedSystem:
        """Find ``s``, approximately."""

    @property
    def _sampled_users(self) -> int | None:
        """Over how many users Hessian products are taken; None: over all."""
        return None

    def _corrected(
        self, scorer: FakeUserScorer, training: TrainingObjective, solved: SolvedSystem
    ) -> FakeUserScorer:
        """The scorer of fake users, which a subclass may replace by a better one."""
        return scorer

    def fit(
        self,
        model: DifferentiableRecommender,
        train: Interactions,
        objective: InfluenceObjective,
        *,
        seed: int,
    ) -> Self:
        require_differentiable(model, type(self).__name__)
        linear = linearisation_of(
            model,
            train,
            objective,
            dtype=np.float32 if self.precision == "float32" else np.float64,
            sample_users=self._sampled_users,
            seed=seed,
        )
        training = linear.training
        system = LinearSystem(training=training, targets=objective, seed=seed)
        target_norm = float(np.linalg.norm(system.target))
        solved = self._solve(system)
        solution = solved.solution
        if not np.isfinite(solution.s).all():
            raise UnsolvedError(
                f"{type(self).__name__}: the solution is not finite: raise the damping"
            )
        if solution.relative_residual > MOST_RESIDUAL:  # not where nothing is solved: NaN
            where = " at negative curvature" if solution.negative_curvature else ""
            raise UnsolvedError(
                f"{type(self).__name__}: its system is solved to a relative residual of "
                f"{solution.relative_residual:.2g} after {solution.iterations} products{where}, "
                f"and at most {MOST_RESIDUAL} is used: raise damping or max_iterations, or take "
                "the estimator 'gradient-dot', which solves nothing"
            )
        scorer = linear.scorer(solution.s, self._fake_user_options())
        self._fit.scorer = self._corrected(scorer, training, solved)
        self._fit.report = {
            "iterations": float(solution.iterations),
            "relative_residual": solution.relative_residual,
            "negative_curvature": float(solution.negative_curvature),
            "lambda_max": solution.lambda_max,
            "gradient_norm": float(np.linalg.norm(training.gradient())),
            "target_gradient_norm": target_norm,
            "solution_norm": float(np.linalg.norm(solution.s)),
            "n_parameters": float(training.size),
            "n_samples": float(training.n_samples),
            **linear.report,
            **solved.report,
        }
        return self

    def influence(self, candidates: Sequences) -> NDArray[np.float64]:
        return self._scorer().influence(candidates)

    def marginal_influence(
        self, prefixes: Sequences, next_items: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        return self._scorer().marginal_influence(prefixes, next_items)

    def sequence_rewards(self, sequences: Sequences) -> NDArray[np.float64]:
        return self._scorer().sequence_rewards(sequences)

    @property
    def report(self) -> dict[str, float]:
        return dict(self._fit.report)

    def _scorer(self) -> FakeUserScorer:
        if self._fit.scorer is None:
            raise ParameterError(f"{type(self).__name__} was asked before fit: call fit first")
        return self._fit.scorer

    def _fake_user_options(self) -> FakeUserOptions:
        """The options of fake users alone: a scorer that held the estimator would be a cycle."""
        return FakeUserOptions(**{f.name: getattr(self, f.name) for f in fields(FakeUserOptions)})


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
