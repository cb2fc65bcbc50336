"""Suites of one family compute once what they share; each ends with whole results of its own."""

import os
import pickle
import shutil
from collections import Counter
from concurrent.futures import Future

import pytest

from loki_bench.content_ids import bytes_digest
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.records import local_mark
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
    said = capsys.readouterr().out
    assert "artefacts/poison" in said
    assert "it is not what was written here; it is not read, and the next run computes it" in said


def test_the_times_of_a_sibling_are_known(counted, narrow, wide, tmp_path):
    lent, _ = counted(narrow, tmp_path / "narrow")
    store = Store(tmp_path / "wide", warn=print, fallback_stores=[lent.folder])
    assert len(list(store.runs())) == len(narrow.grid.cells)


def test_a_sibling_that_was_not_written_here_is_no_source(counted, narrow, wide, tmp_path, capsys):
    """Downloaded, say: whole by its own digests, and marked by nobody or by another secret."""
    lent, _ = counted(narrow, tmp_path / "narrow")
    _, alone = counted(wide, tmp_path / "alone")
    marks = lent.folder / "work" / "written-here.txt"
    theirs = "\n".join(f"{'0' * 64} {line[65:]}" for line in marks.read_text().splitlines())
    for forged in (theirs, None):
        marks.unlink() if forged is None else marks.write_text(forged)
        for path in (lent.folder / "work" / "surrogates").iterdir():
            content = path.read_bytes()
            path.write_bytes(content[:64] + b"0" * 64 + content[128:])
        _, jobs = counted(
            wide, tmp_path / f"beside {forged is None}", fallback_stores=[lent.folder]
        )
        assert jobs == alone
        assert "this installation did not write it" in capsys.readouterr().out


def test_a_pickle_that_was_not_written_here_is_never_opened(counted, narrow, tmp_path, capsys):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "it-ran"),)

    lent, _ = counted(narrow, tmp_path / "narrow")
    evil = pickle.dumps(Bomb())
    for path in (lent.folder / "work" / "surrogates").iterdir():
        path.write_bytes(bytes_digest(evil).encode() + b"0" * 64 + evil)
    shutil.rmtree(lent.folder / "records")
    shutil.rmtree(lent.folder / "artefacts")
    shutil.rmtree(lent.folder / "work" / "prepared")
    counted(narrow, lent.folder)  # in the very folder
    counted(narrow, tmp_path / "beside", fallback_stores=[lent.folder])
    assert not (tmp_path / "it-ran").exists()
    assert "surrogates" in capsys.readouterr().out


def test_forged_ranks_of_a_sibling_do_not_become_ones_own_record(
    counted, narrow, wide, tmp_path, files
):
    lent, _ = counted(narrow, tmp_path / "narrow")
    alone, _ = counted(wide, tmp_path / "alone")
    forger = Store(lent.folder, warn=print)  # not marked: it has not got the secret
    for path in (lent.folder / "artefacts" / "ranks").iterdir():
        ranks = forger.read(VictimRanksCodec(), path.stem)
        first = type(ranks)(**{**vars(ranks), "target_ranks": ranks.target_ranks * 0 + 1})
        forger.write(VictimRanksCodec(), path.stem, first)
    beside, _ = counted(wide, tmp_path / "beside", fallback_stores=[lent.folder])
    assert files(beside) == files(alone)


def test_the_secret_is_the_users_alone_and_stays(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_state_path", lambda *_, **__: tmp_path / "state")
    local_mark._secret.cache_clear()
    try:
        first = local_mark.mark("name", "content")
        assert (tmp_path / "state" / "secret").stat().st_mode & 0o777 == 0o600
        local_mark._secret.cache_clear()
        assert local_mark.mark("name", "content") == first
        assert local_mark.is_marked("name", "content", first)
        assert not local_mark.is_marked("another", "content", first)
        assert not local_mark.is_marked("name", "other", first)
        (tmp_path / "state" / "secret").write_bytes(b"short")
        local_mark._secret.cache_clear()
        assert local_mark.mark("name", "content") != first
    finally:
        local_mark._secret.cache_clear()
