"""Runs the cases of a fidelity suite that the store lacks, and writes a record of each answer.

::

    <results>/fidelity/<suite>/
        records/<id>.json      true effects, and each estimator's answers: all that tables read
        runs/<id>.json         CPU seconds, memory, machine
        grid.json              the suite with its components as they ran
        leaderboard.md .csv .json costs.md manifest.json
"""

import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, Protocol

from loki_bench.engine.run_log import environment
from loki_bench.engine.workers import Workers, outcome_of
from loki_bench.errors import LokiBenchError
from loki_bench.fidelity.apart import predicted, true_effects
from loki_bench.fidelity.case import FIDELITY_VERSION, Case, EstimatorRef
from loki_bench.fidelity.jobs import Prediction, TrueEffects, as_plain
from loki_bench.fidelity.record_form import fidelity_record
from loki_bench.interactions import Interactions
from loki_bench.records.store import Store

__all__ = ["FidelityProgress", "Task", "run_tasks", "tasks_of"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One record to write: true effects, or (``judged`` given) an estimator's answers."""

    case: Case
    judged: EstimatorRef | None

    @property
    def id(self) -> str:
        """The record's address."""
        return self.case.truth_id if self.judged is None else self.case.prediction_id(self.judged)

    @property
    def label(self) -> str:
        """For progress lines."""
        what = self.judged.estimator.label if self.judged else f"retraining ({self.case.truth})"
        on = self.case.victim if self.case.victim and not self.judged else self.case.recommender
        return f"{what} on {on.label}, goal {self.case.goal}, seed {self.case.seed}"


class FidelityProgress(Protocol):
    """Who is told how the run goes."""

    def started(self, n_tasks: int) -> None:
        """The run begins."""
        ...

    def finished(self, what: str, reason: str) -> None:
        """One task has its record; ``reason`` says why it failed, or is empty."""
        ...


def tasks_of(cases: Sequence[Case], judged: Sequence[EstimatorRef]) -> list[Task]:
    """Every record that the cases need, each once, surrogate by surrogate."""
    tasks = [Task(case=case, judged=j) for case in cases for j in (None, *judged)]
    return list({task.id: task for task in reversed(tasks)}.values())[::-1]


def run_tasks(
    tasks: list[Task],
    train: Interactions,
    *,
    store: Store,
    workers: Workers,
    seconds: float,
    progress: FidelityProgress,
    retry_failed: bool,
) -> None:
    """Compute what the store lacks; each record is written as soon as it is there."""
    left = [task for task in tasks if not _settled(store, task, retry_failed=retry_failed)]
    progress.started(len(left))
    for task, future in _finished(left, train, workers, seconds):
        record: dict[str, Any] = {
            "schema": 1,
            "fidelity_version": FIDELITY_VERSION,
            "status": "ok",
            "reason": "",
        }
        run: dict[str, Any] = {"environment": environment()}
        try:
            answer = outcome_of(future, seconds)
            if isinstance(answer, TrueEffects):
                record |= as_plain(answer)
                run["costs"] = {"seconds": answer.seconds}
            elif isinstance(answer, Prediction):
                record |= {
                    "values": answer.values,
                    "report": answer.report,
                    "invariance": answer.invariance,
                }
                run["costs"] = answer.costs
        except TimeoutError as error:
            record |= {"status": "timeout", "reason": str(error)}
        except Exception as error:  # whatever a third party's estimator may raise
            told = isinstance(error, (LokiBenchError, ChildProcessError))
            reason = str(error) if told else f"{type(error).__name__}: {error}"
            record |= {"status": "failed", "reason": reason}
            run["details"] = "".join(traceback.format_exception(error))
        # The run first: a record is the sign that all of its task is written.
        store.write_json("runs", task.id, run)
        store.write_json("records", task.id, record)
        progress.finished(task.label, record["reason"])


def _settled(store: Store, task: Task, *, retry_failed: bool) -> bool:
    record = fidelity_record(store, task.id, truth=task.judged is None)
    return record is not None and (record["status"] == "ok" or not retry_failed)


def _finished(
    tasks: list[Task], train: Interactions, workers: Workers, seconds: float
) -> "Iterator[tuple[Task, Future[Any]]]":
    """Tasks as they end; no more are in flight than there are workers, so a stop loses few."""
    waiting = iter(tasks)
    running: dict[Future[Any], Task] = {}
    while True:
        while len(running) < workers.n_workers and (task := next(waiting, None)) is not None:
            function: Callable[..., Any] = true_effects if task.judged is None else predicted
            more = (seconds,) if task.judged is None else (task.judged, seconds)
            running[workers.submit(function, train, task.case, *more)] = task
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future
