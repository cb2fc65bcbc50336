"""Runs jobs on the workers of a running Dask cluster; only the host writes results.

Workers need no common file system: what a job reads is sent to each of them once, addressed by
its digest. A job whose worker is lost is run again on another one, a bounded number of times.
"""

import logging
import platform
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from importlib.metadata import version
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from loki_bench.engine.job_border import ended
from loki_bench.engine.job_values import type_given_by
from loki_bench.engine.versions import NUMERICAL, differences, installed
from loki_bench.errors import ClusterError
from loki_bench.records.store import StoredFile

if TYPE_CHECKING:
    from distributed import Client
    from distributed import Future as DaskFuture

    from loki_bench.engine.dask_job import Job

__all__ = ["DaskWorkers"]

R = TypeVar("R")
Answer: TypeAlias = Future[Any]
"""Of a job, whatever it gives."""

CONNECT_SECONDS = 10.0
WORKERS_SECONDS = 60.0
"""How long a cluster may take to have its first worker."""
ALONE_SECONDS = 300.0
"""How long a run waits for another worker when all were lost."""
MOST_TRIES = 4
"""Runs of a job whose files were lost with the workers that held them."""


class DaskWorkers:
    """The workers of a Dask cluster, one job a thread of theirs.

    Parameters
    ----------
    client : distributed.Client
    seconds : float
        Time limit of a job.
    versions : mapping of str to str
        What every worker must have installed.
    modules : sequence of str
        See :class:`~loki_bench.engine.workers.LocalWorkers`.
    """

    def __init__(
        self,
        client: "Client",
        *,
        seconds: float,
        versions: Mapping[str, str],
        modules: Sequence[str] = (),
    ) -> None:
        self._client = client
        self._seconds, self._modules = seconds, tuple(modules)
        self._versions = dict(versions)
        self._run = uuid.uuid4().hex
        self._lock = Lock()
        self._pending: set[Answer] = set()
        self._sent: dict[str, DaskFuture] = {}  # files on the cluster, by digest
        self._closing = Event()
        self._n_threads = 0
        Thread(target=self._watch, daemon=True).start()

    @property
    def n_workers(self) -> int:
        """Threads of all workers together; it changes while workers come and go.

        As last known where the scheduler does not answer: jobs in flight end with what it is.
        """
        with suppress(Exception):
            self._n_threads = sum(self._client.nthreads().values())
        return self._n_threads or 1

    def submit(self, function: Callable[..., R], *arguments: object) -> "Future[R]":
        """Start a job under the time limit."""
        from loki_bench.engine.dask_job import Job, files_of

        job = Job(
            run=self._run,
            function=function,
            arguments=arguments,
            seconds=self._seconds,
            versions=self._versions,
            modules=self._modules,
        )
        outer: Future[R] = Future()
        with self._lock:
            self._pending.add(outer)
        outer.add_done_callback(self._pending.discard)
        self._start(job, files_of(arguments), outer, n_tries=1)
        return outer

    def close(self) -> None:
        """End all jobs at once; those in flight are lost."""
        from loki_bench.engine.dask_job import end_run

        self._closing.set()
        if self._client.status == "running":
            with suppress(Exception):  # a cluster that is gone has nothing left to end
                self._client.run(end_run, self._run, on_error="ignore")
        self._client.close(timeout=CONNECT_SECONDS)

    @classmethod
    @contextmanager
    def open(
        cls,
        address: str,
        *,
        seconds: float,
        versions: Mapping[str, str],
        modules: Sequence[str] = (),
        warn: Callable[[str], None],
    ) -> Iterator["DaskWorkers"]:
        """The workers of the scheduler at ``address`` for the length of a ``with`` block.

        Raises
        ------
        ClusterError
            Dask is not installed, no scheduler answers, it has no worker, or a worker lacks what
            the run needs.
        """
        client = _connected(address)
        try:
            _require_versions(client, versions, warn)
            workers = cls(client, seconds=seconds, versions=versions, modules=modules)
        except BaseException:
            client.close()
            raise
        try:
            yield workers
        finally:
            workers.close()

    def _start(
        self, job: "Job", files: dict[str, StoredFile], outer: Answer, *, n_tries: int
    ) -> None:
        from loki_bench.engine.dask_job import run_job

        try:
            future = self._client.submit(
                run_job,
                job,
                {sha256: self._on_the_cluster(file) for sha256, file in files.items()},
                key=f"loki-bench-{uuid.uuid4().hex}",
                pure=False,
            )
        except Exception as error:  # of many classes: the client is closed, or can't connect
            raise _gone(self._client.scheduler.address) from error
        future.add_done_callback(lambda ended: self._end(ended, job, files, outer, n_tries))

    def _on_the_cluster(self, file: StoredFile) -> "DaskFuture":
        with self._lock:
            known = self._sent.get(file.sha256)
            if known is None or known.status != "finished":
                known = self._client.scatter(file.read(), hash=False)
                self._sent[file.sha256] = known
            return known

    def _end(
        self,
        ended: "DaskFuture",
        job: "Job",
        files: dict[str, StoredFile],
        outer: Answer,
        n_tries: int,
    ) -> None:
        """Pass on how a job ended; called in a thread of Dask."""
        from distributed.scheduler import KilledWorker

        error: BaseException | None
        try:
            if ended.status == "finished":
                answer = ended.result()
                error = answer.error
                if error is None:
                    error = _read(answer.content, job, outer)
                if error is None:
                    return
            elif ended.status == "error":
                error = ended.exception()
                if isinstance(error, KilledWorker):
                    error = ChildProcessError(
                        f"lost {error.allowed_failures + 1} workers of the cluster, one after "
                        "the other"
                    )
                elif not isinstance(error, ClusterError):
                    error = ClusterError(f"a worker could not run a job: {error!r}")
            elif self._closing.is_set():
                error = ClusterError("the run was stopped")
            elif self._client.status != "running" or n_tries == MOST_TRIES:
                error = _gone(self._client.scheduler.address)
            else:  # the only workers that held a file were lost, and the job's input with them
                self._start(job, files, outer, n_tries=n_tries + 1)
                return
        except ClusterError as gone:  # while it was given again
            error = gone
        except Exception as unexpected:  # it must reach the run, not a log
            error = ClusterError(f"the cluster's answer could not be read: {unexpected!r}")
        with suppress(InvalidStateError):
            outer.set_exception(error)

    def _watch(self) -> None:
        """End a run whose workers are all lost and stay away: nothing else would."""
        alone = 0.0
        while not self._closing.wait(5.0):
            with suppress(Exception):
                alone = 0.0 if self._client.nthreads() else alone + 5.0
            if alone < ALONE_SECONDS:
                continue
            with self._lock:
                pending = list(self._pending)
            for future in pending:
                with suppress(InvalidStateError):
                    future.set_exception(
                        ClusterError(
                            f"the scheduler has had no worker for {ALONE_SECONDS:g} s; start "
                            "some, then type the same command to go on"
                        )
                    )


def _connected(address: str) -> "Client":
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(
            "--scheduler needs Dask distributed, which is not installed here; "
            "type: pip install 'loki-bench[dask]'"
        ) from error
    expected = "expected an address such as tcp://10.0.0.1:8786, where `dask scheduler` runs"
    if not re.fullmatch(r"(\w+://)?[^/\s]+:\d+", address):
        raise ClusterError(f"--scheduler '{address}': {expected}")
    # What Dask would log of a lost scheduler, traceback and all, is said in a sentence here.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at '{address}' ({_first_line(error)}); {expected}"
        ) from error
    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    except TimeoutError as error:
        client.close()
        raise ClusterError(
            f"the Dask scheduler at {address} has had no worker for {WORKERS_SECONDS:g} s; "
            f"start some with `dask worker {address}`"
        ) from error
    return client


def _require_versions(
    client: "Client", versions: Mapping[str, str], warn: Callable[[str], None]
) -> None:
    """Refuse workers that lack what the run needs, and tell of other numerical packages.

    Functions of the standard library ask: a worker may have no loki-bench to import.
    """

    def answers(function: Callable[..., str], *arguments: str) -> dict[str, object]:
        try:
            asked: dict[str, object] = client.run(function, *arguments, on_error="return")
        except Exception as error:  # of many classes: the scheduler is lost
            raise _gone(client.scheduler.address) from error
        return asked

    def found(names: list[str]) -> dict[str, dict[str, str | None]]:
        by_worker: dict[str, dict[str, str | None]] = {}
        for name in names:
            for worker, answer in answers(version, name).items():
                known = answer if isinstance(answer, str) else None
                by_worker.setdefault(worker, {})[name] = known
        return by_worker

    refused = [
        f"worker {worker} has {different}"
        for worker, has in found(list(versions)).items()
        if (different := differences(versions, has))
    ]
    if refused:
        raise ClusterError(
            f"{'; '.join(refused)}; install the same distributions on every worker as here, and "
            "start the workers again"
        )
    here = {name: known for name in NUMERICAL if (known := installed(name))}
    pythons = {worker: str(told) for worker, told in answers(platform.python_version).items()}
    for worker, has in found(list(here)).items():
        others = differences(
            {**here, "python": platform.python_version()}, {**has, "python": pythons[worker]}
        )
        if others:
            warn(f"worker {worker} has {others}: its results may differ in their last bits")


def _read(content: bytes, job: "Job", outer: Answer) -> Exception | None:
    """Pass on the value that a job's process wrote, or return what it raised."""
    try:
        outer.set_result(ended(content, type_given_by(job.function)))
    except Exception as error:
        return error
    return None


def _gone(address: str) -> ClusterError:
    return ClusterError(
        f"the Dask scheduler at {address} no longer answers; what is done is kept, and the same "
        "command goes on from there"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(":. ")
