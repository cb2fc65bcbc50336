"""Runs steps on workers, each after those that it needs; whoever asked is told as they end."""

import heapq
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from statistics import median
from typing import Generic, Literal, TypeVar

from loki_bench.engine.earlier_times import EarlierTimes
from loki_bench.engine.schedule import priorities, seconds_by_work, seconds_of, steps_left
from loki_bench.engine.step import Step, Values
from loki_bench.engine.time_left import AtWork
from loki_bench.engine.workers import Workers, outcome_of
from loki_bench.errors import (
    ClusterError,
    LokiBenchError,
    RejectedError,
    TemporaryFolderError,
    WorkerError,
)
from loki_bench.plain_data import in_short
from loki_bench.records.store import Store
from loki_bench.timing import Timed

__all__ = ["Failure", "Results", "run_steps"]

T = TypeVar("T")
F = TypeVar("F", bound=Step[object])


@dataclass(frozen=True)
class Failure:
    """Why a step has no value."""

    status: Literal["rejected", "failed", "timeout"]
    reason: str
    details: str = ""


@dataclass(frozen=True)
class Results:
    """What the steps of a run gave so far.

    Attributes
    ----------
    values : Values
    failures : dict of str to Failure
        By step key; a step that needs a failed one fails as that one did.
    costs : dict of str to Timed
        By step key, of steps whose work was done in this run; without its value.
    """

    values: Values = field(default_factory=Values)
    failures: dict[str, Failure] = field(default_factory=dict)
    costs: dict[str, Timed[object]] = field(default_factory=dict)

    def of(self, step: Step[T]) -> T | Failure:
        """A step's value, or why it has none."""
        return self.failures.get(step.key) or self.values[step]


def run_steps(
    finals: Sequence[F],
    *,
    store: Store,
    workers: Workers,
    seconds: float,
    on_end: Callable[[F, Results], None],
    working_on: Callable[[AtWork], None] | None = None,
    times: EarlierTimes | None = None,
) -> None:
    """Do what the steps need and the store lacks.

    Parameters
    ----------
    finals : sequence of Step
        What is asked for.
    seconds : float
        The time limit of a job, for the message of one that ran over it.
    on_end : callable
        Told of each final step as it ends, well or not.
    working_on : callable or None
        Told what the workers are doing now, and how far the run is.
    times : EarlierTimes or None
        What runs in other folders tell of how long the work lasts; this run's are kept with them.

    Raises
    ------
    StoreError
        A file can't be written. What was written before stays whole.
    ClusterError, TemporaryFolderError, WorkerError
        The workers are gone for good. What was written before stays.
    """
    run = _Run(finals, store, workers, seconds, on_end, times)
    try:
        run.to_the_end(working_on)
    finally:
        if times is not None:
            times.keep({work: median(seconds) for work, seconds in run.took.items()})


class _Run(Generic[F]):
    def __init__(
        self,
        finals: Sequence[F],
        store: Store,
        workers: Workers,
        seconds: float,
        on_end: Callable[[F, Results], None],
        times: EarlierTimes | None,
    ) -> None:
        self.store, self.workers, self.seconds, self.on_end = store, workers, seconds, on_end
        self.finals = {final.key: final for final in finals}
        self.steps, self.stored = steps_left(finals, store)
        self.known = seconds_by_work(store.runs())
        self.times, self.typical = times, dict[str, float]()
        if times is not None:
            self.known = {**times.here(), **self.known}
            self.typical = times.elsewhere({step.work for step in self.steps.values()})
        self.place = priorities(self.steps, finals, self.known, self.typical)
        self.at_work: AtWork | None = None  # where somebody is told
        self.results = Results()
        self.took: dict[str, list[float]] = {}  # seconds by work: whoever is told may take costs
        self.graph: TopologicalSorter[str] = TopologicalSorter()
        for step in self.steps.values():
            self.graph.add(step.key, *(n.key for n in step.needs if n.key in self.steps))
        self.graph.prepare()
        self.ready: list[tuple[float, int, str]] = []  # a heap: see schedule.priorities

    def to_the_end(self, working_on: Callable[[AtWork], None] | None) -> None:
        in_flight: dict[Future[Timed[object]], Step[object]] = {}
        if working_on is not None:
            self.at_work = AtWork(
                self.steps,
                self.known,
                typical=self.typical,
                stored={key for key, step in self.steps.items() if step in self.stored},
                n_workers=self.workers.n_workers,
            )
        while self.graph.is_active():
            self._start_ready(in_flight)
            if working_on is not None and self.at_work is not None:
                self.at_work.in_flight(in_flight.values())
                working_on(self.at_work)
            for future in wait(in_flight, return_when=FIRST_COMPLETED).done:
                step = in_flight.pop(future)
                self._end(step, self._outcome(step, future))

    def _start_ready(self, in_flight: "dict[Future[Timed[object]], Step[object]]") -> None:
        """Settle whatever needs no worker, and give each free worker a step."""
        self._queue_ready()
        while self.ready and len(in_flight) < self.workers.n_workers:
            step = self.steps[heapq.heappop(self.ready)[-1]]
            failures = self.results.failures
            failed = [failures[needed.key] for needed in step.needs if needed.key in failures]
            if failed:
                self._end(step, failed[0])
            elif step in self.stored:  # its needs were left out of the plan: not asked again
                self._end(step, self.stored[step])
            elif (value := step.stored(self.store, self.results.values)) is not None:
                self._end(step, value)
            else:
                in_flight[step.submit(self.workers, self.results.values)] = step
            self._queue_ready()

    def _queue_ready(self) -> None:
        for key in self.graph.get_ready():
            heapq.heappush(self.ready, (*self.place[key], key))

    def _outcome(self, step: Step[object], future: "Future[Timed[object]]") -> object:
        try:
            timed = outcome_of(future, self.seconds)
        except RejectedError as error:
            reason, details = in_short(str(error)), _details(error)
            return Failure("rejected" if step.can_be_rejected else "failed", reason, details)
        except (ClusterError, TemporaryFolderError, WorkerError):
            raise  # not the component's doing: what is asked for stays missing
        except TimeoutError as error:
            return Failure("timeout", in_short(f"{step.who} {error}"))
        except LokiBenchError as error:
            return Failure("failed", in_short(str(error)), _details(error))
        except Exception as error:  # whatever a component may raise: it costs its own step only
            reason = f"{step.who} raised {type(error).__name__}: {error}"
            return Failure("failed", in_short(reason), _details(error))
        self.results.costs[step.key] = timed.giving(None)  # a value may take a gigabyte
        if self.times is not None:
            self.took.setdefault(step.work, []).append(seconds_of(timed))
        return step.keep(self.store, self.results.values, timed.value)

    def _end(self, step: Step[object], outcome: object) -> None:
        if isinstance(outcome, Failure):
            self.results.failures[step.key] = outcome
        else:
            self.results.values.add(step, outcome)
        self.graph.done(step.key)
        if self.at_work is not None:
            self.at_work.ended(step, self.results.costs.get(step.key))
        if step.key in self.finals:
            self.on_end(self.finals[step.key], self.results)


def _details(error: BaseException) -> str:
    """The traceback as the worker saw it; kept with the run, never in the record."""
    remote = getattr(error, "traceback", None)
    return remote if isinstance(remote, str) else "".join(traceback.format_exception(error))
