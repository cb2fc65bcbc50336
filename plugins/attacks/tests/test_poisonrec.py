"""PoisonRec: PPO's objective and the counted reward by hand, and a world with one right answer."""

import numpy as np
import pytest
import torch

from loki_bench.contracts import ids
from loki_bench.errors import InvalidAnswerError, ParameterError
from loki_bench_attacks.click_policy import ClickPolicy, clipped_objective, standardised
from loki_bench_attacks.poisonrec import PoisonRec, recommendations


def test_the_clipped_objective_of_three_actions_by_hand():
    # a gain is cut at 1.2, a loss is not cut where the ratio grew, and at 0.8 where it fell
    ratio, advantages = torch.tensor([1.5, 1.5, 0.5]), torch.tensor([2.0, -2.0, -2.0])
    np.testing.assert_allclose(clipped_objective(ratio, advantages), [2.4, -3.0, -1.6], rtol=1e-6)


def test_the_reward_counts_recommendations_of_three_users_by_hand():
    ranks = np.array([[1.0], [15.0], [np.nan], [300.0]])
    # of three pairs: one in 10, two in 20, two in 50, two in 100
    assert recommendations(ranks) == pytest.approx((1 / 3 + 2 / 3 + 2 / 3 + 2 / 3) / 4)


def test_rewards_that_are_all_alike_teach_nothing():
    for n in range(2, 40):  # their mean is not always 0.7 to the last bit
        assert not standardised(torch.full((n,), 0.7, dtype=torch.float64)).any()
    np.testing.assert_allclose(standardised(torch.tensor([0.0, 2.0])), [-1, 1])


def test_probabilities_of_all_actions_add_up_to_one_and_samples_follow_them():
    generator = torch.Generator().manual_seed(0)
    factors = torch.randn((6, 3), generator=generator)
    policy = ClickPolicy(factors, ids([4, 5]), ids([0, 1, 2, 3]), n_fakes=1, generator=generator)
    episodes = policy.sample(4000, 1)
    items = policy.items_of(episodes)[:, 0, 0]
    chances = np.zeros(6)
    with torch.no_grad():
        chances[items] = policy.log_probabilities(episodes).exp().numpy()[:, 0, 0]
    assert chances.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(np.bincount(items, minlength=6) / 4000, chances, atol=0.03)


@pytest.mark.parametrize(("promoted", "others"), [([0, 1, 2, 3], [4, 5]), ([0], [1, 2, 3, 4, 5])])
def test_there_may_be_more_items_to_lift_than_others(promoted, others):
    generator = torch.Generator().manual_seed(0)
    factors = torch.randn((6, 3), generator=generator)
    policy = ClickPolicy(factors, ids(promoted), ids(others), n_fakes=2, generator=generator)
    episodes = policy.sample(50, 4)
    items = policy.items_of(episodes)
    is_lifted = episodes.is_lifted.numpy()
    assert set(items[is_lifted].tolist()) == set(promoted)
    assert set(items[~is_lifted].tolist()) == set(others)


@pytest.fixture
def crowds(view_of):
    """Two crowds of 120 items each; the target users belong to the first one."""
    random = np.random.default_rng(1)
    rows = [random.choice(120, 15, replace=False) + 120 * (user % 2) for user in range(80)]
    return view_of(
        rows, n_items=242, targets=[241], users=[0, 2, 4], n_fake_users=6, n_actions=9, seed=3
    )


def test_the_policy_learns_to_click_what_the_target_users_crowd_has(crowds):
    def share_of_the_crowd(attack):
        fillers = np.concatenate([row[row != 241] for row in attack.poison(crowds)])
        return (fillers < 120).mean()

    assert share_of_the_crowd(PoisonRec(n_iterations=25, n_episodes=8)) > 0.8
    assert share_of_the_crowd(PoisonRec(n_iterations=0)) < 0.75


@pytest.mark.parametrize("learning_rate", [3e37, 1e300])
def test_a_policy_that_diverges_says_what_to_change(crowds, learning_rate):
    with pytest.raises(InvalidAnswerError, match="attacker 'poisonrec': the policy diverged"):
        PoisonRec(n_iterations=2, n_episodes=3, learning_rate=learning_rate).poison(crowds)


@pytest.mark.parametrize("wrong", [{"n_episodes": 1}, {"n_iterations": -1}, {"learning_rate": 0.0}])
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ParameterError, match="attacker 'poisonrec'"):
        PoisonRec(**wrong)
