"""One worker process at a time, with a channel of its own: what it does to itself hits no other."""

import os
import signal
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Lock
from typing import Any

from loki_bench.engine.job_process import DIED, serve
from loki_bench.engine.job_values import MOST_BYTES

__all__ = ["OverTimeError", "Worker"]

MOST_TRIES = 2
"""A worker that is killed from outside did nothing wrong; one that dies twice may have."""
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
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._process: BaseProcess | None = None
        self._channel: Connection[Any, Any] | None = None
        self.is_closed = False

    def answer_to(self, job: bytes) -> memoryview:
        """What :func:`~loki_bench.engine.job_border.carried_out` made of a job."""
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
        try:
            channel = self._started()
            channel.send_bytes(job)
            channel.recv_bytes()  # it has imported what it takes to start
            self._wait_for(channel)
            said = channel.recv_bytes(MOST_SAID_BYTES)
        except (EOFError, OSError):  # it is gone, or says more than any job may
            return memoryview(b""), self._end(wait=1.0)
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
        # Spawned, not forked: a worker holds nothing of the host, and torch survives no fork.
        spawned = get_context("spawn")
        ours, theirs = spawned.Pipe()
        with self._lock:
            if self.is_closed:
                raise EOFError
            self._process = spawned.Process(target=serve, args=(theirs,), daemon=True)
            self._process.start()
        theirs.close()
        self._channel = ours
        ours.recv_bytes()  # it is ready
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


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"killed by {_name(os.WTERMSIG(status))}"
    return f"exit status {os.WEXITSTATUS(status)}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
