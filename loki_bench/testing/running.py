"""Run checks without pytest, one by one, on any subjects."""

import signal
import threading
import traceback
import unittest
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Literal, TypeAlias

from loki_bench.errors import BrokenPromiseError, UsageError
from loki_bench.testing.catalogue import Check, ExpectedFailures, checks_for, refuse_unknown
from loki_bench.testing.subject import PluginSubject, Subject

__all__ = ["CheckResult", "Outcome", "PlannedCheck", "planned", "run_checks"]

Outcome: TypeAlias = Literal["passed", "failed", "expected failure", "unexpected pass", "skipped"]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What one check found.

    Attributes
    ----------
    kind, component, check : str
        For example ``"attacker"``, ``"covisit"``, ``"check_attacker_seed_fixes_everything"``.
    outcome : "passed", "failed", "expected failure", "unexpected pass" or "skipped"
        An expected failure that passes is an error: its reason is no longer true.
    detail : str
        What is wrong, or the reason why the failure was expected or the check could not be run;
        empty when it passed. One line.
    """

    kind: str
    component: str
    check: str
    outcome: Outcome
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether no promise is known to be broken: passed, failed as expected, or skipped."""
        return self.outcome not in ("failed", "unexpected pass")


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedCheck:
    """A check of a subject that is yet to be run.

    Attributes
    ----------
    subject : Subject or PluginSubject
    check : function of the subject
    expected_failure : str or None
        The reason why it must fail; None where it must pass.
    not_possible : str or None
        The reason why it can't be run; None where it can.
    """

    subject: Subject | PluginSubject
    check: Check
    expected_failure: str | None = None
    not_possible: str | None = None

    def run(self, *, seconds: float | None = None) -> CheckResult:
        """Run it; whatever the component raises is part of the result.

        It fails where it takes longer than ``seconds``, if the system can interrupt it: not on
        Windows, not outside the main thread, and not in machine code that never returns.
        """
        if self.not_possible is not None:
            return self._result("skipped", self.not_possible)
        problem = None
        try:
            with _interrupted_after(seconds):
                self.check(self.subject)
        except _TooLongError:
            problem = f"{self.subject} took longer than {seconds:g} s"
        except unittest.SkipTest as error:
            return self._result("skipped", str(error))
        except BrokenPromiseError as error:
            problem = str(error)
        except (Exception, SystemExit) as error:  # whatever a component may raise
            problem = f"{self.subject} raised {type(error).__name__}: {error}{self._place(error)}"
        if self.expected_failure is None:
            return self._result("passed") if problem is None else self._result("failed", problem)
        outcome: Outcome = "unexpected pass" if problem is None else "expected failure"
        return self._result(outcome, self.expected_failure)

    def _result(self, outcome: Outcome, detail: str = "") -> CheckResult:
        return CheckResult(
            kind=self.subject.kind,
            component=self.subject.name,
            check=self.check.__name__,
            outcome=outcome,
            detail=" ".join(detail.split()),
        )

    def _place(self, error: BaseException) -> str:
        """The last line of the component's own package that the error went through."""
        if isinstance(self.subject, PluginSubject):
            return ""
        package = self.subject.spec.target.partition(":")[0].partition(".")[0]
        for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
            if frame.f_globals.get("__name__", "").partition(".")[0] == package:
                return f" ({Path(frame.f_code.co_filename).name}, line {line})"
        return ""


class _TooLongError(BaseException):
    """A check was interrupted: nothing that a component catches."""


@contextmanager
def _interrupted_after(seconds: float | None) -> Iterator[None]:
    main = threading.current_thread() is threading.main_thread()
    if seconds is None or not main or not hasattr(signal, "setitimer"):
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again, should it have been swallowed
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def planned(
    subjects: "Iterable[Subject | PluginSubject]",
    *,
    expected_failures: ExpectedFailures | None = None,
) -> list[PlannedCheck]:
    """All checks of all subjects, in the order in which they are run.

    Raises
    ------
    UsageError
        A failure is expected of a component or check that is not run, or without a reason.
    """
    pairs = [(subject, check) for subject in subjects for check in checks_for(subject)]
    given = expected_failures or {}
    refuse_unknown(given, [subject.name for subject, _ in pairs], "expected failures are")
    for component, checks in given.items():
        names = [check.__name__ for subject, check in pairs if subject.name == component]
        refuse_unknown(checks, names, f"an expected failure of '{component}' is")
        for check, reason in checks.items():
            if not reason.strip():
                raise UsageError(f"the expected failure {check} of '{component}' has no reason")
    return [
        PlannedCheck(
            subject=subject,
            check=check,
            expected_failure=given.get(subject.name, {}).get(check.__name__),
        )
        for subject, check in pairs
    ]


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
        At once, where a failure is expected of a component or check that is not run, or without a
        reason.
    """
    return (one.run() for one in planned(subjects, expected_failures=expected_failures))
