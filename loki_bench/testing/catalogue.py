"""Which checks there are for each kind of component."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from loki_bench.errors import UsageError
from loki_bench.plugins.specs import (
    AttackerSpec,
    ComponentSpec,
    DefenseForm,
    DefenseSpec,
    MetricSpec,
    RecommenderSpec,
    nearest,
)
from loki_bench.testing import (
    adversarial_checks,
    attacker_checks,
    dataset_checks,
    defense_checks,
    differentiable_checks,
    estimator_checks,
    fine_tuning_checks,
    metric_checks,
    plugin_checks,
    recommender_checks,
    robust_checks,
    rowwise_checks,
    sequence_answer_checks,
    weighted_checks,
)
from loki_bench.testing.subject import PluginSubject, Subject

__all__ = ["CHECKS", "Check", "ExpectedFailures", "checks_for", "refuse_unknown", "subjects_of"]

Check: TypeAlias = Callable[[Any], None]
"""A function of a :class:`Subject` (or :class:`PluginSubject`) that raises where the promise in
the first line of its docstring is broken."""

ExpectedFailures: TypeAlias = Mapping[str, Mapping[str, str]]
"""Reasons by component and check: ``{"my-attack": {"check_...": "why it must fail"}}``."""


def _checks(module: ModuleType) -> tuple[Check, ...]:
    return tuple(getattr(module, name) for name in module.__all__)


def _checks_of(module: ModuleType, start: str) -> tuple[Check, ...]:
    return tuple(check for check in _checks(module) if check.__name__.startswith(start))


CHECKS: Mapping[str, tuple[Check, ...]] = {
    "plugin": _checks(plugin_checks),
    "recommender": _checks(recommender_checks),
    "differentiable recommender": _checks(differentiable_checks),
    "weighted recommender": _checks(weighted_checks),
    "adversarial recommender": _checks(adversarial_checks),
    "fine-tunable recommender": _checks(fine_tuning_checks),
    "rowwise recommender": _checks(rowwise_checks),
    "sequence recommender": _checks(sequence_answer_checks),
    "attacker": _checks(attacker_checks),
    "influence estimator": _checks(estimator_checks),
    "metric": _checks(metric_checks),
    "defense": _checks(defense_checks),
    "weighting defense": _checks_of(robust_checks, "check_weighting_defense"),
    "robust training": _checks_of(robust_checks, "check_robust_training"),
    "dataset": _checks(dataset_checks),
}
"""The checks of each kind of component, and of a plugin as a whole, in the order of their run."""


def checks_for(what: "str | Subject | PluginSubject") -> tuple[Check, ...]:
    """The checks of a kind (a key of ``CHECKS``), or those that one subject must pass.

    A recommender declared as differentiable, as one that takes weights or noise, as one that can
    be fine-tuned, as one that trains some rows alone or as one that answers for sequences that
    nobody has must pass those of all its kinds; a metric is compared with a reference only where
    there is one, and an attack prepares, or keeps to lengths that the host drew, only where it
    says so.

    Raises
    ------
    UsageError
        There is no such kind.
    """
    if isinstance(what, str):
        if what not in CHECKS:
            raise UsageError(
                f"the kit has no checks for the kind '{what}'{nearest(what, list(CHECKS))}; it has "
                f"them for: {', '.join(CHECKS)}"
            )
        return CHECKS[what]
    if isinstance(what, Subject) and isinstance(what.spec, DefenseSpec):
        return _checks_of_form(what.spec.form)
    found = checks_for(what.kind)
    if isinstance(what, PluginSubject):
        return found
    if isinstance(what.spec, RecommenderSpec) and what.spec.differentiable:
        found += CHECKS["differentiable recommender"]
    if isinstance(what.spec, RecommenderSpec) and what.spec.takes_weights:
        found += CHECKS["weighted recommender"]
    if isinstance(what.spec, RecommenderSpec) and what.spec.takes_noise:
        found += CHECKS["adversarial recommender"]
    if isinstance(what.spec, RecommenderSpec) and what.spec.fine_tunes:
        found += CHECKS["fine-tunable recommender"]
    if isinstance(what.spec, RecommenderSpec) and what.spec.trains_rows:
        found += CHECKS["rowwise recommender"]
    if isinstance(what.spec, RecommenderSpec) and what.spec.answers_sequences:
        found += CHECKS["sequence recommender"]
    if isinstance(what.spec, MetricSpec) and what.reference is None:
        found = tuple(
            c for c in found if c is not metric_checks.check_metric_agrees_with_its_reference
        )
    if isinstance(what.spec, AttackerSpec):
        found = tuple(c for c in found if c not in _not_asked_of(what.spec))
    return found


def _not_asked_of(spec: AttackerSpec) -> tuple[Check, ...]:
    """The checks of what this attack does not say that it does."""
    prepares = attacker_checks.check_attacker_prepares_named_arrays
    takes = attacker_checks.check_attacker_writes_as_many_events_as_the_host_drew
    return (() if spec.prepares else (prepares,)) + (() if spec.takes_lengths else (takes,))


def _checks_of_form(form: DefenseForm) -> tuple[Check, ...]:
    if form == "training":
        return CHECKS["robust training"]
    return CHECKS["defense"] + (CHECKS["weighting defense"] if form == "weights" else ())


def subjects_of(
    specs: Iterable[ComponentSpec],
    *,
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    references: Mapping[str, Callable[..., float]] | None = None,
    folder: Path | None = None,
) -> list[Subject]:
    """Subjects of specs, with parameters and references by component name.

    Raises
    ------
    UsageError
        A name among the parameters or references is no component's.
    """
    declared = list(specs)
    names = [spec.name for spec in declared]
    refuse_unknown(parameters or {}, names, "parameters are")
    refuse_unknown(references or {}, names, "a reference is")
    return [
        Subject(
            spec=spec,
            parameters=(parameters or {}).get(spec.name, {}),
            reference=(references or {}).get(spec.name),
            folder=folder,
        )
        for spec in declared
    ]


def refuse_unknown(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raise ``UsageError`` for the first given name that is not known: it would do nothing."""
    names = sorted(set(known))
    for name in given:
        if name not in names:
            raise UsageError(
                f"{what} given for '{name}', which is not tested here{nearest(name, names)}; "
                f"known: {', '.join(names) or 'none'}"
            )
