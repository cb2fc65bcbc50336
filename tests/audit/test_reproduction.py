"""A cell computed again is compared in the order of its making."""

import re
from pathlib import Path

import pytest

from loki_bench.audit.reproduction import reproduce_cell
from loki_bench.errors import StoreError
from loki_bench.plugins.registry import discover
from loki_bench.records.store import Store


@pytest.fixture
def reproduce(opened):
    def again(name, results):
        return reproduce_cell(str(name), results, registry=discover(), opened=opened)

    return again


def path_of(folder, attacker):
    store = Store(folder, warn=print)
    return next(
        path
        for path in sorted((folder / "records").iterdir())
        if store.record(path.stem).cell.attacker.name == attacker
    )


def test_a_cell_is_the_same_to_the_last_bit(leaderboard, reproduce):
    path = path_of(leaderboard, "asks-surrogates")
    found = reproduce(path, leaderboard.parent)
    assert found.difference is None
    assert found.same_environment
    assert "the same to the last bit" in found.as_text()
    assert reproduce(path.stem[:12], leaderboard.parent) == found


def test_the_first_number_that_differs_is_printed(leaderboard, reproduce, monkeypatch):
    from toy_plugin import components

    real = components.Counts.fit

    def drifts(self, train, *, validation, seed):
        return real(self, train, validation=validation, seed=seed + 1)

    monkeypatch.setattr(components.Counts, "fit", drifts)
    found = reproduce(path_of(leaderboard, "random"), leaderboard.parent)
    assert re.match(
        r"(clean_)?ranks: t\w+_ranks\[\d+(, \d+)?\] is \S+ in the store and \S+ here "
        r"\(\d+ of \d+ numbers differ\)",
        found.difference,
    )


def test_a_failed_cell_fails_again(leaderboard, reproduce):
    assert reproduce(path_of(leaderboard, "raises"), leaderboard.parent).difference is None


@pytest.mark.parametrize(
    ("here", "before"), [("records", ""), (".", "records"), ("runs", "../records")]
)
def test_a_record_is_found_by_its_path_from_any_folder(
    leaderboard, reproduce, monkeypatch, here, before
):
    path = path_of(leaderboard, "raises")
    monkeypatch.chdir(leaderboard / here)
    assert reproduce(Path(before, path.name), leaderboard.parent).cell == path.stem


@pytest.mark.parametrize("name", ["zzz", "", "*", "no/such.json", "toy/manifest.json"])
def test_a_cell_that_is_not_there_is_refused(leaderboard, reproduce, monkeypatch, name):
    monkeypatch.chdir(leaderboard.parent)
    with pytest.raises(StoreError, match=r"no cell begins|cells begin|there is no record"):
        reproduce(name, leaderboard.parent)
