"""One worker process at a time, with a channel of its own: what it does to itself hits no other."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Lock
from typing import Any

from loki_bench.engine.job_process import DIED, UNABLE, serve
from loki_bench.engine.job_values import MOST_BYTES
from loki_bench.errors import WorkerError

__all__ = ["OverTimeError", "Worker"]

MOST_TRIES = 2
"""A worker that is killed from outside did nothing wrong; one that dies twice may have."""
MOST_STARTS = 3
"""In a row, of a worker that is ended before it can take a job: no job is to blame for that."""
LONGEST_WAIT = 3600.0
MOST_SAID_BYTES = MOST_BYTES + (2 << 20)


class OverTimeError(Exception):
    """A job was over its time limit."""


class Worker:
    """A worker process, started when there is a job for it and again when it has died.

    Parameters
    ----------
    seconds : float
        Time limit of a job.
    modules : sequence of str
        See :func:`~loki_bench.engine.job_process.serve`.
    """

    def __init__(self, seconds: float, modules: Sequence[str]) -> None:
        self._seconds, self._modules = seconds, modules
        self._lock = Lock()
        self._process: BaseProcess | None = None
        self._channel: Connection[Any, Any] | None = None
        self.is_closed = False

    def answer_to(self, job: bytes) -> memoryview:
        """What :func:`~loki_bench.engine.job_border.carried_out` made of a job.

        Raises
        ------
        OverTimeError
            The job was over its time limit.
        ChildProcessError
            The worker died of it, twice.
        WorkerError
            This machine can't start a worker.
        """
        died = ""
        for _ in range(MOST_TRIES):
            said, died = self._try(job)
            if not died:
                return said
        raise ChildProcessError(f"its worker process died ({died})")

    def close(self) -> None:
        """End the process at once, and start no other."""
        with self._lock:
            self.is_closed = True
        self._kill()

    def _try(self, job: bytes) -> tuple[memoryview, str]:
        """The answer, or how the worker died."""
        channel = self._started()
        try:
            channel.send_bytes(job)
            channel.recv_bytes()  # it has imported what it takes to start
            self._wait_for(channel)
            said = channel.recv_bytes(MOST_SAID_BYTES)
        except (EOFError, OSError):  # it is gone, or says more than any job may
            return memoryview(b""), self._end(wait=1.0)
        if said[:1] == UNABLE:
            raise _unable(said[1:].decode())
        if said[:1] == DIED:
            return memoryview(b""), _how(int(said[1:]))
        return memoryview(said)[1:], ""

    def _wait_for(self, channel: "Connection[Any, Any]") -> None:
        deadline = time.monotonic() + self._seconds
        while not channel.poll(max(0.0, min(deadline - time.monotonic(), LONGEST_WAIT))):
            if time.monotonic() >= deadline:
                self._end(wait=0.0)
                raise OverTimeError

    def _started(self) -> "Connection[Any, Any]":
        if self._channel is not None:
            return self._channel
        died = ""
        for _ in range(MOST_STARTS):
            channel = self._start()
            try:
                said = channel.recv_bytes()
            except (EOFError, OSError):
                died = self._end(wait=1.0)
                if self.is_closed:
                    break
                continue
            if said[:1] == UNABLE:
                self._end(wait=1.0)
                raise _unable(said[1:].decode())
            return channel
        raise _unable(f"it ended before it could take a job ({died})")

    def _start(self) -> "Connection[Any, Any]":
        """Start a process; what it says first tells whether it can work."""
        # Spawned, not forked: a worker holds nothing of the host, and torch survives no fork.
        spawned = get_context("spawn")
        with self._lock:
            if self.is_closed:
                raise _unable("the run was stopped")
            try:
                ours, theirs = spawned.Pipe()
                with closing(theirs):
                    process = spawned.Process(
                        target=serve, args=(theirs, self._modules), daemon=True
                    )
                    process.start()
            except Exception as error:  # no process or file is left; or a daemon may have none
                raise _unable(f"{type(error).__name__}: {error}") from error
            self._process, self._channel = process, ours
        return ours

    def _end(self, *, wait: float) -> str:
        """End the process, and say how it had ended if it had, or does within ``wait`` seconds."""
        process = self._process
        if process is None:
            return "not started"
        process.join(wait)
        self._kill()
        process.join()
        if self._channel is not None:
            self._channel.close()
        self._process = self._channel = None
        code = process.exitcode or 0
        return f"killed by {_name(-code)}" if code < 0 else f"exit status {code}"

    def _kill(self) -> None:
        process = self._process
        if process is not None:
            process.kill()


def _unable(why: str) -> WorkerError:
    return WorkerError(
        f"a worker process can't be started here: {why}. No cell is to blame, and what is done is "
        "kept: mend it or take fewer workers, then type the same command to go on"
    )


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {_name(os.WTERMSIG(status))}"
    return f"exit status {os.WEXITSTATUS(status)}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
