"""The spread of a leaderboard's rows: cells of one row under two keys are two rows."""

from loki_bench.audit.spread import spread_of


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
