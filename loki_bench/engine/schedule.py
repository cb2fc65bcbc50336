"""What is left to do, in which order, and about how long it takes: never what comes out.

Steps are started by the longest chain of work that hangs on them (highest level first with
estimated times: Adam, Chandy and Dickson, A comparison of list schedules for parallel processing
systems, Communications of the ACM 17(12), 1974): the last worker is then not left alone with a
long step when all others have nothing to do.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from loki_bench.engine.earlier_times import EarlierTimes
from loki_bench.engine.step import Step, Values, steps_of
from loki_bench.json_values import JsonObject
from loki_bench.records.store import Store
from loki_bench.timing import Timed

__all__ = [
    "Plan",
    "Work",
    "chains",
    "plan",
    "priorities",
    "seconds_by_work",
    "seconds_of",
    "steps_left",
]


EARLY = 1e9
"""Seconds that no chain lasts: what is moved forward by them keeps its order."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """Steps of one kind with the same components.

    Attributes
    ----------
    name : str
    n_steps : int
    seconds : float or None
        For one of them: the median of earlier runs on this machine, or else of others, or the mean
        of its kind; None where nothing tells.
    measured : bool
        Whether this very work was timed on this machine.
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


def steps_left(
    finals: Iterable[Step[object]], store: Store
) -> tuple[dict[str, Step[object]], Values]:
    """All steps by key, without those that only steps with a stored value had needed.

    Returns
    -------
    (steps, stored)
        Each step after those that it needs; and the values that were looked up on the way, of
        steps whose address needs no inputs.
    """
    stored = Values()
    looked_up: set[str] = set()

    def is_done(step: Step[object]) -> bool:
        if step.address_needs_no_inputs and step.key not in looked_up:
            looked_up.add(step.key)
            value = step.stored(store, stored)
            if value is not None:
                stored.add(step, value)
        return step in stored

    steps: dict[str, Step[object]] = {}
    for final in finals:
        for step in steps_of(final, is_done=is_done):
            steps.setdefault(step.key, step)
    return steps, stored


def plan(finals: Sequence[Step[object]], store: Store, times: EarlierTimes | None = None) -> Plan:
    """The steps that these still need; what is stored is read, nothing is written."""
    steps, values = steps_left(finals, store)
    for step in steps.values():  # each after those that it needs
        if step not in values and all(needed in values for needed in step.needs):
            value = step.stored(store, values)
            if value is not None:
                values.add(step, value)
    wanted: set[str] = set()
    stack: list[Step[object]] = list(finals)
    while stack:  # what finals need, and what that needs in turn, until it is stored
        step = stack.pop()
        if step.key not in wanted and step not in values:
            wanted.add(step.key)
            stack += step.needs
    left = [step for step in steps.values() if step.key in wanted]
    if not left:
        return Plan(work=())
    known = seconds_by_work(store.runs())
    if times is None:
        return Plan(work=_grouped(left, known, {}))
    known = {**times.here(), **known}
    return Plan(work=_grouped(left, known, times.elsewhere({step.work for step in left})))


def priorities(
    steps: Mapping[str, Step[object]],
    finals: Iterable[Step[object]],
    known: Mapping[str, float],
    typical: Mapping[str, float] | None = None,
) -> dict[str, tuple[float, int]]:
    """By key, what a step is sorted by: finals, then the longest chain, then the plan's order.

    One step of each work that no run tells of goes before the others, with what it needs: so how
    long the rest takes is soon known. ``known`` is of earlier runs on this machine, ``typical`` of
    others.
    """
    longest = chains(list(steps.values()), {**(typical or {}), **known})
    last = {final.key for final in finals}
    untimed = {
        step.work: step
        for step in reversed(list(steps.values()))
        if step.work not in known and step.key not in last
    }
    early: list[Step[object]] = list(untimed.values())
    moved: set[str] = set()
    while early:
        step = early.pop()
        if step.key in steps and step.key not in moved:
            moved.add(step.key)
            longest[step.key] += EARLY
            early += step.needs
    for key in last:
        longest[key] = math.inf  # a moment's work, and something is finished
    return {key: (-longest[key], number) for number, key in enumerate(steps)}


def seconds_by_work(runs: Iterable[JsonObject]) -> dict[str, float]:
    """The median seconds of each piece of work that the runs of a store tell of.

    The start of a process of its own is part of them. Runs that don't read as expected, such as
    those of earlier versions, tell nothing.
    """
    found: dict[str, list[float]] = {}
    for run in runs:
        timings = run.get("timings")
        for timing in timings.values() if isinstance(timings, dict) else ():
            if isinstance(timing, dict):
                work, seconds = timing.get("work"), timing.get("wall_seconds")
                start = timing.get("start_seconds", 0.0)
                if not isinstance(start, int | float) or not 0 <= start < EARLY:
                    start = 0.0
                if isinstance(work, str) and isinstance(seconds, int | float) and seconds < EARLY:
                    found.setdefault(work, []).append(float(seconds) + start)
    return {work: median(seconds) for work, seconds in found.items()}


def seconds_of(cost: Timed[object]) -> float:
    """What a job took on its worker, the start of a process of its own included, compiling not."""
    start = cost.process.get("start_seconds")
    return cost.wall_seconds + (max(start, 0.0) if isinstance(start, int | float) else 0.0)


def chains(steps: Sequence[Step[object]], known: Mapping[str, float]) -> dict[str, float]:
    """By step key, the seconds of the longest chain that begins with the step.

    Parameters
    ----------
    steps : sequence of Step
        Each after those that it needs.
    known : mapping
        Of :func:`seconds_by_work`. Work that it lacks is taken to last as long as the longest
        known of its kind, or else as the step assumes.
    """
    by_kind: dict[str, float] = {}
    for step in steps:
        if step.work in known:
            by_kind[step.kind] = max(by_kind.get(step.kind, 0.0), known[step.work])
    after: dict[str, float] = {}
    longest: dict[str, float] = {}
    for step in reversed(steps):
        own = known.get(step.work, by_kind.get(step.kind, step.seconds))
        longest[step.key] = own + after.get(step.key, 0.0)
        for needed in step.needs:
            after[needed.key] = max(after.get(needed.key, 0.0), longest[step.key])
    return longest


def _grouped(
    steps: Sequence[Step[object]], known: Mapping[str, float], typical: Mapping[str, float]
) -> tuple[Work, ...]:
    counts = Counter(step.work for step in steps)
    kinds = {step.work: step.kind for step in reversed(steps)}  # of several, the first one's
    told = {**typical, **known}
    by_kind: dict[str, list[float]] = {}
    for step in steps:
        if step.work in known:
            by_kind.setdefault(step.kind, []).append(known[step.work])
    return tuple(
        Work(
            name=name,
            n_steps=n_steps,
            seconds=told.get(name, fmean(by_kind[kinds[name]]) if kinds[name] in by_kind else None),
            measured=name in known,
        )
        for name, n_steps in counts.items()
    )
