"""Where a file of somebody's own is looked for before anybody is asked."""

import pytest

from loki_bench.audit.replay import _own_file
from loki_bench.errors import DatasetError


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
