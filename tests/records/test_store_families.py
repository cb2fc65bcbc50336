"""Suites of one family compute once what they share; each ends with whole results of its own."""

import shutil
from collections import Counter
from concurrent.futures import Future

import pytest

from loki_bench.records.store import Store

ATTACKERS = ["none", "random", "prepares", "asks-surrogates"]


class Counting:
    """Workers that run a job where it is submitted, and count."""

    n_workers = 1

    def __init__(self):
        self.jobs = Counter()

    def submit(self, function, *arguments):
        self.jobs[function.__name__] += 1
        future = Future()
        future.set_result(function(*arguments))
        return future


@pytest.fixture
def counted(run):
    """Run a suite; returns its store and how many jobs of each kind there were."""

    def counting(prepared, folder, fallback_stores=()):
        workers = Counting()
        store, lines = run(prepared, folder, workers, fallback_stores=fallback_stores)
        assert {status for _, status in lines} <= {"ok"}
        return store, workers.jobs

    return counting


@pytest.fixture
def wide(prepared):
    """The budget of `narrow` and another share."""
    return prepared(attackers=ATTACKERS, budget={"fake_users": [0.1, 0.2], "actions": 5})


@pytest.fixture
def narrow(prepared):
    return prepared(attackers=ATTACKERS, budget={"fake_users": 0.2, "actions": 5})


def test_what_a_sibling_has_is_measured_and_not_computed(counted, narrow, wide, tmp_path):
    first, jobs = counted(narrow, tmp_path / "narrow")
    # two seeds: a clean victim, three attacks on it, and a poison of each of the four attackers
    assert jobs == {"fit_surrogate": 2, "prepare": 2, "craft": 8, "evaluate": 8, "measure": 8}
    _, jobs = counted(wide, tmp_path / "wide", fallback_stores=[first.folder])
    # at the other share alone; the surrogates and what was prepared on them serve every share
    assert jobs == {"craft": 8, "evaluate": 6, "measure": 16}
    _, jobs = counted(
        narrow, tmp_path / "again", fallback_stores=[tmp_path / "narrow", tmp_path / "wide"]
    )
    assert jobs == {"measure": 8}


def test_borrowing_changes_no_byte_and_leaves_a_folder_that_stands_alone(
    counted, narrow, wide, tmp_path, files
):
    lent, _ = counted(narrow, tmp_path / "narrow")
    alone, _ = counted(wide, tmp_path / "alone")
    beside, _ = counted(wide, tmp_path / "beside", fallback_stores=[lent.folder])
    shutil.rmtree(lent.folder)
    assert files(beside) == files(alone)


def test_a_damaged_file_of_a_sibling_is_named_and_computed_again(
    counted, narrow, wide, tmp_path, files, capsys
):
    lent, _ = counted(narrow, tmp_path / "narrow")
    alone, _ = counted(wide, tmp_path / "alone")
    for path in (lent.folder / "artefacts").rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:-9])
    for path in (lent.folder / "work" / "surrogates").iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    beside, _ = counted(wide, tmp_path / "beside", fallback_stores=[lent.folder])
    assert files(beside) == files(alone)
    assert "not a whole artefact; it is computed again" in capsys.readouterr().out


def test_the_times_of_a_sibling_are_known(counted, narrow, wide, tmp_path):
    lent, _ = counted(narrow, tmp_path / "narrow")
    store = Store(tmp_path / "wide", warn=print, fallback_stores=[lent.folder])
    assert len(list(store.runs())) == len(narrow.grid.cells)
