"""A suite of toys that is opened from Python."""

from pathlib import Path

import pytest

from loki_bench import Benchmark

TOYS = Path(__file__).parents[1] / "toys"

SUITE = """
name = "toy"
seeds = [0, 1]
victims = ["counts", { name = "follows", parameters = { noise = 0.25 } }]
attackers = ["none", "random", "popular"]
metrics = ["display_rate@5", "hr@5"]
dataset = "toy"
integrity_rows = false
isolation = "in-process"
[protocol]
n_targets = 3
n_target_users = 10
[budget]
fake_users = 0.2
actions = 5
"""


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.syspath_prepend(TOYS)


@pytest.fixture
def suite_file(tmp_path):
    file = tmp_path / "toy.toml"
    file.write_text(SUITE)
    return file


@pytest.fixture
def open_toy(suite_file, tmp_path):
    """Open the suite with other values of some keys."""

    def opened(**changes):
        return Benchmark.open(suite_file, results=tmp_path / "results", warn=pytest.fail, **changes)

    return opened
