"""Opens the workers that somebody asks for: processes here, a cluster, or some that are open."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from loki_bench.engine.workers import LocalWorkers, Workers
from loki_bench.errors import UsageError

__all__ = ["open_workers"]


def open_workers(
    workers: "int | Workers | None",
    scheduler: str | None = None,
    *,
    seconds: float,
    modules: Sequence[str] = (),
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
    modules : sequence of str
        This project's own modules that jobs will need; open workers take no notice.
    versions : mapping of str to str
        Distributions that a cluster's workers must have.
    warn : callable of one str
        Is given what differs on a cluster.

    Raises
    ------
    UsageError
        Both are given, or more processes than one machine is asked for.
    ClusterError
        The cluster can't be used.
    """
    if scheduler is not None:
        if workers is not None:
            raise UsageError("workers and a scheduler exclude each other: a cluster has its own")
        from loki_bench.engine.dask_workers import DaskWorkers  # imports distributed: an extra

        return DaskWorkers.open(
            scheduler, seconds=seconds, versions=versions or {}, modules=modules, warn=warn
        )
    if workers is None or isinstance(workers, int):
        return LocalWorkers.open(workers, seconds=seconds, modules=modules)
    return nullcontext(workers)
