"""The folder of an isolated process: gone when its maker ends, however it ends."""

import errno
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from loki_bench.errors import TemporaryFolderError
from loki_bench.sandbox import scratch
from loki_bench.sandbox.scratch import scratch_folder, sweep, swept

WAITS = """
from loki_bench.sandbox.scratch import scratch_folder
with scratch_folder() as folder:
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_removed_at_the_end_and_kept_by_a_sweep_until_then(temporary):
    with scratch_folder() as folder:
        (folder / "x").write_text("x")
        sweep()
        assert names(temporary) == [folder.name]
    assert names(temporary) == []


def test_the_folder_of_a_killed_process_is_swept_and_nothing_else(temporary):
    (temporary / "loki-bench-process.txt").write_text("mine")
    (temporary / "loki-bench-other").mkdir()
    (temporary / "loki-bench-process-link").symlink_to(temporary / "loki-bench-other")
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        left = process.stdout.readline().strip()
        sweep()
        assert Path(left).is_dir()  # its maker lives
        os.kill(process.pid, signal.SIGKILL)
    assert Path(left).is_dir()
    sweep()
    assert names(temporary) == [
        "loki-bench-other",
        "loki-bench-process-link",
        "loki-bench-process.txt",
    ]


def test_a_folder_whose_maker_was_killed_before_it_held_it_is_swept(temporary):
    (temporary / "loki-bench-process-abc").mkdir()
    sweep()
    assert names(temporary) == []


def test_a_folder_that_is_swept_before_it_is_held_is_made_once_more(temporary, monkeypatch):
    hold, swept_when = scratch._hold, ["before", "meanwhile", "between"]

    def too_late(folder):
        when = swept_when.pop(0) if swept_when else "never"
        if when == "between":
            held = hold(folder)
            folder.rmdir()
            return held
        if when != "never":
            folder.rmdir()
        if when == "meanwhile":
            raise BlockingIOError
        return hold(folder)

    monkeypatch.setattr(scratch, "_hold", too_late)
    n_open = len(list(Path("/proc/self/fd").iterdir()))
    with scratch_folder() as folder:
        assert swept_when == []
        assert names(temporary) == [folder.name]
        sweep()
        assert folder.is_dir()
    assert names(temporary) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == n_open


def test_what_a_killed_worker_left_is_gone_at_the_end_of_its_run(temporary):
    with suppress(KeyboardInterrupt), swept():
        (temporary / "loki-bench-process-abc").mkdir()
        raise KeyboardInterrupt
    assert names(temporary) == []


def test_a_temporary_folder_is_tried_by_writing_to_it(temporary, monkeypatch):
    """Free space says nothing of files that can't be made, or of a quota."""
    assert scratch.why_unusable() == ""
    assert names(temporary) == []
    with monkeypatch.context() as patched:
        patched.setattr(scratch, "ROOM_BYTES", 1 << 62)
        assert scratch.why_unusable() == "No space left on device"
    with monkeypatch.context() as patched:

        def over_quota(**options):
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

        patched.setattr("tempfile.TemporaryFile", over_quota)
        assert "Disk quota exceeded" in scratch.why_unusable()
    monkeypatch.setattr("tempfile.tempdir", str(temporary / "gone"))
    assert "No such file" in scratch.why_unusable()


def test_without_any_temporary_folder_a_sentence_says_so(monkeypatch):
    def none():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.gettempdir", none)
    found = r"no folder for temporary files \(No usable temporary .*\); set TMPDIR"
    with pytest.raises(TemporaryFolderError, match=found), swept():
        pass
    monkeypatch.setattr("tempfile.mkdtemp", lambda **options: none())
    with pytest.raises(TemporaryFolderError, match=found), scratch_folder():
        pass
