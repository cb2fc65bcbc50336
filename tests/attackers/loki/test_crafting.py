import numpy as np
import pytest

from loki_bench.attackers.loki.crafting import interleaved, targets_within_reach, write_sequences
from loki_bench.attackers.loki.environment import GroupEnvironment


class ItemReward:
    """Every click on item i is worth the i-th value."""

    def __init__(self, *values):
        self.values = np.array(values, dtype=float)

    def step_rewards(self, sequences):
        return self.values[sequences]


class Fixed:
    def __init__(self, *pattern):
        self.pattern = pattern

    def group_sequences(self, n, rng):
        return np.tile(np.array(self.pattern, dtype=np.int64), (n, 1))


@pytest.fixture
def environment(groups_of):
    return GroupEnvironment(groups_of(2), ItemReward(1, 5, 3, 0, 0, 0), 2)


def test_the_targets_with_the_most_valued_clicks_are_within_reach(environment):
    actions = np.tile([0, 1], (200, 1))
    kept = targets_within_reach(environment, actions, 2, np.random.default_rng(0))
    assert kept.tolist() == [1, 2]


def test_a_target_that_was_never_drawn_ranks_last(environment):
    none = np.empty((0, 2), dtype=np.int64)
    assert targets_within_reach(environment, none, 1, np.random.default_rng(0)).tolist() == [0]


@pytest.mark.parametrize(("n", "expected"), [(1, [1]), (3, [1]), (4, [1, 2]), (6, [0, 1, 2])])
def test_a_budget_promotes_as_many_targets_as_it_can_click_often_enough(environment, n, expected):
    """One target click a fake user, two a target; at least one target is promoted."""
    written = write_sequences(
        environment,
        Fixed(0, 1),
        n,
        clicks_per_target=2,
        interleave=False,
        rng=np.random.default_rng(0),
    )
    assert written.targets.tolist() == expected
    assert set(written.items[:, 0].tolist()) <= set(expected)
    assert (written.items[:, 1] >= 3).all()


def test_zero_clicks_per_target_promotes_all(environment):
    written = write_sequences(
        environment,
        Fixed(0, 1),
        1,
        clicks_per_target=0,
        interleave=False,
        rng=np.random.default_rng(0),
    )
    assert written.targets.tolist() == [0, 1, 2]


def test_returns_are_those_of_the_written_items(environment):
    written = write_sequences(
        environment,
        Fixed(0, 0),
        9,
        clicks_per_target=0,
        interleave=False,
        rng=np.random.default_rng(0),
    )
    assert np.array_equal(written.returns, np.array([1, 5, 3])[written.items].sum(axis=1))


def test_a_repeated_click_of_one_fake_user_is_avoided(environment):
    """Two target clicks in one sequence: two targets, though the budget would pay for one."""
    written = write_sequences(
        environment,
        Fixed(0, 0),
        2,
        clicks_per_target=3,
        interleave=False,
        rng=np.random.default_rng(0),
    )
    assert written.targets.tolist() == [1, 2]
    assert [sorted(row) for row in written.items.tolist()] == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("written", "spread"),
    [
        ([0, 0, 0, 1, 2, 3], [1, 0, 2, 0, 3, 0]),
        ([2, 1, 0, 0, 3, 4, 5], [2, 1, 0, 3, 4, 5, 0]),
        ([1, 2], [1, 2]),
        ([0, 0], [0, 0]),
        ([0], [0]),
    ],
)
def test_targets_are_spread_evenly_and_the_others_keep_their_order(written, spread):
    assert interleaved(np.array([written])).tolist() == [spread]


def test_nothing_to_interleave_is_fine():
    assert interleaved(np.empty((0, 4), dtype=np.int64)).shape == (0, 4)


def test_interleaved_sequences_reach_the_items(environment):
    written = write_sequences(
        environment,
        Fixed(0, 1),
        5,
        clicks_per_target=0,
        interleave=True,
        rng=np.random.default_rng(0),
    )
    assert written.groups.tolist() == [[1, 0]] * 5
    assert (written.items[:, 0] >= 3).all()
