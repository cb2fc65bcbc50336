"""Which users' ranks are kept, beside those of target users that are all ranked."""

import numpy as np
import pytest

from loki_bench.errors import SuiteError
from loki_bench.pipeline.retrain import VictimRanksCodec
from loki_bench.suite import goal as goals
from loki_bench.suite.goal import draw_goal, untargeted_users

ALL = {"n_targets": 1, "n_target_users": "all"}
COLLATERAL = ["display_rate@5", "collateral@5"]


def cell_of(suite):
    return suite.grid.cells[0]


def measured(suite, cell):
    return draw_goal(suite.split, cell.protocol, cell.seed, measured=True)


def others_of(suite, n):
    cell = cell_of(suite)
    return untargeted_users(suite.split, cell.protocol, cell.seed, n).tolist()


def test_all_users_that_are_tested_are_target_users_and_a_sample_of_them_is_ranked(
    prepared, monkeypatch
):
    suite = prepared(protocol=ALL)
    cell, tested = cell_of(suite), suite.split.test.users
    assert np.array_equal(draw_goal(suite.split, cell.protocol, 0).users, np.sort(tested))
    assert np.array_equal(measured(suite, cell).users, np.sort(tested))  # fewer than 1,000

    monkeypatch.setattr(goals, "MOST_MEASURED", 7)
    first, again = (measured(suite, cell).users for _ in range(2))
    assert np.array_equal(first, again)
    assert len(set(first.tolist())) == 7
    assert set(first.tolist()) <= set(tested.tolist())
    assert first.dtype == np.int32
    other = next(c for c in suite.grid.cells if c.seed == 1)
    assert not np.array_equal(first, measured(suite, other).users)


def test_a_table_over_all_users_is_that_of_the_kept_ranks(prepared, run, tmp_path, monkeypatch):
    monkeypatch.setattr(goals, "MOST_MEASURED", 9)
    suite = prepared(protocol=ALL, attackers=["random"], seeds=[0], metrics=["display_rate@5"])
    store, lines = run(suite, tmp_path)
    assert lines == [("random", "ok")]
    record = store.record(cell_of(suite).id)
    ranks = store.read(VictimRanksCodec(), record.artefacts.ranks).target_ranks
    assert ranks.shape == (9, 1)
    assert len(record.goal.users) == 9
    shown = np.count_nonzero(ranks <= 5)  # a rank in one's own history is none, and does not count
    assert record.value("display_rate@5") == pytest.approx(shown / np.count_nonzero(ranks > 0))


def test_users_who_were_not_targeted_are_ranked_where_a_metric_reads_them(prepared, run, tmp_path):
    with_it, without = prepared(metrics=COLLATERAL), prepared(metrics=["display_rate@5"])
    cell, plain = cell_of(with_it), cell_of(without)
    targeted = set(draw_goal(with_it.split, cell.protocol, cell.seed).users.tolist())
    others = set(with_it.split.test.users.tolist()) - targeted
    assert len(others) < goals.N_UNTARGETED  # of so few all are taken
    assert set(others_of(with_it, 200)) == others
    assert len(others & set(others_of(with_it, 4))) == 4
    assert cell.craft_id == plain.craft_id
    assert cell.id != plain.id

    store, _ = run(prepared(metrics=COLLATERAL, attackers=["random"], seeds=[0]), tmp_path)
    [record] = store.records(with_it.grid.cells).values()
    ranks = store.read(VictimRanksCodec(), record.artefacts.ranks)
    assert ranks.untargeted_ranks.shape == (len(others), 3)
    shown = ranks.untargeted_ranks <= 5
    n_ranked = np.count_nonzero(~np.isnan(ranks.untargeted_ranks))
    assert record.value("collateral@5") == pytest.approx(shown.sum() / n_ranked)


def test_nobody_else_is_ranked_where_no_metric_reads_it(prepared, run, tmp_path):
    suite = prepared(attackers=["random"], seeds=[0])
    store, _ = run(suite, tmp_path)
    record = store.record(cell_of(suite).id)
    assert store.read(VictimRanksCodec(), record.artefacts.ranks).untargeted_ranks is None
    assert "n_untargeted" not in cell_of(suite).model_dump()


def test_collateral_is_refused_where_everybody_is_targeted(prepared):
    with pytest.raises(SuiteError, match="n_target_users = 'all' leaves none"):
        prepared(protocol=ALL, metrics=COLLATERAL)


def test_a_record_names_its_targets(prepared, run, tmp_path):
    suite = prepared(
        attackers=["random"], seeds=[0], protocol={"n_targets": 1, "n_target_users": 2}
    )
    store, _ = run(suite, tmp_path)
    goal = store.record(cell_of(suite).id).goal
    assert goal.item_tokens == tuple(f"i{number}" for number in goal.items)
    assert goal.user_tokens == tuple(f"u{number}" for number in goal.users)
