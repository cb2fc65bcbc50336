"""The form of a fidelity suite's records and runs: what is not in it is read by nobody."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from typing_extensions import Self

from loki_bench.json_values import JsonObject
from loki_bench.records.store import Store

__all__ = ["costs_of", "fidelity_record", "fits"]

Number = Annotated[float, Field(ge=-1e100, le=1e100)]
"""Sums of their squares are finite."""

Experiment = Annotated[
    str,
    Field(pattern=r"^(single|next item|(group|display rate) \d{1,3}(\.\d{1,6})?(e-\d\d)? %)$"),
]
"""As :func:`loki_bench.fidelity.fake_user_designs.experiments_of` names it."""

Effects = dict[Experiment, Annotated[list[Number], Field(min_length=1)]]
"""By experiment, a number for each fake user or group of them."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class _Ended(_Part):
    schema_: Literal[1] = Field(alias="schema")
    fidelity_version: int
    status: Literal["ok"]
    reason: Literal[""]


class _NotEnded(_Part):
    schema_: Literal[1] = Field(alias="schema")
    fidelity_version: int
    status: Literal["failed", "timeout"]
    reason: str


class _Truth(_Ended):
    """True effects, see :class:`loki_bench.fidelity.jobs.TrueEffects`."""

    strata: dict[Experiment, list[str]]
    values: Effects
    retest: Effects | None
    target_clicks: Effects
    largest_gradient: float | None

    @model_validator(mode="after")
    def _of_one_size(self) -> Self:
        sizes = {name: len(row) for name, row in self.values.items()}
        for other in (self.strata, self.retest, self.target_clicks):
            if other is not None and {name: len(row) for name, row in other.items()} != sizes:
                raise ValueError("its lists have different lengths")
        return self


class _Answer(_Ended):
    """An estimator's answers, see :class:`loki_bench.fidelity.jobs.Prediction`."""

    values: Effects
    report: dict[str, JsonValue]
    invariance: dict[str, float | None]


class _TruthCosts(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    seconds: Number


class _AnswerCosts(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)

    fit_seconds: Number
    score_seconds: Number
    peak_memory_bytes: Number


def fidelity_record(store: Store, record_id: str, *, truth: bool) -> JsonObject | None:
    """A record of true effects, or else of an estimator's answers.

    None where it is not there or not whole; one that is no such record is named, too.
    """
    content = store.read_json("records", record_id)
    if content is None:
        return None
    kind: type[_Part] = _Truth if truth else _Answer
    if content.get("status") != "ok":
        kind = _NotEnded
    return content if _is(kind, content, store, f"records/{record_id}.json") else None


def costs_of(store: Store, record_id: str, *, truth: bool) -> dict[str, float] | None:
    """What a record cost, as the run beside it says; None where it does not."""
    run = store.read_json("runs", record_id)
    costs = None if run is None else run.get("costs")
    if not isinstance(costs, dict):
        return None
    kind: type[BaseModel] = _TruthCosts if truth else _AnswerCosts
    try:
        return kind.model_validate(costs).model_dump()
    except ValidationError:
        return None


def fits(truth: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    """Whether an answer has a number for each true effect."""
    first, second = (
        {name: len(row) for name, row in record["values"].items()} for record in (truth, answer)
    )
    return first == second


def _is(kind: type[_Part], content: JsonObject, store: Store, name: str) -> bool:
    try:
        kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))[:80]
        store.say(name, f"it is no record of a fidelity suite: {place}: {first['msg']}")
        return False
    return True
