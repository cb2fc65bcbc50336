"""``check``: the conformance kit on an installed plugin, one line a check."""

import importlib
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loki_bench.cli.options import FiniteRange, as_json_option, named_value
from loki_bench.errors import UsageError
from loki_bench.progress import shown_work

if TYPE_CHECKING:
    from loki_bench.testing import CheckResult
    from loki_bench.testing.running import Outcome

__all__ = ["check"]

LABELS: "dict[Outcome, str]" = {
    "passed": "ok",
    "failed": "FAILED",
    "expected failure": "expected failure",
    "unexpected pass": "UNEXPECTED PASS",
    "skipped": "skipped",
}
LONGEST = 120.0
PATIENCE = 10.0  # seconds of one check after which a log is told that it goes on


@click.command()
@click.argument("plugin")
@click.option(
    "--component",
    "components",
    multiple=True,
    metavar="NAME",
    help="Check this component of the plugin alone. May be repeated.",
)
@click.option(
    "--set",
    "parameters",
    multiple=True,
    metavar="[COMPONENT.]KEY=VALUE",
    help="Build a component with a parameter, where its default takes long. May be repeated.",
)
@click.option(
    "--reference",
    "references",
    multiple=True,
    metavar="[METRIC=]MODULE:FUNCTION",
    help="An independent function that a metric must agree with. May be repeated.",
)
@click.option(
    "--expect",
    "expected",
    multiple=True,
    metavar="[COMPONENT.]CHECK=REASON",
    help="A check that must fail, and why; it is an error if it passes. May be repeated.",
)
@click.option(
    "--timeout",
    type=FiniteRange(min=0, max=1e8, min_open=True),
    default=LONGEST,
    show_default=True,
    help="Time limit of one check, in seconds.",
)
@as_json_option
def check(
    plugin: str,
    components: tuple[str, ...],
    parameters: tuple[str, ...],
    references: tuple[str, ...],
    expected: tuple[str, ...],
    timeout: float,
    as_json: bool,
) -> int:
    r"""Check that an installed plugin keeps its promises.

    PLUGIN is a distribution, or a plugin's entry-point name: all that it declares is checked. Or
    a component: that alone. COMPONENT may be left out where there is only one.

    \b
    Example: loki-bench check loki-bench-defenses
             loki-bench check bprmf --set epochs=40 --set embedding_size=8

    Exit status: 0 every promise is kept, 1 some are broken, 2 the request was wrong. A dataset is
    looked for in the data folder; what can't be run is skipped, and the line says why. Files that
    a plugin leaves in its working folder are deleted.
    """
    from loki_bench.datasets.data_folder import data_folder
    from loki_bench.testing import component_names, planned_checks

    names = component_names(plugin, components=components)
    checks = planned_checks(
        plugin,
        components=components,
        parameters=_by_component(map(_absolute, map(named_value, parameters)), names, "--set"),
        references=dict(_reference(text, names) for text in references),
        expected_failures=_by_component(map(_expectation, expected), names, "--expect"),
        folder=data_folder(),
    )
    results: list[CheckResult] = []
    width = max((len(planned.subject.name) for planned in checks), default=0)
    with _folder_of_their_own(), shown_work(quiet=PATIENCE) as progress:
        progress.started(len(checks))
        for planned in checks:
            progress.working_on([f"{planned.subject.name} {planned.check.__name__}"])
            with redirect_stdout(sys.stderr):
                result = planned.run(seconds=timeout)
            said_before = sum(_same_detail(result, one) for one in results)
            results.append(result)
            progress.ended("")
            if not as_json:
                progress.print(_line(result, width, said_before=said_before > 0))
    counts = Counter(result.outcome for result in results)
    if as_json:
        summary = {outcome: counts[outcome] for outcome in LABELS}
        answer = {"plugin": plugin, "summary": summary, "checks": [asdict(r) for r in results]}
        click.echo(json.dumps(answer, indent=1))
    else:
        told = ", ".join(f"{counts[o]} {label}" for o, label in LABELS.items() if counts[o])
        for detail, n in Counter(r.detail for r in results if r.outcome == "failed").items():
            if n > 1:
                click.echo(f"{n} checks failed with: {detail}")
        click.echo(f"{len(results)} checks of {plugin}: {told}")
    return 0 if all(result.ok for result in results) else 1


def _same_detail(result: "CheckResult", other: "CheckResult") -> bool:
    return bool(result.detail) and (result.outcome, result.detail) == (other.outcome, other.detail)


def _line(result: "CheckResult", width: int, *, said_before: bool) -> str:
    what = f"{LABELS[result.outcome]:<16} {result.component:<{width}} {result.check}"
    if said_before and result.outcome == "failed":
        return f"{what}: as above"
    return f"{what}: {result.detail}" if result.detail else what


def _by_component(
    given: Iterable[tuple[str, Any]], names: list[str], option: str
) -> dict[str, dict[str, Any]]:
    """``COMPONENT.KEY`` and values, by component; a component may have dots in its name."""
    found: dict[str, dict[str, Any]] = {}
    for left, value in given:
        component, _, key = left.rpartition(".")
        found.setdefault(component or _only(names, f"{option} {left}"), {})[key] = value
    return found


def _absolute(given: tuple[str, Any]) -> tuple[str, Any]:
    """A file's path as it is from everywhere: checks have a working folder of their own."""
    key, value = given
    is_path = key.rpartition(".")[2].endswith("path") and isinstance(value, str)
    return key, str(Path(value).absolute()) if is_path else value


def _only(names: list[str], given: str) -> str:
    if len(names) != 1:
        raise UsageError(
            f"{given}: say of which component, as COMPONENT.KEY; there are: {', '.join(names)}"
        )
    return names[0]


def _expectation(text: str) -> tuple[str, str]:
    left, _, reason = text.partition("=")
    if not reason.strip():
        raise UsageError(
            f"--expect '{text}': expected CHECK=REASON, with a reason why it must fail"
        )
    return left, reason


def _reference(text: str, names: list[str]) -> tuple[str, Callable[..., float]]:
    """A metric's name and the function that ``MODULE:FUNCTION`` names; the working folder's too."""
    metric, _, target = text.rpartition("=")
    module, _, name = target.partition(":")
    if not module or not name:
        raise UsageError(f"--reference '{text}': expected METRIC=MODULE:FUNCTION")
    with _importable_working_folder():
        try:
            function: Callable[..., float] = getattr(importlib.import_module(module), name)
        except Exception as error:  # whatever a module may raise when it is imported
            raise UsageError(
                f"--reference '{text}': {target} could not be imported: "
                f"{type(error).__name__}: {error}"
            ) from error
    return metric or _only(names, f"--reference {text}"), function


@contextmanager
def _importable_working_folder() -> Iterator[None]:
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path.remove("")


@contextmanager
def _folder_of_their_own() -> Iterator[None]:
    """A working folder for checks, which is deleted with what they leave in it."""
    before = Path.cwd()
    sys.path[:] = [str(Path(entry).absolute()) for entry in sys.path]
    with tempfile.TemporaryDirectory(prefix="loki-bench-") as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
