"""Runs jobs in worker processes: one thread each, a time limit a job, one crash loses one job.

The seam is :class:`Workers`: anything that turns a function and its arguments into a future can
stand in for it.
"""

import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Protocol, TypeVar

from loki_bench.engine.job_border import ended
from loki_bench.engine.job_process import DIED, serve

__all__ = ["LocalWorkers", "Workers", "outcome_of"]

# Set before a worker imports numpy or torch. Results are bit-identical only for a fixed number of
# threads, small models run faster on one, and the other cores have cells of their own.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}

MOST_TRIES = 2
"""A worker that is killed from outside did nothing wrong; one that dies twice may have."""

LONGEST_WAIT = 3600.0

R = TypeVar("R")


class Workers(Protocol):
    """Where jobs run."""

    @property
    def n_workers(self) -> int:
        """How many jobs run at a time."""
        ...

    def submit(self, function: Callable[..., R], *arguments: object) -> "Future[R]":
        """Start a job; the future may raise what the job raised, or say how it was ended."""
        ...


class LocalWorkers:
    """Worker processes on this machine, each with a channel of its own.

    A process that is killed takes no lock and no other job with it; its own job is tried once
    more.

    Parameters
    ----------
    n_workers : int
    seconds : float
        Time limit of a job; a job over it is killed, and its worker replaced.
    """

    def __init__(self, n_workers: int, *, seconds: float) -> None:
        self.n_workers = n_workers
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._workers = [_Worker(seconds) for _ in range(n_workers)]
        self._threads = [Thread(target=self._serve, args=(w,), daemon=True) for w in self._workers]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., R], *arguments: object) -> "Future[R]":
        """Start a job under the time limit."""
        future: Future[R] = Future()
        self._jobs.put(_Job(future, pickle.dumps((function, arguments))))
        return future

    def close(self) -> None:
        """End the workers at once; jobs in flight are lost."""
        for _ in self._workers:
            self._jobs.put(None)
        for worker in self._workers:
            worker.close()
        for thread in self._threads:
            thread.join()

    def _serve(self, worker: "_Worker") -> None:
        while (job := self._jobs.get()) is not None and not worker.is_closed:
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                job.future.set_result(ended(worker.answer_to(job.content)))
            except Exception as error:
                job.future.set_exception(error)

    @classmethod
    @contextmanager
    def open(cls, n_workers: int, *, seconds: float) -> Iterator["LocalWorkers"]:
        """Workers for the length of a ``with`` block, their processes on one thread each."""
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(ONE_THREAD)
        workers = cls(n_workers, seconds=seconds)
        try:
            yield workers
        finally:
            workers.close()
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def outcome_of(future: "Future[R]", seconds: float) -> R:
    """The job's result, or an exception that says how it was ended.

    Raises
    ------
    TimeoutError
        The job was killed at its limit.
    ChildProcessError
        The worker died, twice: a crash, or the system ended it for its memory.
    """
    try:
        return future.result()
    except _OverTimeError:
        raise TimeoutError(f"ended at its time limit of {seconds:g} s") from None


@dataclass(frozen=True)
class _Job:
    future: "Future[Any]"
    content: bytes


class _OverTimeError(Exception):
    """A job was over its time limit."""


class _Worker:
    """One worker process at a time, started when there is a job for it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._process: BaseProcess | None = None
        self._channel: Connection[Any, Any] | None = None
        self.is_closed = False

    def answer_to(self, job: bytes) -> bytes:
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

    def _try(self, job: bytes) -> tuple[bytes, str]:
        """The answer, or how the worker died."""
        try:
            channel = self._started()
            channel.send_bytes(job)
            channel.recv_bytes()  # it has imported what it takes to start
            self._wait_for(channel)
            said = channel.recv_bytes()
        except (EOFError, ConnectionError):
            return b"", self._end(wait=1.0)
        return (b"", _how(int(said[1:]))) if said[:1] == DIED else (said[1:], "")

    def _wait_for(self, channel: "Connection[Any, Any]") -> None:
        deadline = time.monotonic() + self._seconds
        while not channel.poll(max(0.0, min(deadline - time.monotonic(), LONGEST_WAIT))):
            if time.monotonic() >= deadline:
                self._end(wait=0.0)
                raise _OverTimeError

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
