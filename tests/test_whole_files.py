"""Files are whole or not there; what a killed writer left is taken away, and nothing else."""

import os
import signal
import subprocess
import sys
import time

import pytest

from loki_bench.benchmark.run_key import under_fresh_key
from loki_bench.records import local_mark
from loki_bench.suite.suite import load_suite
from loki_bench.whole_files import part_of, sweep_parts

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
