"""Processes of a run are killed at random: no record is lost or changed, and nothing stays behind.

Main, worker or attacker's process; one, or two at a time; also while a record is being written.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

TOYS = Path(__file__).parents[1] / "toys"
N_KILLS = 200
SEED = 20
MARK = "LOKI_BENCH_TEST_OF_KILLS"
SUITE = """
name = "toy"
seeds = [0, 1]
victims = ["counts", "follows"]
surrogates = ["counts", "follows"]
attackers = ["none", "random", "popular", "covisit", "asks-surrogates", "prepares"]
metrics = ["display_rate@5", "hr@5"]
dataset = "toy"
integrity_rows = false
[protocol]
n_targets = 3
n_target_users = 10
[budget]
fake_users = 0.2
actions = 5
"""
TARGETS = (
    *(("main",),) * 5, *(("worker",),) * 4, *(("attacker",),) * 4,
    ("main", "worker"), ("worker", "worker"), ("worker", "attacker"), ("main", "attacker"),
)  # fmt: skip


class Run:
    """One `loki-bench run`, from its start to its end."""

    def __init__(self, folder, mark):
        self.folder, self.mark, self.known = folder, mark, {}
        said = (folder / f"said-{mark}.txt").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "loki_bench", "run", "toy.toml", "--workers", "2",
             "--retry-failed"],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": f"{TOYS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
                "TMPDIR": str(folder / "tmp"),
                MARK: mark,
            },
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )  # fmt: skip
        said.close()

    def said(self):
        """What it said on standard error."""
        return (self.folder / f"said-{self.mark}.txt").read_text()

    def look(self):
        """Note all processes of the run that are there now."""
        for pid in below(self.process.pid):
            begun, told = started(pid), cmdline(pid)
            if begun and told and pid not in self.known:  # it may end while it is looked at
                self.known[pid] = (begun, told)
        return self.known

    def of_kind(self, kind):
        """The process ids of main, of workers and their jobs, or of an attacker's processes."""
        if kind == "main":
            return [self.process.pid]
        alive = [pid for pid in below(self.process.pid) if pid != self.process.pid]
        attackers = [pid for pid in alive if "sys.path[:]" in cmdline(pid)]
        return attackers if kind == "attacker" else [p for p in alive if p not in attackers]

    def kill(self, kinds, chance):
        """Kill one process of each kind at once; returns how many there were."""
        chosen = [chance.choice(found) for kind in kinds if (found := self.of_kind(kind))]
        for pid in chosen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(chosen)

    def left(self, seconds=120):
        """Processes of the run that are there though it ended, after some seconds.

        A worker that was just started reads its modules, seconds of work, before it can see that
        its host is gone; on a busy machine that takes its time.
        """
        end = time.monotonic() + seconds
        while True:
            still = {
                pid: told
                for pid, (begun, told) in self.known.items()
                if pid != self.process.pid and started(pid) == begun
            }
            marked = {pid for pid in pids() if f"{MARK}={self.mark}" in environ(pid)}
            still |= {pid: cmdline(pid) for pid in marked - {os.getpid()}}
            if not still or time.monotonic() > end:
                return {pid: f"{told}: {what_holds(pid)}" for pid, told in still.items()}
            time.sleep(0.1)


def pids():
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _read(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def environ(pid):
    return _read(pid, "environ") if _state(pid) not in ("Z", "") else ""


def cmdline(pid):
    return _read(pid, "cmdline").replace("\0", " ")


def _stat(pid):
    return _read(pid, "stat").rpartition(")")[2].split()


def _state(pid):
    fields = _stat(pid)
    return fields[0] if fields else ""


def what_holds(pid):
    """A process's state, its parent, where it waits in the kernel and what it was sent."""
    state, parent, *_ = [*_stat(pid), "", ""]
    status = _read(pid, "status").splitlines()
    masks = [line.replace("\t", " ") for line in status if line.startswith(("Sig", "Shd", "Trac"))]
    return (
        f"state {state}, parent {parent} {cmdline(int(parent or 0))!r}, since {started(pid)}, "
        f"in {_read(pid, 'wchan')}, {masks}"
    )


def started(pid):
    """When a process began; empty for one that has ended."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else ""


def below(root):
    """A process and all those under it."""
    parents = {}
    for pid in pids():
        fields = _stat(pid)
        if fields and fields[0] != "Z":
            parents.setdefault(int(fields[1]), []).append(pid)
    found, left = [], [root]
    while left:
        pid = left.pop()
        found.append(pid)
        left += parents.get(pid, [])
    return found


def whole_records(folder):
    """The bytes of every record that ended well, by name."""
    found = {}
    for path in (folder / "results" / "toy" / "records").glob("*.json"):
        raw = path.read_bytes()
        if json.loads(raw)["status"] == "ok":  # a record is whole, or it is not there
            found[path.name] = raw
    return found


def tables(folder):
    """What must be the same bytes whatever happened on the way."""
    board = folder / "results" / "toy"
    kept = [*board.glob("leaderboard.*"), board / "manifest.json"]
    kept += [*(board / "records").iterdir(), *(board / "artefacts").rglob("*.npz")]
    return {path.relative_to(board).as_posix(): path.read_bytes() for path in sorted(kept)}


def litter(folder):
    """Temporary folders, halves of files and locks."""
    results, temporary = folder / "results", folder / "tmp"
    found = [*results.rglob(".*"), *results.rglob("*lock*"), *temporary.iterdir()]
    return sorted(path.name for path in found)


def new_folder(where):
    where.mkdir()
    (where / "tmp").mkdir()
    (where / "tmp").chmod(0o1777)  # as a system's: who owns a folder in it may delete it
    (where / "toy.toml").write_text(SUITE)
    return where


@pytest.mark.slow
def test_two_hundred_kills_lose_no_record_and_leave_nothing(tmp_path):
    chance = random.Random(SEED)  # noqa: S311
    calm = new_folder(tmp_path / "calm")
    begun = time.monotonic()
    assert Run(calm, "calm").process.wait() == 0
    whole_time = time.monotonic() - begun
    expected = tables(calm)
    assert litter(calm) == []

    killed, outcomes, litters = Counter(), Counter(), Counter()
    number = 0
    while sum(killed.values()) < N_KILLS:
        number += 1
        folder = new_folder(tmp_path / f"stormy-{number}")
        n_runs = 0
        while True:
            n_runs += 1
            before = whole_records(folder)
            run = Run(folder, f"{number}-{n_runs}")
            calm_now = n_runs > 12 or sum(killed.values()) >= N_KILLS
            storm(run, chance, whole_time, killed, calm_now=calm_now)
            run.process.wait(600)
            assert run.left() == {}, (number, n_runs)
            litters[len(litter(folder))] += 1
            print(number, n_runs, litter(folder), run.process.returncode, dict(killed), flush=True)
            after = whole_records(folder)
            changed = {name for name, raw in before.items() if after.get(name) != raw}
            assert changed == set(), (number, n_runs)
            outcomes[run.process.returncode] += 1
            if run.process.returncode != -signal.SIGKILL:
                assert "Traceback" not in run.said(), run.said()[-3000:]
            if run.process.returncode == 0:
                break
            assert not calm_now, run.said()[-3000:]
        assert tables(folder) == expected, number
        assert litter(folder) == [], number
    print(f"\n{killed}, {number} folders, ends of runs: {outcomes}")


def storm(run, chance, whole_time, killed, *, calm_now):
    """Kill processes of a run at random moments until its main process has ended."""
    records = run.folder / "results" / "toy" / "records"
    while run.process.poll() is None and not calm_now:
        kinds = chance.choice(TARGETS)
        until = time.monotonic() + chance.uniform(0, whole_time)
        at_writing = chance.random() < 0.3
        while time.monotonic() < until and run.process.poll() is None:
            run.look()
            if at_writing and any(records.glob(".*.part")):
                break
            time.sleep(0.002 if at_writing else 0.02)
        if run.process.poll() is not None:
            break
        run.look()
        n = run.kill(kinds, chance)
        if n:
            name = f"{' and '.join(kinds)}{', writing' if at_writing else ''}"
            killed[name] += n
        if "main" in kinds:
            break
    while run.process.poll() is None:
        run.look()
        time.sleep(0.05)
