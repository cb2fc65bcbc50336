"""The record of a cell: the one module that knows its keys, their types and how it is written.

A record holds only what follows from the cell's specification, so it is the same bytes on every
run. Whatever is read from disk passes :meth:`Record.parse`; everything else reads attributes.
"""

import json
import math
import re
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)
from typing_extensions import Self

from loki_bench.content_ids import canonical_json
from loki_bench.errors import StoreError
from loki_bench.plain_data import LARGEST_INTEGER, MOST_DEPTH
from loki_bench.plugins.metric_labels import TAKEN, WHY_TAKEN
from loki_bench.plugins.specs import HigherIs, Purpose
from loki_bench.suite.cell import Cell

__all__ = [
    "SCHEMA_VERSION",
    "Artefacts",
    "Canary",
    "DefenseNumbers",
    "DrawnGoal",
    "LearningCurve",
    "Lengths",
    "MetricInfo",
    "MetricValue",
    "Record",
    "Reports",
    "Spent",
    "Status",
]

SCHEMA_VERSION = 4

Status: TypeAlias = Literal["ok", "rejected", "failed", "timeout"]
Count: TypeAlias = Annotated[int, Field(ge=0)]
Address: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of what determines an artefact, or of its content."""

Means: TypeAlias = Annotated[str, Field(pattern=r"^[a-z]{1,20}$")]

Part: TypeAlias = Annotated[str, Field(pattern=r"^(victim|defense|metric \S{1,200})$")]
"""Whose code it is that beside the attack's took part in a cell."""

LATER: dict[str, object] = {
    "not_deterministic": "",
    "confinement": None,
    "others_confinement": None,
}
"""Keys that came later, and their values where nothing is written: old records keep their bytes."""

TARGET_NAMES = ("item_tokens", "user_tokens")
"""Of a goal: later keys, too."""

DEEPEST = MOST_DEPTH + 3
"""No record has lists in lists to that depth: a report that is taken has two tables around it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class MetricInfo(_Part):
    """All that a reader of a metric's values must know of it: what its spec says.

    Attributes
    ----------
    label : str
        As in the suite: ``display_rate@10``; none that a column of a table has already.
    higher_is : "better for the attacker", "better for the platform" or "neither"
        For an attacker with the cell's goal.
    range : (float or None, float or None)
        Least and greatest possible value; None where there is no bound.
    ceiling : float or None
        The highest value that the protocol leaves room for, where it is below the range's end.
    purpose : "attack", "utility", "stealth", "detection" or "defense cost"
    unit : str
    """

    label: str
    higher_is: HigherIs
    range: tuple[float | None, float | None]
    ceiling: float | None
    purpose: Purpose
    unit: str


class MetricValue(MetricInfo):
    """A metric of a cell; its value is None where it is undefined.

    ``origin`` is the distribution of a third party's metric, with its version: ``"mine 1.2"``. It
    is None, and not written, for this project's own, and in records of before it was kept.
    """

    value: float | None
    origin: Annotated[str, Field(max_length=300)] | None = None

    @property
    def info(self) -> MetricInfo:
        """The metric without its value and whose it is."""
        known = MetricInfo.model_fields
        return MetricInfo.model_construct(**{k: v for k, v in self if k in known})


class DrawnGoal(_Part):
    """The target items and the target users whose ranks are kept, by number and by name.

    All users of the cell but where all users are target users: then a sample, see
    ``loki_bench.suite.goal.draw_goal``. Names are empty where the dataset has none, and in
    records of before they were kept.
    """

    items: tuple[Count, ...]
    users: tuple[Count, ...]
    item_tokens: tuple[str, ...] = ()
    user_tokens: tuple[str, ...] = ()


class Spent(_Part):
    """The budget ledger of an attack: what it used of all that it was granted.

    ``queries`` are those that the oracle answered; ``surrogate_fits`` are recommenders that the
    host trained for the attacker. Seconds and memory are in the run beside the record: they
    differ from run to run.
    """

    fake_users: Count
    events: Count
    events_on_targets: Count
    queries: Count
    surrogate_fits: Count


class Lengths(_Part):
    """How many training sequences have each length, genuine and fake: ``{15: 671}``."""

    genuine: dict[Count, Count]
    fake: dict[Count, Count]


class Canary(_Part):
    """Whether the poison reached the victim; None where the victim does not count samples."""

    training_samples: int | None
    training_samples_from_fake_users: int | None


class Artefacts(_Part):
    """Where poison and ranks lie, by what determines them; ``poison_digest`` is of the content.

    The last three are of cells with a defense. A step of a third party may add names of its own.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Address]

    poison: Address
    poison_digest: Address
    ranks: Address
    clean_ranks: Address
    defense: Address | None = None
    clean_defense: Address | None = None
    undefended_clean_ranks: Address | None = None


class LearningCurve(BaseModel):
    """What an attacker may report of its training: mean returns by round, and of the greedy policy.

    ``evaluated_after`` are the rounds after which ``greedy_return`` was measured.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    mean_return: tuple[float, ...]
    evaluated_after: tuple[int, ...] = ()
    greedy_return: tuple[float, ...] = ()


class Reports(_Part):
    """What attacker and victim say of themselves: any JSON, of which nothing is trusted."""

    attacker: dict[str, JsonValue]
    victim: dict[str, JsonValue]

    @property
    def group_sequence(self) -> tuple[str, ...] | None:
        """The group of items at each step of the most common sequence, if one is reported."""
        groups = self.attacker.get("group_sequence")
        return tuple(map(str, groups)) if isinstance(groups, list) else None

    @property
    def learning_curve(self) -> LearningCurve | None:
        """The learning curve, if one is reported that can be drawn."""
        try:
            return LearningCurve.model_validate(self.attacker.get("learning_curve"))
        except ValidationError:
            return None


class DefenseNumbers(_Part):
    """What a defense kept, and what it reports of itself on the poisoned and the clean data."""

    fake_users_kept: Count
    genuine_users_dropped: Count
    clean_users_dropped: Count
    report: dict[str, JsonValue]
    clean_report: dict[str, JsonValue]


class Record(_Part):
    """What was found about one cell.

    Attributes
    ----------
    id : str
        Of the cell.
    cell : Cell
    status : "ok", "rejected", "failed" or "timeout"
    reason : str
        Why there is no result; empty where there is one.
    metrics : tuple of MetricValue
        In the order of the suite: the first one heads a table. Empty without a result.
    spent : Spent or None
        None where no poison was accepted.
    goal, lengths, canary, artefacts, reports
        None without a result.
    defense : DefenseNumbers or None
        None without a result or a defense.
    not_deterministic : str
        How the same craft, done twice, differed; empty where it did not, or was done once: it is
        done twice in one cell of each attack.
    confinement : tuple of str or None
        What the attack was kept from, see ``loki_bench/sandbox/confinement.py``;
        empty: it was not confined. None where that was all of it, or nothing was crafted.
    others_confinement : mapping of part to tuple of str, or None
        The same of a third party's victim, of the defense, and of third parties' metrics
        (``"metric sum@5"``): those alone that were not kept from all. None without a result.

    The last three are left out of the text where they are empty or None.
    """

    id: Address
    cell: Cell
    status: Status
    reason: str
    metrics: tuple[MetricValue, ...] = ()
    goal: DrawnGoal | None = None
    spent: Spent | None = None
    lengths: Lengths | None = None
    canary: Canary | None = None
    artefacts: Artefacts | None = None
    reports: Reports | None = None
    defense: DefenseNumbers | None = None
    not_deterministic: Annotated[str, Field(max_length=500)] = ""
    confinement: tuple[Means, ...] | None = None
    others_confinement: dict[Part, tuple[Means, ...]] | None = None

    @classmethod
    def parse(cls, content: object) -> Self:
        """A record from parsed JSON, of this schema or of the one before.

        Raises
        ------
        StoreError
            It is no record, or of a schema that is not known; one sentence.
        """
        _refuse_odd_json(content)
        if not isinstance(content, dict):
            raise StoreError(f"it is no record: expected a JSON object, got {_short(content)}")
        version = content.get("schema")
        try:
            if version == 3 and type(version) is int:
                from loki_bench.records.schema_3 import from_schema_3  # few folders are so old

                content = from_schema_3(content)
            elif version != SCHEMA_VERSION or type(version) is not int:
                raise StoreError(
                    f"its schema is {_short(version)}; expected {SCHEMA_VERSION} or 3: run the "
                    "suite again, or read it with the release that wrote it"
                )
            fields = {key: value for key, value in content.items() if key != "schema"}
            # as JSON text: strict about types, and still a list is taken for a tuple
            return cls.model_validate_json(json.dumps(fields), strict=True)
        except ValidationError as error:
            raise StoreError(f"it is no record: {_first_problem(error)}") from error

    @classmethod
    def from_text(cls, text: bytes | str) -> Self:
        """A record from its JSON text; raises ``StoreError`` as :meth:`parse`."""
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise StoreError(f"it is no record: not JSON ({_short(str(error))})") from error
        return cls.parse(content)

    def to_json(self) -> dict[str, JsonValue]:
        """The record as JSON has it."""
        absent: dict[str, bool | set[str] | dict[int, set[str]]] = {
            name: True for name, default in LATER.items() if getattr(self, name) == default
        }
        own = {n: {"origin"} for n, metric in enumerate(self.metrics) if metric.origin is None}
        if own:
            absent["metrics"] = own
        if self.goal is not None:
            absent["goal"] = {name for name in TARGET_NAMES if not getattr(self.goal, name)}
        return {"schema": SCHEMA_VERSION, **self.model_dump(mode="json", exclude=absent)}

    def to_text(self) -> str:
        """Canonical JSON: the same record is the same text on every machine."""
        return canonical_json(self.to_json(), indent=1) + "\n"

    @property
    def artefact_addresses(self) -> dict[str, str]:
        """All artefacts that the cell has, by what the record calls them; empty without any."""
        return {
            name: address
            for name, address in self.artefacts or ()
            if address is not None and not name.endswith("_digest")
        }

    def metric(self, label: str) -> MetricValue | None:
        """A metric by its label; None where the record lacks it."""
        return next((metric for metric in self.metrics if metric.label == label), None)

    def value(self, label: str) -> float | None:
        """The value of a metric; None where the record lacks it, or it is undefined."""
        metric = self.metric(label)
        return None if metric is None else metric.value

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """A result has all of its parts, and nothing else has any but what was spent."""
        parts = (self.goal, self.lengths, self.canary, self.artefacts, self.reports)
        if self.status == "ok":
            if None in parts or self.spent is None or not self.metrics:
                raise ValueError("a record with the status 'ok' lacks a part of its result")
        elif self.metrics or any(
            part is not None for part in (*parts, self.defense, self.others_confinement)
        ):
            raise ValueError(f"a record with the status '{self.status}' has a result")
        for name in TARGET_NAMES if self.goal is not None else ():
            numbers = getattr(self.goal, f"{name.partition('_')[0]}s")
            if len(getattr(self.goal, name)) not in (0, len(numbers)):
                raise ValueError(f"its goal has other numbers of {name} than of targets")
        for name, _ in self.artefacts or ():
            if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name):  # its last word is a folder
                raise ValueError(f"an artefact can't be called {name[:80]!r}")
        if len({metric.label for metric in self.metrics}) < len(self.metrics):
            raise ValueError("a metric is listed twice")
        for metric in self.metrics:
            if TAKEN.fullmatch(metric.label):
                raise ValueError(f"the label {metric.label[:80]!r} of a metric {WHY_TAKEN}")
        return self


def _refuse_odd_json(content: object) -> None:
    """Refuse what no record holds: numbers without end, very deep nesting, objects of Python."""
    level: list[object] = [content]
    for _ in range(DEEPEST):
        inner: list[object] = []
        for value in level:
            if type(value) is str:  # first: most are
                continue
            if isinstance(value, dict):
                inner += (key for key in value if type(key) is not str)
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, float) and not math.isfinite(value):
                raise StoreError(f"it is no record: it holds the number {value}")
            elif isinstance(value, int) and not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
                raise StoreError("it is no record: it holds a whole number of more than 64 bits")
            elif not isinstance(value, (str, int, float, type(None))):
                raise StoreError(f"it is no record: {type(value).__name__} is no JSON")
        if not inner:
            return
        level = inner
    raise StoreError(f"it is no record: it is nested more than {DEEPEST} levels deep")


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if not key:
        return message
    return f"key '{key}': {message[0].lower()}{message[1:]}, got {_short(problem['input'])}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
