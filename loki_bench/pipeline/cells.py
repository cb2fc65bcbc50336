"""Runs the cells of a grid that a store lacks, and writes a record of each as it ends."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
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
from loki_bench.records.schema import Status
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
    again = _to_craft(cells, repeated, store)
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
        cells_to_repeat`; a poison that is stored already is not crafted again.

    Raises
    ------
    StoreError
        A file can't be written. What was written before stays whole.
    ClusterError
        The workers are gone for good. What was written before stays.
    """
    told = progress or NoProgress()
    statuses: Counter[Status] = Counter()
    told.started(len(cells))
    if not cells:
        return statuses
    repeats = cells[0].protocol.repeats
    data = write_dataset(
        store, interactions, cells[0].dataset.fingerprint, bounds=bounds, repeats=repeats
    )
    split = split_at(interactions, bounds, repeats=repeats)

    def on_end(step: Measure, results: Results) -> None:
        record = write_record(step, results, split=split, store=store)
        statuses[record.status] += 1
        told.finished(record.cell, record.status, record.reason)

    again = _to_craft(cells, repeated, store) if repeated else ()
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


def _to_craft(cells: Iterable[Cell], repeated: Collection[str], store: Store) -> frozenset[str]:
    """Of the cells whose craft is to be done twice those where it is done at all."""
    return frozenset(
        cell.id
        for cell in cells
        if cell.id in repeated and store.read(PoisonCodec(), cell.craft_id) is None
    )
