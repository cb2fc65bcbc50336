"""How far a run is, in steps, and how long the rest takes: told once enough is known to be honest.

Work is timed in this run: as the host sees it, from its start to its end without compiling, or by
the job's own clock where too few have ended to tell what the start of a worker costs. Until some of
it has ended here, earlier runs on this machine tell, then those of other machines; both are scaled
by what has ended here, as a machine may be slower, or busier than it was. Work that none tells of
makes the time left unknown, unless little of it is left.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from math import fsum
from statistics import fmean, median

from loki_bench.engine.schedule import chains, seconds_of
from loki_bench.engine.step import Step
from loki_bench.timing import Timed

__all__ = ["AtWork"]

SMALL_SHARE = 0.1
"""Where guessed work is more than this of all that is left, nothing is said."""
SLACK_SECONDS = 0.5
"""How far the times of an earlier run and of this one may differ and say nothing of the machine."""
COMPILING_SECONDS = 20.0
"""How long the first job of its sort may compile, which the others need not; on a machine that is
slower than those that the table is of, longer by as much."""
FRESH_SECONDS = 1.0
"""An estimate looks at every step that is left; so long one is kept, and counted down."""


class AtWork:
    """What the workers are doing: their steps' labels, when it is iterated.

    The run writes it, and whoever shows it may read it in a thread of its own.

    Parameters
    ----------
    known, typical : mapping of str to float
        Seconds by work: of earlier runs on this machine, and of others.
    stored : collection of str
        Keys of steps whose value is known to be there: they take no time.

    Attributes
    ----------
    n_steps, n_ended : int
        Of the whole run: fits, crafts, rankings; ended are those whose value was found, too.
    """

    def __init__(
        self,
        steps: Mapping[str, Step[object]],
        known: Mapping[str, float],
        *,
        n_workers: int,
        typical: Mapping[str, float] | None = None,
        stored: Collection[str] = (),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now, self._known, self._n_workers = now, known, n_workers
        self._typical = typical or {}
        self._left = {key: step for key, step in steps.items() if key not in stored}
        self._in_flight: dict[str, Step[object]] = {}
        self._since: dict[str, float] = {}
        self._took: dict[str, list[tuple[float, float]]] = {}  # by the host, by the job itself
        self._told: tuple[float, float | None] | None = None
        self._lock = threading.Lock()
        self.n_steps, self.n_ended = len(steps), 0

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            return iter([step.label for step in self._in_flight.values()])

    def in_flight(self, steps: Iterable[Step[object]]) -> None:
        """These are what the workers are doing now."""
        with self._lock:
            self._in_flight = {step.key: step for step in steps}
            for key in self._in_flight:
                self._since.setdefault(key, self._now())

    def ended(self, step: Step[object], cost: Timed[object] | None) -> None:
        """A step has a value, or will never have one; what its job cost, if there was one."""
        with self._lock:
            self.n_ended += 1
            self._told = None
            self._left.pop(step.key, None)
            self._in_flight.pop(step.key, None)
            if step.key in self._since:
                took = self._now() - self._since.pop(step.key)
                if cost is None:
                    both = (took, took)
                else:
                    both = (max(took - cost.compile_seconds, 0.0), seconds_of(cost))
                self._took.setdefault(step.work, []).append(both)

    @property
    def seconds_left(self) -> float | None:
        """About how long until the last step has ended; None where that is unknown yet."""
        with self._lock:
            now = self._now()
            if self._told is None or now - self._told[0] >= FRESH_SECONDS:
                self._told = (now, self._estimate(now))
            at, seconds = self._told
        return None if seconds is None else max(0.0, seconds - (now - at))

    def _estimate(self, now: float) -> float | None:
        timed = self._timed(now)
        by_kind: dict[str, list[float]] = {}
        for kind, work in {(step.kind, step.work) for step in self._left.values()}:
            if work in timed:
                by_kind.setdefault(kind, []).append(timed[work])
        total = guessed = 0.0
        for (work, kind, assumed), n in Counter(
            (step.work, step.kind, step.seconds) for step in self._left.values()
        ).items():
            if work in timed:
                total += n * timed[work]
            else:  # rather too much than too little: it may be what nothing measured comes near
                timed[work] = max(assumed, fmean(by_kind.get(kind, [0.0])))
                guessed += n * timed[work]
        if guessed > SMALL_SHARE * (total + guessed):
            return None
        done = {
            key: min(now - self._since[key], timed[step.work])
            for key, step in self._in_flight.items()
        }
        longest = chains(list(self._left.values()), timed)
        chain = max((longest[key] - done.get(key, 0.0) for key in longest), default=0.0)
        return max((total + guessed - sum(done.values())) / self._n_workers, chain)

    def _timed(self, now: float) -> dict[str, float]:
        """Seconds of each work, as far as something tells."""
        itself = {work: fmean(own for _, own in took) for work, took in self._took.items()}
        # the first job of each worker also waits for it to start and import: a median of more
        # than twice as many does not
        took = {
            work: itself[work]
            + (median(host - own for host, own in t) if len(t) > 2 * self._n_workers else 0.0)
            for work, t in self._took.items()
        }
        known = _scaled(self._known, _slowness(self._known, itself))
        slowness = _slowness(self._typical, {**known, **itself})
        timed = {**_scaled(self._typical, slowness), **known, **took}
        compiling = COMPILING_SECONDS * max(slowness, 1.0)
        if sum(map(len, self._took.values())) >= self._n_workers:  # the workers have started
            for step in self._in_flight.values():
                if step.work in timed and step.work not in took:  # it takes longer than elsewhere
                    at_it = now - self._since[step.key] - compiling
                    timed[step.work] = max(timed[step.work], at_it)
        return timed


def _slowness(expected: Mapping[str, float], measured: Mapping[str, float]) -> float:
    """How many times as long as expected what has ended took."""
    both = expected.keys() & measured.keys()
    return (SLACK_SECONDS + fsum(measured[work] for work in both)) / (
        SLACK_SECONDS + fsum(expected[work] for work in both)
    )


def _scaled(expected: Mapping[str, float], slowness: float) -> dict[str, float]:
    """Times of an earlier run or of another machine, as they are to be expected here and now."""
    return {work: seconds * slowness for work, seconds in expected.items()}
