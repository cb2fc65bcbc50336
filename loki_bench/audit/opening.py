"""Makes ready what computing again needs: the data that records name, workers, and metrics."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from loki_bench.audit.replay import NoProgress, Replay
from loki_bench.engine.run import Progress
from loki_bench.engine.workers import LocalWorkers
from loki_bench.errors import DatasetError
from loki_bench.plugins.registry import Registry
from loki_bench.records.schema_3 import renamed
from loki_bench.suite.cell import Cell
from loki_bench.suite.grid import chosen_metric
from loki_bench.suite.resolve import load_dataset
from loki_bench.suite.suite import Choice

__all__ = ["Opening", "opening"]

Opening = Callable[[Sequence[str], Cell], AbstractContextManager[Replay]]
"""Given metric labels and one of the cells, everything that computing them again needs."""


def opening(
    registry: Registry,
    *,
    n_workers: int,
    seconds: float,
    dataset_path: Path | None = None,
    download: bool = True,
    progress: Progress | None = None,
) -> Opening:
    """How to open a :class:`Replay`; nothing is read or started before it is called.

    Parameters
    ----------
    seconds : float
        The time limit of a job.
    dataset_path : Path or None
        Where a dataset lies that was a file of somebody's own: records name the file alone.
    """
    return partial(
        _opened,
        registry,
        n_workers,
        seconds,
        dataset_path,
        download,
        progress or NoProgress(),
    )


@contextmanager
def _opened(
    registry: Registry,
    n_workers: int,
    seconds: float,
    dataset_path: Path | None,
    download: bool,
    progress: Progress,
    labels: Sequence[str],
    cell: Cell,
) -> Iterator[Replay]:
    component = cell.dataset.component
    given = {name: value for name, value in component.changed.items() if value is not None}
    if "path" in given:
        if dataset_path is None:
            raise DatasetError(
                f"the records are about a file of somebody's own, {given['path']}; say where it "
                "lies with --dataset-path"
            )
        given["path"] = str(dataset_path)
    choice = Choice(name=component.name, parameters=given)
    dataset, interactions = load_dataset(choice, registry, download=download)
    with LocalWorkers.open(n_workers, seconds=seconds) as workers:
        yield Replay(
            metrics=tuple(
                chosen_metric(registry, renamed(label), dataset.n_items, cell.protocol)
                for label in labels
            ),
            dataset=dataset,
            interactions=interactions,
            workers=workers,
            seconds=seconds,
            progress=progress,
        )
