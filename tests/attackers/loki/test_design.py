import numpy as np
import pytest

from loki_bench.attackers.loki.design import Design, write_design
from loki_bench.attackers.loki.groups import ItemGroups
from loki_bench.attackers.loki.served_users import served_users
from loki_bench.contracts import ids


@pytest.fixture
def users(view_of):
    rows = [[1, 2, 3], [4, 5, 6, 8]]
    history = view_of(rows, n_items=12, targets=[0]).history
    groups = {"targets": ids([0, 9, 10]), "target users' items": ids([1, 2, 3, 4, 5, 6, 8])}
    return served_users(history, ids([0, 1]), ItemGroups.uniform(groups), one_user=True)


def design_of(*, groups=(1, 0, 2, 0), weights=(1.0, 1.0), targets=(0, 9, 10), **more):
    return Design(
        origin="test",
        groups=np.array(groups),
        weights=np.array(weights),
        targets=ids(targets),
        **more,
    )


def written(users, n, *, seed=0, **changes):
    return write_design(design_of(**changes), users, n, np.random.default_rng(seed)).tolist()


def test_fake_users_are_shared_out_by_weight_and_keep_to_the_user_they_serve(users):
    rows = written(users, 4, weights=(3.0, 1.0))
    assert [row[2] for row in rows] == [3, 3, 3, 8]
    assert {row[0] for row in rows[:3]} == {1, 2}
    assert rows[3][0] in {4, 5, 6}


def test_items_are_drawn_in_turn_by_the_fake_users_of_a_user(users):
    rows = written(users, 3, groups=(1, 0), weights=(0.0, 1.0))
    assert sorted(row[0] for row in rows) == [4, 5, 6]
    assert sorted(row[1] for row in rows) == [0, 9, 10]


def test_only_the_designs_targets_are_clicked(users):
    rows = written(users, 6, targets=(9,))
    assert {row[1] for row in rows} == {9}


def test_the_generator_alone_decides(users):
    assert written(users, 5, seed=1) == written(users, 5, seed=1) != written(users, 5, seed=2)


def test_a_fake_user_clicks_no_more_different_targets_than_the_design_says(users):
    design = design_of(groups=(1, 0, 0, 0), weights=(1.0, 0.0))
    rows = write_design(design.with_targets_each(1), users, 3, np.random.default_rng(0))
    assert all(len(set(row[1:])) == 1 for row in rows.tolist())
    assert sorted(row[1] for row in rows.tolist()) == [0, 9, 10]  # in turn
    assert design.with_targets_each(2).origin == "test, 2 targets each"


def test_fake_users_of_a_mixed_design_draw_from_all_target_users_items(users):
    design = design_of(groups=(1, 0, 1, 0), mixed=True)
    rows = write_design(design, users, 7, np.random.default_rng(0))
    drawn, n_draws = np.unique(rows[:, [0, 2]], return_counts=True)
    assert drawn.tolist() == [1, 2, 3, 4, 5, 6, 8]  # last items among them
    assert n_draws.tolist() == [2] * 7
    both = [set(row) & {1, 2, 3} and set(row) & {4, 5, 6, 8} for row in rows.tolist()]
    assert any(both)
    assert set(rows[:, [1, 3]].flat) == {0, 9, 10}
