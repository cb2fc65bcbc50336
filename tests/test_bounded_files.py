"""Files that anybody may have written: no more is read, waited for or taken than is there."""

import hashlib
import os
import tracemalloc

import pytest

from loki_bench.bounded_files import copy_regular, digest_of, is_there, read_regular

GIB = 2**30


def test_no_more_memory_is_taken_than_a_file_has_bytes(tmp_path):
    (tmp_path / "small").write_bytes(b"abc")
    tracemalloc.start()
    try:
        assert read_regular(tmp_path / "small", at_most=4 * GIB) == b"abc"
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("read", [read_regular, digest_of])
def test_a_file_above_the_limit_is_refused_before_it_is_read(tmp_path, read):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(5 * GIB)
    with pytest.raises(OSError, match="it has more than 1000 bytes"):
        read(tmp_path / "sparse", at_most=1000)


def test_a_file_at_the_limit_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert read_regular(tmp_path / "file", at_most=3) == b"abc"
    assert digest_of(tmp_path / "file", at_most=3) == hashlib.sha256(b"abc").hexdigest()
    assert digest_of(tmp_path / "file", at_most=3, start=1) == hashlib.sha256(b"bc").hexdigest()


def test_a_copy_has_the_bytes_and_no_pipe_is_copied(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    copy_regular(tmp_path / "file", tmp_path / "new" / "copy", at_most=3)
    assert (tmp_path / "new" / "copy").read_bytes() == b"abc"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        copy_regular(tmp_path / "pipe", tmp_path / "other", at_most=3)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "\ud800", "loop", "folder", "pipe", "none"])
def test_what_is_no_file_is_not_there(tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert not is_there(tmp_path / name)
