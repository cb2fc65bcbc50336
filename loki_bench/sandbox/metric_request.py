"""Third parties' metrics from their request to their values, in a process of their own.

The request holds an outcome: ranks, lengths and the poison, from which every metric is computed.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from loki_bench.answer_checks import NamedArrays
from loki_bench.contracts import Outcome
from loki_bench.errors import InvalidAnswerError
from loki_bench.sandbox.attack_request import Ask, Reply
from loki_bench.sandbox.parent import run_isolated
from loki_bench.suite.grid import ChosenMetric
from loki_bench.suite.suite import Limits
from loki_bench.timing import timed

__all__ = ["MetricRequest", "measure_apart", "measure_for_host", "value_of"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MetricRequest:
    """Metrics of one distribution, and the outcome that they are computed from."""

    metrics: tuple[ChosenMetric, ...]
    outcome: Outcome


def value_of(metric: ChosenMetric, outcome: Outcome) -> object:
    """What a metric's function answers, unchecked; its target is imported here."""
    function = replace(metric.spec, target_facts=None).resolve()
    answer: object = function(outcome) if metric.k is None else function(outcome, k=metric.k)
    return answer


def measure_for_host(request: MetricRequest, ask: Ask) -> Reply:
    """Compute the metrics; ``ask`` goes unused.

    Returns
    -------
    (arrays, report, costs)
        For each metric's place in the request, an array of its one value.

    Raises
    ------
    InvalidAnswerError
        A metric answers with something other than a float.
    """
    done = timed(lambda: [value_of(metric, request.outcome) for metric in request.metrics])
    arrays: NamedArrays = {}
    for number, value in enumerate(done.value):
        if not isinstance(value, float):
            raise InvalidAnswerError(
                f"metric '{request.metrics[number].label}' answered {value!r}; expected a float"
            )
        arrays[str(number)] = np.array([value], dtype=np.float64)
    return arrays, {}, done.costs


def measure_apart(request: MetricRequest, *, limits: Limits, closed: Path) -> dict[str, object]:
    """The values by label; raises as :func:`~loki_bench.sandbox.parent.run_isolated` does."""
    first = request.metrics[0]
    who = f"metric '{first.label}' of {first.origin}"

    def nothing(question: object) -> object:
        return {"refused": "there is nothing to ask here"}

    answer = run_isolated(
        who,
        f"{measure_for_host.__module__}:{measure_for_host.__name__}",
        request,
        answer=nothing,
        seconds=limits.seconds,
        memory_gib=limits.memory_gib,
        closed=closed,
    )
    values: dict[str, object] = {}
    for number, metric in enumerate(request.metrics):
        array = answer.arrays.get(str(number))
        if array is None or array.dtype != np.float64 or array.shape != (1,):
            raise InvalidAnswerError(f"metric '{metric.label}' answered no float")
        values[metric.label] = float(array[0])
    return values
