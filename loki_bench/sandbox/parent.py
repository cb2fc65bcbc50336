"""Runs a plugin's code in a process of its own, under limits, and answers its questions.

The process is spawned for one request, or for the requests to one recommender, and ended after
them; for this project's own attacks it may be a copy of a template. It holds what a request holds:
no victim, no test event, no folder of results, nothing of the cell before. What it sends back is
parsed by :mod:`loki_bench.sandbox.messages` and checked by the caller. See ``docs/threat-model.md``
for what this stops and what it does not.
"""

import errno
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from pickle import dumps

from loki_bench.answer_checks import NamedArrays
from loki_bench.datasets.data_folder import data_folder
from loki_bench.errors import (
    InvalidAnswerError,
    KilledError,
    LokiBenchError,
    RejectedError,
)
from loki_bench.json_values import JsonObject
from loki_bench.sandbox.channel import Channel, send_object
from loki_bench.sandbox.child import Request
from loki_bench.sandbox.confinement import NOT_CONFINED, Confinement, World
from loki_bench.sandbox.machine_code import kept_machine_code
from loki_bench.sandbox.messages import (
    MOST_MESSAGE_BYTES,
    Finished,
    MalformedError,
    Question,
    Ready,
    Told,
    arrays_of,
    parsed,
)
from loki_bench.sandbox.privileges import hide_memory
from loki_bench.sandbox.readable import DEVICES, readable_paths, source_folders
from loki_bench.sandbox.scratch import no_room, scratch_folder, why_unusable
from loki_bench.sandbox.spawned import (
    END_SECONDS,
    Started,
    name_of_signal,
    started_process,
)
from loki_bench.sandbox.watch import GIB, Watch

__all__ = ["Answer", "Isolated", "isolated", "run_isolated"]

MOST_ARRAY_GIB = 1.0
LEAST_GIB_OF_A_COPY = 2.0
"""A copy of a template holds what others had imported, too: half a gigabyte."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""Not the plugin's doing where the host can't write, either."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an isolated process answered, and what the host saw of it.

    Attributes
    ----------
    arrays : mapping of str to array
    report : dict
        Plain data.
    costs : dict of str to float
        Seconds that the work itself took, as the process tells.
    peak_memory_bytes : int
        The most that the process and its children held, as the system tells.
    confinement : Confinement
        What was in force while it ran.
    """

    arrays: NamedArrays
    report: JsonObject
    costs: dict[str, float]
    peak_memory_bytes: int
    confinement: Confinement


def run_isolated(
    who: str,
    function: str,
    argument: object,
    *,
    answer: Callable[[object], object],
    seconds: float,
    memory_gib: float,
    closed: Path,
    own_code: bool = False,
    readable: tuple[str, ...] = (),
    closed_code: tuple[Path, ...] = (),
    confined: bool = True,
) -> Answer:
    """Run ``function(argument, ask)`` in a process of its own.

    Parameters
    ----------
    who : str
        Whose code it is, for messages: ``"attacker 'loki'"``.
    function : str
        ``"package.module:name"``, see :class:`~loki_bench.sandbox.child.Request`.
    argument : object
        All that the process is given; pickled.
    answer : callable
        Answers what the process asks, plain JSON data both ways.
    seconds : float
        Wall time from start to answer; a moment less, so that the worker that waits here under
        the same limit is not ended with it.
    memory_gib : float
        Most resident memory of the process and its children, and most that its files take.
    closed : Path
        A folder that the process must not be able to read or write.
    own_code : bool
        Whether it runs this project's components alone; what they compile is then kept, and the
        process may be a copy of a template (:mod:`loki_bench.sandbox.template`).
    readable : tuple of str
        Files and folders that it may read besides what every process may.
    closed_code : tuple of Path
        Packages and modules that it can't import, though every other process may.
    confined : bool
        False only for what has to reach the network: the process is then one of the host's user
        like any other, and its answer is still parsed.

    Raises
    ------
    RejectedError
        The process raised it, or tried what it may not.
    TimeoutError
        It was ended at its time limit.
    InvalidAnswerError
        It raised something else, took too much memory, died, or sent what is no answer.
    TemporaryFolderError
        The host can't write in its temporary folder.
    """
    with isolated(
        who,
        function,
        seconds=seconds,
        memory_gib=memory_gib,
        closed=closed,
        own_code=own_code,
        readable=readable,
        closed_code=closed_code,
        confined=confined,
    ) as process:
        return process.put(argument, answer)


@contextmanager
def isolated(
    who: str,
    function: str,
    *,
    seconds: float,
    memory_gib: float,
    closed: Path,
    own_code: bool = False,
    readable: tuple[str, ...] = (),
    closed_code: tuple[Path, ...] = (),
    confined: bool = True,
) -> Iterator["Isolated"]:
    """A process of its own that is asked as often as one likes, for the length of a ``with`` block.

    See :func:`run_isolated`; ``seconds`` is the wall time from start to the last answer.
    """
    hide_memory()
    with scratch_folder() as own:
        kept = kept_machine_code()
        keeps = own_code and _can_keep(kept)
        found = readable_paths((closed, data_folder()), code=closed_code)
        world = World(
            readable=(*found.paths, str(kept), *readable),
            listed=found.listed,
            devices=DEVICES,
            own=str(own),
            shared=(str(kept),) if keeps else (),
            file_bytes=int(memory_gib * GIB),
        )
        request = Request(
            function=function,
            world=world,
            source_folders=tuple(source_folders()),
            machine_code=str(kept),
        )
        code = kept if keeps else own / ".machine-code"
        may_be_copied = keeps and memory_gib >= LEAST_GIB_OF_A_COPY
        with started_process(own, code, confined=confined, may_be_copied=may_be_copied) as running:
            process, end, output = running
            watch = Watch(
                who, process.pid, end.fileno(), output, own, seconds=seconds, gib=memory_gib
            )
            talk = Isolated(who, process, Channel(end, watch.wait_for), watch, request)
            yield talk
            talk.let_go()


def _can_keep(code: Path) -> bool:
    """Whether what is compiled can be kept: a home folder may be missing, or closed.

    It is then compiled anew by each process, as a third party's is.
    """
    with suppress(OSError):
        code.mkdir(parents=True, exist_ok=True)
    return os.access(code, os.W_OK | os.X_OK)


class Isolated:
    """What is said between the host and a process that works on its requests."""

    def __init__(
        self,
        who: str,
        process: Started,
        channel: Channel,
        watch: Watch,
        request: Request,
    ) -> None:
        self._who, self._process, self._channel, self._watch = who, process, channel, watch
        self._request: Request | None = request
        self.confinement = NOT_CONFINED

    @property
    def peak_memory_bytes(self) -> int:
        """The most that the process and its children held until now."""
        return self._watch.peak_bytes

    def put(
        self,
        argument: object,
        answer: Callable[[object], object],
        *,
        most_bytes: float | None = None,
    ) -> Answer:
        """Send an argument, and answer questions until the process has its own answer.

        Parameters
        ----------
        argument, answer
            See :func:`run_isolated`.
        most_bytes : float or None
            The most that arrays in the answer may take; None stands for 1 GiB, or the memory limit.

        Raises
        ------
        LokiBenchError, TimeoutError
            See :func:`run_isolated`; the process then answers no more.
        """
        try:
            if self._request is not None:
                self._channel.send(dumps(self._request))
                self._request = None
            send_object(self._channel, argument)
            most = min(MOST_ARRAY_GIB, self._watch.gib) * GIB
            return self._answered(answer, most if most_bytes is None else most_bytes)
        except (EOFError, ConnectionError):
            raise self._death() from None
        except MalformedError as error:
            raise InvalidAnswerError(f"{self._who} sent {error}") from None

    def let_go(self) -> None:
        """Tell the process that it may end."""
        with suppress(ConnectionError, TimeoutError, LokiBenchError):  # it is ended anyway
            self._channel.send(b"")

    def _answered(self, answer: Callable[[object], object], most_bytes: float) -> Answer:
        while True:
            self._watch.look()
            try:
                content = self._channel.receive(MOST_MESSAGE_BYTES)
            except ValueError as error:
                raise MalformedError(str(error)) from None
            match parsed(content):
                case Ready(confinement=confinement):
                    self.confinement = confinement
                    self._watch.start_counting(confinement)
                case Question(question=question):
                    self._channel.send(json.dumps(answer(question)).encode())
                case Told() as told:
                    self._watch.look_now()
                    self.let_go()
                    raise self._error(told)
                case Finished() as finished:
                    return self._finished(finished, most_bytes)

    def _finished(self, finished: Finished, most_bytes: float) -> Answer:
        n_bytes = sum(form.n_bytes for form in finished.arrays)
        if n_bytes > most_bytes:
            raise MalformedError(f"arrays of {n_bytes} bytes; at most {most_bytes:.0f} are read")
        arrays = arrays_of(finished.arrays, self._channel.read)
        self._watch.look_now()
        return Answer(
            arrays=arrays,
            report=finished.report,
            costs=finished.costs,
            peak_memory_bytes=self._watch.peak_bytes,
            confinement=self.confinement,
        )

    def _death(self) -> InvalidAnswerError:
        """How the process died."""
        try:
            code = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return InvalidAnswerError(f"{self._who} closed its channel to the host, and went on")
        if code >= 0:
            return InvalidAnswerError(
                f"{self._who} died: its process ended with exit status {code}"
            )
        kind = KilledError if code == -signal.SIGKILL else InvalidAnswerError
        return kind(
            f"{self._who} died: its process was killed by {name_of_signal(-code)} "
            "(a crash, or the system ran out of memory)"
        )

    def _error(self, told: Told) -> LokiBenchError:
        error: LokiBenchError
        if told.number in NO_ROOM and why_unusable():
            error = no_room(told.message)
        elif told.number in (errno.EPERM, errno.EACCES) and self.confinement.writes:
            error = RejectedError(
                f"{self._who} was refused what it tried ({told.message}): it may read installed "
                "packages (of plugins its own alone), write in its working folder only, and reach "
                "no network and no other process"
            )
        elif told.rule == "rejected":
            error = RejectedError(told.message)
        elif told.rule == "answer":
            error = InvalidAnswerError(told.message)
        else:
            error = InvalidAnswerError(f"{self._who} raised {told.kind}: {told.message}")
        error.__cause__ = _InsideError(told.traceback)
        return error


class _InsideError(Exception):
    """Carries the isolated process's traceback, so that a host's traceback shows both."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"
