"""Runs jobs in worker processes: one thread each, a time limit a job, one crash loses one job.

The seam is :class:`Workers`: anything that turns a function and its arguments into a future can
stand in for it.
"""

import os
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, Protocol, TypeVar

from loki_bench.engine.job_border import ended
from loki_bench.engine.job_values import type_given_by
from loki_bench.engine.worker import OverTimeError, Worker
from loki_bench.errors import UsageError, WorkerError
from loki_bench.threads import ONE_THREAD

__all__ = ["LocalWorkers", "Workers", "n_processors", "outcome_of"]


R = TypeVar("R")

MOST_WORKERS = 1000
"""Processes that one machine is asked for."""


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
    modules : sequence of str
        This project's own modules that jobs will need; others are imported once one has.
    """

    def __init__(self, n_workers: int, *, seconds: float, modules: Sequence[str] = ()) -> None:
        self.n_workers = n_workers
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._workers = [Worker(seconds, modules) for _ in range(n_workers)]
        self._threads = [Thread(target=self._serve, args=(w,), daemon=True) for w in self._workers]
        try:
            for thread in self._threads:
                thread.start()
        except RuntimeError as error:  # the user may start no more
            self.close()
            raise WorkerError(
                f"{n_workers} worker processes can't be started here: {error}; take fewer workers"
            ) from error

    def submit(self, function: Callable[..., R], *arguments: object) -> "Future[R]":
        """Start a job under the time limit."""
        future: Future[R] = Future()
        kind = type_given_by(function)
        self._jobs.put(
            _Job(future, pickle.dumps((function, arguments)), lambda said: ended(said, kind))
        )
        return future

    def submit_encoded(
        self, function: Callable[..., object], *arguments: object
    ) -> "Future[bytes]":
        """Start a job whose answer is read elsewhere, by ``job_border.ended``."""
        future: Future[bytes] = Future()
        self._jobs.put(_Job(future, pickle.dumps((function, arguments)), bytes))
        return future

    def close(self) -> None:
        """End the workers at once; jobs in flight are lost."""
        for _ in self._workers:
            self._jobs.put(None)
        for worker in self._workers:
            worker.close()
        for thread in self._threads:
            if thread.ident is not None:  # it was started
                thread.join()

    def _serve(self, worker: Worker) -> None:
        while (job := self._jobs.get()) is not None and not worker.is_closed:
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                job.future.set_result(job.read(worker.answer_to(job.content)))
            except Exception as error:
                job.future.set_exception(error)

    @classmethod
    @contextmanager
    def open(
        cls, n_workers: int | None, *, seconds: float, modules: Sequence[str] = ()
    ) -> Iterator["LocalWorkers"]:
        """Workers for the length of a ``with`` block, their processes on one thread each.

        There are as many as processors unless a number is given. Raises ``UsageError`` for one
        below 1 or above ``MOST_WORKERS``.
        """
        if n_workers is not None and not 1 <= n_workers <= MOST_WORKERS:
            raise UsageError(f"expected 1 to {MOST_WORKERS} worker processes, got {n_workers}")
        with _surroundings.changed():
            workers = cls(n_workers or n_processors(), seconds=seconds, modules=modules)
            try:
                yield workers
            finally:
                workers.close()


def n_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Surroundings:
    """What new processes take over from this one, changed as long as any workers are open.

    Several may be at once, opened and closed in any order: the first changes it, the last restores.
    """

    def __init__(self) -> None:
        self._lock, self._n_open, self._before = Lock(), 0, ExitStack()

    @contextmanager
    def changed(self) -> Iterator[None]:
        with self._lock:
            if not self._n_open:
                self._before.enter_context(_one_thread())
                self._before.enter_context(_script_left_alone())
            self._n_open += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_open -= 1
                if not self._n_open:
                    self._before.close()


@contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _script_left_alone() -> Iterator[None]:
    """Keep new processes from running the host's script again: no job is defined there.

    A spawned process begins with the file of ``__main__``. A script of five lines without
    ``if __name__ == "__main__"`` would there open workers of its own.
    """
    main = sys.modules["__main__"]
    names = [name for name in ("__file__", "__spec__") if getattr(main, name, None) is not None]
    before = {name: getattr(main, name) for name in names}
    for name in names:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(main, name, value)


_surroundings = _Surroundings()


def outcome_of(future: "Future[R]", seconds: float) -> R:
    """The job's result, or an exception that says how it was ended.

    Raises
    ------
    TimeoutError
        The job was killed at its limit.
    WorkerError
        No worker process can be started.
    ChildProcessError
        The worker died, twice: a crash, or the system ended it for its memory.
    """
    try:
        return future.result()
    except OverTimeError:
        raise TimeoutError(f"ended at its time limit of {seconds:g} s") from None


@dataclass(frozen=True)
class _Job:
    future: "Future[Any]"
    content: bytes
    read: Callable[[memoryview], Any]
