"""Where a file of somebody's own is looked for before anybody is asked."""

import pytest
from made_up_records import made_up_cell

from loki_bench.audit.replay import _own_file, data_of
from loki_bench.errors import DatasetError
from loki_bench.plugins.registry import discover
from loki_bench.records.data_places import data_places, keep_data_places
from loki_bench.records.store import Store
from loki_bench.suite.resolve import load_dataset
from loki_bench.suite.suite import Choice


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


@pytest.fixture
def same_name(tmp_path, monkeypatch):
    """A cell about ``train/events.csv`` and ``test/events.csv``, and the suite's parameters."""
    rows = {"train": "a,x,1\na,y,2\nb,y,1\nb,x,2\n", "test": "a,z,3\nb,z,3\n"}
    for name, text in rows.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "events.csv").write_text(f"user_id,item_id,timestamp\n{text}")
    paths = {
        "path": str(tmp_path / "train" / "events.csv"),
        "test_path": str(tmp_path / "test" / "events.csv"),
    }
    parameters = {**paths, "k_core": 1}
    choice = Choice(name="file", parameters=parameters)
    dataset, _ = load_dataset(choice, discover(), download=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return made_up_cell("loki", "fpmc", dataset=dataset.model_dump(mode="json")), parameters


def test_files_of_one_name_are_each_read_where_they_lay(same_name, tmp_path):
    cell, parameters = same_name
    store = Store(tmp_path / "results", warn=print)
    keep_data_places(store, parameters)
    noted = data_places(store.folder)
    found, _ = data_of(cell, discover(), dataset_path=None, places=noted, download=False)
    assert found == cell.dataset
    (tmp_path / "here" / "events.csv").write_text("not read")
    with pytest.raises(DatasetError, match="nothing notes where each lies"):
        data_of(cell, discover(), dataset_path=None, places={}, download=False)
    with pytest.raises(DatasetError, match=r"several files called events\.csv.* leave it out"):
        data_of(cell, discover(), dataset_path=tmp_path, places=noted, download=False)
