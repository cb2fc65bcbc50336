"""Whose a plugin is: the name of its distribution and the package of its module decide together."""

from importlib.metadata import EntryPoint, entry_points

import pytest

from loki_bench.plugins.ownership import is_own_distribution, is_own_plugin


def test_this_projects_own_plugins_are_known():
    own = {entry.name for entry in entry_points(group="loki_bench") if is_own_plugin(entry)}
    assert {"builtin"} <= own <= {"builtin", "recbole", "defenses", "attacks"}


def test_a_plugin_without_a_distribution_is_not_own():
    assert not is_own_plugin(EntryPoint("x", "loki_bench.builtin", "loki_bench"))


def test_a_module_of_another_package_is_not_own_whatever_its_distribution(tmp_path, monkeypatch):
    told = tmp_path / "loki_bench-9.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: loki-bench\nVersion: 9.0\n")
    (told / "entry_points.txt").write_text("[loki_bench]\nclaims = theirs.hooks\n")
    monkeypatch.syspath_prepend(tmp_path)
    [claims] = [e for e in entry_points(group="loki_bench") if e.name == "claims"]
    assert not is_own_plugin(claims)


@pytest.mark.parametrize("name", ["loki-bench", "Loki_Bench.recbole", "loki--bench_defenses"])
def test_names_are_compared_as_package_indexes_do(name):
    assert is_own_distribution(name)


@pytest.mark.parametrize("name", ["", "loki-bench-x", "loki_bench2", "toy-plugin"])
def test_other_names_are_not_own(name):
    assert not is_own_distribution(name)
