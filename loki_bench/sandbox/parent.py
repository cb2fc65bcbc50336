"""Runs a plugin's code in a process of its own, under limits, and answers its questions.

The process is spawned for one request and ended after it. It holds what the request holds: no
victim, no test event, no folder of results, nothing of the cell before. What it sends back is
checked by the caller. See ``docs/threat-model.md`` for what this stops and what it does not.
"""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from pickle import dumps
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from loki_bench import errors
from loki_bench.errors import InvalidAnswerError, LokiBenchError, RejectedError
from loki_bench.sandbox.child import Request
from loki_bench.sandbox.landlock import hide_memory
from loki_bench.threads import ONE_THREAD

__all__ = ["Answer", "run_isolated"]

GIB = 1 << 30
LOOK_EVERY = 0.05 if sys.platform == "linux" else 1.0
"""Seconds between two looks at the process's memory; elsewhere each look starts a program."""


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
        The most that the process held, as the system tells.
    writes_confined : bool
        Whether the system kept the process from writing outside its own folder.
    """

    arrays: dict[str, NDArray[Any]]
    report: dict[str, Any]
    costs: dict[str, float]
    peak_memory_bytes: int
    writes_confined: bool


def run_isolated(
    who: str,
    function: str,
    argument: object,
    *,
    answer: Callable[[Any], Any],
    seconds: float,
    memory_gib: float,
    closed: Path,
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
        Most resident memory of the process, looked at every ``LOOK_EVERY`` seconds.
    closed : Path
        A folder that the process must not be able to write in.

    Raises
    ------
    RejectedError
        The process raised it, or tried to write where it may not.
    TimeoutError
        It was ended at its time limit.
    InvalidAnswerError
        It raised something else, took too much memory, or died.
    """
    hide_memory()
    deadline = time.monotonic() + seconds - min(1.0, 0.05 * seconds)
    with tempfile.TemporaryDirectory(prefix="loki-bench-", ignore_cleanup_errors=True) as scratch:
        request = Request(
            function=function,
            argument=dumps(argument),
            writable=tuple(str(f) for f in _writable(Path(scratch), closed.resolve())),
        )
        with _process(scratch) as (process, channel):
            watched = _Watched(who, process, channel, deadline, seconds, memory_gib)
            try:
                channel.send_bytes(dumps(request))
                return watched.answer(answer)
            except (EOFError, ConnectionError):
                raise InvalidAnswerError(f"{who} {watched.end()}") from None


class _Watched:
    """A process that works on its request, and the limits that it works under."""

    def __init__(
        self,
        who: str,
        process: "subprocess.Popen[bytes]",
        channel: "Connection[Any, Any]",
        deadline: float,
        seconds: float,
        memory_gib: float,
    ) -> None:
        self._who, self._process, self._channel = who, process, channel
        self._deadline, self._seconds, self._memory_gib = deadline, seconds, memory_gib
        self._peak = 0

    def answer(self, answer: Callable[[Any], Any]) -> Answer:
        """Answer questions until the process has its own answer."""
        confined = False
        while True:
            message = json.loads(self._received())
            if message["kind"] == "ready":
                confined = bool(message["writes_confined"])
            elif message["kind"] == "question":
                self._channel.send_bytes(json.dumps(answer(message["question"])).encode())
            else:
                break
        content = self._received()
        self._look_at_memory()
        self._channel.send_bytes(b"")  # it may end
        if message["kind"] == "error":
            raise self._error(message, confined)
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return Answer(
            arrays=arrays,
            report=message["report"],
            costs={name: float(value) for name, value in message["costs"].items()},
            peak_memory_bytes=self._peak,
            writes_confined=confined,
        )

    def end(self) -> str:
        """How the process died, in words."""
        code = self._process.wait()
        if code < 0:
            return (
                f"died: its process was killed by {signal.Signals(-code).name} "
                "(a crash, or the system ran out of memory)"
            )
        return f"died: its process ended with exit status {code}"

    def _received(self) -> bytes:
        while not self._channel.poll(min(LOOK_EVERY, max(0.0, self._left))):
            self._look_at_memory()
            if self._left <= 0:
                raise TimeoutError(f"ended at its time limit of {self._seconds:g} s")
        return self._channel.recv_bytes()

    @property
    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _look_at_memory(self) -> None:
        self._peak = max(self._peak, _memory_of(self._process.pid))
        if self._peak > self._memory_gib * GIB:
            raise InvalidAnswerError(
                f"{self._who} was ended at its memory limit of {self._memory_gib:g} GiB; raise "
                "the suite's key 'limits.memory_gib' if the machine has more"
            )

    def _error(self, message: dict[str, Any], confined: bool) -> LokiBenchError:
        error: LokiBenchError
        if message["refused"] and confined:
            error = RejectedError(
                f"{self._who} was refused access to a file: it may write in its working folder only"
            )
        elif message["ours"]:
            error = getattr(errors, message["type"], InvalidAnswerError)(message["message"])
        else:
            error = InvalidAnswerError(
                f"{self._who} raised {message['type']}: {message['message']}"
            )
        error.__cause__ = _InsideError(message["traceback"])
        return error


class _InsideError(Exception):
    """Carries the isolated process's traceback, so that a host's traceback shows both."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@contextmanager
def _process(scratch: str) -> "Iterator[tuple[subprocess.Popen[bytes], Connection[Any, Any]]]":
    ours, theirs = Pipe()
    # A script, not `-m`: `-m` puts the working folder first on the path.
    paths = [os.path.abspath(path) for path in sys.path]  # noqa: PTH100  # "" is this folder
    script = (
        "import sys, json; sys.path[:] = json.loads(sys.argv.pop()); "
        "from loki_bench.sandbox.child import main; "
        f"main({theirs.fileno()}, {os.getpid()})"
    )
    try:
        process = subprocess.Popen(  # noqa: S603  # this interpreter, and nothing of a plugin's
            [sys.executable, "-c", script, json.dumps(paths)],
            stdin=subprocess.PIPE,  # it ends when this closes, however the host ends
            stdout=2,  # what a plugin prints is no output of this command
            pass_fds=[theirs.fileno()],
            cwd=scratch,
            env=_environment(scratch),
            start_new_session=True,
        )
    finally:
        theirs.close()
    try:
        yield process, ours
    finally:
        ours.close()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with whatever it started itself
        if process.stdin is not None:
            process.stdin.close()
        process.wait()


def _environment(scratch: str) -> dict[str, str]:
    """The host's environment without what names folders of data or results."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LOKI_BENCH_") and name not in ("PWD", "OLDPWD")
    }
    return {**kept, **ONE_THREAD, "TMPDIR": scratch}


def _writable(scratch: Path, closed: Path) -> list[Path]:
    """Its own folder, devices, and where compilers keep machine code for the next process."""
    caches = [Path(path) for path in sys.path if path]
    caches.append(platformdirs.user_cache_path())
    if os.environ.get("NUMBA_CACHE_DIR"):
        caches.append(Path(os.environ["NUMBA_CACHE_DIR"]))
    found = [folder.resolve() for folder in caches if folder.is_dir()]
    allowed = [f for f in found if not closed.is_relative_to(f) and not f.is_relative_to(closed)]
    return [scratch, Path("/dev"), *allowed]


def _memory_of(pid: int) -> int:
    """The most that a process has held in memory so far (elsewhere than on Linux: holds now)."""
    try:
        if sys.platform == "linux":
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
            return 0
        shown = subprocess.run(  # noqa: S603
            ["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return int(shown.stdout or 0) * 1024
    except (OSError, ValueError):  # it has just ended
        return 0
