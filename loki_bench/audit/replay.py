"""Computes cells again in an empty folder, with some of their stored pieces put there first.

A run looks for every piece of work in its store before it computes it. So what is laid into the
new folder decides what is taken as given: poison and ranks, and only metrics are computed; the
poison, and victims are trained on it; nothing, and all of it is done again. Fitted surrogates are
never taken over: they are pickles, and opening a stranger's pickle runs a stranger's code.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loki_bench.engine.run import Progress, run_cells
from loki_bench.engine.timing import timed
from loki_bench.engine.workers import Workers
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Interactions
from loki_bench.pipeline import jobs
from loki_bench.records.manifest import artefact_paths
from loki_bench.records.schema import Record, Status
from loki_bench.records.store import Store
from loki_bench.suite.cell import Cell, DatasetRef
from loki_bench.suite.grid import ChosenMetric
from loki_bench.suite.suite import Limits

__all__ = ["Given", "NoProgress", "Replay", "lay_out"]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What cells need to be computed again, the folder apart."""

    metrics: tuple[ChosenMetric, ...]
    dataset: DatasetRef
    interactions: Interactions
    workers: Workers
    seconds: float
    progress: Progress

    def run(self, cells: Sequence[Cell], store: Store, *, workers: Workers | None = None) -> None:
        """Compute the cells into a store; each ends in a record there."""
        run_cells(
            list(cells),
            self.metrics,
            store=store,
            workers=workers or self.workers,
            data=store.write_dataset(self.interactions, self.dataset.fingerprint),
            interactions=self.interactions,
            limits=Limits(seconds=self.seconds),
            progress=self.progress,
        )


class Given:
    """Workers for cells whose poison, or whose poison and ranks, are given.

    What is given is not computed. A record whose pieces do not belong together leads to work that
    should not be needed: it is refused, not done. Surrogates are not trained and attacks do not
    prepare, since only crafting asks for that; nor are a victim's lists made for its queries.

    Parameters
    ----------
    ranks : bool
        Whether ranks are given too: then metrics are all that is computed.
    """

    def __init__(self, workers: Workers, *, ranks: bool) -> None:
        self.n_workers = workers.n_workers
        self._workers = workers
        self._refused: dict[Callable[..., Any], str] = {
            jobs.craft: "its poison is not where its cell leads, or not whole"
        }
        if ranks:
            self._refused[jobs.evaluate] = "its ranks are not where its victim and poison lead"
            self._refused[jobs.defend] = "what its defense kept is not where its poison leads"

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Start a job, unless it is refused or nobody needs it."""
        answer: Future[Any] = Future()
        if function in self._refused:
            answer.set_exception(InvalidAnswerError(self._refused[function]))
        elif function is jobs.fit_surrogate:
            answer.set_result(timed(bytes))
        elif function is jobs.prepare:
            answer.set_result(timed(dict))
        elif function is jobs.show_lists:
            answer.set_result(timed(lambda: np.empty((0, 0), dtype=np.int32)))
        else:
            answer = self._workers.submit(function, *arguments)
        return answer


class NoProgress:
    """Progress of work that needs no line of its own."""

    def started(self, n_cells: int) -> None:
        """Nothing."""

    def working_on(self, what: Iterable[str]) -> None:
        """Nothing."""

    def finished(self, cell: Cell, status: Status, reason: str) -> None:
        """Nothing."""


def lay_out(
    source: Path,
    target: Path,
    record: Record,
    *,
    kinds: tuple[str, ...],
) -> None:
    """Copy a record's artefacts of the given kinds (folders below ``artefacts``) as they are."""
    for name in artefact_paths(source, record):
        if name.split("/")[1] in kinds and (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)
