"""A third party's dataset is read in a process of its own, and its answer is parsed."""

import os
import sys

import numpy as np
import pytest

from loki_bench.errors import DatasetError
from loki_bench.plugins.specs import DatasetSpec
from loki_bench.sandbox.foreign_dataset import read_dataset

LOADERS = """
import os
import numpy as np
from loki_bench.contracts import DatasetLoader
from loki_bench.errors import DatasetError
from loki_bench.event_log import EventLog, EventTimes
from loki_bench.interactions import Interactions


def two_users(**more):
    return Interactions(
        np.array([0, 2, 3]), np.array([0, 1, 1]), n_items=2,
        user_tokens=("ann", "bob"), item_tokens=("tea", "müsli"), **more)


class Whole(DatasetLoader):
    def read(self, folder, *, download):
        return EventLog(
            interactions=two_users(),
            times=EventTimes(values=np.array([1, 5, 2]), unit="seconds since 1970", scale=10),
            parts=np.array([0, 2, 0], dtype=np.int8),
            recognised=("as it is",), notes=(f"read by {os.getpid()}",), n_lines=4, n_read=4,
            line_unit="rows", left_out={"a blank": 1}, dropped={"twice": 1},
            dropped_items={"salt": 1}, dropped_users={"eve": 2},
            n_users_read=np.int64(3), n_items_read=3, n_ties=0)

    def load(self, folder, *, download):
        raise AssertionError


class InFolder(DatasetLoader):
    def __init__(self, path=None):
        self.path = path

    def load(self, folder, *, download):
        path = self.path or folder / "mine.txt"
        if not os.path.exists(path):
            if not download:
                raise DatasetError(f"there is no {path}")
            (folder / "mine.txt").write_text("fetched")
        open(path).read()
        return two_users()


class Answers(DatasetLoader):
    def __init__(self, what):
        self.what = what

    def load(self, folder, *, download):
        if self.what == "ends":
            raise SystemExit(0)
        if self.what == "writes":
            (folder / "was-here").write_text("x")
        if self.what == "none":
            return None
        data = two_users()
        field, value = {
            "catalogue": ("n_items", 10**9),
            "text": ("n_items", "2"),
            "outside": ("items", np.array([0, 1, 7])),
            "floats": ("items", np.array([0.0, 1.0, 1.0])),
            "falling": ("offsets", np.array([0, 3, 2])),
            "names": ("item_tokens", ("tea", "half-\\ud800")),
            "numbers": ("user_tokens", (1, 2)),
        }[self.what]
        object.__setattr__(data, field, value)
        return data
"""


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def read(tmp_path, data, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "their_loaders.py").write_text(LOADERS)
    monkeypatch.syspath_prepend(tmp_path / "site")

    def loaded(name, *, download=False, **parameters):
        spec = DatasetSpec(name="theirs", summary="x", target=f"their_loaders:{name}")
        return read_dataset(spec, parameters, folder=data, download=download)

    return loaded


def test_a_whole_event_log_arrives_as_it_was(read):
    log = read("Whole")
    assert [list(row) for row in log.interactions] == [[0, 1], [1]]
    assert log.interactions.item_tokens == ("tea", "müsli")
    assert log.interactions.user_tokens == ("ann", "bob")
    assert log.times.values.tolist() == [1, 5, 2]
    assert (log.times.unit, log.times.scale, log.times.origin) == ("seconds since 1970", 10, 0)
    assert log.parts.tolist() == [0, 2, 0]
    assert log.parts.dtype == np.int8
    assert (log.n_lines, log.n_read, log.n_users_read, log.n_items_read) == (4, 4, 3, 3)
    assert (log.left_out, log.dropped) == ({"a blank": 1}, {"twice": 1})
    assert (log.dropped_items, log.dropped_users) == ({"salt": 1}, {"eve": 2})
    assert (log.recognised, log.line_unit) == (("as it is",), "rows")
    assert log.notes != (f"read by {os.getpid()}",)
    assert "their_loaders" not in sys.modules


def test_what_lies_in_the_data_folder_is_read_without_the_network(read, data):
    (data / "mine.txt").write_text("x")
    assert read("InFolder").interactions.n_users == 2


def test_a_file_that_a_parameter_names_is_read_too(read, tmp_path, monkeypatch):
    (tmp_path / "my own.csv").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert read("InFolder", path="my own.csv").interactions.n_users == 2


def test_text_that_happens_to_be_the_name_of_a_file_arrives_as_it_was_given(
    read, tmp_path, monkeypatch
):
    (tmp_path / "books").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match="KeyError: 'books'"):
        read("Answers", what="books")


def test_a_parameter_that_is_missing_is_told_of_a_dataset(read):
    with pytest.raises(DatasetError, match=r"^dataset 'theirs' needs the parameter 'what'"):
        read("Answers")


def test_data_that_are_missing_are_fetched_only_if_they_may_be(read, data):
    with pytest.raises(DatasetError, match=r"there is no .*mine\.txt"):
        read("InFolder")
    assert not list(data.iterdir())
    assert read("InFolder", download=True).interactions.n_users == 2
    assert (data / "mine.txt").read_text() == "fetched"


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("ends", "dataset 'theirs' raised SystemExit: 0"),
        ("none", "dataset 'theirs' raised AttributeError"),
        ("catalogue", "a catalogue of 1000000000 items"),
        ("text", "a str where a whole number is expected"),
        ("outside", "an item id lies outside the catalogue"),
        ("floats", "an array of type float64"),
        ("falling", "offsets must rise"),
        ("names", "half of a surrogate pair"),
        ("numbers", "a int where text is expected"),
    ],
)
def test_an_answer_that_is_no_event_log_is_a_sentence(read, what, sentence):
    with pytest.raises(DatasetError, match=sentence):
        read("Answers", what=what)


@pytest.mark.skipif(sys.platform != "linux", reason="files are confined by Landlock")
def test_without_the_network_nothing_is_written(read, data):
    with pytest.raises(DatasetError, match="was refused what it tried"):
        read("Answers", what="writes")
    assert not list(data.iterdir())
