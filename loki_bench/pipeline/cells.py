"""Runs the cells of a grid that a store lacks, and writes a record of each as it ends."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from loki_bench.engine.earlier_times import EarlierTimes
from loki_bench.engine.run import Results, run_steps
from loki_bench.engine.schedule import Plan, plan
from loki_bench.engine.time_left import AtWork
from loki_bench.engine.workers import Workers
from loki_bench.interactions import Interactions
from loki_bench.pipeline.craft import PoisonCodec
from loki_bench.pipeline.dataset import NO_DATA, write_dataset
from loki_bench.pipeline.measure import Measure
from loki_bench.pipeline.record import write_record
from loki_bench.records.schema import Record, Status
from loki_bench.records.store import Store
from loki_bench.split import SplitBounds, split_at
from loki_bench.suite.cell import Cell
from loki_bench.suite.grid import ChosenMetric
from loki_bench.suite.suite import Limits

__all__ = ["NoProgress", "Progress", "plan_cells", "run_cells"]


class Progress(Protocol):
    """Progress callback of a run."""

    def started(self, n_cells: int) -> None:
        """The run begins."""
        ...

    def working_on(self, what: AtWork) -> None:
        """What the workers are doing now, a label a step; how many steps ended; the time left."""
        ...

    def finished(self, cell: Cell, status: Status, reason: str) -> None:
        """One cell has its record."""
        ...


class NoProgress:
    """Progress of work that needs no line of its own."""

    def started(self, n_cells: int) -> None:
        """Nothing."""

    def working_on(self, what: Iterable[str]) -> None:
        """Nothing."""

    def finished(self, cell: Cell, status: Status, reason: str) -> None:
        """Nothing."""


def plan_cells(
    cells: Sequence[Cell],
    metrics: tuple[ChosenMetric, ...],
    store: Store,
    *,
    repeated: Collection[str] = (),
) -> Plan:
    """What :func:`run_cells` of these cells would still have to do; nothing is written."""
    replaced = Store(store.folder, warn=lambda said: None).records(cells)
    again = _to_repeat(cells, repeated, replaced, store) if repeated else ()
    return plan(
        [Measure(NO_DATA, cell, metrics, repeats_craft=cell.id in again) for cell in cells],
        store,
        _earlier_times(cells[0]) if cells else None,
    )


def run_cells(
    cells: Sequence[Cell],
    metrics: tuple[ChosenMetric, ...],
    *,
    interactions: Interactions,
    bounds: SplitBounds | None = None,
    store: Store,
    workers: Workers,
    limits: Limits,
    progress: Progress | None = None,
    repeated: Collection[str] = (),
) -> Counter[Status]:
    """Compute cells and write their records as they end; returns how many ended how.

    Parameters
    ----------
    cells : sequence of Cell
        All of the dataset that ``interactions`` are, and of one protocol.
    bounds : SplitBounds or None
        Where sequences are cut; None leaves one event out.
    limits : Limits
        Of a job, for the message of one that ran over it, and of an isolated process.
    repeated : collection of cell ids
        Cells whose craft is done twice, see :func:`~loki_bench.pipeline.craft_again.
        cells_to_repeat`; one whose record tells of the poison that is stored is not again.

    Raises
    ------
    StoreError
        A file can't be written. What was written before stays whole.
    ClusterError, TemporaryFolderError, WorkerError
        The workers are gone for good. What was written before stays.
    """
    statuses: Counter[Status] = Counter()
    if progress is not None:
        progress.started(len(cells))
    if not cells:
        return statuses
    repeats = cells[0].protocol.repeats
    data = write_dataset(
        store, interactions, cells[0].dataset.fingerprint, bounds=bounds, repeats=repeats
    )
    split = split_at(interactions, bounds, repeats=repeats)

    def on_end(step: Measure, results: Results) -> None:
        earlier = replaced.get(step.cell.id)
        record = write_record(step, results, split=split, store=store, replaced=earlier)
        statuses[record.status] += 1
        if progress is not None:
            progress.finished(record.cell, record.status, record.reason)

    # nothing is said of one that is not whole: whoever found that the cell is missing said it
    replaced = Store(store.folder, warn=lambda said: None).records(cells)
    again = _to_repeat(cells, repeated, replaced, store) if repeated else ()
    data = replace(data, limits=limits)
    run_steps(
        [Measure(data, cell, metrics, repeats_craft=cell.id in again) for cell in cells],
        store=store,
        workers=workers,
        seconds=limits.seconds,
        on_end=on_end,
        working_on=None if progress is None else progress.working_on,
        times=None if progress is None else _earlier_times(cells[0]),
    )
    return statuses


def _earlier_times(cell: Cell) -> EarlierTimes:
    """What is known of how long work on a cell's dataset lasts."""
    return EarlierTimes(dataset=cell.dataset.fingerprint, n_events=cell.dataset.n_events)


def _to_repeat(
    cells: Iterable[Cell], repeated: Collection[str], replaced: Mapping[str, Record], store: Store
) -> frozenset[str]:
    """Of the cells whose craft is to be done twice those of which no record tells how that ended.

    That the poison is stored tells nothing: a cell of another victim, or a run that was stopped
    before the second craft, may have left it.
    """

    def is_told(cell: Cell) -> bool:
        record = replaced.get(cell.id)
        if record is None or record.artefacts is None:
            return False
        crafted = store.read(PoisonCodec(), cell.craft_id)
        return crafted is not None and crafted.poison.digest() == record.artefacts.poison_digest

    return frozenset(cell.id for cell in cells if cell.id in repeated and not is_told(cell))
