"""How long steps will take, guessed from earlier runs: the order of work, never its result.

Steps are started by the longest chain of work that hangs on them (highest level first with
estimated times: Adam, Chandy and Dickson, A comparison of list schedules for parallel processing
systems, Communications of the ACM 17(12), 1974): the last worker is then not left alone with a
long step when all others have nothing to do.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from loki_bench.pipeline.steps import Step

__all__ = ["chains", "seconds_by_work"]

# Seconds by kind of step where no run has told yet: only their order matters.
UNKNOWN = {
    "surrogate": 60.0,
    "lists": 60.0,
    "prepare": 30.0,
    "craft": 30.0,
    "defense": 10.0,
    "clean": 60.0,
    "attack": 60.0,
    "measure": 0.1,
}


def seconds_by_work(runs: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The median seconds of each piece of work that the runs of a store tell of.

    Runs that don't read as expected, such as those of earlier versions, tell nothing.
    """
    found: dict[str, list[float]] = {}
    for run in runs:
        for timing in run.get("timings", {}).values():
            if timing and "work" in timing:
                found.setdefault(timing["work"], []).append(float(timing["wall_seconds"]))
    return {work: median(seconds) for work, seconds in found.items()}


def chains(steps: Sequence[Step], known: Mapping[str, float]) -> dict[str, float]:
    """By step key, the seconds of the longest chain that begins with the step.

    Parameters
    ----------
    steps : sequence of Step
        Each after those that it needs.
    known : mapping
        Of :func:`seconds_by_work`. Work that it lacks is taken to last as long as the longest
        known of its kind, or else as ``UNKNOWN`` says.
    """
    by_kind: dict[str, float] = {}
    for step in steps:
        if step.work in known:
            by_kind[step.kind] = max(by_kind.get(step.kind, 0.0), known[step.work])
    after: dict[str, float] = {}
    longest: dict[str, float] = {}
    for step in reversed(steps):
        own = known.get(step.work, by_kind.get(step.kind, UNKNOWN[step.kind]))
        longest[step.key] = own + after.get(step.key, 0.0)
        for needed in step.needs:
            after[needed.key] = max(after.get(needed.key, 0.0), longest[step.key])
    return longest
