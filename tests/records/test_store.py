"""What is written is whole; what is not whole is named and never trusted."""

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki_bench.errors import StoreError
from loki_bench.interactions import Sequences
from loki_bench.pipeline.craft import Poison, PoisonCodec
from loki_bench.pipeline.retrain import VictimRanks, VictimRanksCodec
from loki_bench.records.store import Store, arrays_digest


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def store(tmp_path, warnings):
    return Store(tmp_path / "results", warn=warnings.append)


def evaluated(rank=1.5):
    return VictimRanks(
        target_ranks=np.array([[rank, np.nan]]),
        test_ranks=np.array([3.0]),
        n_training_samples=7,
        report={"epochs": 2.0},
    )


def test_a_record_reads_back(store):
    store.write_json("records", "a", {"x": [1, 2.5, None, "é"]})
    assert store.read_json("records", "a") == {"x": [1, 2.5, None, "é"]}


def test_what_is_not_there_is_none(store, warnings):
    assert store.read_json("records", "a") is None
    assert store.read(PoisonCodec(), "a") is None
    assert store.read(VictimRanksCodec(), "a") is None
    assert store.sealed_file("work/surrogates/a.pickle") is None
    assert not warnings


@given(cut=st.integers(min_value=0))
def test_a_truncated_record_is_named_and_not_trusted(tmp_path_factory, cut):
    warnings = []
    store = Store(tmp_path_factory.mktemp("s"), warn=warnings.append)
    store.write_json("records", "a", {"value": 123456789})
    path = store.folder / "records" / "a.json"
    whole = path.read_bytes().rstrip()
    path.write_bytes(whole[: cut % len(whole)])
    assert store.read_json("records", "a") is None
    assert str(path) in warnings[0]


def test_an_edited_record_is_named_and_not_trusted(store, warnings):
    store.write_json("records", "a", {"value": 1})
    path = store.folder / "records" / "a.json"
    path.write_text(path.read_text().replace('"value": 1', '"value": 2'))
    assert store.read_json("records", "a") is None
    assert "does not match its digest" in warnings[0]


@pytest.mark.parametrize("content", ["[]", "null", "{}", '{"sha256": 3}'])
def test_other_json_is_not_a_record(store, warnings, content):
    path = store.folder / "records" / "a.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert store.read_json("records", "a") is None
    assert len(warnings) == 1


def test_artefacts_read_back(store):
    crafted = Poison(poison=Sequences.of([[1, 2], [3]]), report={"why": "because"})
    store.write(PoisonCodec(), "p", crafted)
    again = store.read(PoisonCodec(), "p")
    assert (again.poison, again.report) == (crafted.poison, crafted.report)
    store.write(VictimRanksCodec(), "r", evaluated())
    ranks = store.read(VictimRanksCodec(), "r")
    np.testing.assert_array_equal(ranks.target_ranks, [[1.5, np.nan]])
    assert (ranks.n_training_samples, ranks.report) == (7, {"epochs": 2.0})
    store.write_sealed("work/surrogates/s.pickle", b"bytes")
    file = store.sealed_file("work/surrogates/s.pickle")
    assert file.read() == file.mapped().tobytes() == b"bytes"
    assert not file.mapped().flags.writeable


@pytest.mark.parametrize("position", [0.0, 0.3, 0.6, 0.99])
def test_a_damaged_artefact_is_named_and_not_trusted(store, warnings, position):
    store.write(VictimRanksCodec(), "r", evaluated())
    path = store.folder / "artefacts" / "ranks" / "r.npz"
    damaged = bytearray(path.read_bytes())
    damaged = damaged[: int(position * len(damaged))]
    path.write_bytes(damaged)
    assert store.read(VictimRanksCodec(), "r") is None
    assert str(path) in warnings[0]


def test_a_damaged_surrogate_is_never_unpickled(store, warnings):
    store.write_sealed("work/surrogates/s.pickle", b"bytes")
    path = store.folder / "work" / "surrogates" / "s.pickle"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert store.sealed_file("work/surrogates/s.pickle") is None
    assert str(path) in warnings[0]


def test_the_same_content_is_the_same_bytes(store, tmp_path):
    other = Store(tmp_path / "other", warn=print)
    for one in (store, other):
        one.write(VictimRanksCodec(), "r", evaluated())
        one.write_json("records", "a", {"b": 1, "a": 2})
    for name in ("artefacts/ranks/r.npz", "records/a.json"):
        assert (store.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_a_digest_tells_types_shapes_and_values_apart():
    digests = {
        arrays_digest({"a": array}, {})
        for array in (
            np.zeros(2),
            np.zeros((2, 1)),
            np.zeros(2, np.float32),
            np.ones(2),
        )
    }
    assert len(digests) == 4


def test_a_folder_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file", warn=print)
    with pytest.raises(StoreError, match=r"can't write .*file.*choose another folder"):
        store.write_json("records", "a", {})


def test_a_full_disk_leaves_nothing_half_written(store, monkeypatch):
    store.write_json("records", "a", {"old": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device; free some space"):
        store.write_json("records", "a", {"new": 1})
    assert [p.name for p in (store.folder / "records").iterdir()] == ["a.json"]
    assert json.loads((store.folder / "records" / "a.json").read_text())["old"] == 1


def test_a_run_that_can_not_be_read_costs_nothing_but_what_it_tells(tmp_path):
    said = []
    store = Store(tmp_path, warn=said.append)
    store.write_json("runs", "a" * 64, {"timings": {}})
    (tmp_path / "runs" / f"{'b' * 64}.json").mkdir()
    (tmp_path / "runs" / f"{'c' * 64}.json").write_text("{}")
    assert list(store.runs()) == [{"timings": {}}]
    assert [text.partition(".json: ")[2] for text in said] == [
        "it can't be read (Is a directory); what its cell took, and where, is not known",
        "not a whole record; what its cell took, and where, is not known",
    ]


def test_a_folder_whose_name_no_file_system_takes_is_a_sentence(tmp_path):
    store = Store(tmp_path / ("n" * 300), warn=print, fallback_stores=[tmp_path / ("m" * 300)])
    assert store.unknown([]) == []
    assert store.sealed_file("work/surrogates/a.pickle") is None
    assert store._resolve("artefacts/poison/a.npz").name == "a.npz"
    with pytest.raises(StoreError, match=r"it can't be read \(File name too long\)"):
        store.read_json("records", "a" * 64)
    with pytest.raises(StoreError, match=r"can't write .*: File name too long; choose another"):
        store.write_text("x", "x")
