"""Run checks without pytest: on subjects, or on an installed plugin by name."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal

from loki_bench.errors import BrokenPromiseError, UnknownComponentError, UsageError
from loki_bench.plugins.hookspecs import ENTRY_POINT_GROUP
from loki_bench.plugins.registry import discover
from loki_bench.plugins.specs import ComponentSpec, nearest
from loki_bench.testing.catalogue import (
    Check,
    ExpectedFailures,
    checks_for,
    refuse_unknown,
    subjects_of,
)
from loki_bench.testing.subject import PluginSubject, Subject

__all__ = ["CheckResult", "check_plugin", "run_checks"]

Outcome = Literal["passed", "failed", "expected failure", "unexpected pass"]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What one check found.

    Attributes
    ----------
    kind, component, check : str
        For example ``"attacker"``, ``"covisit"``, ``"check_attacker_seed_fixes_everything"``.
    outcome : "passed", "failed", "expected failure" or "unexpected pass"
        An expected failure that passes is an error: its reason is no longer true.
    detail : str
        What is wrong, or the reason why the failure was expected; empty when it passed.
    """

    kind: str
    component: str
    check: str
    outcome: Outcome
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether the check passed, or failed as expected."""
        return self.outcome in ("passed", "expected failure")


def run_checks(
    subjects: "Iterable[Subject | PluginSubject]",
    *,
    expected_failures: ExpectedFailures | None = None,
) -> Iterator[CheckResult]:
    """Run all checks of all subjects, one after the other.

    Parameters
    ----------
    subjects : iterable of Subject or PluginSubject
    expected_failures : mapping, optional
        Reasons by component and check.

    Raises
    ------
    UsageError
        A failure is expected of a component or check that is not run, or without a reason.
    """
    pairs = [(subject, check) for subject in subjects for check in checks_for(subject)]
    expected = checked_expectations(pairs, expected_failures)
    for subject, check in pairs:
        yield _run(subject, check, expected.get((subject.name, check.__name__)))


def check_plugin(
    name: str,
    *,
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    references: Mapping[str, Callable[..., float]] | None = None,
    expected_failures: ExpectedFailures | None = None,
    folder: Path | None = None,
) -> Iterator[CheckResult]:
    """Run the kit on an installed plugin.

    Parameters
    ----------
    name : str
        A distribution or an entry point: its plugins as a whole and all their components. Or a
        component: that one alone.
    parameters : mapping of component name to parameters, optional
        What to build components with, where their defaults take long.
    references : mapping of metric name to function, optional
    expected_failures : mapping, optional
        Reasons by component and check.
    folder : Path, optional
        The data folder, for datasets that are read from one.

    Raises
    ------
    UnknownComponentError
        Nothing installed has that name.
    UsageError
        Parameters, references or expected failures for what is not checked.
    """
    installed = list(entry_points(group=ENTRY_POINT_GROUP))
    plugins = [e for e in installed if name in (e.name, _distribution(e))]
    specs: list[ComponentSpec]
    if plugins:
        specs = [c.spec for c in discover(entries=plugins).components()]
    else:
        every = discover(entries=installed)
        specs = [c.spec for c in every.components() if c.spec.name == name]
        if not specs:
            known = {c.spec.name for c in every.components()}
            known |= {e.name for e in installed} | {_distribution(e) for e in installed}
            left_out = "".join(f"; left out: {plugin}" for plugin in every.broken)
            raise UnknownComponentError(
                f"no installed distribution, plugin or component is called '{name}'"
                f"{nearest(name, sorted(known))}; `loki-bench plugins list` lists all{left_out}"
            )
    subjects: list[Subject | PluginSubject] = [PluginSubject(entry=entry) for entry in plugins]
    subjects += subjects_of(specs, parameters=parameters, references=references, folder=folder)
    return run_checks(subjects, expected_failures=expected_failures)


def checked_expectations(
    pairs: "list[tuple[Subject | PluginSubject, Check]]",
    expected_failures: ExpectedFailures | None,
) -> dict[tuple[str, str], str]:
    """Reasons by (component, check), once each is known to be about a check that is run."""
    given = expected_failures or {}
    refuse_unknown(given, [subject.name for subject, _ in pairs], "expected failures are")
    reasons = {}
    for component, checks in given.items():
        names = [check.__name__ for subject, check in pairs if subject.name == component]
        refuse_unknown(checks, names, f"an expected failure of '{component}' is")
        for check, reason in checks.items():
            if not reason.strip():
                raise UsageError(f"the expected failure {check} of '{component}' has no reason")
            reasons[component, check] = reason
    return reasons


def _run(subject: "Subject | PluginSubject", check: Check, reason: str | None) -> CheckResult:
    problem = None
    try:
        check(subject)
    except BrokenPromiseError as error:
        problem = str(error)
    except Exception as error:  # whatever a component may raise
        problem = f"{subject} raised {type(error).__name__}: {error}"
    outcome: Outcome
    if problem is None:
        outcome, detail = ("passed", "") if reason is None else ("unexpected pass", reason)
    else:
        outcome = "failed" if reason is None else "expected failure"
        detail = problem if reason is None else reason
    return CheckResult(
        kind=subject.kind,
        component=subject.name,
        check=check.__name__,
        outcome=outcome,
        detail=detail,
    )


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else ""
