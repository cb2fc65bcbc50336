"""What a plugin declares: frozen descriptions with a lazy target ``"package.module:Name"``.

A spec costs nothing to make. ``spec.build(...)`` imports the target and refuses parameters that
it does not take, by name.
"""

import difflib
import importlib
import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, TypeVar, get_args

from loki_bench.errors import ParameterError, PluginError
from loki_bench.plugins.documented_parameters import with_documentation
from loki_bench.plugins.kept_parameters import keep, kept
from loki_bench.plugins.metric_labels import TAKEN, WHY_TAKEN
from loki_bench.plugins.ownership import is_own_target
from loki_bench.plugins.search_space import SearchRange
from loki_bench.plugins.target_facts import ParameterInfo, TargetFacts, parameters_of

if TYPE_CHECKING:  # it imports numpy, and every command imports specs
    from loki_bench.contracts import GoalKind

__all__ = [
    "Answers",
    "AttackerSpec",
    "ComponentSpec",
    "ConditionalNeed",
    "DatasetSpec",
    "DefenseForm",
    "DefenseSpec",
    "HigherIs",
    "InfluenceEstimatorSpec",
    "MetricSpec",
    "Need",
    "Purpose",
    "RecommenderSpec",
    "higher_is_for",
    "nearest",
]

Need = Literal["history", "surrogates", "influence", "queries", "sequence-queries"]
"""What an attack may ask to be granted: genuine users' events, the suite's surrogate pool, an
influence estimator, questions to the victim about genuine users, and also about sequences that the
attack makes up."""

Value = TypeVar("Value")
HigherIs: TypeAlias = Literal["better for the attacker", "better for the platform", "neither"]
"""How to read a larger value of a metric."""

DefenseForm: TypeAlias = Literal["filter", "weights", "training"]
"""What a defense gives: users to keep, weights, or a victim that it trained itself."""

Answers: TypeAlias = Literal["scores", "top-k"]
"""Whether a recommender scores every item, or lists the best ones alone."""

Purpose: TypeAlias = Literal["attack", "utility", "stealth", "detection", "defense cost"]
"""What a metric measures: what the attack reaches, how well genuine users are served, how visible
fake users are, what a defense finds, what it costs."""

_NAME = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*")
_BRACES = re.compile(r"\{(\w+)\}")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
MOST_NAME_CHARACTERS = 100
MOST_TEXT_CHARACTERS = 1000


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
        ``"package.module:Name"``, imported when the component is built. What its docstring says
        of its parameters (numpydoc's section) is shown by ``loki-bench plugins show``.
    reference : str
        The paper or page that it comes from; may be empty.
    former_names : tuple of str
        Names that suites may still use, with a warning.
    former_parameters : mapping of str to str
        Old names of parameters, and the names that replaced them.
    former_values : mapping of str to mapping of str to str
        For a parameter, by its present name: old values, and the values that replaced them. Old
        words are accepted with a warning, and enter no id and no record.
    later_parameters : tuple of str
        Parameters that came after results were published: at their default they enter no id, so
        that what ran before they existed is found.
    target_facts : TargetFacts or None
        Left alone by plugins: the host fills it in for a third party's component, whose target
        it does not import.
    """

    kind: ClassVar[str] = "component"

    name: str
    summary: str
    target: str
    reference: str = ""
    former_names: tuple[str, ...] = ()
    former_parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    former_values: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    later_parameters: tuple[str, ...] = ()
    target_facts: TargetFacts | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for one in fields(self):
            text = getattr(self, one.name)
            if one.type in (str, "str") and not isinstance(text, str):
                raise ValueError(
                    f"{self.kind}: its {one.name} is {type(text).__name__}; expected text"
                )
            if one.type in (bool, "bool") and not isinstance(text, bool):
                raise ValueError(
                    f"{self.kind} {self.name!r}: its {one.name} is {text!r}; expected True or False"
                )
        if len(self.name) > MOST_NAME_CHARACTERS or not _NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.kind} name {self.name[:MOST_NAME_CHARACTERS]!r}: use a-z, 0-9, '-', '_' "
                f"and '.', at most {MOST_NAME_CHARACTERS} characters"
            )
        if not _TARGET.fullmatch(self.target):
            raise ValueError(f"{self.kind} {self.name!r}: target {self.target!r} is not 'a.b:C'")
        if not self.summary or "\n" in self.summary:
            raise ValueError(f"{self.kind} {self.name!r}: summary must be one line")
        for one in fields(self):
            text = getattr(self, one.name)
            if isinstance(text, str) and not (
                text.isprintable() and len(text) <= MOST_TEXT_CHARACTERS
            ):
                raise ValueError(
                    f"{self.kind} {self.name!r}: its {one.name} must be one line of at most "
                    f"{MOST_TEXT_CHARACTERS} printable characters"
                )

    def resolve(self) -> Any:
        """Import the target and return it.

        Raises
        ------
        PluginError
            The module can't be imported or has no such name; or it is a third party's, and this
            process is the host's.
        """
        if self.target_facts is not None:
            raise PluginError(
                f"{self.kind} '{self.name}': its target {self.target} is a third party's, which "
                "is not imported here"
            )
        return self._imported("target", self.target)

    def parameters(self) -> dict[str, ParameterInfo]:
        """The parameters that :meth:`build` takes, by name, in their order.

        Raises
        ------
        PluginError
            The target can't be imported, or its parameters can't be told.
        """
        facts = self.target_facts
        if facts is None:
            known = kept(self.target)
            found = self._parameters_of_target() if known is None else known
        elif facts.problem:
            raise PluginError(
                f"{self.kind} '{self.name}': its target {self.target} could not be imported: "
                f"{facts.problem}"
            )
        else:
            found = facts.parameters
        return {parameter.name: parameter for parameter in found}

    def _parameters_of_target(self) -> tuple[ParameterInfo, ...]:
        target = self.resolve()
        try:
            found = parameters_of(target)
        except (TypeError, ValueError) as error:
            raise PluginError(f"{self.kind} '{self.name}': {error}") from error
        if not is_own_target(self.target):  # what others' say was read where they were imported
            return found
        found = with_documentation(found, target)
        keep(self.target, found)
        return found

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
            if parameter.required and name not in parameters:
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
        except (TypeError, ValueError, OverflowError, ParameterError) as error:
            if isinstance(error, ParameterError) and self.name in str(error):
                raise
            raise ParameterError(f"{self.kind} '{self.name}': {error}") from error

    def _imported(self, what: str, target: str) -> Any:
        module, _, attribute = target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (Exception, SystemExit) as error:  # whatever a plugin's import may raise
            raise PluginError(
                f"{self.kind} '{self.name}': its {what} {target} could not be imported: "
                f"{type(error).__name__}: {error}"
            ) from error


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
    answers_sequences : bool
        Whether a history alone decides the scores, whoever the user is: the victim can then be
        asked about a sequence that nobody has (``QueryOracle.top_k_of``).
    search : tuple of FloatRange, IntRange and Choices
        The parameters that ``loki-bench tune`` tries, and their values; may be empty.
    takes_weights : bool
        Whether the target is a ``WeightedRecommender``: only such a victim can be trained behind a
        defense that weighs events.
    takes_noise : bool
        Whether the target is an ``AdversarialRecommender``: only such a victim can be trained
        behind a defense that trains against noise.
    fine_tunes : bool
        Whether the target is a ``FineTunableRecommender``: a suite's regime ``fine-tune`` refuses
        one that is not.
    trains_rows : bool
        Whether the target is a ``RowwiseRecommender``: the conformance kit then puts ``fit_rows``
        to the test.
    answers : "scores" or "top-k"
        Whether it scores every item, or lists the best ones alone, as a service does:
        ``score_next`` is then -inf for each item that is not listed, whose rank is not known.
    list_length : str
        With ``answers = "top-k"`` the name of its parameter that says how many items outside of
        the user's own history each list has at least. Metrics that need more are refused.
    model_class : str
        What model it is, where another component may be the same one, such as ``"recbole:BPR"``; a
        parameter in braces stands for its value, as in ``"recbole:{model}"``. The simulator
        ``leave-one-out`` leaves out whatever is the victim's model. Empty where the name and the
        target say it.
    """

    kind: ClassVar[str] = "recommender"

    uses_order: bool
    differentiable: bool
    takes_weights: bool = False
    takes_noise: bool = False
    answers_sequences: bool = False
    search: tuple[SearchRange, ...] = ()
    fine_tunes: bool = False
    trains_rows: bool = False
    answers: Answers = "scores"
    list_length: str = ""
    model_class: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.answers not in get_args(Answers):
            raise ValueError(
                f"{self.kind} {self.name!r}: answers {self.answers!r} is neither 'scores' nor "
                "'top-k'"
            )
        if bool(self.list_length) != (self.answers == "top-k"):
            raise ValueError(
                f"{self.kind} {self.name!r}: list_length names a parameter where answers is "
                "'top-k', and is empty where it is 'scores'"
            )
        if self.answers == "top-k" and self.differentiable:
            raise ValueError(
                f"{self.kind} {self.name!r}: what answers lists alone is not differentiable"
            )

    def model_class_with(self, parameters: Mapping[str, object]) -> str:
        """What model it is with these parameters, defaults included; empty where it does not say.

        >>> spec = RecommenderSpec(
        ...     name="any", summary="x", target="a:B", uses_order=True, differentiable=False,
        ...     model_class="recbole:{model}",
        ... )
        >>> spec.model_class_with({"model": "BPR"})
        'recbole:BPR'
        """
        return _BRACES.sub(lambda found: str(parameters.get(found[1], "")), self.model_class)

    def list_length_with(self, parameters: Mapping[str, object]) -> int | None:
        """How many items a list has with these parameters, defaults included; None for scores.

        Raises ``ParameterError`` where the parameter is no whole number from 1.
        """
        if self.answers == "scores":
            return None
        length = parameters.get(self.list_length)
        if not isinstance(length, int) or isinstance(length, bool) or length < 1:
            raise ParameterError(
                f"{self.kind} '{self.name}': its list_length is the parameter "
                f"'{self.list_length}', which is {length!r}; expected a whole number from 1"
            )
        return length


@dataclass(frozen=True, kw_only=True)
class ConditionalNeed:
    """A need of an attack only where one of its parameters has one value.

    Attributes
    ----------
    parameter : str
        Its name.
    value : str, int, float or bool
    need : "history", "surrogates", "influence", "queries" or "sequence-queries"
    """

    parameter: str
    value: str | float | bool
    need: Need


@dataclass(frozen=True, kw_only=True)
class AttackerSpec(ComponentSpec):
    """Declares an attack.

    Attributes
    ----------
    needs : frozenset of "history", "surrogates", "influence", "queries", "sequence-queries"
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
    baseline : bool
        Whether other attacks are measured against it: the gain of a row is over the best baseline
        of its table, with parameters at their defaults.
    ignores_events : bool
        Whether the attack, to promote, looks at nobody's events, although it is given them: a
        suite that takes knowledge of them away refuses it. An attack without needs is known to.
    takes_lengths : bool
        Whether the attack gives each fake user as many events as ``view.budget.lengths`` says
        where it is given: a suite with ``actions = "genuine"`` refuses one that does not.
    """

    kind: ClassVar[str] = "attacker"

    needs: frozenset[Need] = frozenset({"history"})
    influence: str = "cg"
    influence_parameters: Mapping[str, Any] = field(default_factory=dict)
    prepares: bool = False
    needs_when: tuple[ConditionalNeed, ...] = ()
    baseline: bool = False
    ignores_events: bool = False
    takes_lengths: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.needs, frozenset) or not all(
            isinstance(need, str) for need in self.needs
        ):
            raise ValueError(
                f"attacker {self.name!r}: its needs are {self.needs!r}; expected a frozenset of "
                'text, such as frozenset({"history"})'
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
    """Declares a metric. The first metric of a suite heads its table, whoever declares it.

    Without ``takes_k`` its name is the head of a column: it can't be one that tables have already,
    such as ``rank`` or ``gain`` (``loki_bench/plugins/metric_labels.py`` has them all).

    Attributes
    ----------
    higher_is : "better for the attacker", "better for the platform" or "neither"
        How to read a larger value. A table is sorted and ranked by it.
    range : (float, float)
        Least and greatest possible value; infinity where there is no end, which is no value itself.
    unit : str
        For example ``"share"`` or ``"rank"``.
    purpose : "attack", "utility", "stealth", "detection" or "defense cost"
        A table of defenses shows the metrics of the last two.
    takes_k : bool
        Whether the target has a parameter ``k``; a suite then asks for ``name@k``.
    goal : "promote" or "demote"
        The goal of the attacker that ``higher_is`` speaks of. To an attacker with the other goal
        a metric of the purpose ``"attack"`` is good where it is bad to this one.
    ceiling : str
        ``"package.module:function"`` of the highest value that a protocol leaves room for; empty
        where that is the end of the range. The function is called with the number of target items
        and, where the metric takes one, the cut-off: ``function(n_targets=20, k=10)``.
    reads_untargeted : bool
        Whether it reads ``outcome.untargeted_ranks``: they are taken only where a metric does.
    needs_all_ranks : bool
        Whether it looks at ranks beyond any cut-off: a suite with a victim that answers lists
        alone refuses it.
    """

    kind: ClassVar[str] = "metric"

    higher_is: HigherIs
    range: tuple[float, float]
    unit: str
    purpose: Purpose
    takes_k: bool = False
    goal: "GoalKind" = "promote"
    ceiling: str = ""
    reads_untargeted: bool = False
    needs_all_ranks: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for what, value, known in (
            ("higher_is", self.higher_is, get_args(HigherIs)),
            ("purpose", self.purpose, get_args(Purpose)),
            ("goal", self.goal, ("promote", "demote")),
        ):
            if value not in known:
                listed = ", ".join(map(repr, known))
                raise ValueError(f"{self.kind} {self.name!r}: {what} {value!r} is none of {listed}")
        if not self.takes_k and TAKEN.fullmatch(self.name):
            raise ValueError(f"{self.kind} {self.name!r}: its name {WHY_TAKEN}")
        bounds = self.range
        if not (
            isinstance(bounds, (tuple, list))
            and len(bounds) == 2
            and all(isinstance(end, (int, float)) for end in bounds)
            and bounds[0] <= bounds[1]
        ):
            raise ValueError(
                f"{self.kind} {self.name!r}: its range is {bounds!r}; expected the least and the "
                "greatest possible value, such as (0.0, 1.0)"
            )
        if self.ceiling and not _TARGET.fullmatch(self.ceiling):
            raise ValueError(f"{self.kind} {self.name!r}: ceiling {self.ceiling!r} is not 'a.b:c'")

    @property
    def expected(self) -> str:
        """What a value must be, as a refusal says it."""
        low, high = self.range
        infinite = "" if math.isfinite(low) and math.isfinite(high) else ", infinity left out"
        return f"a float from {low} to {high}{infinite}"

    def ceiling_of(self, *, n_targets: int, k: int | None) -> float | None:
        """The highest value that a protocol leaves room for; None where the spec names none.

        Raises
        ------
        PluginError
            Its function can't be imported, fails, or answers with no float of the range; or it is
            a third party's, and this process is the host's.
        """
        if not self.ceiling:
            return None
        if self.target_facts is not None:
            raise PluginError(
                f"metric '{self.name}': its ceiling {self.ceiling} is a third party's, which is "
                "not imported here"
            )
        function = self._imported("ceiling", self.ceiling)
        try:
            value = function(n_targets=n_targets, **({} if k is None else {"k": k}))
        except Exception as error:  # whatever a plugin may raise
            raise PluginError(
                f"metric '{self.name}': its ceiling {self.ceiling} raised "
                f"{type(error).__name__}: {error}"
            ) from error
        low, high = self.range
        if not isinstance(value, float) or not (math.isfinite(value) and low <= value <= high):
            raise PluginError(
                f"metric '{self.name}': its ceiling {self.ceiling} answered {value!r}; expected "
                f"{self.expected}"
            )
        return float(value)


@dataclass(frozen=True, kw_only=True)
class DefenseSpec(ComponentSpec):
    """Declares a defense.

    Attributes
    ----------
    form : "filter", "weights" or "training"
        What the target is: a ``Defense``, which keeps users or drops them, a ``WeightingDefense``
        or a ``RobustTraining``.
    needs_weights : bool
        Whether a ``RobustTraining`` gives weights: its victims' specs must say ``takes_weights``.
        A ``WeightingDefense`` does so anyway.
    needs_noise : bool
        Whether a ``RobustTraining`` trains against noise: its victims' specs must say
        ``takes_noise``.
    """

    kind: ClassVar[str] = "defense"

    form: DefenseForm = "filter"
    needs_weights: bool = False
    needs_noise: bool = False

    @property
    def gives_weights(self) -> bool:
        """Whether its victims have to take weights."""
        return self.form == "weights" or self.needs_weights


def higher_is_for(
    goal: "GoalKind", higher_is: HigherIs, purpose: Purpose, stated_for: "GoalKind"
) -> HigherIs:
    """What a metric's ``higher_is``, stated for one goal, says to an attacker with a goal.

    >>> higher_is_for("demote", "better for the attacker", "attack", "promote")
    'better for the platform'
    >>> higher_is_for("demote", "better for the platform", "utility", "promote")
    'better for the platform'
    """
    if goal == stated_for or purpose != "attack":
        return higher_is
    other: dict[HigherIs, HigherIs] = {
        "better for the attacker": "better for the platform",
        "better for the platform": "better for the attacker",
    }
    return other.get(higher_is, higher_is)


def nearest(name: str, known: "Mapping[str, object] | list[str]") -> str:
    """``" (did you mean 'x'?)"`` for the known name most like ``name``, or nothing.

    >>> nearest("BPRMF", ["bprmf", "fpmc"])
    " (did you mean 'bprmf'?)"
    """
    by_letters = {one.lower(): one for one in known}
    matches = difflib.get_close_matches(name.lower(), by_letters, n=1)
    return f" (did you mean '{by_letters[matches[0]]}'?)" if matches else ""
