import numpy as np
import pytest

from loki_bench.attackers.loki.crafting import click_values, interleaved, write_sequences
from loki_bench.attackers.loki.plan import AttackPlan
from loki_bench.contracts import Budget


@pytest.fixture
def plan(groups_of):
    """Two groups of three items; clicks on the targets 0, 1, 2 are worth 1, 5 and 3."""

    def make(*pattern):
        return AttackPlan(
            groups=groups_of(2),
            click_values=np.array([1.0, 5.0, 3.0]),
            sequences=np.array([pattern] * 3),
            proposals={"policy": np.array([0, 1])},
            report={"seen": [1, None]},
        )

    return make


def written_by(plan, n, clicks_per_target):
    rng = np.random.default_rng(0)
    budget = Budget(n_fake_users=n, n_actions=plan.sequences.shape[1])
    return write_sequences(plan, n, clicks_per_target=clicks_per_target, budget=budget, rng=rng)


def test_the_value_of_a_click_is_the_mean_of_its_rewards():
    items = np.array([[0, 1], [1, 4]], np.int32)
    rewards = np.array([[1.0, 2.0], [4.0, 9.0]])
    assert click_values(items, rewards, np.array([0, 1, 2], np.int32)).tolist() == [1, 3, -np.inf]


def test_a_target_that_was_never_clicked_ranks_last_and_of_equals_the_lower_id_first(plan):
    unknown = AttackPlan(**(vars(plan(0, 1)) | {"click_values": np.array([-np.inf, 2.0, 2.0])}))
    assert written_by(unknown, 1, 2).targets.tolist() == [1]
    assert written_by(unknown, 4, 2).targets.tolist() == [1, 2]


@pytest.mark.parametrize(("n", "expected"), [(1, [1]), (3, [1]), (4, [1, 2]), (6, [0, 1, 2])])
def test_a_budget_promotes_as_many_targets_as_it_can_click_often_enough(plan, n, expected):
    """One target click a fake user, two a target; at least one target is promoted."""
    written = written_by(plan(0, 1), n, 2)
    assert written.targets.tolist() == expected
    assert set(written.items[:, 0].tolist()) <= set(expected)
    assert (written.items[:, 1] >= 3).all()


def test_zero_clicks_per_target_promotes_all(plan):
    assert written_by(plan(0, 1), 1, 0).targets.tolist() == [0, 1, 2]


def test_a_repeated_click_of_one_fake_user_is_avoided(plan):
    """Two target clicks in one sequence: two targets, though the budget would pay for one."""
    written = written_by(plan(0, 0), 2, 3)
    assert written.targets.tolist() == [1, 2]
    assert [sorted(row) for row in written.items.tolist()] == [[1, 2], [1, 2]]


def test_a_plan_comes_back_from_its_arrays(plan):
    made = plan(0, 1)
    arrays = made.as_arrays()
    assert not any(array.dtype.hasobject for array in arrays.values())
    back = AttackPlan.from_arrays(arrays)
    assert back.groups.names == made.groups.names
    assert [m.tolist() for m in back.groups.members] == [m.tolist() for m in made.groups.members]
    assert [s.tolist() for s in back.groups.shares] == [s.tolist() for s in made.groups.shares]
    assert back.report == made.report
    assert {name: p.tolist() for name, p in back.proposals.items()} == {"policy": [0, 1]}
    same = written_by(back, 5, 2)
    assert np.array_equal(same.items, written_by(made, 5, 2).items)


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
