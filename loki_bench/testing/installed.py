"""The kit on what is installed: a distribution, one of its plugins, or a single component."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from loki_bench.errors import PluginError, UnknownComponentError, UsageError
from loki_bench.plugins.hookspecs import ENTRY_POINT_GROUP
from loki_bench.plugins.ownership import normal_name
from loki_bench.plugins.registry import Registry, discover
from loki_bench.plugins.specs import ComponentSpec, MetricSpec, nearest
from loki_bench.plugins.target_facts import ParameterInfo
from loki_bench.testing.catalogue import ExpectedFailures, subjects_of
from loki_bench.testing.metric_checks import check_metric_agrees_with_its_reference
from loki_bench.testing.running import CheckResult, PlannedCheck, planned
from loki_bench.testing.subject import PluginSubject, Subject

__all__ = ["check_plugin", "component_names", "planned_checks"]

_READS_POISON = "loki_bench.attackers.replay:Replay"
_NO_ATTACK = "it reads a poison; the suite that names the file checks it: loki-bench plan SUITE"


def check_plugin(
    name: str,
    *,
    components: Iterable[str] = (),
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    references: Mapping[str, Callable[..., float]] | None = None,
    expected_failures: ExpectedFailures | None = None,
    folder: Path | None = None,
) -> Iterator[CheckResult]:
    """Run the kit on an installed plugin: :func:`planned_checks`, one after the other."""
    checks = planned_checks(
        name,
        components=components,
        parameters=parameters,
        references=references,
        expected_failures=expected_failures,
        folder=folder,
    )
    return (check.run() for check in checks)


def planned_checks(
    name: str,
    *,
    components: Iterable[str] = (),
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    references: Mapping[str, Callable[..., float]] | None = None,
    expected_failures: ExpectedFailures | None = None,
    folder: Path | None = None,
) -> list[PlannedCheck]:
    """Every check of an installed plugin, in the order in which they are to be run.

    Parameters
    ----------
    name : str
        A distribution, or the entry point that is a plugin's name: its plugins as a whole and all
        their components. Or a component: that one alone.
    components : iterable of str
        Of the named plugin, these components alone, and not the plugin as a whole.
    parameters : mapping of component name to parameters, optional
        What to build components with, where their defaults take long or there is none. A component
        that lacks one is skipped, unless it was asked for by its name.
    references : mapping of metric name to function, optional
        Independent functions that metrics must agree with; without one that check is skipped.
    expected_failures : mapping, optional
        Reasons by component (or plugin) and check.
    folder : Path, optional
        The data folder. A dataset whose file it lacks is skipped.

    Raises
    ------
    UnknownComponentError
        Nothing installed has that name, or the plugin no such component.
    ParameterError
        A component that was asked for by its name takes no such parameter, or lacks one.
    UsageError
        Parameters, references or expected failures for what is not checked.
    """
    chosen = list(components)
    plugins, specs = _declared(name, chosen)
    subjects: list[Subject | PluginSubject] = [
        PluginSubject(entry=entry) for entry in plugins if not chosen
    ]
    of_components = subjects_of(specs, parameters=parameters, references=references, folder=folder)
    for subject in of_components:
        _check_parameters(subject, needs_all=bool(chosen) or not plugins)
    subjects += of_components
    found = planned(subjects, expected_failures=expected_failures)
    found += _unreferenced(of_components)
    found.sort(key=lambda check: subjects.index(check.subject))  # stable: a metric's stay together
    return [_possible(check) for check in found]


def component_names(name: str, *, components: Iterable[str] = ()) -> list[str]:
    """The different names of the components that :func:`planned_checks` would check."""
    _, specs = _declared(name, list(components))
    return sorted({spec.name for spec in specs})


def _declared(name: str, chosen: list[str]) -> tuple[list[EntryPoint], list[ComponentSpec]]:
    """The plugins that a name stands for, none for a component's, and the chosen specs."""
    installed = list(entry_points(group=ENTRY_POINT_GROUP))
    plugins = [e for e in installed if name == e.name or _same(name, _distribution(e))]
    registry = discover(entries=plugins or installed)
    asked_for = chosen if plugins else [name]
    specs = [c.spec for c in registry.components() if not asked_for or c.spec.name in asked_for]
    for missing in asked_for:
        if missing not in {spec.name for spec in specs}:
            raise _unknown(missing, registry, f"plugin '{name}'" if plugins else "", installed)
    if chosen and not plugins:
        raise UsageError(f"'{name}' is a component, not a plugin: leave {chosen[0]!r} out")
    return plugins, specs


def _check_parameters(subject: Subject, *, needs_all: bool) -> None:
    """Refuse parameters that a component does not take; where it is asked for, missing ones too.

    Of what can't be checked at all, none is missing.
    """
    needs_all = needs_all and subject.spec.target != _READS_POISON
    try:
        accepted = subject.spec.parameters()
    except PluginError:
        return  # check_plugin_targets_resolve, or each check, says so
    if subject.kind == "metric":
        if subject.parameters:
            raise UsageError(f"{subject} takes no parameters: a metric is a function")
        return
    dummies = {} if needs_all else dict.fromkeys(_required(accepted))
    subject.spec.check({**dummies, **subject.parameters})


def _required(accepted: Mapping[str, ParameterInfo]) -> list[str]:
    return [name for name, p in accepted.items() if p.required]


def _possible(check: PlannedCheck) -> PlannedCheck:
    """The check, with the reason why it can't be run where there is one."""
    subject = check.subject
    if isinstance(subject, PluginSubject) or subject.kind == "metric":
        return check
    if subject.spec.target == _READS_POISON:
        return replace(check, not_possible=_NO_ATTACK)
    try:
        required = _required(subject.spec.parameters())
    except PluginError:
        return check
    lacking = [name for name in required if name not in subject.parameters]
    if not lacking:
        return check
    return replace(
        check, not_possible=f"{subject} needs the parameter '{lacking[0]}', and none was given"
    )


def _unreferenced(subjects: Iterable[Subject]) -> list[PlannedCheck]:
    """What can't be said of metrics that were given no independent function."""
    return [
        PlannedCheck(
            subject=subject,
            check=check_metric_agrees_with_its_reference,
            not_possible="no independent function was given to agree with",
        )
        for subject in subjects
        if isinstance(subject.spec, MetricSpec) and subject.reference is None
    ]


def _unknown(
    name: str, registry: Registry, where: str, installed: list[EntryPoint]
) -> UnknownComponentError:
    known = {component.spec.name for component in registry.components()}
    if not where:
        known |= {e.name for e in installed} | {_distribution(e) for e in installed}
    what = f"{where} declares no component" if where else "no distribution, plugin or component is"
    left_out = "".join(f"; skipped {plugin}" for plugin in registry.broken)
    return UnknownComponentError(
        f"{what} called '{name}'{nearest(name, sorted(known))}; `loki-bench plugins list` lists "
        f"what is installed{left_out}"
    )


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else ""


def _same(first: str, second: str) -> bool:
    """Whether two names are one distribution's, as package indexes compare them (PEP 503)."""
    return normal_name(first) == normal_name(second)
