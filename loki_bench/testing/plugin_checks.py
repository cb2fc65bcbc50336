"""What every plugin promises as a whole: it is found, cheaply, and its components are there."""

import inspect
import os
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import EntryPoint, entry_points

from loki_bench.contracts import (
    AdversarialRecommender,
    Attacker,
    DatasetLoader,
    Defense,
    DifferentiableRecommender,
    FineTunableRecommender,
    InfluenceEstimator,
    Recommender,
    RobustTraining,
    RowwiseRecommender,
    WeightedRecommender,
    WeightingDefense,
)
from loki_bench.errors import PluginError
from loki_bench.plugins.hookspecs import ENTRY_POINT_GROUP
from loki_bench.plugins.registry import Registry, discover
from loki_bench.plugins.specs import ComponentSpec, DefenseSpec, RecommenderSpec
from loki_bench.testing.subject import PluginSubject, promise, spec_at_the_host

__all__ = [
    "check_plugin_declarations_reach_the_host",
    "check_plugin_discovery_imports_no_framework",
    "check_plugin_is_discovered",
    "check_plugin_names_are_free",
    "check_plugin_parameters_have_names",
    "check_plugin_targets_resolve",
]

FRAMEWORKS = ("jax", "numba", "pandas", "recbole", "sklearn", "tensorflow", "torch")

CONTRACTS: dict[str, type] = {
    "attacker": Attacker,
    "dataset": DatasetLoader,
    "defense": Defense,
    "influence estimator": InfluenceEstimator,
    "recommender": Recommender,
}

_DISCOVER = """
import sys
from contextlib import suppress
from importlib.metadata import EntryPoint
from loki_bench.plugins.registry import discover
discover(entries=[EntryPoint(name=sys.argv[1], value=sys.argv[2], group="loki_bench")])
print(*sorted(set(sys.argv[3:]) & set(sys.modules)))
"""


def check_plugin_is_discovered(subject: PluginSubject) -> None:
    """Its module is imported without an error, and declares at least one component."""
    registry = _declared(subject)
    promise(not registry.broken, subject, f"is left out: {[b.reason for b in registry.broken]}")
    promise(
        bool(registry.components()),
        subject,
        "declares no component: is its hook decorated with hookimpl, and does it return specs?",
    )


def check_plugin_discovery_imports_no_framework(subject: PluginSubject) -> None:
    """Listing what it declares imports no torch, numba, pandas, RecBole, sklearn, jax or
    tensorflow: whoever asks what a plugin declares imports it."""
    answer = subprocess.run(  # noqa: S603  # this interpreter, with the entry point's own name
        [sys.executable, "-c", _DISCOVER, subject.entry.name, subject.entry.value, *FRAMEWORKS],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    promise(answer.returncode == 0, subject, f"can't be discovered: {answer.stderr.strip()[-300:]}")
    promise(
        not answer.stdout.split(),
        subject,
        f"imports {', '.join(answer.stdout.split())} when it is listed: name targets as text, and "
        "import frameworks in the target's module",
    )


def check_plugin_targets_resolve(subject: PluginSubject) -> None:
    """Each target can be imported, and is what its kind asks for."""
    for component in _declared(subject).components():
        spec = component.spec
        try:
            target = spec.resolve()
        except PluginError as error:
            promise(False, subject, f"has a target that can't be imported: {error}")
        expected = _contracts(spec)
        unmet = [c for c in expected if not (isinstance(target, type) and issubclass(target, c))]
        promise(
            not unmet and (bool(expected) or callable(target)),
            subject,
            f"declares the {spec.kind} '{spec.name}', whose target {spec.target} is no "
            + (unmet[0].__name__ if unmet else "function"),
        )


def check_plugin_declarations_reach_the_host(subject: PluginSubject) -> None:
    """Each field of a spec, and each default of a target, arrives as plain data where runs are
    planned, and names no parameter that there is not."""
    for component in _declared(subject).components():
        with suppress(PluginError):  # check_plugin_targets_resolve says so
            spec_at_the_host(component.spec)


def check_plugin_names_are_free(subject: PluginSubject) -> None:
    """No other installed plugin declares a component of the same kind and name."""
    others = [e for e in entry_points(group=ENTRY_POINT_GROUP) if not _is(e, subject.entry)]
    taken = {(c.spec.kind, c.spec.name): c.origin for c in discover(entries=others).components()}
    own = _declared(subject).components()
    keys = [(c.spec.kind, c.spec.name) for c in own]
    for kind, name in keys:
        promise(
            (kind, name) not in taken and keys.count((kind, name)) == 1,
            subject,
            f"declares the {kind} '{name}', which {taken.get((kind, name), 'it')} declares "
            "already: choose another name",
        )


def check_plugin_parameters_have_names(subject: PluginSubject) -> None:
    """No target takes ``*args`` or ``**kwargs``: a misspelt parameter must be refused by name."""
    for component in _declared(subject).components():
        spec = component.spec
        try:
            given = inspect.signature(spec.resolve()).parameters.values()
        except PluginError:
            continue  # check_plugin_targets_resolve says so
        loose = [p for p in given if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        has_own = "__init__" in vars(spec.resolve()) or spec.kind == "metric"
        promise(
            not (loose and has_own),
            subject,
            f"declares the {spec.kind} '{spec.name}', which takes {', '.join(map(str, loose))}: "
            "name each parameter",
        )


def _declared(subject: PluginSubject) -> Registry:
    return discover(entries=[subject.entry])


def _is(first: EntryPoint, second: EntryPoint) -> bool:
    return (first.name, first.value) == (second.name, second.value)


def _contracts(spec: ComponentSpec) -> list[type]:
    """What the target must be; nothing for a metric, which is a function."""
    if isinstance(spec, DefenseSpec) and spec.form == "training":
        return [RobustTraining]
    found = [CONTRACTS[spec.kind]] if spec.kind in CONTRACTS else []
    if isinstance(spec, DefenseSpec) and spec.form == "weights":
        found.append(WeightingDefense)
    if isinstance(spec, RecommenderSpec) and spec.differentiable:
        found.append(DifferentiableRecommender)
    if isinstance(spec, RecommenderSpec) and spec.takes_weights:
        found.append(WeightedRecommender)
    if isinstance(spec, RecommenderSpec) and spec.takes_noise:
        found.append(AdversarialRecommender)
    if isinstance(spec, RecommenderSpec) and spec.fine_tunes:
        found.append(FineTunableRecommender)
    if isinstance(spec, RecommenderSpec) and spec.trains_rows:
        found.append(RowwiseRecommender)
    return found
