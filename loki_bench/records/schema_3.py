"""Records of schema 3, read as those of today.

Schema 3 held a metric as a number under its label, and nothing of what its spec said. The table
below is what the specs of the built-in metrics said then; it is never changed. Schemas 1 and 2
were never published.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, JsonValue

from loki_bench.contracts import GoalKind
from loki_bench.errors import StoreError
from loki_bench.plugins.specs import HigherIs, Purpose, higher_is_for

__all__ = ["from_schema_3", "renamed"]


class _Metric(NamedTuple):
    name: str
    higher_is: HigherIs
    purpose: Purpose
    unit: str = "share"
    range: tuple[float | None, float | None] = (0.0, 1.0)
    goal: GoalKind = "promote"


ATTACKER: HigherIs = "better for the attacker"
PLATFORM: HigherIs = "better for the platform"

METRICS: Mapping[str, _Metric] = {
    "display_rate": _Metric("display_rate", ATTACKER, "attack"),
    "display_any": _Metric("user_display_rate", ATTACKER, "attack"),
    "demotion_rate": _Metric("demotion_rate", ATTACKER, "attack", goal="demote"),
    "target_rank": _Metric("target_rank", PLATFORM, "attack", "rank", (1.0, None)),
    "hr": _Metric("hr", PLATFORM, "utility"),
    "ndcg": _Metric("ndcg", PLATFORM, "utility", "gain"),
    "hr_change": _Metric("hr_change", PLATFORM, "utility", range=(-1.0, 1.0)),
    "length_distance": _Metric("length_ks", PLATFORM, "stealth", "distance"),
    "clean_hr_lost": _Metric("clean_hr_lost", ATTACKER, "defense cost", range=(-1.0, 1.0)),
    "clean_ndcg_lost": _Metric("clean_ndcg_lost", ATTACKER, "defense cost", "gain", (-1.0, 1.0)),
    "genuine_harmed": _Metric("false_positive_rate", ATTACKER, "detection"),
    "detection_precision": _Metric("detection_precision", PLATFORM, "detection"),
    "detection_recall": _Metric("detection_recall", PLATFORM, "detection"),
    "detection_auc": _Metric("detection_auc", PLATFORM, "detection"),
}
"""By the name of that time, in the order of a table's columns."""

BASELINES = ("none", "random", "popular")
"""Attackers of loki-bench that gains were measured against, with parameters at their defaults."""


class _Protocol(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    goal: GoalKind


class _Attacker(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    name: str
    distribution: str
    changed: dict[str, JsonValue]


class _Cell(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    protocol: _Protocol
    attacker: _Attacker


class _Record(BaseModel):
    """The keys that the migration reads; all others are taken over."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    cell: _Cell
    metrics: dict[str, float | None] = {}
    ceilings: dict[str, float] = {}
    defended: JsonValue = None


def from_schema_3(content: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A record's content as today's schema has it.

    Raises
    ------
    StoreError
        It has a metric of a third party: nothing says how to read it.
    pydantic.ValidationError
        It is no record of schema 3.
    """
    old = _Record.model_validate(content, strict=True)
    cell, attacker = old.cell, old.cell.attacker
    is_baseline = (
        attacker.distribution == "loki-bench"
        and attacker.name in BASELINES
        and not attacker.changed
    )
    return {
        **old.__pydantic_extra__,
        "schema": 4,
        "cell": {**cell.model_dump(mode="json"), "is_baseline": is_baseline},
        "metrics": [
            _metric(label, old.metrics[label], old.ceilings.get(label), cell.protocol.goal)
            for label in sorted(old.metrics, key=lambda label: _place(label, cell.protocol.goal))
        ],
        "defense": old.defended,
    }


def renamed(label: str) -> str:
    """The label of today for one of schema 3: ``display_any@10`` is ``user_display_rate@10``."""
    name, at, cutoff = label.partition("@")
    return label if name not in METRICS else f"{METRICS[name].name}{at}{cutoff}"


def _place(label: str, goal: GoalKind) -> tuple[bool, int, str]:
    """The metric that headed a table first, then in the order of the table of metrics."""
    name = label.partition("@")[0]
    if name not in METRICS:
        raise StoreError(
            f"it is of schema 3 and has the metric '{label}', of which it does not say how to "
            "read it; run the suite again: metrics are measured again from the stored ranks"
        )
    heads = goal == "demote" and name == "demotion_rate"
    return not heads, list(METRICS).index(name), label


def _metric(
    label: str, value: float | None, ceiling: float | None, goal: GoalKind
) -> dict[str, JsonValue]:
    metric = METRICS[label.partition("@")[0]]
    return {
        "label": renamed(label),
        "value": value,
        "higher_is": higher_is_for(goal, metric.higher_is, metric.purpose, metric.goal),
        "range": list(metric.range),
        "ceiling": ceiling,
        "purpose": metric.purpose,
        "unit": metric.unit,
    }
