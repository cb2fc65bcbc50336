"""Computes cells again in an empty folder, with some of their stored pieces put there first.

A run looks for every piece of work in its store before it computes it. So what is laid into the
new folder decides what is taken as given: poison and ranks, and only metrics are computed; the
poison, and victims are trained on it; nothing, and all of it is done again. Fitted surrogates are
never taken over: they are pickles, and opening a stranger's pickle runs a stranger's code.
"""

import glob
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from loki_bench.bounded_files import LARGEST_ARTEFACT, copy_regular, is_there
from loki_bench.datasets.data_folder import data_folder
from loki_bench.engine.versions import needed_modules
from loki_bench.engine.workers import LocalWorkers, Workers
from loki_bench.errors import DatasetError, InvalidAnswerError
from loki_bench.event_log import EventLog
from loki_bench.interactions import Interactions
from loki_bench.pipeline.cells import NoProgress, Progress, run_cells
from loki_bench.pipeline.craft import craft, prepare
from loki_bench.pipeline.defend import defend
from loki_bench.pipeline.retrain import evaluate
from loki_bench.pipeline.surrogate import fit_surrogate
from loki_bench.pipeline.victim_lists import show_lists
from loki_bench.plugins.registry import Registry
from loki_bench.records.data_places import in_turn
from loki_bench.records.manifest import artefact_paths
from loki_bench.records.store import Store
from loki_bench.split import SplitBounds
from loki_bench.suite.cell import Cell, DatasetRef
from loki_bench.suite.grid import ChosenMetric, chosen_metric
from loki_bench.suite.own_paths import FILE_PARAMETERS
from loki_bench.suite.resolve import load_log
from loki_bench.suite.split_bounds import made_split
from loki_bench.suite.suite import Choice, Limits, Parameter
from loki_bench.timing import timed

__all__ = ["Opening", "RefuseJobs", "Replay", "copy_artefacts", "data_of", "opening"]

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What cells need to be computed again, the folder apart."""

    metrics: tuple[ChosenMetric, ...]
    dataset: DatasetRef
    interactions: Interactions
    workers: Workers
    seconds: float
    progress: Progress
    bounds: SplitBounds | None = None

    def run(self, cells: Sequence[Cell], store: Store, *, workers: Workers | None = None) -> None:
        """Compute the cells into a store; each ends in a record there."""
        run_cells(
            cells,
            self.metrics,
            store=store,
            workers=workers or self.workers,
            interactions=self.interactions,
            bounds=self.bounds,
            limits=Limits(seconds=self.seconds),
            progress=self.progress,
        )


class RefuseJobs:
    """Workers for cells whose poison, or whose poison and ranks, are stored.

    What is stored is not computed. A record whose pieces do not belong together leads to work that
    should not be needed: it is refused, not done. Surrogates are not trained and attacks do not
    prepare, since only crafting asks for that; nor are a victim's lists made for its queries.

    Parameters
    ----------
    ranks_are_stored : bool
        Then metrics are all that is computed; else victims are trained on the stored poison.
    """

    def __init__(self, workers: Workers, *, ranks_are_stored: bool) -> None:
        self.n_workers = workers.n_workers
        self._workers = workers
        self._unneeded: dict[object, Callable[[], object]] = {
            fit_surrogate: bytes,
            prepare: dict,
            show_lists: lambda: np.empty((0, 0), dtype=np.int32),
        }
        self._refused: dict[object, str] = {
            craft: "its poison is not where its cell leads, or not whole"
        }
        if ranks_are_stored:
            self._refused[evaluate] = "its ranks are not where its victim and poison lead"
            self._refused[defend] = "what its defense kept is not where its poison leads"

    def submit(self, function: Callable[..., R], *arguments: object) -> "Future[R]":
        """Start a job, unless it is refused or nobody needs it."""
        answer: Future[R] = Future()
        if function in self._refused:
            answer.set_exception(InvalidAnswerError(self._refused[function]))
        elif function in self._unneeded:
            answer.set_result(cast("R", timed(self._unneeded[function])))
        else:
            answer = self._workers.submit(function, *arguments)
        return answer


def copy_artefacts(
    source: Path, target: Path, artefacts: Mapping[str, str], *, kinds: Collection[str]
) -> None:
    """Copy a record's artefacts of the given kinds (folders below ``artefacts``) as they are."""
    for name in artefact_paths(source, artefacts):
        if name.split("/")[1] in kinds and is_there(source / name):
            with suppress(OSError):  # too large: what follows from it is then not there
                copy_regular(source / name, target / name, at_most=LARGEST_ARTEFACT)


Opening = Callable[[Sequence[str], Cell], AbstractContextManager[Replay]]
"""Given metric labels and one of the cells, everything that computing them again needs."""


def opening(
    registry: Registry,
    *,
    n_workers: int | None,
    seconds: float,
    dataset_path: Path | None = None,
    places: Mapping[str, Path] | None = None,
    download: bool = True,
    progress: Progress | None = None,
) -> Opening:
    """How to open a :class:`Replay`; nothing is read or started before it is called.

    Parameters
    ----------
    n_workers : int or None
        Worker processes, one a processor unless given.
    seconds : float
        The time limit of a job.
    dataset_path : Path or None
        Where a dataset lies that was a file of somebody's own: records name the file alone.
    places : mapping of name to path, or None
        Where files of these names (:func:`~loki_bench.records.data_places.in_turn`) are looked for
        first, if nobody said.
    """
    return partial(
        _opened,
        registry,
        n_workers,
        seconds,
        dataset_path,
        dict(places or {}),
        download,
        progress or NoProgress(),
    )


@contextmanager
def _opened(
    registry: Registry,
    n_workers: int | None,
    seconds: float,
    dataset_path: Path | None,
    places: Mapping[str, Path],
    download: bool,
    progress: Progress,
    labels: Sequence[str],
    cell: Cell,
) -> Iterator[Replay]:
    split = cell.protocol.split
    dataset, log = _log_of(cell, registry, dataset_path, places, download=download)
    made = None if split is None else made_split(split.choice, log)
    metrics = tuple(
        chosen_metric(registry, label, dataset.n_items, cell.protocol) for label in labels
    )
    modules = needed_modules([cell], metrics)
    with LocalWorkers.open(n_workers, seconds=seconds, modules=modules) as workers:
        yield Replay(
            metrics=metrics,
            dataset=dataset,
            interactions=log.interactions,
            bounds=made.bounds if made else None,
            workers=workers,
            seconds=seconds,
            progress=progress,
        )


def data_of(
    cell: Cell,
    registry: Registry,
    *,
    dataset_path: Path | None,
    places: Mapping[str, Path],
    download: bool,
) -> tuple[DatasetRef, Interactions]:
    """The dataset of a cell, wherever its files lie here; raises as :func:`load_log`.

    ``dataset_path`` and ``places`` are those of :func:`opening`.
    """
    dataset, log = _log_of(cell, registry, dataset_path, places, download=download)
    return dataset, log.interactions


def _log_of(
    cell: Cell,
    registry: Registry,
    dataset_path: Path | None,
    places: Mapping[str, Path],
    *,
    download: bool,
) -> tuple[DatasetRef, EventLog]:
    component = cell.dataset.component
    given = {name: value for name, value in component.changed.items() if value is not None}
    if "path" in given:
        given |= _own_files(given, places) if dataset_path is None else _found(given, dataset_path)
    choice = Choice(name=component.name, parameters=given)
    return load_log(choice, registry, download=download, repeats=cell.protocol.repeats)


def _found(given: Mapping[str, Parameter], place: Path) -> dict[str, Parameter]:
    """Where the files lie: of one file its path, of several the folder that they are in."""
    if place.is_dir():
        return _each_file(given, lambda name: _in_folder(name, place))
    several = [key for key in _paths_of(given) if key != "path" or not isinstance(given[key], str)]
    if several:
        raise DatasetError(
            f"the records are about several files ({', '.join(several)}): give the folder "
            f"that all of them lie in with --dataset-path, not the file {place}"
        )
    return {"path": str(place)}


def _own_files(given: Mapping[str, Parameter], places: Mapping[str, Path]) -> dict[str, Parameter]:
    """The same where nobody said where the files lie."""
    return _each_file(given, lambda name: _own_file(name, places))


def _each_file(
    given: Mapping[str, Parameter], place_of: Callable[[str], Path]
) -> dict[str, Parameter]:
    named = in_turn()

    def at(value: Parameter) -> Parameter:
        if isinstance(value, list):
            return [str(place_of(named(str(name)))) for name in value]
        return str(place_of(named(str(value))))

    return {key: at(given[key]) for key in _paths_of(given)}


def _paths_of(given: Mapping[str, Parameter]) -> list[str]:
    return [key for key in FILE_PARAMETERS if key in given]


def _in_folder(name: str, folder: Path) -> Path:
    """A file in the one folder that was said to hold all of them."""
    if "/" in name:
        raise DatasetError(
            f"the records are about several files called {name.rpartition('/')[2]}, which can't "
            "all lie in the folder of --dataset-path; leave it out: the folder that the suite was "
            "run into notes where each lies, and so does the suite itself, with `verify --suite`"
        )
    return folder / name


def _own_file(name: str, noted: Mapping[str, Path] | None = None) -> Path:
    """A file of somebody's own, by its name: where it lay when the cells were run, in the working
    folder, in a folder in it, or with the data; what is read is compared by its fingerprint."""
    found = noted.get(name) if noted else None
    if found is not None and found.is_file():
        return found
    if "/" in name:
        raise DatasetError(
            f"the records are about several files called {name.rpartition('/')[2]}, and nothing "
            "notes where each lies: give the folder that the suite was run into, or the suite "
            "itself with `verify --suite`"
        )
    here = Path()
    for place in [here / name, data_folder() / name, *sorted(here.glob(f"*/{glob.escape(name)}"))]:
        if place.is_file():
            return place
    raise DatasetError(
        f"the records are about a file of somebody's own, {name}, which is not in the working "
        "folder, in a folder in it, or in the data folder; say where it lies with --dataset-path"
    )
