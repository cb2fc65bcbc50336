"""What every test shares: hypothesis, one thread for whatever computes, a Dask cluster.

A run that leaves a file in the checkout fails, whatever its tests say.
"""

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path

# before numpy or torch is imported: a cell runs on one thread, and so do tests
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import pytest  # noqa: E402  # the environment must be set first
from checkout import state_of  # noqa: E402
from hypothesis import settings  # noqa: E402

# the same examples in every run, no time limit on a busy machine, nothing written to the checkout
settings.register_profile("loki-bench", derandomize=True, deadline=None, database=None)
settings.load_profile("loki-bench")

ROOT = Path(__file__).parents[1]
BEFORE = pytest.StashKey()
NUMBERS = count()


def pytest_make_parametrize_id(config, val, argname):
    """Bytes stay out of a test's name.

    An archive holds the time it was written, and pytest-xdist refuses two processes that have
    collected tests of different names.
    """
    return argname if isinstance(val, bytes) else None


def pytest_sessionstart(session):
    session.stash[BEFORE] = state_of(ROOT)


def pytest_sessionfinish(session):
    left = sorted(state_of(ROOT) - session.stash[BEFORE])
    if left:
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"\nleft behind in {ROOT}: {', '.join(left)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def no_earlier_times(monkeypatch, tmp_path_factory):
    """No test knows how long another one's work took, or leaves its own with the user."""
    if find_spec("loki_bench") is None:  # where the documentation is built it is not installed
        return
    place = tmp_path_factory.getbasetemp() / "times" / f"{next(NUMBERS)}.json"
    monkeypatch.setattr("loki_bench.engine.earlier_times.EarlierTimes.place", place)


@pytest.fixture(autouse=True)
def no_kept_logs(monkeypatch):
    """A test that reads a file reads it."""
    if find_spec("loki_bench") is None:
        return
    monkeypatch.setattr("loki_bench.datasets.kept_logs._place", lambda *_: None)


QUIET = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__GIL__ENABLED": "False",
}
"""A cluster that waits takes a tenth of a processor, nearly all of it to watch itself."""


def _start(module, *arguments, log):
    with log.open("ab") as told:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"],
            env={**os.environ, **QUIET, "PYTHONPATH": str(Path(__file__).parent / "toys")},
            stdout=told,
            stderr=subprocess.STDOUT,
        )


def _gone(process):
    """Wait for the end; a Dask worker now and then waits for ever for a task that it cancelled."""
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")  # it takes processor time as long as it is there
def dask_cluster(tmp_path_factory):
    """The address of a real scheduler with two workers on loopback, toys installed.

    One worker runs alone, the other under a nanny that starts it again when it is killed.
    """
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("cluster")
    told = folder / "scheduler.json"
    options = ("--scheduler-file", str(told), "--host", "127.0.0.1", "--port", "0")
    running = [_start("dask_scheduler", *options, log=folder / "scheduler.log")]
    try:
        deadline = time.monotonic() + 60.0
        while not told.exists():
            assert time.monotonic() < deadline, (folder / "scheduler.log").read_text()
            time.sleep(0.05)
        address = json.loads(told.read_text())["address"]
        for nanny in ("--nanny", "--no-nanny"):
            options = ("--nthreads", "1", "--local-directory", str(folder / nanny[2:]), nanny)
            running.append(_start("dask_worker", address, *options, log=folder / "worker.log"))
        yield address
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            _gone(process)
