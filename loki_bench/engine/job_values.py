"""What a job gives, as plain data: JSON and the bytes of arrays, read by the type that is expected.

A job's process may have run a plugin's code, so its bytes are parsed, never unpickled. What the
bytes may hold follows from what the job's function says that it returns: the dataclasses, mappings
and arrays of that annotation. A function that says nothing returns JSON data or arrays.
"""

import json
import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from loki_bench.plain_data import checked_plain, in_short

__all__ = ["MOST_BYTES", "decoded", "encoded", "type_given_by"]

MOST_BYTES = (1 << 30) + (64 << 20)
"""Of a value: an array of 1 GiB, as a process of its own may answer, and what stands beside it."""
MOST_TEXT_BYTES = 64 << 20
MOST_ARRAYS = 10_000
MOST_DIMENSIONS = 8
LENGTH_BYTES = 8
PLAIN_TYPE = re.compile(r"[<|][biuf][1248]|[<]U\d{1,6}")


def type_given_by(function: Callable[..., object]) -> Any:
    """The annotation of what a function returns; ``object`` where it has none."""
    try:
        return get_type_hints(function).get("return", object)
    except (NameError, TypeError):
        return object


def encoded(value: object, *, after: bytes = b"") -> bytes:
    """The bytes of a value, after others.

    Arrays are copied once: a fitted surrogate may take most of a gigabyte. Raises ``TypeError`` or
    ``ValueError`` where the value is no plain data.
    """
    arrays: list[NDArray[Any]] = []
    node = _node(value, arrays)
    forms = [[array.dtype.str, list(array.shape)] for array in arrays]
    text = json.dumps([node, forms]).encode()
    length = len(text).to_bytes(LENGTH_BYTES, "big")
    return b"".join([after, length, text, *(a.reshape(-1).view(np.uint8).data for a in arrays)])


def decoded(given: bytes | memoryview, kind: Any) -> Any:
    """The value of type ``kind`` that bytes hold.

    Raises ``ValueError`` with what is wrong where they hold anything else. Arrays are read-only.
    """
    content = memoryview(given)
    if len(content) > MOST_BYTES:
        raise ValueError(f"{len(content)} bytes; at most {MOST_BYTES} are read")
    start = LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES], "big")
    if not LENGTH_BYTES <= start <= min(len(content), MOST_TEXT_BYTES):
        raise ValueError("its text is cut off, or too long")
    try:
        node, forms = json.loads(content[LENGTH_BYTES:start].tobytes().decode())
        arrays = _arrays(forms, content[start:])
        return _value(node, kind, arrays)
    except (KeyError, TypeError, RecursionError, OverflowError) as error:
        raise ValueError(f"it is broken ({in_short(str(error), 200)})") from None


def _node(value: object, arrays: list[NDArray[Any]]) -> object:
    """A value in JSON; whatever is no scalar and no list is an object with one key: its kind."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.generic():
            return _node(value.item(), arrays)
        case np.ndarray():
            return {"array": _placed(value, arrays)}
        case bytes():
            return {"bytes": _placed(np.frombuffer(value, np.uint8), arrays)}
        case list():
            return [_node(part, arrays) for part in value]
        case tuple():
            return {"tuple": [_node(part, arrays) for part in value]}
        case Mapping():
            return {"map": [[_node(k, arrays), _node(v, arrays)] for k, v in value.items()]}
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return {"fields": {name: _node(part, arrays) for name, part in named.items()}}
    raise TypeError(f"a job can't give {in_short(repr(value), 200)}: it is no plain data")


def _placed(array: NDArray[Any], arrays: list[NDArray[Any]]) -> int:
    if not PLAIN_TYPE.fullmatch(array.dtype.str):
        raise TypeError(f"a job can't give an array of type {array.dtype}")
    arrays.append(np.ascontiguousarray(array).reshape(array.shape))
    return len(arrays) - 1


def _arrays(forms: object, content: memoryview) -> list[NDArray[Any]]:
    if not isinstance(forms, list) or len(forms) > MOST_ARRAYS:
        raise ValueError("its arrays are no list, or too many")
    arrays: list[NDArray[Any]] = []
    for dtype, shape in forms:
        if not isinstance(dtype, str) or not PLAIN_TYPE.fullmatch(dtype):
            raise ValueError(f"an array of type {in_short(str(dtype), 40)}")
        if not isinstance(shape, list) or len(shape) > MOST_DIMENSIONS:
            raise ValueError("an array of a shape that can't be")
        if not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError("an array of a shape that can't be")
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if n_bytes > len(content):
            raise ValueError("an array that is cut off")
        if dtype[1] == "b" and n_bytes and max(content[:n_bytes].tobytes()) > 1:
            raise ValueError("truth values that are neither true nor false")
        arrays.append(np.frombuffer(content[:n_bytes], dtype).reshape(shape))
        content = content[n_bytes:]
    if content:
        raise ValueError("bytes after its end")
    return arrays


def _value(node: Any, kind: Any, arrays: list[NDArray[Any]]) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(node, arguments, arrays)
    if origin is Literal:
        return _if(type(node) in {type(a) for a in arguments} and node in arguments, node, kind)
    made_of = origin or kind
    if made_of is np.ndarray:
        return _array(node, arguments, arrays)
    if isinstance(made_of, type) and is_dataclass(made_of):
        return _dataclass(node, made_of, arguments, arrays)
    if made_of is bytes:
        return _numbered(node["bytes"], arrays).astype(np.uint8, copy=False).tobytes()
    if made_of in (list, tuple, dict, Mapping) or (
        isinstance(made_of, type) and issubclass(made_of, Mapping)
    ):
        return _several(node, made_of, arguments, arrays)
    if made_of in (None, type(None), bool, int, str):
        expected = type(None) if made_of is None else made_of
        return checked_plain(_if(type(node) is expected, node, kind))
    if made_of is float:
        return float(_if(type(node) in (float, int), node, kind))
    return _plain(node, arrays)


def _one_of(node: Any, kinds: tuple[Any, ...], arrays: list[NDArray[Any]]) -> Any:
    first, *others = kinds
    try:
        return _value(node, first, arrays)
    except (KeyError, TypeError, ValueError):
        if not others:
            raise
    return _one_of(node, tuple(others), arrays)


def _array(node: Any, arguments: tuple[Any, ...], arrays: list[NDArray[Any]]) -> NDArray[Any]:
    array: NDArray[Any] = _numbered(node["array"], arrays)
    scalar = get_args(arguments[1])[0] if len(arguments) > 1 else Any
    if scalar is not Any and isinstance(scalar, type) and not issubclass(array.dtype.type, scalar):
        raise ValueError(f"an array of type {array.dtype}; expected {scalar.__name__}")
    return array


def _numbered(number: object, arrays: list[NDArray[Any]]) -> NDArray[Any]:
    if type(number) is not int or not 0 <= number < len(arrays):
        raise ValueError("an array that is not there")
    return arrays[number]


def _dataclass(
    node: Any, made_of: type, arguments: tuple[Any, ...], arrays: list[NDArray[Any]]
) -> Any:
    given = node["fields"]
    bound = dict(zip(getattr(made_of, "__parameters__", ()), arguments, strict=False))
    hints = get_type_hints(made_of)
    names = {field.name for field in fields(made_of)}
    if set(given) != names:
        raise ValueError(f"it is no {made_of.__name__}")

    def of(name: str) -> Any:
        kind = hints[name]
        return bound.get(kind, object) if isinstance(kind, TypeVar) else kind

    return made_of(**{name: _value(given[name], of(name), arrays) for name in sorted(names)})


def _several(
    node: Any, made_of: Any, arguments: tuple[Any, ...], arrays: list[NDArray[Any]]
) -> Any:
    if made_of is list:
        part = arguments[0] if arguments else object
        return [_value(one, part, arrays) for one in _if(type(node) is list, node, list)]
    if made_of is tuple:
        parts = node["tuple"]
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            arguments = (arguments[0],) * len(parts)
        pairs = zip(parts, arguments or (object,) * len(parts), strict=True)
        return tuple(_value(one, kind, arrays) for one, kind in pairs)
    of_key, of_value = arguments or (object, object)
    return {_value(key, of_key, arrays): _value(one, of_value, arrays) for key, one in node["map"]}


def _plain(node: Any, arrays: list[NDArray[Any]]) -> Any:
    """JSON data, with arrays and tuples, of which nothing is known."""
    match node:
        case {"array": number}:
            return _numbered(number, arrays)
        case {"bytes": number}:
            return _numbered(number, arrays).tobytes()
        case {"tuple": list(parts)}:
            return tuple(_plain(part, arrays) for part in parts)
        case {"map": list(pairs)}:
            return {_plain(key, arrays): _plain(part, arrays) for key, part in pairs}
        case list():
            return [_plain(part, arrays) for part in node]
        case dict():
            raise ValueError("a job's function must say what it returns")
        case _:
            return checked_plain(node)


def _if(holds: bool, node: Any, kind: Any) -> Any:
    if not holds:
        raise ValueError(f"{in_short(repr(node), 60)} where {in_short(str(kind), 60)} is expected")
    return node
