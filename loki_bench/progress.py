"""How work is shown while it goes on: a bar on a terminal or in a notebook, lines elsewhere.

All of it goes to standard error. :func:`shown_work` is for any work that is counted;
:func:`progress_of` tells a run's cells to it.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # these import numpy: only when a command runs
    from tqdm import tqdm

    from loki_bench.engine.time_left import AtWork
    from loki_bench.pipeline.cells import Progress
    from loki_bench.records.schema import Status
    from loki_bench.suite.cell import Cell

__all__ = ["Bar", "Lines", "Pace", "Shown", "progress_of", "shown_work"]

_N_LAST = 20


def clock(seconds: float) -> str:
    """Minutes and seconds, ``m:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


class Pace:
    """Tells the time left by the pace of the last few things that ended.

    The first thing may have waited for work that all of them share, and tells nothing of the pace.

    Parameters
    ----------
    now : callable
        The present, in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._start = now()
        self._ends: deque[float] = deque(maxlen=_N_LAST)
        self._n = self._n_ended = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the work began."""
        return self._now() - self._start

    @property
    def is_over(self) -> bool:
        """Whether all that was to be done is done."""
        return self._n_ended >= self._n

    @property
    def count(self) -> str:
        """Which of how many ended last, ``[3/110]``."""
        return f"[{self._n_ended}/{self._n}]"

    def started(self, n: int) -> None:
        """So many things are to be done."""
        self._n = n

    def ended(self) -> None:
        """One of them is done."""
        self._ends.append(self._now())
        self._n_ended += 1

    def __str__(self) -> str:
        elapsed = f"elapsed {clock(self.elapsed)}"
        n_left = self._n - self._n_ended
        if self.is_over:
            return f"{elapsed}, about {clock(0)} left"
        if len(self._ends) < 2:
            return elapsed
        pace = (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
        return f"{elapsed}, about {clock(pace * n_left)} left"


def _left(at_work: "AtWork") -> str:
    """The time left, where it is known."""
    seconds = at_work.seconds_left
    return "time left unknown yet" if seconds is None else f"about {clock(seconds)} left"


@contextmanager
def _every(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Act every so many seconds for the length of a ``with`` block, whatever the host is doing."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(seconds):
            act()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class Lines:
    """A log: a line for each thing that ends, and one in between where nothing ends for long.

    Parameters
    ----------
    quiet : float
        After so many seconds without a line the log names what is at work.
    """

    def __init__(self, *, quiet: float = 30.0, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._quiet = now, quiet
        self._pace = Pace(now)
        self._last_line = now()
        self._work = ""
        self._steps: AtWork | None = None

    def started(self, n: int) -> None:
        """So many things are to be done; what was done before is not counted."""
        self._pace, self._steps = Pace(self._now), None
        self._pace.started(n)

    def working_on(self, what: Iterable[str]) -> None:
        """What is being done now."""
        self._work = ", ".join(what)
        self.remind()

    def at_work(self, what: "AtWork") -> None:
        """The same of a run, whose steps are counted."""
        self._steps = what
        self.working_on(what)

    def ended(self, line: str, *, well: bool = True) -> None:
        """One thing is done; a line that is empty is not written."""
        self._pace.ended()
        self._work = ""
        if line:
            self._write(f"{self._pace.count} {line} ({self._so_far})")

    def print(self, line: str) -> None:
        """Write a result to standard output."""
        self._last_line = self._now()
        print(line, flush=True)

    def remind(self) -> None:
        """Name what is at work, if the log was quiet for long."""
        if self._work and self._now() - self._last_line >= self._quiet:
            self._write(f"{self._pace.count} at work on {self._work} ({self._so_far})")

    @contextmanager
    def reminding(self) -> Iterator["Lines"]:
        """Remind by itself for the length of a ``with`` block, whatever the host is doing."""
        with _every(self._quiet / 4, self.remind):
            yield self

    @property
    def _so_far(self) -> str:
        """How far the work is, and how long the rest takes."""
        steps = self._steps
        if steps is None or self._pace.is_over:
            return str(self._pace)
        told = f"step {steps.n_ended} of {steps.n_steps}"
        return f"{told}, elapsed {clock(self._pace.elapsed)}, {_left(steps)}"

    def _write(self, line: str) -> None:
        self._last_line = self._now()
        print(line, file=sys.stderr, flush=True)


STEPS = "{l_bar}{bar}| {n_fmt}/{total_fmt} steps [{elapsed}{postfix}]"


class Bar:
    """A live bar with the time left; only what did not end well leaves a line."""

    def __init__(self) -> None:
        self._bar: tqdm[object] | None = None
        self._steps: AtWork | None = None

    def started(self, n: int) -> None:
        """So many things are to be done; what was done before is not counted."""
        from tqdm.auto import tqdm

        self.close()
        self._steps = None
        self._bar = tqdm(total=n, file=sys.stderr, leave=False, dynamic_ncols=True)

    def working_on(self, what: Iterable[str]) -> None:
        """What is being done now."""
        if self._bar is not None:
            self._bar.set_postfix_str(", ".join(what))

    def at_work(self, what: "AtWork") -> None:
        """The same of a run: the bar is that of its steps."""
        self._steps = what
        self.remind()

    def remind(self) -> None:
        """Show how far a run is by now."""
        if self._bar is not None and self._steps is not None:
            self._bar.bar_format, self._bar.total = STEPS, self._steps.n_steps
            self._bar.n = self._steps.n_ended
            self._bar.set_postfix_str(", ".join([_left(self._steps), *self._steps]))

    def ended(self, line: str, *, well: bool = True) -> None:
        """One thing is done."""
        if self._bar is not None:
            if line and not well:
                self._bar.write(line, file=sys.stderr)
            if self._steps is None:
                self._bar.update()

    def print(self, line: str) -> None:
        """Write a result to standard output."""
        from tqdm.auto import tqdm

        tqdm.write(line, file=sys.stdout)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


Shown: TypeAlias = Bar | Lines


@contextmanager
def shown_work(*, quiet: float = 30.0) -> Iterator[Shown]:
    """A bar on a terminal or in a notebook, lines elsewhere, for the length of a ``with`` block."""
    if sys.stderr.isatty() or "ipykernel" in sys.modules:
        bar = Bar()
        try:
            with _every(1.0, bar.remind):
                yield bar
        finally:
            bar.close()
    else:
        with Lines(quiet=quiet).reminding() as lines:
            yield lines


@contextmanager
def progress_of(wanted: "Progress | bool", *, each_cell: bool = True) -> "Iterator[Progress]":
    """A run's progress: shown where it is True, silent where False, else as it is.

    Without ``each_cell`` a log has no line for a cell, only those that say what is at work.
    """
    if wanted is True:
        with shown_work() as shown:
            yield _Cells(shown, each_cell=each_cell)
    else:
        from loki_bench.pipeline.cells import NoProgress

        yield wanted or NoProgress()


class _Cells:
    """A run's progress, a line a cell."""

    def __init__(self, shown: Shown, *, each_cell: bool) -> None:
        self._shown, self._each_cell = shown, each_cell

    def started(self, n_cells: int) -> None:
        self._shown.started(n_cells)

    def working_on(self, what: "AtWork") -> None:
        self._shown.at_work(what)

    def finished(self, cell: "Cell", status: "Status", reason: str) -> None:
        line = _line(cell, status, reason) if self._each_cell else ""
        self._shown.ended(line, well=status == "ok")


def _line(cell: "Cell", status: "Status", reason: str) -> str:
    budget = f"{100 * cell.budget.fake_users:g} % x {cell.budget.actions}"
    defense = "" if cell.defense is None else f" defended by {cell.defense.label}"
    victim = f"{cell.regime_label}{defense}"
    what = f"{cell.attack_label} on {victim}, {budget}, seed {cell.seed}: {status}"
    return f"{what}: {reason}" if reason else what
