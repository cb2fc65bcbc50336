"""The jobs of a case where they belong: with a third party's component in a confined process."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from loki_bench.datasets.data_folder import data_folder
from loki_bench.engine.job_values import decoded, encoded
from loki_bench.errors import InvalidAnswerError
from loki_bench.fidelity.case import Case, EstimatorRef
from loki_bench.fidelity.jobs import Prediction, TrueEffects, ask_estimator, measure_truth
from loki_bench.interactions import Interactions
from loki_bench.sandbox.attack_request import Ask, Reply
from loki_bench.sandbox.carry_out import runs_apart
from loki_bench.sandbox.parent import run_isolated
from loki_bench.suite.suite import Limits
from loki_bench.timing import timed

__all__ = ["FidelityRequest", "carry_out_for_host", "predicted", "true_effects"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FidelityRequest:
    """A job of a case: its true effects, or what an estimator answers.

    Attributes
    ----------
    train : Interactions
    case : Case
    judged : EstimatorRef or None
        The estimator; None for the true effects.
    """

    train: Interactions
    case: Case
    judged: EstimatorRef | None


def true_effects(train: Interactions, case: Case, seconds: float) -> TrueEffects:
    """See :func:`~loki_bench.fidelity.jobs.measure_truth`; ``seconds`` is the job's time limit."""
    request = FidelityRequest(train=train, case=case, judged=None)
    if not _has_foreign_code(request):
        return measure_truth(train, case)
    effects: TrueEffects = _answered(request, TrueEffects, seconds)
    return effects


def predicted(train: Interactions, case: Case, judged: EstimatorRef, seconds: float) -> Prediction:
    """See :func:`~loki_bench.fidelity.jobs.ask_estimator`; ``seconds`` is the job's time limit."""
    request = FidelityRequest(train=train, case=case, judged=judged)
    if not _has_foreign_code(request):
        return ask_estimator(train, case, judged)
    prediction: Prediction = _answered(request, Prediction, seconds)
    return prediction


def carry_out_for_host(request: FidelityRequest, ask: Ask) -> Reply:
    """Do the job; ``ask`` goes unused. The array ``value`` holds the bytes of what it gives."""

    def work() -> TrueEffects | Prediction:
        if request.judged is None:
            return measure_truth(request.train, request.case)
        return ask_estimator(request.train, request.case, request.judged)

    done = timed(work)
    return {"value": np.frombuffer(encoded(done.value), np.uint8)}, {}, done.costs


def _has_foreign_code(request: FidelityRequest) -> bool:
    case, judged = request.case, request.judged
    components = [case.recommender, case.victim, None if judged is None else judged.estimator]
    return any(one is not None and runs_apart(one) for one in components)


def _answered(request: FidelityRequest, kind: type, seconds: float) -> Any:
    case, judged = request.case, request.judged
    who = f"recommender '{(case.victim or case.recommender).name}'"
    if judged is not None:
        who = f"estimator '{judged.estimator.name}' on {who}"
    answer = run_isolated(
        who,
        f"{carry_out_for_host.__module__}:{carry_out_for_host.__name__}",
        request,
        answer=_nothing_to_ask,
        seconds=seconds,
        memory_gib=Limits().memory_gib,
        closed=data_folder(),
    )
    try:
        return decoded(answer.arrays["value"].tobytes(), kind)
    except (KeyError, ValueError) as error:
        raise InvalidAnswerError(f"{who} sent what can't be read: {error}") from None


def _nothing_to_ask(question: object) -> object:
    return {"refused": "there is nothing to ask here"}
