"""The time left that a run tells, beside what it took: recorded runs, played again without a clock.

What a progress line says is asked of the very code that says it. Workers are played: a job takes
as long as it did when the leaderboard was computed, times how much slower this machine is, and
compiles when it is the first of its sort.
"""

from collections import Counter
from concurrent.futures import Future
from functools import cache, partial
from pathlib import Path

import pytest

from loki_bench.audit.drawn import board_of
from loki_bench.engine import earlier_times
from loki_bench.engine import run as engine_run
from loki_bench.engine.earlier_times import EarlierTimes
from loki_bench.engine.run import run_steps
from loki_bench.engine.step import Step, steps_of
from loki_bench.engine.time_left import AtWork
from loki_bench.pipeline.dataset import NO_DATA
from loki_bench.pipeline.measure import Measure
from loki_bench.records.opening import as_working_folder
from loki_bench.records.store import Store
from loki_bench.timing import Timed

LEADERBOARDS = Path(__file__).parents[2] / "leaderboards"

IMPORTS = 4.0
"""Seconds until a new worker has imported what it needs."""

pytestmark = pytest.mark.skipif(
    not (LEADERBOARDS / "quick").is_dir(), reason="leaderboards are not in this distribution"
)


class Played(Step[object]):
    """A step of a recorded run with what its job took; without a timing its value was stored."""

    address_needs_no_inputs = True

    def __init__(self, step, needs, timing):
        self.key, self.inputs = step.key, needs  # in the place of cached properties
        self.kind, self.seconds, self._work = step.kind, step.seconds, step.work
        self._is_stored = timing is None
        self.took = 0.0 if timing is None else timing["wall_seconds"]
        self.started = 0.0 if timing is None else max(0.0, timing.get("start_seconds", 0.0))

    @property
    def who(self):
        return self._work

    def stored(self, store, values):
        return "a value" if self._is_stored else None

    def submit(self, workers, values):
        return workers.submit(self)


class PlayedWorkers:
    """Workers whose jobs end when the clock says so."""

    def __init__(self, n_workers, *, slower, compiles):
        self.n_workers, self.now = n_workers, 0.0
        self._slower, self._compiles = slower, compiles
        self._running, self._compiled, self._n_jobs = [], set(), 0

    def submit(self, step):
        compiling = 0.0
        if step.kind not in ("measure", "craft") and step.work not in self._compiled:
            self._compiled.add(step.work)
            compiling = self._compiles * self._slower
        imports = IMPORTS * self._slower if self._n_jobs < self.n_workers else 0.0
        self._n_jobs += 1
        wall, start = step.took * self._slower, step.started * self._slower
        future = Future()
        cost = Timed(
            None,
            wall_seconds=wall,
            cpu_seconds=wall,
            compile_seconds=compiling,
            peak_memory_bytes=0,
            host="here",
            process={"start_seconds": start},
        )
        end = self.now + imports + start + compiling + wall
        self._running.append((end, self._n_jobs, future, cost))
        return future

    def next_end(self):
        return min(self._running)[0]

    def end_one(self):
        first = min(self._running)
        self._running.remove(first)
        self.now, _, future, cost = first
        future.set_result(cost)


@cache
def recorded(board, *, half_is_stored=False):
    """The final steps of a leaderboard, with the recorded seconds, and its dataset.

    Where half of it is stored, every second step of each kind has a value, but for measures.
    """
    with as_working_folder(LEADERBOARDS / board, artefacts=False) as folder:
        records = board_of(folder).records
        store = Store(folder, warn=print)
        timings = {r.id: (store.read_json("runs", r.id) or {}).get("timings", {}) for r in records}
    metrics = ()
    found = {}
    for record in records:
        for step in steps_of(Measure(NO_DATA, record.cell, metrics)):
            timing = timings[record.id].get(step.name)
            if timing is not None:
                found[step.key] = timing
    played = {}
    n_of_kind = Counter()
    for record in records:
        for step in steps_of(Measure(NO_DATA, record.cell, metrics)):
            if step.key in played:
                continue
            needs = tuple(played[needed.key] for needed in step.needs)
            n_of_kind[step.kind] += 1
            is_stored = half_is_stored and step.kind != "measure" and n_of_kind[step.kind] % 2
            timing = None if is_stored else found.get(step.key)
            played[step.key] = Played(step, needs, timing)
    finals = [played[Measure(NO_DATA, record.cell, metrics).key] for record in records]
    return finals, records[0].cell.dataset


def told(finals, times, folder, monkeypatch, *, n_workers=2, slower=1.0, compiles=0.0):
    """What a run took, and (elapsed, time left as told, time left) some times a minute."""
    workers = PlayedWorkers(n_workers, slower=slower, compiles=compiles)
    monkeypatch.setattr(engine_run, "AtWork", partial(AtWork, now=lambda: workers.now))
    said = []

    def watch(at_work):
        if not list(at_work):
            return
        end = workers.next_end()
        while workers.now < end:
            said.append((workers.now, at_work.seconds_left))
            workers.now = min(workers.now + 6.0 * slower, end)
        workers.end_one()

    run_steps(
        finals,
        store=Store(folder, warn=print),
        workers=workers,
        seconds=1e6,
        on_end=lambda step, results: None,
        working_on=watch,
        times=times,
    )
    total = workers.now
    return total, [(elapsed, left, total - elapsed) for elapsed, left in said]


def ratios(total, said, *, first=0.1, last=0.9):
    """What was told by what was so, from a tenth of the run on; it is told all the time."""
    return [told / left for elapsed, told, left in said if first * total <= elapsed <= last * total]


@pytest.mark.parametrize(("n_workers", "slower"), [(1, 1), (2, 1 / 3), (2, 3), (4, 1)])
def test_a_first_run_tells_it_within_a_factor_of_two_from_its_first_tenth_on(
    tmp_path, monkeypatch, n_workers, slower
):
    finals, data = recorded("quick")
    times = EarlierTimes(dataset=data.fingerprint, n_events=data.n_events)
    total, said = told(
        finals, times, tmp_path, monkeypatch, n_workers=n_workers, slower=slower, compiles=20.0
    )
    found = ratios(total, said)
    assert len(found) > 20
    assert min(found) >= 0.5
    assert max(found) <= 2.0


def test_so_it_does_where_the_table_knows_other_data_alone(tmp_path, monkeypatch):
    exact, _ = earlier_times._table()
    finals, data = recorded("quick")
    other = {
        work: {size: s for size, s in sizes.items() if size != data.n_events}
        for work, sizes in exact.items()
    }
    monkeypatch.setattr(earlier_times, "_table", lambda: (other, earlier_times.by_stem(other)))
    times = EarlierTimes(dataset=data.fingerprint, n_events=data.n_events)
    unknown = next(work for work, sizes in other.items() if work.startswith("def") and not sizes)
    assert set(times.elsewhere(["fit of bprmf", unknown])) == {"fit of bprmf"}
    total, said = told(finals, times, tmp_path, monkeypatch)
    found = ratios(total, said)
    assert min(found) >= 0.5
    assert max(found) <= 2.0


def test_a_second_run_in_another_folder_tells_it_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(earlier_times, "_table", lambda: ({}, {}))
    finals, data = recorded("quick")
    times = EarlierTimes(dataset=data.fingerprint, n_events=data.n_events)
    _, said = told(finals, times, tmp_path / "one", monkeypatch)
    assert said[0][1] is None
    total, said = told(finals, times, tmp_path / "two", monkeypatch)
    found = ratios(total, said, first=0.0)
    assert min(found) >= 0.5
    assert max(found) <= 2.0


@pytest.mark.slow
def test_a_run_that_goes_on_counts_no_time_for_what_is_stored(tmp_path, monkeypatch):
    finals, data = recorded("headline", half_is_stored=True)
    times = EarlierTimes(dataset=data.fingerprint, n_events=data.n_events)
    total, said = told(finals, times, tmp_path, monkeypatch, slower=10.0)
    found = ratios(total, said)
    assert min(found) >= 0.5
    assert max(found) <= 2.0
