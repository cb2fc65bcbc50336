"""Specs as plain data, and back: how a third party's declarations reach the host.

What is read is believed in nothing: each field is checked, and a spec made of it passes the same
checks as one that is made in Python.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, TypeAlias, get_args, get_type_hints

from loki_bench.plain_data import in_short
from loki_bench.plugins.search_space import Choices, FloatRange, IntRange, SearchRange
from loki_bench.plugins.specs import (
    AttackerSpec,
    ComponentSpec,
    ConditionalNeed,
    DatasetSpec,
    DefenseSpec,
    InfluenceEstimatorSpec,
    MetricSpec,
    RecommenderSpec,
)
from loki_bench.plugins.target_facts import ParameterInfo, TargetFacts

__all__ = ["MOST_SPECS", "JsonData", "as_received", "data_of", "spec_of"]

JsonData: TypeAlias = dict[str, Any]

MOST_SPECS = 1000
"""Components that one hook may declare."""
MOST_PARTS = 1000
MOST_CHARACTERS = 1000
LARGEST_INTEGER = 1 << 63

SPEC_TYPES: Mapping[str, type[ComponentSpec]] = {
    spec_type.kind: spec_type
    for spec_type in (
        AttackerSpec,
        DatasetSpec,
        DefenseSpec,
        InfluenceEstimatorSpec,
        MetricSpec,
        RecommenderSpec,
    )
}


def data_of(spec: ComponentSpec, facts: TargetFacts) -> JsonData:
    """A spec and what is known of its target, as JSON can hold it.

    Raises ``ValueError``, which names the field that holds something other than plain data.
    """
    data: JsonData = {"kind": spec.kind}
    for field in fields(SPEC_TYPES[spec.kind]):
        value = facts if field.name == "target_facts" else getattr(spec, field.name)
        try:
            data[field.name] = _plain(value)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{spec.kind} '{spec.name}': its {field.name} can't be told as data: {error}"
            ) from None
    return data


def spec_of(data: object) -> ComponentSpec:
    """The spec that data describe; raises ``ValueError`` with what is wrong with them."""
    told = _mapping(data)
    spec_type = SPEC_TYPES.get(_text(told.get("kind")))
    if spec_type is None:
        raise ValueError(f"a component of the kind {told['kind']!r}")
    names = {field.name for field in fields(spec_type)}
    if set(told) != names | {"kind"}:
        raise ValueError(f"a {spec_type.kind} with other fields than {', '.join(sorted(names))}")
    hints = get_type_hints(spec_type, localns={"GoalKind": str})  # looked at by the spec itself
    who = f"{spec_type.kind} {in_short(str(told['name']), 100)!r}"
    given = {name: _field_of(who, name, hints[name], told[name]) for name in sorted(names)}
    return spec_type(**given)


def as_received(spec: ComponentSpec, facts: TargetFacts) -> ComponentSpec:
    """A spec as the host has it, after its way there as data; raises ``ValueError`` as both do."""
    return spec_of(json.loads(json.dumps(data_of(spec, facts), allow_nan=False)))


def _field_of(who: str, name: str, hint: object, value: object) -> Any:
    try:
        return _field(name, hint, value)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{who}: its {name} can't be taken: {error}") from None


def _field(name: str, hint: object, value: object) -> Any:
    if name in _READERS:
        return _READERS[name](value)
    if hint is bool:
        return _truth(value)
    text = _text(value)
    allowed = get_args(hint)  # of a Literal
    if allowed and text not in allowed:
        raise ValueError(f"its {name} is {text!r}; expected one of {', '.join(allowed)}")
    return text


def _plain(value: object) -> object:
    """What of a spec's field JSON can hold; tuples and sets become lists."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        # no number in JSON: a metric's range may be unbounded
        return float(value) if math.isfinite(value) else {"infinite": str(float(value))}
    if isinstance(value, (FloatRange, IntRange, Choices)):
        return {"range": type(value).__name__, **_plain_mapping(asdict(value))}
    if isinstance(value, ParameterInfo):
        default = _plain(value.default) if value.is_plain else None
        return {
            "name": value.name,
            "required": value.required,
            "is_plain": value.is_plain,
            "default": default,
            "shown": in_short(value.shown, MOST_CHARACTERS),  # of an array, lines
            "about": in_short(value.about, MOST_CHARACTERS),
        }
    if isinstance(value, TargetFacts):
        return {"parameters": _plain(value.parameters), "problem": value.problem}
    if isinstance(value, ConditionalNeed):
        return _plain_mapping(asdict(value))
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    if isinstance(value, (frozenset, set)):
        return sorted(_text(part) for part in value)
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    raise TypeError(f"there is a {type(value).__name__} in it")


def _plain_mapping(value: Mapping[Any, Any]) -> JsonData:
    return {_text(name): _plain(part) for name, part in value.items()}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a {type(value).__name__} where text is expected")
    if len(value) > MOST_CHARACTERS or not value.isprintable():
        raise ValueError(f"text that is no line of at most {MOST_CHARACTERS} printable characters")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"a {type(value).__name__} where true or false is expected")
    return value


def _mapping(value: object) -> JsonData:
    if not isinstance(value, dict) or len(value) > MOST_PARTS:
        raise ValueError(f"a {type(value).__name__} where a table is expected")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_PARTS:
        raise ValueError(f"a {type(value).__name__} where a list of at most {MOST_PARTS} is due")
    return value


def _words(value: object) -> dict[str, str]:
    return {_text(name): _text(part) for name, part in _mapping(value).items()}


def _values_by_parameter(value: object) -> dict[str, dict[str, str]]:
    return {_text(name): _words(part) for name, part in _mapping(value).items()}


def _scalar(value: object) -> bool | int | float | str:
    """A value as a suite could give it."""
    if isinstance(value, str):
        if len(value) > MOST_CHARACTERS or (not value.isascii() and _is_broken(value)):
            raise ValueError(
                f"text that is not valid, or of more than {MOST_CHARACTERS} characters"
            )
        return value
    if not isinstance(value, (bool, int, float)):
        raise ValueError(f"a {type(value).__name__} where a value is expected")
    if not (math.isfinite(value) if isinstance(value, float) else abs(value) < LARGEST_INTEGER):
        raise ValueError("a number that is not finite, or of more than 64 bits")
    return value


def _is_broken(text: str) -> bool:
    """Whether there is half of a surrogate pair in it."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _number(value: object) -> float:
    found = _scalar(value)
    if isinstance(found, (bool, str)):
        raise ValueError(f"a {type(value).__name__} where a number is expected")
    return float(found)


def _bound(value: object) -> float:
    """An end of a range; there may be none."""
    if isinstance(value, dict):
        return float(_text(value["infinite"]))
    return _number(value)


def _bounds(value: object) -> tuple[float, float]:
    low, high = (_bound(part) for part in _list(value))
    if not low <= high:
        raise ValueError(f"the range {low} to {high}")
    return low, high


def _names(value: object) -> tuple[str, ...]:
    return tuple(_text(part) for part in _list(value))


def _needs(value: object) -> frozenset[str]:
    return frozenset(_text(part) for part in _list(value))


def _needs_when(value: object) -> tuple[ConditionalNeed, ...]:
    return tuple(
        ConditionalNeed(
            parameter=_text(case["parameter"]),
            value=_scalar(case["value"]),
            need=_text(case["need"]),  # type: ignore[arg-type]  # compared with a suite's grants
        )
        for case in map(_mapping, _list(value))
    )


def _search(value: object) -> tuple[SearchRange, ...]:
    return tuple(_range(_mapping(part)) for part in _list(value))


def _range(told: JsonData) -> SearchRange:
    name = _text(told["parameter"])
    match told["range"]:
        case "FloatRange":
            low, high = _number(told["low"]), _number(told["high"])
            return FloatRange(name, low, high, log=_truth(told["log"]))
        case "IntRange":
            first, last = told["low"], told["high"]
            if not (isinstance(first, int) and isinstance(last, int)):
                raise ValueError(f"the range of {name!r}: expected whole numbers")
            return IntRange(name, first, last, log=_truth(told["log"]))
        case "Choices":
            return Choices(name, tuple(_scalar(part) for part in _list(told["values"])))
    raise ValueError(f"the range of {name!r} is of no known kind")


def _parameters(value: object) -> dict[str, object]:
    """Parameters as a suite would give them: values, and lists of values."""
    return {
        _text(name): [_scalar(one) for one in _list(part)]
        if isinstance(part, list)
        else _scalar(part)
        for name, part in _mapping(value).items()
    }


def _facts(value: object) -> TargetFacts:
    told = _mapping(value)
    return TargetFacts(
        parameters=tuple(_parameter(_mapping(part)) for part in _list(told["parameters"])),
        problem=_text(told["problem"]),
    )


def _parameter(told: JsonData) -> ParameterInfo:
    name, default = _text(told["name"]), told["default"]
    try:
        value = None if default is None else _scalar(default)
    except ValueError as error:
        raise ValueError(f"the default of its parameter {name!r} is {error}") from None
    return ParameterInfo(
        name=name,
        required=_truth(told["required"]),
        default=value,
        is_plain=_truth(told["is_plain"]),
        shown=_text(told["shown"]),
        about=_text(told["about"]),
    )


_READERS: Mapping[str, Callable[[object], object]] = {
    "former_names": _names,
    "former_parameters": _words,
    "former_values": _values_by_parameter,
    "influence_parameters": _parameters,
    "later_parameters": _names,
    "needs": _needs,
    "needs_when": _needs_when,
    "range": _bounds,
    "search": _search,
    "target_facts": _facts,
}
