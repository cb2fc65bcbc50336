"""Reads a third party's dataset in a process of its own, and parses what that answers.

Without the network it is confined, and sees the data folder and the files that its parameters
name: those called ``path``, or something that ends so, from where the host stands; others as they
are, where they are absolute. Only if it lacks its data, and may fetch them, it is asked again in a
process that is not confined: it has to reach the network, and to write into the data folder.
"""

import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loki_bench.answer_checks import NamedArrays
from loki_bench.errors import DatasetError, LokiBenchError
from loki_bench.event_log import EventLog, EventTimes
from loki_bench.interactions import Interactions
from loki_bench.json_values import JsonObject
from loki_bench.plain_data import checked_plain, in_short
from loki_bench.plugins.specs import DatasetSpec
from loki_bench.sandbox.attack_request import Ask, Component, Reply
from loki_bench.sandbox.parent import run_isolated
from loki_bench.suite.suite import Limits
from loki_bench.timing import timed

__all__ = ["DatasetRequest", "read_dataset", "read_for_host"]

MOST_ITEMS = 100_000_000
COUNTS = ("n_lines", "n_read", "n_users_read", "n_items_read", "n_ties")
COUNTS_BY_NAME = ("left_out", "dropped", "dropped_items", "dropped_users")
SENTENCES = ("recognised", "notes")


@dataclass(frozen=True, kw_only=True)
class DatasetRequest:
    """A dataset, the data folder, and whether it may be fetched."""

    dataset: Component
    folder: Path
    download: bool


def read_dataset(
    spec: DatasetSpec, parameters: Mapping[str, object], *, folder: Path, download: bool
) -> EventLog:
    """See :meth:`~loki_bench.contracts.DatasetLoader.read`; raises ``DatasetError``."""
    dataset = Component(
        kind=spec.kind,
        name=spec.name,
        target=spec.target,
        parameters={
            name: _absolute(value) if name.endswith("path") else value
            for name, value in parameters.items()
        },
    )
    try:
        return _read(DatasetRequest(dataset=dataset, folder=folder.absolute(), download=False))
    except DatasetError:
        if not download:
            raise
    return _read(DatasetRequest(dataset=dataset, folder=folder.absolute(), download=True))


def read_for_host(request: DatasetRequest, ask: Ask) -> Reply:
    """Read a dataset; ``ask`` goes unused.

    Returns
    -------
    (arrays, report, costs)
        The arrays of the log, and ``text``: all else of it as the bytes of JSON. Where the data
        can't be had, the report says why, as ``problem``.
    """
    done = timed(lambda: _told(request), compiles=False)
    arrays, report = done.value
    return arrays, report, done.costs


def _told(request: DatasetRequest) -> tuple[NamedArrays, JsonObject]:
    try:
        log: EventLog = request.dataset.build().read(request.folder, download=request.download)
    except DatasetError as error:
        return {}, {"problem": in_short(str(error))}
    data = log.interactions
    text: dict[str, Any] = {name: getattr(log, name) for name in COUNTS}
    text |= {name: dict(getattr(log, name)) for name in COUNTS_BY_NAME}
    text |= {name: list(getattr(log, name)) for name in SENTENCES}
    text |= {
        "line_unit": log.line_unit,
        "n_items": data.n_items,
        "user_tokens": list(data.user_tokens),
        "item_tokens": list(data.item_tokens),
    }
    arrays: dict[str, NDArray[Any]] = {"offsets": data.offsets, "items": data.items}
    if log.parts is not None:
        arrays["parts"] = log.parts
    if log.times is not None:
        arrays["times"] = log.times.values
        text["times"] = [log.times.unit, log.times.scale, log.times.origin]
    content = json.dumps(text, allow_nan=False, default=_as_python).encode()
    return {**arrays, "text": np.frombuffer(content, np.uint8)}, {}


def _as_python(value: object) -> int:
    """A count that numpy made."""
    return operator.index(value)  # type: ignore[arg-type]  # raises TypeError for anything else


def _read(request: DatasetRequest) -> EventLog:
    who = f"dataset '{request.dataset.name}'"
    limits = Limits()

    def nothing(question: object) -> object:
        return {"refused": "there is nothing to ask here"}

    try:
        answer = run_isolated(
            who,
            f"{read_for_host.__module__}:{read_for_host.__name__}",
            request,
            answer=nothing,
            seconds=limits.seconds,
            memory_gib=limits.memory_gib,
            closed=request.folder / "results",
            readable=(str(request.folder), *_named_files(request.dataset.parameters)),
            confined=not request.download,
        )
    except TimeoutError as error:
        raise DatasetError(f"{who} was {error}") from None
    except LokiBenchError as error:
        raise DatasetError(str(error)) from error
    if "problem" in answer.report:
        raise DatasetError(str(answer.report["problem"]))
    try:
        return _log(answer.arrays)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DatasetError(f"{who} answered with no event log ({in_short(str(error))})") from None


def _log(arrays: Mapping[str, NDArray[Any]]) -> EventLog:
    text = checked_plain(json.loads(arrays["text"].tobytes()))
    n_items = _count(text["n_items"])
    if n_items > MOST_ITEMS:
        raise ValueError(f"a catalogue of {n_items} items; at most {MOST_ITEMS} are taken")
    data = Interactions(
        _of_kind(arrays["offsets"], "iu"),
        _of_kind(arrays["items"], "iu"),
        n_items=n_items,
        user_tokens=_sentences(text["user_tokens"]),
        item_tokens=_sentences(text["item_tokens"]),
    )
    counts: dict[str, Any] = {name: _count(text[name]) for name in COUNTS}
    counts |= {
        name: {_sentence(key): _count(number) for key, number in text[name].items()}
        for name in COUNTS_BY_NAME
    }
    return EventLog(
        interactions=data,
        times=_times(text, arrays, data.n_events),
        parts=_of_events(arrays.get("parts"), "i", data.n_events, np.int8),
        recognised=_sentences(text["recognised"]),
        notes=_sentences(text["notes"]),
        line_unit=_sentence(text["line_unit"]),
        **counts,
    )


def _times(text: Any, arrays: Mapping[str, NDArray[Any]], n_events: int) -> EventTimes | None:
    given = arrays.get("times")
    if given is None:
        return None
    kind = np.float64 if given.dtype.kind == "f" else np.int64
    values = _of_events(given, "if", n_events, kind)
    assert values is not None  # noqa: S101  # for the type checker
    unit, scale, origin = text["times"]
    return EventTimes(
        values=values, unit=_sentence(unit), scale=_count(scale), origin=_whole(origin)
    )


def _of_events(
    array: NDArray[Any] | None, kinds: str, n_events: int, dtype: type[np.generic]
) -> NDArray[Any] | None:
    if array is None:
        return None
    if array.shape != (n_events,):
        raise ValueError(f"an array of shape {array.shape} for {n_events} events")
    return _of_kind(array, kinds).astype(dtype)


def _of_kind(array: NDArray[Any], kinds: str) -> NDArray[Any]:
    if array.dtype.kind not in kinds:
        raise ValueError(f"an array of type {array.dtype}")
    return array


def _count(value: object) -> int:
    if _whole(value) < 0:
        raise ValueError(f"{value} where a count is expected")
    return _whole(value)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"a {type(value).__name__} where a whole number is expected")
    return value


def _sentence(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a {type(value).__name__} where text is expected")
    return value


def _sentences(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"a {type(value).__name__} where a list of text is expected")
    return tuple(map(_sentence, value))


def _absolute(value: object) -> object:
    """A file is looked for where the host stands, and the process stands elsewhere."""
    if isinstance(value, str) and value and "\0" not in value and Path(value).exists():
        return str(Path(value).absolute())
    return [_absolute(one) for one in value] if isinstance(value, (list, tuple)) else value


def _named_files(parameters: Mapping[str, object]) -> list[str]:
    values = [
        one
        for value in parameters.values()
        for one in (value if isinstance(value, list) else [value])
    ]
    return [one for one in values if isinstance(one, str) and _is_file(one)]


def _is_file(text: str) -> bool:
    return "\0" not in text and Path(text).is_absolute() and Path(text).exists()
