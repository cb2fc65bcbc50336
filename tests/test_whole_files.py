"""Files are whole or not there; what a killed writer left is taken away, and nothing else."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pandas import DataFrame

from loki_bench.benchmark.run_key import under_fresh_key
from loki_bench.errors import StoreError
from loki_bench.leaderboard.frames import write_frame
from loki_bench.records import local_mark
from loki_bench.records.archive import pack
from loki_bench.records.store import Store
from loki_bench.suite.suite import load_suite
from loki_bench.whole_files import (
    not_written,
    part_of,
    refuse_unwritable,
    sweep_parts,
    write_whole,
)

WRITER = """
import sys, time
from pathlib import Path
from loki_bench.whole_files import part_of
with part_of(Path(sys.argv[1]), b"half"):
    print("held", flush=True)
    time.sleep(600)
"""


def killed_while_it_writes(path):
    """The part that a process leaves which is killed between writing and renaming."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
    assert writer.stdout.readline() == b"held\n"
    [part] = path.parent.glob(".*.part")
    sweep_parts(path.parent)
    assert part.exists()  # it is being written
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    return part


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def test_a_part_is_beside_its_place_and_gone_after_the_block(tmp_path):
    path = tmp_path / "record.json"
    with part_of(path, b"whole") as part:
        assert (part.parent, part.read_bytes(), path.exists()) == (tmp_path, b"whole", False)
        part.replace(path)
    assert path.read_bytes() == b"whole"
    with pytest.raises(KeyError), part_of(path, b"other"):
        raise KeyError
    assert names_in(tmp_path) == ["record.json"]
    assert path.read_bytes() == b"whole"


@pytest.fixture
def full_disk(monkeypatch):
    """Every file fails when it is brought to the disk."""

    def fsync(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_file_is_written_with_the_folders_that_it_lies_in(tmp_path):
    write_whole(tmp_path / "none" / "yet" / "x.json", b"{}")
    assert (tmp_path / "none" / "yet" / "x.json").read_bytes() == b"{}"


def test_on_a_full_disk_the_file_before_stays_and_nothing_beside_it(tmp_path, full_disk):
    path = tmp_path / "x.json"
    path.write_bytes(b"before")
    with pytest.raises(StoreError, match=r"can't write .*x\.json: .*; free some space, then"):
        write_whole(path, b"after")
    assert names_in(tmp_path) == ["x.json"]
    assert path.read_bytes() == b"before"


def test_where_nothing_can_be_written_is_said_with_what_helps(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=r"can't write .*file/x\.json: .*; choose another place"):
        write_whole(tmp_path / "file" / "x.json", b"")


def whole_frame(path):
    write_frame(DataFrame({"targets": [["a"]], "target_users": [["b"]]}), path)


def whole_pack(path):
    (path.parent / "folder").mkdir(exist_ok=True)
    pack(path.parent / "folder", path)


@pytest.mark.parametrize(
    ("name", "write"),
    [("x.csv", whole_frame), ("x.parquet", whole_frame), ("x.zip", whole_pack)],
)
def test_frames_and_packs_are_whole_or_as_they_were(tmp_path, full_disk, name, write):
    path = tmp_path / name
    path.write_bytes(b"before")
    with pytest.raises(StoreError, match="free some space"):
        write(path)
    assert path.read_bytes() == b"before"
    assert [one for one in names_in(tmp_path) if one.endswith(".part")] == []


def test_a_mark_that_can_not_be_written_is_said(tmp_path):
    store = Store(tmp_path, warn=print, fallback_stores=())
    (tmp_path / "work" / "written-here.txt").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"can't write .*written-here\.txt: .*; choose another"):
        store._mark("artefacts/x.npz", b"")


def test_a_part_may_be_for_its_owner_alone(tmp_path):
    with part_of(tmp_path / "key", b"secret", mode=0o600) as part:
        assert part.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="no locks of this kind")
def test_what_a_killed_process_left_is_taken_away_and_nothing_else(tmp_path):
    part = killed_while_it_writes(tmp_path / "records" / "a.json")
    others = [tmp_path / "records" / name for name in (".mine.part", ".b.json.77.part", "c.part")]
    for other in others:
        other.write_text("somebody's")
    os.mkfifo(tmp_path / "records" / ".pipe.12-00000000.part")
    began = time.monotonic()
    sweep_parts(tmp_path)
    assert part.exists()  # it lies deeper
    sweep_parts(tmp_path, below=True)
    assert time.monotonic() - began < 5
    assert not part.exists()
    assert all(other.exists() for other in others)


@pytest.mark.skipif(sys.platform == "win32", reason="no locks of this kind")
def test_kills_leave_no_half_of_a_run_key_or_of_the_secret(tmp_path, monkeypatch):
    suite = load_suite("quick")
    part = killed_while_it_writes(tmp_path / "quick-fresh" / "work" / "run-key")
    assert under_fresh_key(suite, tmp_path).protocol.key
    assert not part.exists()
    assert names_in(tmp_path / "quick-fresh" / "work") == ["run-key"]
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    part = killed_while_it_writes(tmp_path / "state" / "loki-bench" / "secret")
    local_mark._secret.cache_clear()
    try:
        local_mark.mark("name", "0" * 64)
        assert names_in(tmp_path / "state" / "loki-bench") == ["secret"]
    finally:
        local_mark._secret.cache_clear()


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EACCES, "choose another place"),
    ],
)
def test_what_helps_is_what_is_said_of_a_file_that_can_not_be_written(number, hint):
    error = OSError(number, os.strerror(number))
    said = str(not_written(Path("x"), error, "choose another place"))
    assert said == f"can't write x: {os.strerror(number)}; {hint}, then run again"


@pytest.mark.parametrize("name", ["folder", "file/x.toml", "file/deep/x.toml"])
def test_what_can_not_be_written_after_long_work_is_refused_before_it(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StoreError) as early:
        refuse_unwritable(tmp_path / name, elsewhere="name another file")
    assert "; name another file, then run again" in str(early.value)
    with pytest.raises(StoreError):
        write_whole(tmp_path / name, b"")
    refuse_unwritable(tmp_path / "new" / "deep" / "x.toml")
    refuse_unwritable(tmp_path / "file")
    assert names_in(tmp_path) == ["file", "folder"]
