"""Runs the cells of a grid that the store lacks, and writes a record of each."""

import heapq
import math
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Goal
from loki_bench.engine.schedule import chains, seconds_by_work
from loki_bench.engine.timing import Timed
from loki_bench.engine.workers import Workers, outcome_of
from loki_bench.errors import ClusterError, LokiBenchError, RejectedError
from loki_bench.interactions import Interactions
from loki_bench.pipeline.jobs import DataFolder
from loki_bench.pipeline.record import (
    defense_report,
    failed_record,
    ok_record,
    run_of,
    samples_from_fakes,
    spent,
)
from loki_bench.pipeline.steps import Measure, Step, steps_left, steps_of
from loki_bench.records.schema import DefenseNumbers, Record, Status
from loki_bench.records.store import Store
from loki_bench.split import leave_one_out
from loki_bench.suite.cell import Cell
from loki_bench.suite.goal import draw_goal
from loki_bench.suite.grid import ChosenMetric, Grid
from loki_bench.suite.suite import Limits

__all__ = ["Progress", "missing_cells", "run_cells"]


class Progress(Protocol):
    """Who is told how the run goes."""

    def started(self, n_cells: int) -> None:
        """The run begins."""
        ...

    def working_on(self, what: Iterable[str]) -> None:
        """What the workers are doing now."""
        ...

    def finished(self, cell: Cell, status: Status, reason: str) -> None:
        """One cell has its record."""
        ...


@dataclass(frozen=True)
class Failure:
    """Why a step has no value."""

    status: Status
    reason: str
    details: str = ""


def missing_cells(grid: Grid, records: Mapping[str, Record], *, retry_failed: bool) -> list[Cell]:
    """Cells without a record that can be used: none, not whole, or lacking a metric."""
    wanted = {metric.label for metric in grid.metrics}

    def settled(cell: Cell) -> bool:
        record = records.get(cell.id)
        if record is None:
            return False
        if record.status != "ok":
            return not retry_failed
        return all(record.metric(label) is not None for label in wanted)

    return [cell for cell in grid.cells if not settled(cell)]


def run_cells(
    cells: list[Cell],
    metrics: tuple[ChosenMetric, ...],
    *,
    store: Store,
    workers: Workers,
    data: DataFolder,
    interactions: Interactions,
    limits: Limits,
    progress: Progress,
) -> Counter[Status]:
    """Compute cells and write their records as they end; returns how many ended how.

    Parameters
    ----------
    limits : Limits
        Of a job, for the message of one that ran over it, and of an isolated process.

    Raises
    ------
    StoreError
        A file can't be written. What was written before stays whole.
    ClusterError
        The workers are gone for good. What was written before stays.
    """
    run = _Run(metrics, store, workers, data, interactions, limits, progress)
    return run.to_the_end(cells)


class _Run:
    def __init__(
        self,
        metrics: tuple[ChosenMetric, ...],
        store: Store,
        workers: Workers,
        data: DataFolder,
        interactions: Interactions,
        limits: Limits,
        progress: Progress,
    ) -> None:
        self.metrics, self.store, self.workers = metrics, store, workers
        self.data, self.interactions = replace(data, limits=limits), interactions
        self.limits, self.progress = limits, progress
        self.unmet: dict[str, int] = {}  # how many needs of a planned step are not settled, by key
        self.waiting_for: dict[str, list[Step]] = {}  # who needs a step, by its key
        # A heap: the longest chain of work first, then by place in the plan.
        self.ready: list[tuple[float, int, Step]] = []
        self.place: dict[str, tuple[float, int]] = {}
        self.stored: dict[str, Any] = {}  # values that the plan found in the store, by key
        self.done: dict[str, Any] = {}  # a step's value or Failure, by key
        self.timings: dict[str, Timed[Any] | None] = {}
        self.statuses: Counter[Status] = Counter()

    def to_the_end(self, cells: list[Cell]) -> Counter[Status]:
        self._plan(cells)
        in_flight: dict[Future[Timed[Any]], Step] = {}
        self.progress.started(len(cells))
        while self.ready or in_flight:
            self._start_ready(in_flight)
            self.progress.working_on(_shown(step) for step in in_flight.values())
            for future in wait(in_flight, return_when=FIRST_COMPLETED).done:
                step = in_flight.pop(future)
                self._end(step, self._value(step, future))
        return self.statuses

    def _plan(self, cells: list[Cell]) -> None:
        measures = (Measure(self.data, cell, self.metrics) for cell in cells)
        plan, self.stored = steps_left(measures, self.store)
        longest = chains(list(plan.values()), seconds_by_work(self.store.runs()))
        for key, step in plan.items():
            if isinstance(step, Measure):
                longest[key] = math.inf  # a moment's work, and the cell has its record
        self.place = {key: (-longest[key], number) for number, key in enumerate(plan)}
        for step in plan.values():
            needs = [needed for needed in step.needs if needed.key in plan]
            self.unmet[step.key] = len(needs)
            for needed in needs:
                self.waiting_for.setdefault(needed.key, []).append(step)
            if not needs:
                self._make_ready(step)

    def _make_ready(self, step: Step) -> None:
        heapq.heappush(self.ready, (*self.place[step.key], step))

    def _start_ready(self, in_flight: dict[Future[Timed[Any]], Step]) -> None:
        """Settle whatever needs no worker, and give each free worker a step."""
        while self.ready and len(in_flight) < self.workers.n_workers:
            *_, step = heapq.heappop(self.ready)
            values = [self.done.get(needed.key) for needed in step.needs]
            failures = [value for value in values if isinstance(value, Failure)]
            value = failures[0] if failures else self._stored(step)
            if value is not None:
                self._end(step, value)
            else:
                in_flight[step.submit(self.workers, self.store, self.done)] = step

    def _stored(self, step: Step) -> Any:
        if step.key in self.stored:  # its needs were left out of the plan: it is not asked again
            return self.stored.pop(step.key)
        return step.stored(self.store, self.done)

    def _value(self, step: Step, future: "Future[Timed[Any]]") -> Any:
        try:
            timed = outcome_of(future, self.limits.seconds)
        except RejectedError as error:
            return Failure("rejected", str(error))
        except ClusterError:
            raise  # not the component's doing: the cell stays missing
        except TimeoutError as error:
            return Failure("timeout", f"{step.who} {error}")
        except LokiBenchError as error:
            return Failure("failed", str(error), _details(error))
        except Exception as error:  # whatever a component may raise: it costs its own cell only
            reason = f"{step.who} raised {type(error).__name__}: {error}"
            return Failure("failed", reason, _details(error))
        self.timings[step.key] = timed
        return step.keep(self.store, self.done, timed.value)

    def _end(self, step: Step, value: Any) -> None:
        self.done[step.key] = value
        for waiting in self.waiting_for.get(step.key, ()):
            self.unmet[waiting.key] -= 1
            if not self.unmet[waiting.key]:
                self._make_ready(waiting)
        if isinstance(step, Measure):
            self._record(step, value)

    def _record(self, step: Measure, value: Any) -> None:
        cell = step.cell
        if not isinstance(value, Failure):
            value = self._unreached(step) or value
        if isinstance(value, Failure):
            crafted = self.done[step.craft.key]
            used = None if isinstance(crafted, Failure) else spent(cell, crafted, self._goal(cell))
            record = failed_record(cell, value.status, value.reason, spent=used)
        else:
            defense, defense_ids = self._defense_of(step)
            record = ok_record(
                cell,
                goal=self._goal(cell),
                genuine_lengths=self._genuine_lengths,
                metrics=self.metrics,
                values=value,
                crafted=self.done[step.craft.key],
                attacked=self.done[step.attack.key],
                from_fake_users=self._from_fake_users(step),
                ranks_id=step.attack.ranks_id(self.done),
                clean_ranks_id=step.clean.ranks_id(self.done),
                defense=defense,
                defense_ids=defense_ids,
            )
        # Each cost is told once: with the first cell that shares the work.
        timings = {s.name: (s.work, self.timings.pop(s.key, None)) for s in steps_of(step)}
        details = value.details if isinstance(value, Failure) else ""
        # The run first: a record is the sign that all of its cell is written.
        self.store.write_json("runs", cell.id, {**run_of(timings), "details": details})
        self.store.take_over({} if record.artefacts is None else record.artefacts.addresses)
        self.store.write_record(record)
        self.statuses[record.status] += 1
        self.progress.finished(cell, record.status, record.reason)

    @cached_property
    def _genuine_lengths(self) -> NDArray[np.int64]:
        return leave_one_out(self.interactions).train.lengths

    def _goal(self, cell: Cell) -> Goal:
        return draw_goal(self.interactions, cell.protocol, cell.seed)

    def _defense_of(self, step: Measure) -> tuple[DefenseNumbers | None, dict[str, str]]:
        """What the defense did, and the addresses of its artefacts; nothing without one."""
        if step.defense is None:
            return None, {}
        poisoned, clean = step.defense
        return (
            defense_report(
                step.cell.dataset.n_users, self.done[poisoned.key], self.done[clean.key]
            ),
            {
                "defense": poisoned.answer_id(self.done),
                "clean_defense": clean.answer_id(self.done),
                "undefended_clean_ranks": step.undefended.ranks_id(self.done),
            },
        )

    def _from_fake_users(self, step: Measure) -> int | None:
        """Training samples that the fake users added.

        Counted against a clean victim trained on the same genuine users, with or without the
        defense; None where neither was, or the victim does not count.
        """
        dropped = step.attack.trained_on(self.done).dropped
        for clean in (step.clean, step.undefended):
            if np.array_equal(clean.trained_on(self.done).dropped, dropped):
                return samples_from_fakes(self.done[clean.key], self.done[step.attack.key])
        return None

    def _unreached(self, step: Measure) -> Failure | None:
        """The canary: fake users that add no training sample were lost on the way."""
        added, poison = self._from_fake_users(step), step.attack.trained_on(self.done).poison
        if poison.n_events == 0 or added is None or added > 0:
            return None
        return Failure(
            "failed",
            f"the poison never reached victim '{step.cell.victim.name}': {len(poison)} fake "
            f"users with {poison.n_events} events added {added} training samples",
        )


def _shown(step: Step) -> str:
    return f"{step.who} (seed {step.cell.seed})"


def _details(error: BaseException) -> str:
    """The traceback as the worker saw it; kept with the run, never in the record."""
    remote = getattr(error, "traceback", None)
    return remote if isinstance(remote, str) else "".join(traceback.format_exception(error))
