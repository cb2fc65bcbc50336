"""How a run is shown: a live bar on a terminal, a plain line a cell elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from loki_bench.cli.clock import Pace
from loki_bench.records.schema import Status
from loki_bench.suite.cell import Cell

__all__ = ["shown_progress"]

_QUIET_SECONDS = 30.0
"""A log without cells for so long names what is at work: shared work may take many minutes."""


@contextmanager
def shown_progress() -> Iterator["_Bar | _Lines"]:
    """Progress on standard error, for the length of a ``with`` block."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    columns = (
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),  # last: a narrow terminal cuts it first
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield _Bar(bar)


class _Bar:
    """A live bar; only cells that did not end well leave a line."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("starting", total=None)

    def started(self, n_cells: int) -> None:
        self._bar.update(self._task, total=n_cells)

    def working_on(self, what: Iterable[str]) -> None:
        self._bar.update(self._task, description=", ".join(what) or "writing")

    def finished(self, cell: Cell, status: Status, reason: str) -> None:
        if status != "ok":
            self._bar.console.print(_line(cell, status, reason), markup=False)
        self._bar.advance(self._task)


class _Lines:
    """One line a cell, and one in between where no cell ends for long."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._pace = Pace(now)
        self._last_line = now()

    def started(self, n_cells: int) -> None:
        self._pace.started(n_cells)

    def working_on(self, what: Iterable[str]) -> None:
        work = ", ".join(what)
        if work and self._now() - self._last_line >= _QUIET_SECONDS:
            self._print(f"at work on {work} ({self._pace})")

    def finished(self, cell: Cell, status: Status, reason: str) -> None:
        self._pace.ended()
        self._print(f"{self._pace.count} {_line(cell, status, reason)} ({self._pace})")

    def _print(self, line: str) -> None:
        self._last_line = self._now()
        print(line, file=sys.stderr, flush=True)


def _line(cell: Cell, status: Status, reason: str) -> str:
    budget = f"{100 * cell.budget.fake_users:g} % x {cell.budget.actions}"
    defense = "" if cell.defense is None else f" defended by {cell.defense.label}"
    victim = f"{cell.victim.label}{defense}"
    what = f"{cell.attack_label} on {victim}, {budget}, seed {cell.seed}: {status}"
    return f"{what}: {reason}" if reason else what
