"""Third parties' metrics from their request to their values, in a process of their own.

The request holds an outcome: ranks, lengths and the poison, from which every metric is computed.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from loki_bench.answer_checks import NamedArrays
from loki_bench.contracts import Outcome
from loki_bench.datasets.data_folder import data_folder
from loki_bench.errors import InvalidAnswerError, LokiBenchError, PluginError
from loki_bench.plugins.specs import MetricSpec
from loki_bench.sandbox.attack_request import Ask, Reply
from loki_bench.sandbox.confinement import Confinement
from loki_bench.sandbox.parent import run_isolated
from loki_bench.suite.grid import ChosenMetric
from loki_bench.suite.suite import Limits
from loki_bench.timing import timed

__all__ = [
    "MetricRequest",
    "ceiling_apart",
    "ceiling_for_host",
    "measure_apart",
    "measure_for_host",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class MetricRequest:
    """Metrics of one distribution, and the outcome that they are computed from."""

    metrics: tuple[ChosenMetric, ...]
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class CeilingRequest:
    """A metric whose ceiling is asked for, and the protocol's numbers that it depends on."""

    spec: MetricSpec
    n_targets: int
    k: int | None


def ceiling_apart(spec: MetricSpec, *, n_targets: int, k: int | None) -> float | None:
    """See :meth:`MetricSpec.ceiling_of`; raises ``PluginError``."""
    limits = Limits()
    try:
        answer = run_isolated(
            f"the ceiling of metric '{spec.name}'",
            f"{ceiling_for_host.__module__}:{ceiling_for_host.__name__}",
            CeilingRequest(spec=replace(spec, target_facts=None), n_targets=n_targets, k=k),
            answer=_nothing_to_ask,
            seconds=limits.seconds,
            memory_gib=limits.memory_gib,
            closed=data_folder(),
        )
    except (LokiBenchError, TimeoutError) as error:
        raise PluginError(str(error)) from error
    array = answer.arrays.get("ceiling")
    if array is None or array.dtype != np.float64 or array.shape != (1,):
        raise PluginError(f"the ceiling of metric '{spec.name}' is no float")
    value, (low, high) = float(array[0]), spec.range
    if not (np.isfinite(value) and low <= value <= high):
        raise PluginError(
            f"the ceiling of metric '{spec.name}' is {value}; expected {spec.expected}"
        )
    return value


def ceiling_for_host(request: CeilingRequest, ask: Ask) -> Reply:
    """Compute a ceiling; ``ask`` goes unused. The array ``ceiling`` holds the one value."""
    done = timed(
        lambda: request.spec.ceiling_of(n_targets=request.n_targets, k=request.k), compiles=False
    )
    return {"ceiling": np.array([done.value], dtype=np.float64)}, {}, done.costs


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
    done = timed(lambda: [metric.answer_for(request.outcome) for metric in request.metrics])
    arrays: NamedArrays = {}
    for number, value in enumerate(done.value):
        if not isinstance(value, float):
            raise InvalidAnswerError(
                f"metric '{request.metrics[number].label}' answered {value!r}; expected a float"
            )
        arrays[str(number)] = np.array([value], dtype=np.float64)
    return arrays, {}, done.costs


def measure_apart(
    request: MetricRequest, *, limits: Limits, closed: Path
) -> tuple[dict[str, object], Confinement]:
    """The values by label, and what was in force while they were computed.

    Raises as :func:`~loki_bench.sandbox.parent.run_isolated` does.
    """
    first = request.metrics[0]
    who = f"metric '{first.label}' of {first.origin}"

    answer = run_isolated(
        who,
        f"{measure_for_host.__module__}:{measure_for_host.__name__}",
        request,
        answer=_nothing_to_ask,
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
    return values, answer.confinement


def _nothing_to_ask(question: object) -> object:
    return {"refused": "there is nothing to ask here"}
