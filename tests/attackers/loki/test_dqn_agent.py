import numpy as np
import pytest
import torch

from loki_bench.attackers.loki.config import AgentConfig
from loki_bench.attackers.loki.dqn_agent import DqnAgent
from loki_bench.attackers.loki.replay_memory import Episodes


def agent(horizon=3, **changes):
    return DqnAgent(2, horizon, AgentConfig(**changes), seed=0)


@pytest.mark.parametrize("discount", [1.0, 0.5])
def test_the_target_is_the_reward_plus_the_discounted_best_value_of_the_next_state(discount):
    learner = agent(discount=discount)
    actions = np.array([[0, 1, 1], [1, 0, 0]])
    rewards = np.array([[1.0, 2.0, 3.0], [-1.0, 0.0, 5.0]], dtype=np.float32)
    values = learner.action_values(actions)  # target network and network are still the same
    target = learner.compute_target(torch.from_numpy(actions), torch.from_numpy(rewards))
    for row in range(2):
        for step in range(2):
            expected = rewards[row, step] + discount * max(values[row, step + 1])
            assert float(target[row, step]) == pytest.approx(float(expected))
        assert float(target[row, 2]) == rewards[row, 2]  # the end has no value


def test_the_loss_is_the_mean_huber_loss_of_the_chosen_actions():
    learner = agent()
    actions = np.array([[0, 1, 1]])
    values = learner.action_values(actions)[0, np.arange(3), actions[0]]
    target = torch.from_numpy((values + np.array([0.5, -3.0, 0.0])).astype(np.float32))[None]
    loss = learner.compute_loss(torch.from_numpy(actions), target)
    # |error| <= 1: error ** 2 / 2; above: |error| - 1 / 2
    assert float(loss.detach()) == pytest.approx((0.125 + 2.5 + 0.0) / 3, rel=1e-5)


def targets_of(learner, actions, rewards):
    return learner.compute_target(torch.from_numpy(actions), torch.from_numpy(rewards))


def test_the_target_network_follows_only_when_it_is_updated():
    """With one action there is nothing to choose: targets depend on the target network alone."""
    learner = DqnAgent(1, 3, AgentConfig(target_update_interval=3), seed=0)
    actions, rewards = np.zeros((1, 3), dtype=np.int64), np.full((1, 3), 9.0, dtype=np.float32)
    at_start = targets_of(learner, actions, rewards)
    for _ in range(2):
        learner.update(Episodes(actions=actions, rewards=rewards))
    assert torch.equal(targets_of(learner, actions, rewards), at_start)
    learner.update(Episodes(actions=actions, rewards=rewards))
    assert not torch.equal(targets_of(learner, actions, rewards), at_start)


def test_the_network_chooses_the_next_action_and_the_target_network_values_it():
    learner = agent(target_update_interval=1000, learning_rate=0.1)
    actions = np.array([[0, 0, 0], [1, 1, 1]])
    frozen = learner.action_values(actions)
    rewards = np.array([[-5.0] * 3, [5.0] * 3], dtype=np.float32)
    for _ in range(20):
        learner.update(Episodes(actions=actions, rewards=rewards))
    chosen = learner.action_values(actions).argmax(axis=2)
    assert (chosen != frozen.argmax(axis=2)).any()  # otherwise the test would show nothing
    target = targets_of(learner, actions, rewards)
    for row in range(2):
        for step in range(2):
            expected = rewards[row, step] + frozen[row, step + 1, chosen[row, step + 1]]
            assert float(target[row, step]) == pytest.approx(float(expected), rel=1e-5)


def test_without_exploration_every_sequence_follows_the_greatest_values():
    learner = agent(horizon=5)
    actions = learner.act(3, epsilon=0.0, rng=np.random.default_rng(0))
    assert np.array_equal(learner.action_values(actions).argmax(axis=2), actions)


def test_full_exploration_is_uniform():
    actions = agent().act(20_000, epsilon=1.0, rng=np.random.default_rng(0))
    assert actions.mean(axis=0) == pytest.approx(0.5, abs=0.012)


@pytest.mark.parametrize("n", [0, 1])
def test_small_batches_have_the_right_shape(n):
    assert agent().act(n, epsilon=0.5, rng=np.random.default_rng(0)).shape == (n, 3)


def test_a_snapshot_brings_the_old_values_back():
    learner = agent()
    actions, rewards = np.array([[0, 1, 1]]), np.ones((1, 3), dtype=np.float32)
    before, snapshot = learner.action_values(actions), learner.snapshot()
    learner.update(Episodes(actions=actions, rewards=rewards))
    assert not np.array_equal(learner.action_values(actions), before)
    learner.restore(snapshot)
    assert np.array_equal(learner.action_values(actions), before)


def test_a_return_to_go_adds_up_what_the_episode_pays_from_a_step_on():
    learner = agent(discount=0.5, value_targets="return-to-go")
    target = targets_of(learner, np.array([[0, 1, 1]]), np.array([[1.0, 2.0, 4.0]], np.float32))
    assert target.tolist() == [[1.0 + 0.5 * 2.0 + 0.25 * 4.0, 2.0 + 0.5 * 4.0, 4.0]]
