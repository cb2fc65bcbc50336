"""What an isolated process may send, and the host's parser of it.

A message is JSON of a bounded size, in one of four forms; arrays follow an answer as plain bytes,
as many as it said. Nothing is unpickled or unpacked. Numbers are finite, text is valid, and what
is anything else is a :class:`MalformedError`, which says in a sentence what was wrong.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from loki_bench.json_values import JsonObject, JsonValue
from loki_bench.plain_data import MOST_DEPTH, MOST_REPORT_BYTES, checked_plain, in_short, last_lines
from loki_bench.sandbox.confinement import Confinement, confinement_of

__all__ = [
    "MOST_MESSAGE_BYTES",
    "ArrayForm",
    "Finished",
    "MalformedError",
    "Message",
    "Question",
    "Ready",
    "Told",
    "array_forms",
    "arrays_of",
    "parsed",
]

MOST_MESSAGE_BYTES = 256 << 10
MOST_ARRAYS = 1000
MOST_DIMENSIONS = 8

COSTS = ("wall_seconds", "cpu_seconds", "compile_seconds")
PLAIN_TYPE = re.compile(r"[<|][biuf][1248]|[<]U\d{1,6}")
"""Truth values, integers, floats and text, in the byte order of both sides."""


Plain = TypeVar("Plain")
"""JSON data."""


class MalformedError(ValueError):
    """A message is not what the protocol says; its text goes after "sent"."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """It has given up its rights and now runs a plugin's code."""

    confinement: Confinement


@dataclass(frozen=True, kw_only=True)
class Question:
    """It asks the host."""

    question: JsonValue


@dataclass(frozen=True, kw_only=True)
class Told:
    """It raised an error.

    Attributes
    ----------
    rule : str
        ``"rejected"`` where a rule of the attack was broken, ``"answer"`` where its answer can't
        be used, ``"other"`` for whatever else was raised.
    kind : str
        The error's class.
    number : int
        The system's number of the error; 0 where it has none.
    message, traceback : str
    """

    rule: str
    kind: str
    number: int
    message: str
    traceback: str


@dataclass(frozen=True, kw_only=True)
class ArrayForm:
    """How the bytes of an array are to be read."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes that the array takes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, kw_only=True)
class Finished:
    """It has an answer; its arrays follow."""

    report: JsonObject
    costs: dict[str, float]
    arrays: tuple[ArrayForm, ...]


Message: TypeAlias = Ready | Question | Told | Finished


def parsed(content: bytes) -> Message:
    """The message that bytes hold; raises ``MalformedError``."""
    try:
        told: JsonValue = json.loads(content.decode(), parse_constant=_refused_constant)
    except RecursionError:
        raise MalformedError(f"JSON nested deeper than {MOST_DEPTH}") from None
    except ValueError as error:
        raise MalformedError(f"something other than JSON ({in_short(str(error), 100)})") from None
    kind = told.get("kind") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(kind, str) or kind not in _READERS:
        raise MalformedError("a message of an unknown kind")
    fields = {name: value for name, value in told.items() if name != "kind"}
    try:
        return _READERS[kind](checked_plain(fields))
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError(f"a broken message ({in_short(str(error), 200)})") from None


def array_forms(arrays: Mapping[str, NDArray[np.generic]]) -> list[dict[str, object]]:
    """What is sent of arrays before their bytes."""
    return [
        {"name": name, "dtype": array.dtype.str, "shape": list(array.shape)}
        for name, array in arrays.items()
    ]


def arrays_of(
    forms: tuple[ArrayForm, ...], read: Callable[[int], bytearray]
) -> dict[str, NDArray[np.generic]]:
    """The arrays that follow an answer; ``read`` takes a number of bytes off the channel."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for form in forms:
        content = read(form.n_bytes)
        try:
            array = np.frombuffer(content, dtype=form.dtype).reshape(form.shape)
        except ValueError as error:
            raise MalformedError(f"a broken array ({in_short(str(error), 100)})") from None
        arrays[form.name] = _checked_content(array, content)
    return arrays


def _checked_content(array: NDArray[np.generic], content: bytearray) -> NDArray[np.generic]:
    if array.dtype.kind == "b" and np.frombuffer(content, np.uint8).max(initial=0) > 1:
        raise MalformedError("truth values that are neither true nor false")
    if array.dtype.kind == "U":
        points = np.frombuffer(content, np.uint32)
        if points.max(initial=0) > 0x10FFFF or bool(np.any((points >> 11) == 0x1B)):
            raise MalformedError("an array of text that is not valid")
    return array


def _ready(fields: JsonObject) -> Ready:
    return Ready(confinement=confinement_of(fields["confinement"]))


def _question(fields: JsonObject) -> Question:
    return Question(question=fields["question"])


def _told(fields: JsonObject) -> Told:
    number = fields["number"]
    return Told(
        rule=_text(fields["rule"]),
        kind=in_short(_text(fields["type"]), 100),
        number=number if isinstance(number, int) else 0,
        message=in_short(_text(fields["message"])),
        traceback=last_lines(_text(fields["traceback"])),
    )


def _finished(fields: JsonObject) -> Finished:
    report, costs, forms = fields["report"], fields["costs"], fields["arrays"]
    if not isinstance(report, dict):
        raise ValueError("a report that is no mapping")
    if len(json.dumps(report)) > MOST_REPORT_BYTES:
        raise ValueError(f"a report of more than {MOST_REPORT_BYTES} bytes")
    if not isinstance(costs, dict) or set(costs) != set(COSTS):
        raise ValueError(f"costs other than {', '.join(COSTS)}")
    if not isinstance(forms, list) or len(forms) > MOST_ARRAYS:
        raise ValueError(f"arrays that are no list of at most {MOST_ARRAYS}")
    return Finished(
        report=report,
        costs={name: _cost(cost) for name, cost in costs.items()},
        arrays=tuple(_form(form) for form in forms),
    )


def _cost(seconds: JsonValue) -> float:
    if not isinstance(seconds, (int, float)):
        raise ValueError("a cost that is no number")
    return float(seconds)


def _form(form: JsonValue) -> ArrayForm:
    if not isinstance(form, dict):
        raise ValueError("an array that is no mapping")
    name, dtype, shape = _text(form["name"]), _text(form["dtype"]), form["shape"]
    if not PLAIN_TYPE.fullmatch(dtype):
        raise ValueError(f"an array of type '{in_short(dtype, 40)}'")
    if not isinstance(shape, list) or len(shape) > MOST_DIMENSIONS:
        raise ValueError("an array of a shape that can't be")
    return ArrayForm(name=name, dtype=dtype, shape=tuple(map(_length, shape)))


def _length(n: JsonValue) -> int:
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        raise ValueError("an array of a shape that can't be")
    return n


def _text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a {type(value).__name__} where text is expected")
    return value


def _refused_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


_READERS: Mapping[str, Callable[[JsonObject], Message]] = {
    "ready": _ready,
    "question": _question,
    "error": _told,
    "answer": _finished,
}
