import numpy as np
import pytest

from loki_bench.attackers.loki.environment import GroupEnvironment, draw_items
from loki_bench.attackers.loki.groups import ItemGroups
from loki_bench.contracts import ids


def test_each_item_comes_from_the_group_of_its_step(groups_of):
    rng = np.random.default_rng(0)
    actions = rng.integers(4, size=(50, 6))
    assert np.array_equal(draw_items(groups_of(4), actions, rng) // 3, actions)


def test_no_item_comes_again_before_its_group_is_used_up(groups_of):
    actions = np.zeros((200, 7), dtype=np.int64)
    drawn = draw_items(groups_of(1), actions, np.random.default_rng(0))
    for row in drawn.tolist():
        assert sorted(row[:3]) == sorted(row[3:6]) == [0, 1, 2]


def test_items_are_drawn_with_the_shares_of_their_group():
    groups = ItemGroups.uniform({"a": ids([0]), "b": ids([1, 2])})
    groups = groups.with_group(1, ids([1, 2]), np.array([0.25, 0.75]))
    drawn = draw_items(groups, np.ones((20_000, 1), dtype=np.int64), np.random.default_rng(0))
    assert (drawn == 2).mean() == pytest.approx(0.75, abs=0.01)  # 3 standard errors


def test_a_uniform_group_is_drawn_uniformly_at_every_step(groups_of):
    actions = np.zeros((20_000, 2), dtype=np.int64)
    drawn = draw_items(groups_of(2), actions, np.random.default_rng(0))
    for step in range(2):
        assert np.bincount(drawn[:, step]) / 20_000 == pytest.approx(1 / 3, abs=0.012)


def test_rare_items_of_a_group_that_is_nearly_used_up_are_drawn_at_once_with_their_shares():
    groups = ItemGroups.uniform({"a": ids([0, 1, 2])})
    groups = groups.with_group(0, ids([0, 1, 2]), np.array([1 - 4e-9, 1e-9, 3e-9]))
    drawn = draw_items(groups, np.zeros((4_000, 2), dtype=np.int64), np.random.default_rng(0))
    assert (drawn[:, 0] == 0).all()
    assert (drawn[:, 1] == 2).mean() == pytest.approx(0.75, abs=0.021)  # 3 standard errors


def test_items_without_a_share_come_when_no_other_is_left():
    groups = ItemGroups.uniform({"a": ids([0, 1, 2])})
    groups = groups.with_group(0, ids([0, 1, 2]), np.array([1.0, 0.0, 0.0]))
    drawn = draw_items(groups, np.zeros((50, 3), dtype=np.int64), np.random.default_rng(0))
    assert (np.sort(drawn, axis=1) == [0, 1, 2]).all()


def test_a_group_whose_items_others_have_drawn_gives_one_again():
    groups = ItemGroups.uniform({"a": ids([7]), "b": ids([7])})
    drawn = draw_items(groups, np.array([[0, 1, 0]]), np.random.default_rng(0))
    assert drawn.tolist() == [[7, 7, 7]]


def test_nothing_is_drawn_for_no_fake_user(groups_of):
    drawn = draw_items(groups_of(2), np.empty((0, 5), dtype=np.int64), np.random.default_rng(0))
    assert drawn.shape == (0, 5)


def test_an_episode_is_rewarded_step_by_step(groups_of, alternation):
    environment = GroupEnvironment(groups_of(2), alternation, 4)
    actions = np.array([[0, 1, 0, 1], [1, 0, 0, 1]])
    episodes = environment.play(actions, np.random.default_rng(0))
    assert episodes.rewards.tolist() == [[0, 1, 0, 1], [0, 0, 0, 1]]
    assert environment.mean_return(actions, np.random.default_rng(0)) == 1.5
    assert environment.n_actions == 2
