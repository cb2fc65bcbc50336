"""What a plugin declares: frozen descriptions with a lazy target ``"package.module:Name"``.

A spec costs nothing to make. ``spec.build(...)`` imports the target and refuses parameters that
it does not take, by name.
"""

import difflib
import importlib
import inspect
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

from loki_bench.errors import ParameterError, PluginError
from loki_bench.plugins.search_space import SearchRange

__all__ = [
    "AttackerSpec",
    "ComponentSpec",
    "ConditionalNeed",
    "DatasetSpec",
    "DefenseSpec",
    "InfluenceEstimatorSpec",
    "MetricSpec",
    "Need",
    "RecommenderSpec",
    "nearest",
]

Need = Literal["history", "surrogates", "influence", "queries"]
"""What an attack may ask to be granted: genuine users' events, the suite's surrogate pool, an
influence estimator, questions to the victim."""

Value = TypeVar("Value")

_NAME = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True)
class ComponentSpec:
    """What every component says of itself.

    Attributes
    ----------
    name : str
        How suites ask for it: lower case letters, digits, ``-``, ``_`` and ``.``.
    summary : str
        One line for ``loki-bench plugins list``.
    target : str
        ``"package.module:Name"``, imported when the component is built.
    reference : str
        The paper or page that it comes from; may be empty.
    former_parameters : mapping of str to str
        Old names of parameters, and the names that replaced them.
    former_values : mapping of str to mapping of str to str
        For a parameter, by its present name: old values, and the values that replaced them. Old
        words are accepted with a warning, and enter no id and no record.
    """

    kind: ClassVar[str] = "component"

    name: str
    summary: str
    target: str
    reference: str = ""
    former_parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    former_values: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.kind} name {self.name!r}: use a-z, 0-9, '-', '_' and '.'")
        if not _TARGET.fullmatch(self.target):
            raise ValueError(f"{self.kind} {self.name!r}: target {self.target!r} is not 'a.b:C'")
        if not self.summary or "\n" in self.summary:
            raise ValueError(f"{self.kind} {self.name!r}: summary must be one line")

    def resolve(self) -> Any:
        """Import the target and return it.

        Raises
        ------
        PluginError
            The module can't be imported or has no such name.
        """
        module, _, attribute = self.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except Exception as error:  # whatever a plugin's import may raise
            raise PluginError(
                f"{self.kind} '{self.name}': its target {self.target} could not be imported: "
                f"{type(error).__name__}: {error}"
            ) from error

    def parameters(self) -> dict[str, inspect.Parameter]:
        """The parameters that :meth:`build` takes, by name, in their order."""
        return {
            name: parameter
            for name, parameter in inspect.signature(self.resolve()).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }

    def in_present_words(self, parameters: Mapping[str, Value]) -> dict[str, Value | str]:
        """The parameters with former names and values replaced, each with a ``FutureWarning``.

        Raises
        ------
        ParameterError
            A parameter is given under its former name and its present one.
        """
        present: dict[str, Value | str] = {}
        for given, value in parameters.items():
            name = self.former_parameters.get(given, given)
            if name in present or (name != given and name in parameters):
                raise ParameterError(
                    f"{self.kind} '{self.name}' was given '{name}' twice: '{given}' is its former "
                    "name; leave that out"
                )
            if name != given:
                self._warn_of(f"parameter '{given}' is now called '{name}'")
            former = self.former_values.get(name, {})
            present[name] = value
            if isinstance(value, str) and value in former:
                present[name] = former[value]
                self._warn_of(f"{name} = '{value}' is now called '{former[value]}'")
        return present

    def _warn_of(self, change: str) -> None:
        warnings.warn(
            f"{self.kind} '{self.name}': {change}; the next release refuses the old word",
            FutureWarning,
            stacklevel=4,
        )

    def check(self, parameters: Mapping[str, object]) -> None:
        """Refuse parameters that the target does not take, and missing ones that it needs.

        Raises
        ------
        ParameterError
            Names the parameter, the nearest accepted one, and all accepted ones.
        """
        accepted = self.parameters()
        for name in parameters:
            if name not in accepted:
                listed = ", ".join(accepted) or "none"
                raise ParameterError(
                    f"{self.kind} '{self.name}' takes no parameter '{name}'"
                    f"{nearest(name, accepted)}; it takes: {listed}"
                )
        for name, parameter in accepted.items():
            if parameter.default is parameter.empty and name not in parameters:
                raise ParameterError(f"{self.kind} '{self.name}' needs the parameter '{name}'")

    def build(self, parameters: Mapping[str, object] | None = None) -> Any:
        """Import the target and call it with the parameters.

        Raises
        ------
        PluginError
            The target can't be imported.
        ParameterError
            A parameter is unknown, missing, or has a value that the target refuses.
        """
        given = self.in_present_words(parameters or {})
        self.check(given)
        try:
            return self.resolve()(**given)
        except (TypeError, ValueError, OverflowError) as error:
            raise ParameterError(f"{self.kind} '{self.name}': {error}") from error


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(ComponentSpec):
    """Declares a dataset.

    Attributes
    ----------
    licence : str
        Under which terms the data may be used.
    homepage : str
        Where it comes from.
    fingerprint : str
        SHA-256 of the file that it is read from, where there is one; empty otherwise.
    """

    kind: ClassVar[str] = "dataset"

    licence: str = ""
    homepage: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, kw_only=True)
class RecommenderSpec(ComponentSpec):
    """Declares a recommender.

    Attributes
    ----------
    uses_order : bool
        Whether the order of a user's events matters to it.
    differentiable : bool
        Whether the target is a ``DifferentiableRecommender``.
    search : tuple of FloatRange, IntRange and Choices
        The parameters that ``loki-bench tune`` tries, and their values; may be empty.
    """

    kind: ClassVar[str] = "recommender"

    uses_order: bool
    differentiable: bool
    search: tuple[SearchRange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ConditionalNeed:
    """A need of an attack only where one of its parameters has one value.

    Attributes
    ----------
    parameter : str
        Its name.
    value : str, int, float or bool
    need : "history", "surrogates", "influence" or "queries"
    """

    parameter: str
    value: str | float | bool
    need: Need


@dataclass(frozen=True, kw_only=True)
class AttackerSpec(ComponentSpec):
    """Declares an attack.

    Attributes
    ----------
    needs : frozenset of "history", "surrogates", "influence", "queries"
        What the attack must be granted; what it does not name it is not given.
    influence : str
        The influence estimator that an attack with that need gets unless a suite names one.
    influence_parameters : mapping
        Parameters of that estimator.
    prepares : bool
        Whether the attack learns what does not depend on the number of fake users once, for all
        shares of them that a suite compares (:meth:`~loki_bench.contracts.Attacker.prepare`).
    needs_when : tuple of ConditionalNeed
        Needs that depend on a parameter's value.
    """

    kind: ClassVar[str] = "attacker"

    needs: frozenset[Need] = frozenset({"history"})
    influence: str = "cg"
    influence_parameters: Mapping[str, Any] = field(default_factory=dict)
    prepares: bool = False
    needs_when: tuple[ConditionalNeed, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.needs, frozenset):
            raise ValueError(
                f"{self.kind} {self.name!r}: needs is {self.needs!r}; write "
                "needs=frozenset({'history'})"
            )

    def needs_with(self, parameters: Mapping[str, object]) -> frozenset[Need]:
        """All needs with these parameters, defaults included."""
        conditional = (
            case.need
            for case in self.needs_when
            if case.parameter in parameters and parameters[case.parameter] == case.value
        )
        return self.needs | frozenset(conditional)


@dataclass(frozen=True, kw_only=True)
class InfluenceEstimatorSpec(ComponentSpec):
    """Declares an influence estimator."""

    kind: ClassVar[str] = "influence estimator"


@dataclass(frozen=True, kw_only=True)
class MetricSpec(ComponentSpec):
    """Declares a metric.

    Attributes
    ----------
    higher_is : "better for the attacker", "better for the platform" or "neither"
        How to read a larger value.
    range : (float, float)
        Least and greatest possible value.
    unit : str
        For example ``"share"`` or ``"rank"``.
    purpose : "attack", "utility", "stealth" or "detection"
    takes_k : bool
        Whether the target has a parameter ``k``; a suite then asks for ``name@k``.
    """

    kind: ClassVar[str] = "metric"

    higher_is: Literal["better for the attacker", "better for the platform", "neither"]
    range: tuple[float, float]
    unit: str
    purpose: Literal["attack", "utility", "stealth", "detection"]
    takes_k: bool = False


@dataclass(frozen=True, kw_only=True)
class DefenseSpec(ComponentSpec):
    """Declares a defense."""

    kind: ClassVar[str] = "defense"


def nearest(name: str, known: "Mapping[str, object] | list[str]") -> str:
    """``" (did you mean 'x'?)"`` for the known name most like ``name``, or nothing."""
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean '{matches[0]}'?)" if matches else ""
