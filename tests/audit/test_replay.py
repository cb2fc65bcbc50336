"""Where a file of somebody's own is looked for before anybody is asked."""

import pytest

from loki_bench.audit.replay import _own_file
from loki_bench.errors import DatasetError
from loki_bench.records.data_places import data_places, keep_data_places
from loki_bench.records.store import Store


@pytest.mark.parametrize("place", ["visits[1].csv", "data/visits[1].csv", "kept/visits[1].csv"])
def test_a_file_lies_here_in_a_folder_here_or_with_the_data(place, tmp_path, monkeypatch):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("LOKI_BENCH_DATA", str(here / "kept"))
    (here / place).parent.mkdir(exist_ok=True)
    (here / place).write_text("u,i\n")
    assert _own_file("visits[1].csv").resolve() == here / place


def test_a_file_that_lies_nowhere_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match="--dataset-path"):
        _own_file("visits.csv")


def test_a_file_is_found_where_it_lay_when_the_suite_was_run(tmp_path, monkeypatch):
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "far" / "away" / "visits.csv").write_text("u,i\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "far")
    store = Store(tmp_path / "results", warn=print)
    keep_data_places(store, {"path": "away/visits.csv", "k_core": 5})
    monkeypatch.chdir(tmp_path / "here")
    noted = data_places(store.folder)
    assert _own_file("visits.csv", noted) == tmp_path / "far" / "away" / "visits.csv"
    with pytest.raises(DatasetError, match="--dataset-path"):
        _own_file("other.csv", noted)


def test_where_files_lie_is_not_taken_from_somebody_elses_folder(tmp_path):
    store = Store(tmp_path / "results", warn=print)
    assert data_places(store.folder) == {}
    keep_data_places(store, {"path": ["/a/one.csv", "/b/two.csv"]})
    assert {n: str(p) for n, p in data_places(store.folder).items()} == {
        "one.csv": "/a/one.csv",
        "two.csv": "/b/two.csv",
    }
    note = store.folder / "work" / "data.json"
    note.write_bytes(note.read_bytes().replace(b"/a/one.csv", b"/etc/passwd"))
    assert data_places(store.folder) == {}
