"""Where a job ends: whatever it does there, what comes back is its value or one bounded error.

A job runs a plugin's code in a worker process. That may raise what can't be pickled, text that no
file can hold, the host's own errors, or ``SystemExit``; none of it may end the run.
"""

import os
import pickle
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from loki_bench import errors
from loki_bench.errors import ClusterError, InvalidAnswerError, LokiBenchError, TemporaryFolderError
from loki_bench.plain_data import in_short, text_of, traceback_of

__all__ = ["JobError", "RaisedInJobError", "bounded", "carried_out", "ended"]

PASSED_ON = (TimeoutError, ChildProcessError)
"""Errors that are no LokiBenchError and keep their class."""


ROOM_BYTES = 16 << 20
"""With less left on the disk, it is full."""


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


Outcome: TypeAlias = "tuple[object, JobError | None]"


def carried_out(function: Callable[..., object], arguments: tuple[object, ...]) -> bytes:
    """What a job came to, pickled; never raises."""
    try:
        return pickle.dumps((function(*arguments), None))
    except BaseException as error:  # whatever a plugin raises, SystemExit included
        return pickle.dumps((None, _told(error)))


def ended(content: bytes) -> object:
    """A job's value, or what it raised, bounded.

    Raises
    ------
    LokiBenchError
        Of the class that it was raised as, but never one that ends a run on the word of a plugin.
    TimeoutError, ChildProcessError
        As they were raised.
    RaisedInJobError
        Anything else; its class is named as the plugin's was.
    """
    try:
        value, told = pickle.loads(content)
    except Exception as error:  # classes of a plugin may do anything when they are read
        raise InvalidAnswerError(f"the answer of a job can't be read: {text_of(error)}") from None
    if told is not None:
        raise bounded(told)
    return value


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
        folder = tempfile.gettempdir()
        return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM_BYTES
    return found is ClusterError


def _told(error: BaseException) -> JobError:
    return JobError(in_short(type(error).__name__, 100), text_of(error), traceback_of(error))
