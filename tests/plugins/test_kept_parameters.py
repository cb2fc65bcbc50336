"""Parameters of own targets that are kept between commands."""

import json
from pathlib import Path

import platformdirs
import pytest

from loki_bench.plugins import kept_parameters
from loki_bench.plugins.kept_parameters import keep, kept
from loki_bench.plugins.target_facts import ParameterInfo

TARGET = "loki_bench.attackers.popular:PopularAttack"
PARAMETERS = (
    ParameterInfo(name="path", required=True, default=None, is_plain=False, shown="path: str"),
    ParameterInfo(name="rate", required=False, default=0.5, is_plain=True, shown="rate=0.5"),
    ParameterInfo(name="n", required=False, default=None, is_plain=True, shown="n=None"),
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: tmp_path)
    return tmp_path / "parameters"


def test_what_was_kept_is_read_as_it_was():
    assert kept(TARGET) is None
    keep(TARGET, PARAMETERS)
    assert kept(TARGET) == PARAMETERS
    assert kept("loki_bench.attackers.popular:Other") is None


def test_a_changed_source_is_read_again(monkeypatch):
    keep(TARGET, PARAMETERS)
    monkeypatch.setattr(kept_parameters, "source_of", lambda package: f"{package}, changed")
    assert kept(TARGET) is None


def test_a_module_of_one_file_has_a_hash_of_its_content(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def source(text):
        (tmp_path / "one_module.py").write_text(text)
        kept_parameters.source_of.cache_clear()
        return kept_parameters.source_of("one_module")

    assert source("LIMIT = 3") == source("LIMIT = 3") != source("LIMIT = 4")
    assert kept_parameters.source_of("no_such_module_here") != source("LIMIT = 3")


def test_the_hash_of_a_source_follows_names_and_content(tmp_path, monkeypatch):
    package = tmp_path / "some_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("LIMIT = 3")
    monkeypatch.syspath_prepend(tmp_path)

    def source():
        kept_parameters.source_of.cache_clear()
        return kept_parameters.source_of("some_package")

    found = [source()]
    (package / "one.py").write_text("LIMIT = 4")
    found.append(source())
    (package / "one.py").rename(package / "two.py")
    found.append(source())
    assert len(set(found)) == 3
    (package / "two.py").rename(package / "one.py")
    (package / "one.py").write_text("LIMIT = 3")
    assert source() == found[0]


def test_nothing_of_a_third_party_is_kept(cache):
    keep("their_plugin.attack:Attack", PARAMETERS)
    assert not cache.exists()


def test_a_default_that_is_not_plain_data_is_not_kept(cache):
    odd = ParameterInfo(name="f", required=False, default=max, is_plain=False, shown="f")
    keep(TARGET, (*PARAMETERS, odd))
    assert not cache.exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[",
        "{}",
        "3",
        '[{"name": "n"}]',
        json.dumps(
            [{"name": 1, "required": True, "default": None, "is_plain": False, "shown": ""}]
        ),
        json.dumps([{"name": "n", "required": 1, "default": None, "is_plain": 0, "shown": ""}]),
        json.dumps(
            [{"name": "n", "required": False, "default": [], "is_plain": True, "shown": ""}]
        ),
        "[" * 100_000,
        "[" + " " * (1 << 20) + "]",
    ],
)
def test_a_damaged_file_is_not_believed(cache, content):
    keep(TARGET, PARAMETERS)
    (file,) = cache.iterdir()
    file.write_text(content)
    assert kept(TARGET) is None


def test_a_cache_that_cant_be_written_costs_nothing_but_time(tmp_path, monkeypatch):
    file = tmp_path / "no folder"
    file.write_text("")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda _: Path(file))
    keep(TARGET, PARAMETERS)
    assert kept(TARGET) is None


def test_the_oldest_are_left_out(cache, monkeypatch):
    monkeypatch.setattr(kept_parameters, "MOST_KEPT", 3)
    for number in range(6):
        keep(f"loki_bench.x:C{number}", PARAMETERS)
    assert len(list(cache.iterdir())) == 3
    assert kept("loki_bench.x:C5") == PARAMETERS
