"""One job on a worker of a Dask cluster: what is imported and run over there.

A Dask worker can neither end a task at its time limit nor outlive one that crashes. So each keeps
worker processes of its own, the same as on a single machine
(:class:`~loki_bench.engine.workers.LocalWorkers`), and its thread waits for one of them.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from threading import Lock, Timer

from distributed import get_worker

from loki_bench.engine.job_border import of_this_machine
from loki_bench.engine.versions import differences, installed
from loki_bench.engine.workers import LocalWorkers, outcome_of
from loki_bench.errors import ClusterError, TemporaryFolderError
from loki_bench.records.store import StoredFile

__all__ = ["Job", "JobResult", "end_run", "files_of", "run_job"]

IDLE_SECONDS = 300.0
"""Processes without a job for so long are ended: their host may have been killed."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker is sent.

    Attributes
    ----------
    run : str
        Which run of the host the job belongs to; each has processes of its own.
    function : callable
    arguments : tuple
    seconds : float
        The job's time limit.
    versions : dict of str to str
        What must be installed, by distribution.
    modules : tuple of str
        See :class:`~loki_bench.engine.workers.LocalWorkers`.
    """

    run: str
    function: Callable[..., object]
    arguments: tuple[object, ...]
    seconds: float
    versions: dict[str, str]
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """How a job ended: what its process wrote, for the host to read, or how it was ended.

    An error of the job is an answer like any other: what Dask itself reports as an error is then
    always the cluster's.
    """

    content: bytes = b""
    error: Exception | None = None


def run_job(job: Job, contents: dict[str, bytes]) -> JobResult:
    """Run a job in a process of this worker.

    Parameters
    ----------
    job : Job
    contents : dict of str to bytes
        What the files among the arguments hold, by their digest.

    Raises
    ------
    ClusterError
        This worker joined with other versions than the host's.
    """
    worker = get_worker()
    different = differences(job.versions, {name: installed(name) for name in job.versions})
    if different:
        raise ClusterError(f"worker {worker.address} has {different}")
    folder = Path(worker.local_directory) / "loki-bench"
    arguments = tuple(_with_files(a, folder, contents) for a in job.arguments)
    try:
        with _processes(job, worker.state.nthreads) as workers:
            future = workers.submit_encoded(job.function, *arguments)
            content = outcome_of(future, job.seconds)
    except Exception as error:  # whatever a component may raise
        return JobResult(error=error)
    # only here it can be told whether this machine's folder is to blame, or the job only said so
    error_here = of_this_machine(content)
    if error_here is not None:
        error_here = TemporaryFolderError(f"worker {worker.address}: {error_here}")
    return JobResult(content=content, error=error_here)


def end_run(run: str) -> None:
    """End the processes of a run at once; its jobs in flight are lost."""
    with _lock:
        processes = _runs.pop(run, None)
    if processes is not None:
        processes.close()


def files_of(value: object) -> dict[str, StoredFile]:
    """All files in a job's arguments, by digest."""
    if isinstance(value, StoredFile):
        return {value.sha256: value}
    found: dict[str, StoredFile] = {}
    for part in _parts(value):
        found |= files_of(part)
    return found


def _with_files(value: object, folder: Path, contents: dict[str, bytes]) -> object:
    """The value with each file replaced by this machine's copy."""
    if isinstance(value, StoredFile):
        return StoredFile(str(_copy(folder, value.sha256, contents)), value.sha256)
    if isinstance(value, tuple):
        return tuple(_with_files(part, folder, contents) for part in value)
    if is_dataclass(value) and not isinstance(value, type) and files_of(value):
        changed = {
            field.name: _with_files(getattr(value, field.name), folder, contents)
            for field in fields(value)
        }
        return replace(value, **changed)
    return value


def _parts(value: object) -> tuple[object, ...]:
    if isinstance(value, tuple):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(getattr(value, field.name) for field in fields(value))
    return ()


def _copy(folder: Path, sha256: str, contents: dict[str, bytes]) -> Path:
    path = folder / sha256
    with _lock:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part")
            partial.write_bytes(contents[sha256])
            partial.replace(path)
    return path


class _Processes:
    """The worker processes of one run on this worker; closed when idle for long."""

    def __init__(self, job: Job, n_workers: int) -> None:
        self.run, self.n_jobs = job.run, 0
        self.idle: Timer | None = None
        self._stack = ExitStack()
        self.workers = self._stack.enter_context(
            LocalWorkers.open(n_workers, seconds=job.seconds, modules=job.modules)
        )

    def close(self) -> None:
        if self.idle is not None:
            self.idle.cancel()
        self._stack.close()


_lock = Lock()
_runs: dict[str, _Processes] = {}


@contextmanager
def _processes(job: Job, n_threads: int) -> Iterator[LocalWorkers]:
    """The processes of a job's run, which none but :func:`end_run` ends meanwhile."""
    # A nanny starts its worker as a daemon, which Python lets have no children, lest they outlive
    # it. Ours end when the channel to their parent closes, whatever ends it: see job_process.serve.
    multiprocessing.current_process().daemon = False
    with _lock:  # found and taken at once: a timer may run out between the two
        if job.run not in _runs:
            _runs[job.run] = _Processes(job, n_threads)
        found = _runs[job.run]
        found.n_jobs += 1
        if found.idle is not None:
            found.idle.cancel()
    try:
        yield found.workers
    finally:
        with _lock:
            found.n_jobs -= 1
            if not found.n_jobs:
                found.idle = Timer(IDLE_SECONDS, _end_idle, (found,))
                found.idle.daemon = True
                found.idle.start()


def _end_idle(processes: _Processes) -> None:
    """End processes whose timer ran out, unless they were given a job when it had."""
    with _lock:
        if processes.n_jobs or _runs.get(processes.run) is not processes:
            return
        del _runs[processes.run]
    processes.close()
