"""``parametrize_with_checks``: every check of every component as a test of its own."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from loki_bench.plugins.specs import ComponentSpec
from loki_bench.testing.catalogue import ExpectedFailures, subjects_of
from loki_bench.testing.running import planned

if TYPE_CHECKING:
    import pytest

__all__ = ["parametrize_with_checks"]


def parametrize_with_checks(
    specs: Iterable[ComponentSpec],
    *,
    parameters: Mapping[str, Mapping[str, object]] | None = None,
    references: Mapping[str, Callable[..., float]] | None = None,
    expected_failures: ExpectedFailures | None = None,
    folder: Path | None = None,
) -> "pytest.MarkDecorator":
    """Decorate a test function of ``check`` and ``subject`` that calls ``check(subject)``.

    ::

        @parametrize_with_checks(loki_bench_attackers())
        def test_the_attack_keeps_its_promises(check, subject):
            check(subject)

    Parameters
    ----------
    specs : iterable of ComponentSpec
        What the plugin's hooks return.
    parameters, references : mappings by component name, optional
        What to build components with, where their defaults take long; independent functions that
        metrics must agree with.
    expected_failures : mapping of component name to mapping of check name to reason, optional
        Marked as strict ``xfail``: an expected failure that passes fails the test.
    folder : Path, optional
        The data folder, for datasets that are read from one.

    Raises
    ------
    UsageError
        Parameters, references or expected failures for what is not tested.
    """
    import pytest

    subjects = subjects_of(specs, parameters=parameters, references=references, folder=folder)
    cases = []
    for one in planned(subjects, expected_failures=expected_failures):
        reason = one.expected_failure
        marks = [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]
        name = f"{one.subject.name}-{one.check.__name__}"
        cases.append(pytest.param(one.check, one.subject, marks=marks, id=name))
    return pytest.mark.parametrize(("check", "subject"), cases)
