"""What a check is given: a component's spec, and how to build it anew."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np

from loki_bench.errors import BrokenPromiseError
from loki_bench.plugins.specs import ComponentSpec

__all__ = ["PluginSubject", "Subject", "described", "promise", "raises"]


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
        """A new component; for a metric the function itself."""
        return self.spec.resolve() if self.kind == "metric" else self.spec.build(self.parameters)

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


def promise(kept: bool, subject: "Subject | PluginSubject", what: str) -> None:
    """Raise ``BrokenPromiseError`` with one sentence unless the promise is kept."""
    if not kept:
        raise BrokenPromiseError(f"{subject} {what}")


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
