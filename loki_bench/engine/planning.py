"""What a run of a suite would still have to do, and how long that takes by the times so far."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loki_bench.engine.schedule import seconds_by_work
from loki_bench.pipeline.jobs import DataFolder
from loki_bench.pipeline.steps import Measure, Step, steps_left
from loki_bench.records.store import Store
from loki_bench.records.stored_file import StoredFile
from loki_bench.suite.cell import Cell
from loki_bench.suite.grid import ChosenMetric

__all__ = ["Plan", "Work", "plan"]

# Steps name the data that they would be sent; a plan sends nothing.
NO_FILE = StoredFile("", "")
NO_DATA = DataFolder(offsets=NO_FILE, items=NO_FILE, tokens=NO_FILE)


@dataclass(frozen=True, kw_only=True)
class Work:
    """Steps of one kind with the same components.

    Attributes
    ----------
    name : str
    n_steps : int
    seconds : float or None
        For one of them, by the runs of this folder: its own median, or that of its kind; None
        where no run tells.
    measured : bool
        Whether the seconds are those of this very work.
    """

    name: str
    n_steps: int
    seconds: float | None
    measured: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is left to do.

    Attributes
    ----------
    work : tuple of Work
    """

    work: tuple[Work, ...]

    @property
    def n_unknown(self) -> int:
        """Steps of which nothing is known; they are not part of ``seconds``."""
        return sum(work.n_steps for work in self.work if work.seconds is None)

    @property
    def seconds(self) -> float:
        """Of one worker, for all steps of which something is known."""
        return sum(work.n_steps * work.seconds for work in self.work if work.seconds is not None)


def plan(cells: Sequence[Cell], metrics: tuple[ChosenMetric, ...], store: Store) -> Plan:
    """The steps that these cells still need; what is stored is read, nothing is written."""
    steps, done = steps_left((Measure(NO_DATA, cell, metrics) for cell in cells), store)
    for step in steps.values():  # each after those that it needs
        if step.key not in done and all(needed.key in done for needed in step.needs):
            value = step.stored(store, done)
            if value is not None:
                done[step.key] = value
    wanted = _wanted(steps, done)
    left = [step for step in steps.values() if step.key in wanted]
    return Plan(work=_grouped(left, seconds_by_work(store.runs())))


def _wanted(steps: Mapping[str, Step], done: Mapping[str, Any]) -> set[str]:
    """Steps to do: those that measurements need, and what they need in turn, until it is stored."""
    wanted: set[str] = set()
    stack: list[Step] = [step for step in steps.values() if isinstance(step, Measure)]
    while stack:
        step = stack.pop()
        if step.key not in wanted and step.key not in done:
            wanted.add(step.key)
            stack += step.needs
    return wanted


def _grouped(steps: Sequence[Step], known: Mapping[str, float]) -> tuple[Work, ...]:
    counts = Counter((step.kind, step.work) for step in steps)
    by_kind: dict[str, list[float]] = {}
    for step in steps:
        if step.work in known:
            by_kind.setdefault(step.kind, []).append(known[step.work])
    found = []
    for (kind, name), n_steps in counts.items():
        others = by_kind.get(kind)
        guess = sum(others) / len(others) if others else None
        found.append(
            Work(
                name=name,
                n_steps=n_steps,
                seconds=known.get(name, guess),
                measured=name in known,
            )
        )
    return tuple(found)
