"""Options that say where jobs run, and the workers that they ask for."""

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from loki_bench.errors import UsageError

if TYPE_CHECKING:
    from loki_bench.engine.workers import Workers

__all__ = ["execution_options", "opened_workers"]

F = TypeVar("F", bound=Callable[..., Any])


def execution_options(command: F) -> F:
    """Worker processes on this machine, or a cluster."""
    command = click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Run on the Dask cluster of this scheduler, such as tcp://10.0.0.1:8786.",
    )(command)
    return click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=None,
        help="Worker processes, one thread each.  [default: the number of processors]",
    )(command)


def opened_workers(
    scheduler: str | None, n_workers: int | None, *, seconds: float, versions: Mapping[str, str]
) -> "AbstractContextManager[Workers]":
    """The workers that the options ask for, for the length of a ``with`` block.

    Parameters
    ----------
    seconds : float
        Time limit of a job.
    versions : mapping of str to str
        Distributions that a cluster's workers must have.

    Raises
    ------
    UsageError
        Both options are given.
    ClusterError
        The cluster can't be used.
    """
    if scheduler is None:
        from loki_bench.engine.workers import LocalWorkers

        return LocalWorkers.open(n_workers or _processors(), seconds=seconds)
    if n_workers is not None:
        raise UsageError("--workers and --scheduler exclude each other: a cluster has its own")
    from loki_bench.engine.dask_workers import DaskWorkers

    return DaskWorkers.open(
        scheduler,
        seconds=seconds,
        versions=versions,
        warn=lambda text: click.echo(f"loki-bench: {text}", err=True),
    )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
