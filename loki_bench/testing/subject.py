"""What a check is given: a component's spec, and how to build it anew."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np

from loki_bench.answer_checks import checked_report
from loki_bench.errors import BrokenPromiseError, InvalidAnswerError, PluginError
from loki_bench.plugins.spec_data import as_received
from loki_bench.plugins.specs import AttackerSpec, ComponentSpec, RecommenderSpec, nearest
from loki_bench.plugins.target_facts import TargetFacts

__all__ = [
    "PluginSubject",
    "Subject",
    "as_broken_promise",
    "checks_report",
    "described",
    "promise",
    "raises",
    "spec_at_the_host",
]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A component under test. A check builds it anew as often as it needs.

    Attributes
    ----------
    spec : ComponentSpec
        As the plugin declares it.
    parameters : mapping of str to object
        What to build it with, where the defaults would take minutes.
    reference : callable or None
        For a metric: an independent function of an ``Outcome`` (and of ``k``, where the metric
        takes one) that must give the same numbers.
    folder : Path or None
        For a dataset: the data folder that holds its file; what needs the file is skipped where it
        is not there. None is an empty folder, for a dataset that needs no file from one.
    """

    spec: ComponentSpec
    parameters: Mapping[str, object] = field(default_factory=dict)
    reference: Callable[..., float] | None = None
    folder: Path | None = None

    @property
    def kind(self) -> str:
        """The spec's kind, for example ``"attacker"``."""
        return self.spec.kind

    @property
    def name(self) -> str:
        """The component's name."""
        return self.spec.name

    def build(self) -> Any:
        """A new component, as the host builds it; for a metric the function itself.

        The host gives every default that is plain data, as it arrived there.
        """
        if self.kind == "metric":
            self._at_the_host  # noqa: B018  # raises where it does not arrive
            return self.spec.resolve()
        accepted = self._at_the_host.parameters()
        defaults = {name: one.default for name, one in accepted.items() if one.is_plain}
        return self.spec.build({**defaults, **self.spec.in_present_words(self.parameters)})

    @cached_property
    def _at_the_host(self) -> ComponentSpec:
        return spec_at_the_host(self.spec)

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"


@dataclass(frozen=True, kw_only=True, eq=False)
class PluginSubject:
    """An installed plugin under test.

    Attributes
    ----------
    entry : EntryPoint
        Its entry point, of the group ``loki_bench``.
    """

    entry: EntryPoint

    @property
    def kind(self) -> str:
        """``"plugin"``."""
        return "plugin"

    @property
    def name(self) -> str:
        """The entry point's name."""
        return self.entry.name

    def __str__(self) -> str:
        return f"plugin '{self.name}'"


def spec_at_the_host(spec: ComponentSpec) -> ComponentSpec:
    """A spec with the facts of its target, as they arrive where runs are planned.

    Raises
    ------
    BrokenPromiseError
        A field, or a default of the target, can't be told as plain data, or names a parameter that
        the target does not take.
    PluginError
        The target can't be imported.
    """
    accepted = spec.parameters()
    try:
        received = as_received(spec, TargetFacts(parameters=tuple(accepted.values())))
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BrokenPromiseError(
            f"{error}; a third party's plugin that the host can't read is left out as a whole"
        ) from error
    for what, name in _parameters_named_by(spec):
        if name not in accepted:
            raise BrokenPromiseError(
                f"{spec.kind} '{spec.name}': its {what} names the parameter {name!r}, which its "
                f"target does not take{nearest(name, accepted)}; it takes: "
                f"{', '.join(accepted) or 'none'}"
            )
    return received


def _parameters_named_by(spec: ComponentSpec) -> Iterator[tuple[str, str]]:
    """The fields that name parameters of the target, each with a name."""
    named: dict[str, Iterable[str]] = {
        "former_parameters": spec.former_parameters.values(),
        "former_values": spec.former_values,
        "later_parameters": spec.later_parameters,
    }
    if isinstance(spec, RecommenderSpec):
        named["search"] = [one.parameter for one in spec.search]
        named["model_class"] = re.findall(r"\{(\w+)\}", spec.model_class)
        named["list_length"] = [spec.list_length] if spec.list_length else []
    if isinstance(spec, AttackerSpec):
        named["needs_when"] = [case.parameter for case in spec.needs_when]
    for what, names in named.items():
        yield from ((what, name) for name in names)


def promise(kept: bool, subject: "Subject | PluginSubject", what: str) -> None:
    """Raise ``BrokenPromiseError`` with one sentence unless the promise is kept."""
    if not kept:
        raise BrokenPromiseError(f"{subject} {what}")


def checks_report(subject: "Subject | PluginSubject", report: object) -> None:
    """Raise ``BrokenPromiseError`` where the host can't keep what a component reports of itself."""
    with as_broken_promise():
        checked_report(report, who=str(subject))


@contextmanager
def as_broken_promise() -> Iterator[None]:
    """What the host refuses with a sentence breaks a promise, with the same sentence."""
    try:
        yield
    except (InvalidAnswerError, PluginError) as error:
        raise BrokenPromiseError(str(error)) from error


def raises(work: Callable[[], object]) -> bool:
    """Whether the work raises any exception."""
    try:
        work()
    except Exception:  # whatever a component may raise
        return True
    return False


def described(answer: object) -> str:
    """What an answer is, for a sentence: ``"float64 of shape (3, 2)"`` or its type."""
    if isinstance(answer, np.ndarray):
        return f"{answer.dtype} of shape {answer.shape}"
    return type(answer).__name__
