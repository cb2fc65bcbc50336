"""Victims that answer lists alone: what they can't be asked for is refused before anything runs."""

from collections.abc import Sequence
from typing import Protocol

from loki_bench.errors import SuiteError
from loki_bench.plugins.specs import MetricSpec, RecommenderSpec
from loki_bench.suite.components import ComponentRef
from loki_bench.suite.suite import Suite

__all__ = ["refuse_beyond_lists"]


class _Metric(Protocol):
    @property
    def label(self) -> str: ...
    @property
    def spec(self) -> MetricSpec: ...
    @property
    def k(self) -> int | None: ...


def refuse_beyond_lists(
    spec: RecommenderSpec, victim: ComponentRef, suite: Suite, metrics: Sequence[_Metric]
) -> None:
    """Raise ``SuiteError`` for what a suite asks of a victim beyond its lists.

    That is a metric, or lists for an attacker; and as a surrogate it has nothing to learn from.

    Parameters
    ----------
    spec : RecommenderSpec
        Of a recommender with ``answers = "top-k"``.
    victim : ComponentRef
        The same with its parameters.
    suite : Suite
    metrics : sequence of metrics, each with its label, spec and cut-off
        Those of the suite.

    Raises
    ------
    SuiteError
    ParameterError
        Its length is no whole number from 1.
    """
    if spec.name in [choice.name for choice in suite.surrogates]:
        raise SuiteError(
            f"key 'surrogates': recommender '{spec.name}' answers lists alone, and an attacker "
            "learns from scores; it can be a victim only"
        )
    length = spec.list_length_with(victim.parameters) or 0
    who = f"victim '{victim.name}' lists {length} items, and the ranks of all others are unknown"
    for metric in metrics:
        if metric.spec.needs_all_ranks:
            raise SuiteError(
                f"key 'metrics': {who}: '{metric.label}' needs the rank of every item; leave the "
                "metric or the victim out"
            )
        if metric.k is not None and metric.k > length:
            raise SuiteError(
                f"key 'metrics': {who}: '{metric.label}' needs ranks up to {metric.k}; use a "
                f"cut-off of at most {length}, or a victim with longer lists"
            )
    asked = suite.knowledge.list_length if suite.knowledge.queries else 0
    if asked > length:
        raise SuiteError(f"key 'knowledge.list_length': {who}; set at most {length}, not {asked}")
