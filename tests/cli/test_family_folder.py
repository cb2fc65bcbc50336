"""The commands keep a family's suites side by side, and each of them knows its siblings."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from loki_bench.cli.grid import plan
from loki_bench.records.store import Store

TOYS = Path(__file__).parents[1] / "toys"

SUITE = """
name = "two"
{family}
seeds = [0]
victims = ["counts"]
attackers = ["none", "random"]
metrics = ["display_rate@5"]
dataset = "toy"
integrity_rows = false
[protocol]
n_targets = 3
n_target_users = 10
"""


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """The work that `plan` lists by name, beside a suite that trained `counts` in seven seconds."""
    monkeypatch.syspath_prepend(TOYS)
    timing = {"work": "fit of counts", "wall_seconds": 7.0}
    sibling = Store(tmp_path / "results" / "ours" / "one", warn=print)
    sibling.write_json("runs", "a" * 64, {"timings": {"clean": timing}, "environment": {}})

    def by_name(family):
        file = tmp_path / "two.toml"
        file.write_text(SUITE.format(family=family))
        arguments = [str(file), "--results", str(tmp_path / "results"), "--json"]
        done = CliRunner().invoke(plan, arguments, standalone_mode=False)
        assert done.exception is None
        return {work["name"]: work for work in json.loads(done.stdout)["work"]}

    return by_name


def test_the_times_of_a_sibling_in_the_results_folder_are_known(planned):
    work = planned('family = "ours"')["fit of counts"]
    assert (work["seconds"], work["measured"]) == (7.0, True)


def test_a_suite_of_no_family_or_another_knows_nothing_of_them(planned):
    assert planned("")["fit of counts"]["seconds"] is None
    assert planned('family = "theirs"')["fit of counts"]["seconds"] is None
