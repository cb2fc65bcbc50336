"""Own components that were built are known between commands."""

import json
from pathlib import Path

import platformdirs
import pytest

from loki_bench.plugins import kept_components
from loki_bench.plugins.kept_components import KeptComponents

TARGET = "loki_bench.attackers.popular:PopularAttack"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path)
    return tmp_path / "built"


def built(*components):
    known = KeptComponents()
    for target, parameters in components:
        known.add(target, parameters)
    known.keep()


def test_what_was_built_is_known_with_these_parameters_alone():
    assert not KeptComponents().has(TARGET, {"rate": 0.5, "n": 3})
    built((TARGET, {"rate": 0.5, "n": 3}))
    known = KeptComponents()
    assert known.has(TARGET, {"n": 3, "rate": 0.5})
    assert not known.has(TARGET, {"n": 3, "rate": 0.25})
    assert not known.has(TARGET, {"n": 3})
    assert not known.has("loki_bench.attackers.random_items:RandomAttack", {"n": 3, "rate": 0.5})


def test_true_is_not_one():
    built((TARGET, {"n": 1}))
    assert not KeptComponents().has(TARGET, {"n": True})
    assert not KeptComponents().has(TARGET, {"n": 1.0})


def test_what_others_kept_meanwhile_stays():
    mine, theirs = KeptComponents(), KeptComponents()
    theirs.add(TARGET, {"n": 1})
    theirs.keep()
    mine.add(TARGET, {"n": 2})
    mine.keep()
    assert KeptComponents().has(TARGET, {"n": 1})
    assert KeptComponents().has(TARGET, {"n": 2})


@pytest.mark.parametrize("changed", ["source_of", "_version"])
def test_another_source_or_another_torch_knows_nothing(monkeypatch, changed):
    built((TARGET, {}))
    monkeypatch.setattr(kept_components, changed, lambda name: f"{name}, changed")
    assert not KeptComponents().has(TARGET, {})


@pytest.mark.parametrize("content", ["", "[", "{}", "3", "[3, null]", "[" * 100_000])
def test_a_damaged_file_is_not_believed(cache, content):
    built((TARGET, {}))
    (file,) = cache.iterdir()
    file.write_text(content)
    assert not KeptComponents().has(TARGET, {})


def test_a_list_that_grew_too_long_begins_again(cache, monkeypatch):
    monkeypatch.setattr(kept_components, "MOST_COMPONENTS", 3)
    built(*((TARGET, {"n": n}) for n in range(3)))
    built((TARGET, {"n": 3}))
    (file,) = cache.iterdir()
    assert len(json.loads(file.read_text())) == 1
    assert KeptComponents().has(TARGET, {"n": 3})


def test_a_cache_that_cant_be_written_costs_nothing_but_time(tmp_path, monkeypatch):
    file = tmp_path / "no folder"
    file.write_text("")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: Path(file))
    built((TARGET, {}))
    assert not KeptComponents().has(TARGET, {})
