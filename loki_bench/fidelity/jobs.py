"""The work of a case as pure functions: measure true effects, ask an estimator.

Each runs in a worker process on one thread; a fitted surrogate is kept for the goals that share it.
"""

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from loki_bench.answer_checks import checked_solver_report
from loki_bench.contracts import (
    DifferentiableRecommender,
    FactorRecommender,
    Goal,
    InfluenceEstimator,
    InfluenceObjective,
    RetrainingEstimator,
)
from loki_bench.errors import ComponentError, InvalidAnswerError
from loki_bench.fidelity.case import Case, EstimatorRef
from loki_bench.fidelity.converged_factors import ConvergedFactors
from loki_bench.fidelity.fake_user_designs import (
    Experiment,
    draw_goal,
    experiments_of,
    mean_score_objective,
)
from loki_bench.fidelity.truths import ColdTruth, Truth, WarmTruth, changes
from loki_bench.interactions import Interactions
from loki_bench.seeds import generator_for
from loki_bench.suite.components import ComponentRef

__all__ = ["Prediction", "TrueEffects", "as_plain", "ask_estimator", "measure_truth"]

Values = dict[str, list[float]]

_N_INVARIANCE = 8


@dataclass(frozen=True, kw_only=True)
class TrueEffects:
    """True effects by experiment, and the same under other seeds (warm truths have one only)."""

    strata: dict[str, list[str]]
    values: Values
    retest: Values | None
    target_clicks: Values
    largest_gradient: float | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """An estimator's answers by experiment, its report, the invariances, and what it cost.

    ``invariance`` holds the largest change, relative to the largest influence, when candidates are
    asked for one by one (``batch``) and when the factors are turned (``rotation``; None where the
    model has no factor tables).
    """

    values: Values
    report: dict[str, float | None]
    invariance: dict[str, float | None]
    costs: dict[str, float]


def measure_truth(train: Interactions, case: Case) -> TrueEffects:
    """Train with the fake users of every experiment, and without."""
    started = time.process_time()
    goal, objective, experiments = _prepared(train, case)
    gradient = None
    retest: Values | None = None
    if case.truth == "warm":
        model = _surrogate(train, case)
        assert isinstance(model, ConvergedFactors)  # noqa: S101  # narrows the type
        truth = WarmTruth(model, train, objective, seed=case.model_seed)
        values = _changes(truth, experiments)
        gradient = truth.largest_gradient
    else:
        recommender = case.victim or case.recommender
        own, other = (
            ColdTruth(recommender.build, train, objective, seeds=seeds)
            for seeds in case.truth_seeds
        )
        values, retest = _changes(own, experiments), _changes(other, experiments)
    return TrueEffects(
        strata={e.name: [str(s) for s in e.strata] for e in experiments},
        values=values,
        retest=retest,
        target_clicks={e.name: e.target_clicks(goal).tolist() for e in experiments},
        largest_gradient=gradient,
        seconds=time.process_time() - started,
    )


def ask_estimator(train: Interactions, case: Case, judged: EstimatorRef) -> Prediction:
    """Fit an estimator on the case's surrogate and ask for every experiment."""
    _, objective, experiments = _prepared(train, case)
    model = _surrogate(train, case)

    def fitted(on: DifferentiableRecommender) -> InfluenceEstimator:
        estimator: InfluenceEstimator = judged.estimator.build()
        return estimator.fit(on, train, objective, seed=case.model_seed)

    one = experiments[0].added[0].take([0])
    fitted(model).influence(one)  # compiled code is loaded before the clock
    started = time.process_time()
    estimator = fitted(model)
    ready = time.process_time()
    values = {e.name: e.predicted_by(estimator).tolist() for e in experiments}
    ended = time.process_time()
    tracemalloc.start()  # apart from the clock, which it slows
    few = experiments[0] if experiments[0].outcome is None else experiments[0].first(1)
    few.predicted_by(fitted(model))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Prediction(
        values=values,
        report=checked_solver_report(
            estimator.report, who=f"influence estimator '{judged.estimator.name}'"
        ),
        invariance=_invariance(model, fitted, estimator, experiments[0], case),
        costs={
            "fit_seconds": ready - started,
            "score_seconds": ended - ready,
            "peak_memory_bytes": float(peak),
        },
    )


def _invariance(
    model: DifferentiableRecommender,
    fitted: Callable[[DifferentiableRecommender], InfluenceEstimator],
    estimator: InfluenceEstimator,
    experiment: Experiment,
    case: Case,
) -> dict[str, float | None]:
    if experiment.outcome is not None and isinstance(estimator, RetrainingEstimator):
        return {"batch": None, "rotation": None}  # every thing is a training of its own
    return {
        "batch": _moved(estimator, estimator, experiment),
        "rotation": _rotation(model, fitted, estimator, experiment, case),
    }


def _rotation(
    model: DifferentiableRecommender,
    fitted: Callable[[DifferentiableRecommender], InfluenceEstimator],
    estimator: InfluenceEstimator,
    experiment: Experiment,
    case: Case,
) -> float | None:
    if not isinstance(model, FactorRecommender):
        return None
    still = model if isinstance(model, ConvergedFactors) else ConvergedFactors.still(model)
    turned = still.rotated(generator_for(case.seed, "fidelity/rotation"))
    try:
        return _moved(fitted(turned), estimator, experiment)
    except ComponentError:
        return None  # it trains the recommender itself, which can't be turned


def _moved(one: InfluenceEstimator, other: InfluenceEstimator, experiment: Experiment) -> float:
    """One by one from the one, at once from the other: the largest difference, relative."""
    together = experiment.predicted_by(other)
    first = [one.influence(group).sum() for group in experiment.added[:_N_INVARIANCE]]
    if experiment.beyond is not None:
        first = [v - one.influence(experiment.beyond)[0] for v in first]
    largest = float(np.abs(together).max())
    apart = np.abs(np.array(first) - together[: len(first)]).max()
    return float(apart) / largest if largest > 0.0 else 0.0


def _changes(truth: Truth, experiments: list[Experiment]) -> Values:
    return {e.name: changes(truth, e).tolist() for e in experiments}


def _prepared(train: Interactions, case: Case) -> tuple[Goal, InfluenceObjective, list[Experiment]]:
    low, high = case.design.popularity
    goal = draw_goal(
        train,
        n_items=case.design.n_target_items,
        n_users=case.design.n_target_users,
        popularity=(low, high),
        rng=generator_for(case.seed, f"fidelity/goal/{case.goal}"),
    )
    rng = generator_for(case.seed, f"fidelity/fake-users/{case.goal}")
    experiments = experiments_of(train, goal, case.design, rng)
    if not experiments:
        raise InvalidAnswerError("the table 'design' leaves every experiment out")
    return goal, mean_score_objective(train, goal), experiments


def _surrogate(train: Interactions, case: Case) -> DifferentiableRecommender:
    """What estimators are given: the minimum for ``warm``, else the recommender as it comes."""
    key = (train, case.recommender.model_dump_json(), case.model_seed)
    return _converged(*key) if case.truth == "warm" else _fitted(*key)


# Recommenders are named by their JSON: a cache's keys must be hashable.
@lru_cache(maxsize=1)
def _fitted(train: Interactions, recommender: str, seed: int) -> DifferentiableRecommender:
    component = ComponentRef.model_validate_json(recommender)
    model = component.build().fit(train, validation=None, seed=seed)
    if not isinstance(model, DifferentiableRecommender):
        raise InvalidAnswerError(
            f"recommender '{component.name}' is not differentiable, so no influence can be "
            "estimated on it: choose another one"
        )
    return model


@lru_cache(maxsize=1)
def _converged(train: Interactions, recommender: str, seed: int) -> ConvergedFactors:
    model = _fitted(train, recommender, seed)
    if not isinstance(model, FactorRecommender):
        raise InvalidAnswerError(
            f"{type(model).__name__} has no factor tables, and the truth 'warm' needs them: choose "
            "the truth 'cold', 'reshuffled' or 'transfer'"
        )
    return ConvergedFactors.of(model, train, seed=seed)


def as_plain(effects: TrueEffects) -> dict[str, Any]:
    """What a record keeps of true effects: everything but the time."""
    return {
        "strata": effects.strata,
        "values": effects.values,
        "retest": effects.retest,
        "target_clicks": effects.target_clicks,
        "largest_gradient": effects.largest_gradient,
    }
