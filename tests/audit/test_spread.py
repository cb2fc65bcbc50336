"""The spread of a leaderboard's rows: cells of one row under two keys are two rows."""

from pathlib import Path

import pytest

from loki_bench.audit.spread import spread_of
from loki_bench.errors import StoreError, UsageError


def test_rows_under_a_fresh_key_have_a_spread_of_their_own(with_fresh, original):
    key = "1" * 32
    own = spread_of(original)
    folder = with_fresh(key, lambda record: record, seeds=(0, 1))
    found = spread_of(folder)
    public = [one for one in found if not one.key]
    fresh = [one for one in found if one.key]
    assert public == own
    assert {one.over_seeds.n for one in public} == {3}
    assert [one.row for one in fresh] == [one.row for one in own]
    assert {one.over_seeds.n for one in fresh} == {2}
    assert all(one.name == f"{one.row}, fresh key {key}" for one in fresh)


def test_a_leaderboard_of_estimators_is_said_to_be_one():
    with pytest.raises(StoreError, match="converged compares estimators"):
        spread_of(Path(__file__).parents[2] / "leaderboards" / "fidelity" / "converged")


def test_places_beyond_the_lists_of_a_victim_are_refused(compute, tmp_path):
    folder = compute(tmp_path / "lists", victims=["shop"], attackers=["random"])
    assert {one.over_seeds.n for one in spread_of(folder, cutoff=5)} == {3}
    with pytest.raises(UsageError, match=r"--cutoff 20: victim 'shop' of .* lists \d+ items, .*"):
        spread_of(folder, cutoff=20)
