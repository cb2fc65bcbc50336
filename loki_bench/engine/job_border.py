"""Where a job ends: whatever it does there, what comes back is its value or one bounded error.

A job runs a plugin's code in a worker process. That may raise what can't be pickled, text that no
file can hold, the host's own errors, or ``SystemExit``; none of it may end the run.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from loki_bench import errors
from loki_bench.engine.job_values import decoded, encoded
from loki_bench.errors import (
    ClusterError,
    InvalidAnswerError,
    LokiBenchError,
    TemporaryFolderError,
    WorkerError,
)
from loki_bench.plain_data import in_short, last_lines, text_of, traceback_of
from loki_bench.sandbox.scratch import why_unusable

__all__ = [
    "JobError",
    "RaisedInJobError",
    "bounded",
    "carried_out",
    "ended",
    "of_this_machine",
    "refused",
]

PASSED_ON = (TimeoutError, ChildProcessError)
"""Errors that are no LokiBenchError and keep their class."""

MOST_ERROR_BYTES = 1 << 20


class RaisedInJobError(Exception):
    """What a plugin raised, under the name of its own class, in text alone.

    Attributes
    ----------
    traceback : str
        As the worker saw it.
    """

    traceback = ""

    def __reduce__(self) -> "tuple[Callable[[JobError], Exception], tuple[JobError]]":
        return bounded, (JobError(type(self).__name__, str(self), self.traceback),)


@dataclass(frozen=True)
class JobError:
    """An error in text: its class, its message in one line, its traceback."""

    kind: str
    message: str
    details: str


VALUE, ERROR = b"v", b"e"
"""The first byte of what a job came to."""


def carried_out(function: Callable[..., object], arguments: tuple[object, ...]) -> bytes:
    """What a job came to, as plain data (:mod:`loki_bench.engine.job_values`); never raises."""
    try:
        return encoded(function(*arguments), after=VALUE)
    except BaseException as error:  # whatever a plugin raises, SystemExit included
        return refused(_told(error))


def refused(told: JobError) -> bytes:
    """What a job came to that raised an error."""
    return ERROR + json.dumps([told.kind, told.message, told.details]).encode()


def ended(given: bytes | memoryview, kind: Any = object) -> Any:
    """A job's value, or what it raised, bounded.

    Parameters
    ----------
    given : bytes or memoryview
        What :func:`carried_out` gave, or anything: a job's process wrote it.
    kind : type
        What the job's function returns, see :func:`~loki_bench.engine.job_values.type_given_by`.

    Raises
    ------
    LokiBenchError
        Of the class that it was raised as, but never one that ends a run on the word of a plugin;
        ``InvalidAnswerError`` where the content is neither a value of that type nor an error.
    TimeoutError, ChildProcessError
        As they were raised.
    RaisedInJobError
        Anything else; its class is named as the plugin's was.
    """
    content = memoryview(given)
    try:
        if content[:1] == VALUE:
            return decoded(content[1:], kind)
        told = _parsed(content)
    except ValueError as error:
        raise InvalidAnswerError(f"the answer of a job can't be read: {text_of(error)}") from None
    raise bounded(told)


def of_this_machine(given: bytes) -> TemporaryFolderError | None:
    """What keeps this machine from running jobs, where a job told so and it is so; else None."""
    if given[:1] == ERROR:
        with suppress(Exception):
            told = bounded(_parsed(memoryview(given)))
            return told if isinstance(told, TemporaryFolderError) else None
    return None


def _parsed(content: memoryview) -> JobError:
    if content[:1] != ERROR or len(content) > MOST_ERROR_BYTES:
        raise ValueError("it is neither a value nor an error")
    try:
        parts = json.loads(content[1:].tobytes().decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(parts, list) or len(parts) != 3:
        raise ValueError("it is no error")
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("it is no error")
    kind, message, details = parts
    return JobError(in_short(kind, 100), in_short(message), last_lines(details))


def bounded(told: JobError) -> Exception:
    """The error that a text stands for."""
    found: type[Exception] | None = getattr(errors, told.kind, None)
    if isinstance(found, type) and issubclass(found, LokiBenchError):
        error = (InvalidAnswerError if _is_not_for_it_to_say(found) else found)(told.message)
    else:
        by_name = {kind.__name__: kind for kind in PASSED_ON}
        error = by_name.get(told.kind, type(told.kind, (RaisedInJobError,), {}))(told.message)
    error.traceback = told.details  # type: ignore[attr-defined]  # kept with the run
    return error


def _is_not_for_it_to_say(found: type[LokiBenchError]) -> bool:
    """Whether an error that would end the run is a plugin's word against the host's."""
    if found is TemporaryFolderError:
        return not why_unusable()
    return found in (ClusterError, WorkerError)


def _told(error: BaseException) -> JobError:
    return JobError(in_short(type(error).__name__, 100), text_of(error), traceback_of(error))
