"""Runs jobs in worker processes: one thread each, a time limit a job, one crash loses one job.

The seam is :class:`Workers`: anything that turns a function and its arguments into a future can
stand in for it.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Protocol, TypeVar

from pebble import ProcessExpired, ProcessPool

from loki_bench.errors import UsageError
from loki_bench.threads import ONE_THREAD

__all__ = ["LocalWorkers", "Workers", "n_processors", "open_workers", "outcome_of"]


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
    """Worker processes on this machine.

    Parameters
    ----------
    n_workers : int
    seconds : float
        Time limit of a job; a job over it is killed, and its worker replaced.
    """

    def __init__(self, n_workers: int, *, seconds: float) -> None:
        self.n_workers = n_workers
        self._seconds = seconds
        # Spawned, not forked: a worker holds nothing of the host, and torch survives no fork.
        self._pool = ProcessPool(
            max_workers=n_workers, context=get_context("spawn"), initializer=_prepare
        )

    def submit(self, function: Callable[..., R], *arguments: object) -> "Future[R]":
        """Start a job under the time limit."""
        future: Future[R] = self._pool.schedule(function, args=arguments, timeout=self._seconds)
        return future

    def close(self) -> None:
        """End the workers at once; jobs in flight are lost."""
        self._pool.stop()
        self._pool.join()

    @classmethod
    @contextmanager
    def open(cls, n_workers: int | None, *, seconds: float) -> Iterator["LocalWorkers"]:
        """Workers for the length of a ``with`` block, their processes on one thread each.

        There are as many as processors unless a number is given.
        """
        with _one_thread(), _script_left_alone():
            workers = cls(n_workers or n_processors(), seconds=seconds)
            try:
                yield workers
            finally:
                workers.close()


def open_workers(
    workers: "int | Workers | None",
    scheduler: str | None = None,
    *,
    seconds: float,
    versions: Mapping[str, str] | None = None,
    warn: Callable[[str], None],
) -> "AbstractContextManager[Workers]":
    """Workers for the length of a ``with`` block.

    Parameters
    ----------
    workers : int, Workers or None
        Processes on this machine, one a processor unless given; workers that are open already
        are used as they are.
    scheduler : str or None
        The address of a Dask cluster to use instead.
    seconds : float
        Time limit of a job.
    versions : mapping of str to str
        Distributions that a cluster's workers must have.
    warn : callable of one str
        Is given what differs on a cluster.

    Raises
    ------
    UsageError
        Both are given.
    ClusterError
        The cluster can't be used.
    """
    if scheduler is not None:
        if workers is not None:
            raise UsageError("workers and a scheduler exclude each other: a cluster has its own")
        from loki_bench.engine.dask_workers import DaskWorkers  # imports distributed: an extra

        return DaskWorkers.open(scheduler, seconds=seconds, versions=versions or {}, warn=warn)
    if workers is None or isinstance(workers, int):
        return LocalWorkers.open(workers, seconds=seconds)
    return nullcontext(workers)


def n_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def outcome_of(future: "Future[R]", seconds: float) -> R:
    """The job's result, or an exception that says how it was ended.

    Raises
    ------
    TimeoutError
        The job was killed at its limit.
    ChildProcessError
        The worker died: a crash, or the system ended it for its memory.
    """
    try:
        return future.result()
    except FutureTimeout:
        raise TimeoutError(f"ended at its time limit of {seconds:g} s") from None
    except ProcessExpired as error:
        code = error.exitcode
        how = (
            f"killed by {signal.Signals(-code).name}"
            if isinstance(code, int) and code < 0
            else f"exit status {code}"
        )
        raise ChildProcessError(f"its worker process died ({how})") from None


def _prepare() -> None:
    """Called first in each worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's to handle
    Thread(target=_end_with_the_host, daemon=True).start()
    import torch  # imported here: the host itself may never need it

    torch.set_num_threads(1)


def _end_with_the_host() -> None:
    """A host that was killed can't end its workers: they must notice, whatever they are doing."""
    host = parent_process()
    if host is not None:
        host.join()
        os._exit(1)
