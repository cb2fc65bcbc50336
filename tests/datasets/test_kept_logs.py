"""What a file was read to is kept: the next command gets the same log, and reads no file for it."""

import os
from dataclasses import fields

import numpy as np
import platformdirs
import pytest

from loki_bench.datasets import files, kept_logs
from loki_bench.datasets.movielens import MovieLens100K
from loki_bench.datasets.own_file import OwnFile

PLACE = kept_logs._place  # other tests have none

TABLE = """user_id,item_id,timestamp,rating
1,a,3,5
1,b,1,5
1,c,1,1
2,a,2,5
2,b,5,4
2,d,5,4
3,a,7,5
3,b,6,5
4,z,6,5
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_logs, "_place", PLACE)
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_: tmp_path / "cache")
    return tmp_path / "cache" / "data"


@pytest.fixture
def reads(monkeypatch):
    """How often files were read."""
    found = []
    read = files.read_files

    def counted(*arguments, **more):
        found.append(arguments[0])
        return read(*arguments, **more)

    monkeypatch.setattr(files, "read_files", counted)
    return found


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(TABLE)
    return path


def same(one, two):
    for name in (field.name for field in fields(one)):
        left, right = getattr(one, name), getattr(two, name)
        if name == "interactions":
            assert left.fingerprint() == right.fingerprint()
            assert left.user_tokens == right.user_tokens
            assert left.item_tokens == right.item_tokens
            assert left.items.dtype == right.items.dtype
            with pytest.raises(ValueError, match="WRITEABLE"):
                right.items.flags.writeable = True
        elif name == "times" and left is not None:
            np.testing.assert_array_equal(left.values, right.values)
            assert left.values.dtype == right.values.dtype
            assert not right.values.flags.writeable
            assert (left.unit, left.scale, left.origin) == (right.unit, right.scale, right.origin)
        elif name == "parts" and left is not None:
            np.testing.assert_array_equal(left, right)
            assert left.dtype == right.dtype
        elif name.startswith("dropped"):
            assert list(left.items()) == list(right.items())
            assert len(left) == len(right)
        else:
            assert left == right


def test_a_log_comes_back_as_it_was_read(table, reads):
    data = OwnFile(path=str(table), k_core=2, min_rating=2.0, duplicates="drop")
    first = data.read(table.parent, download=False)
    assert first.dropped_items
    assert first.dropped_users
    assert first.dropped
    same(first, data.read(table.parent, download=False))
    assert len(reads) == 1


def test_a_users_own_split_comes_back(tmp_path, reads):
    for name, rows in (("train", "1,a,1\n1,b,2\n2,a,1\n"), ("test", "1,c,3\n2,c,2.5\n")):
        (tmp_path / f"{name}.csv").write_text("user_id,item_id,timestamp\n" + rows)
    data = OwnFile(path=str(tmp_path / "train.csv"), test_path=str(tmp_path / "test.csv"), k_core=0)
    first = data.read(tmp_path, download=False)
    assert first.parts is not None
    same(first, data.read(tmp_path, download=False))
    assert len(reads) == 1


def test_the_file_of_recbole_comes_back(reads):
    data = MovieLens100K(last_events=15)
    first = data.read(None, download=False)
    same(first, data.read(None, download=False))
    assert len(reads) == 1
    MovieLens100K(last_events=14).read(None, download=False)
    assert len(reads) == 2


def test_names_of_any_script_and_without_times(tmp_path, reads):
    path = tmp_path / "liste.txt"
    path.write_text("ä 日本 \U0001f600\nß 日本 x\n", encoding="utf-8")
    data = OwnFile(path=str(path), format="sequences", k_core=0)
    first = data.read(tmp_path, download=False)
    assert first.times is None
    same(first, data.read(tmp_path, download=False))
    assert len(reads) == 1


def test_another_byte_setting_or_source_is_read_anew(table, reads, monkeypatch):
    def read(**more):
        return OwnFile(path=str(table), **{"k_core": 2, "duplicates": "drop", **more}).read(
            table.parent, download=False
        )

    read()
    assert read(min_rating=4.5).interactions.n_events == 4
    assert len(reads) == 2
    stamp = table.stat()
    table.write_text(TABLE.replace("2,b,5,4", "2,c,5,4"))
    os.utime(table, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # times are not asked
    assert "c" in read().interactions.item_tokens
    assert len(reads) == 3
    monkeypatch.setattr(kept_logs, "source_of", lambda package: "another")
    read()
    assert len(reads) == 4


@pytest.mark.parametrize("damage", ["empty", "cut", "a byte", "no archive", "a folder"])
def test_a_damaged_file_is_read_anew_and_replaced(table, reads, cache, damage):
    data = OwnFile(path=str(table), k_core=0, duplicates="drop", where={"user_id": ["1", "2", "3"]})
    first = data.read(table.parent, download=False)
    [kept] = cache.iterdir()
    content = kept.read_bytes()
    if damage == "a folder":
        kept.unlink()
        kept.mkdir()
    elif damage == "a byte":
        at = content.index(b"items.npy") + 170
        kept.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    else:
        kept.write_bytes({"empty": b"", "cut": content[:-100], "no archive": b"x" * 999}[damage])
    same(first, data.read(table.parent, download=False))
    assert len(reads) == 2
    if damage != "a folder":
        assert kept.read_bytes() == content


def test_where_nothing_can_be_written_files_are_read(table, reads, cache):
    cache.parent.mkdir()
    cache.write_text("a file in the way")
    data = OwnFile(path=str(table), k_core=2)
    for _ in range(2):
        data.read(table.parent, download=False)
    assert len(reads) == 2


def test_a_file_that_changes_while_it_is_read_is_not_kept(table, cache, monkeypatch):
    read = files.read_files

    def meanwhile(paths, *arguments, **more):
        log = read(paths, *arguments, **more)
        paths[0].write_text(TABLE + "5,a,1,5\n5,b,2,5\n")
        return log

    monkeypatch.setattr(files, "read_files", meanwhile)
    OwnFile(path=str(table), k_core=2).read(table.parent, download=False)
    assert not cache.exists()


def test_a_pipe_is_read_once(tmp_path, cache):
    path = tmp_path / "events.csv"
    os.mkfifo(path)
    assert PLACE([path], []) is None
    assert PLACE([tmp_path / "missing.csv"], []) is None


def test_few_are_kept_and_only_for_their_user(table, cache, monkeypatch):
    monkeypatch.setattr(kept_logs, "MOST_KEPT", 2)
    for k_core in (0, 1, 2):
        data = OwnFile(
            path=str(table), k_core=k_core, duplicates="drop", where={"user_id": ["1", "2", "3"]}
        )
        data.read(table.parent, download=False)
    kept = list(cache.iterdir())
    assert len(kept) == 2
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_what_is_very_large_is_not_kept(table, cache, monkeypatch):
    monkeypatch.setattr(kept_logs, "MOST_EVENTS", 5)
    OwnFile(path=str(table), k_core=2).read(table.parent, download=False)
    assert not cache.exists()
