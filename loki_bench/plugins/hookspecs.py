"""The six hooks. Each *declares* components: no arguments, a list of specs back, no work done.

Nothing depends on the order in which plugins are called. Implement a hook as a module-level
function decorated with :data:`hookimpl`, in a module named by an entry point of the group
``loki_bench``::

    [project.entry-points.loki_bench]
    mine = "my_package.hooks"

The host does not import the module of a third party: it is imported in a confined process, with
the targets that its specs name, and the host is sent what it declares as plain data: text,
numbers, truth values and the classes of :mod:`loki_bench.plugins.specs` and
:mod:`loki_bench.plugins.search_space`. It imports no torch, pandas or numba: a spec names its
target as text.
"""

import pluggy

from loki_bench.plugins.specs import (
    AttackerSpec,
    DatasetSpec,
    DefenseSpec,
    InfluenceEstimatorSpec,
    MetricSpec,
    RecommenderSpec,
)

__all__ = ["ENTRY_POINT_GROUP", "PROJECT_NAME", "hookimpl", "hookspec"]

PROJECT_NAME = "loki_bench"
"""The name of this project to pluggy."""

ENTRY_POINT_GROUP = "loki_bench"
"""The group of entry points in which distributions name their modules of hooks."""

hookspec = pluggy.HookspecMarker(PROJECT_NAME)
"""Marks the hooks of this module; plugins do not need it."""

hookimpl = pluggy.HookimplMarker(PROJECT_NAME)
"""Decorates a plugin's function that implements a hook; without it the function is not called."""


@hookspec
def loki_bench_datasets() -> list[DatasetSpec]:  # type: ignore[empty-body]  # a hook has no body
    """Datasets: each target is a ``DatasetLoader``."""


@hookspec
def loki_bench_recommenders() -> list[RecommenderSpec]:  # type: ignore[empty-body]
    """Recommenders, to be victims or surrogates: each target is a ``Recommender``."""


@hookspec
def loki_bench_attackers() -> list[AttackerSpec]:  # type: ignore[empty-body]
    """Attacks: each target is an ``Attacker``."""


@hookspec
def loki_bench_influence_estimators() -> list[InfluenceEstimatorSpec]:  # type: ignore[empty-body]
    """Influence estimators: each target is an ``InfluenceEstimator``."""


@hookspec
def loki_bench_metrics() -> list[MetricSpec]:  # type: ignore[empty-body]
    """Metrics: each target is a pure function of an ``Outcome``."""


@hookspec
def loki_bench_defenses() -> list[DefenseSpec]:  # type: ignore[empty-body]
    """Defenses: each target is a ``Defense``."""
