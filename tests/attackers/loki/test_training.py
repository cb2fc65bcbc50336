import itertools

import numpy as np
import pytest
import torch

from loki_bench.attackers.loki.config import AgentConfig
from loki_bench.attackers.loki.environment import GroupEnvironment
from loki_bench.attackers.loki.training import train_agent
from loki_bench.errors import InvalidAnswerError


def greedy_return(agent, environment):
    actions = agent.act(1, epsilon=0.0, rng=np.random.default_rng(0))
    return environment.mean_return(actions, np.random.default_rng(0))


def test_the_agent_learns_to_alternate_when_only_alternation_pays(groups_of, alternation):
    environment = GroupEnvironment(groups_of(8), alternation, 8)
    agent, _ = train_agent(environment, AgentConfig(n_iterations=40), seed=0)
    assert greedy_return(agent, environment) == 4.0  # four pairs in eight steps


def test_the_agent_pays_now_for_a_reward_that_comes_later(groups_of, delayed):
    """The optimum by trying all 4 ** 6 sequences; a myopic agent would get 0."""
    environment = GroupEnvironment(groups_of(4), delayed, 6)
    every = np.array(list(itertools.product(range(4), repeat=6)))
    best = delayed.step_rewards((every * 3).astype(np.int32)).sum(axis=1).max()
    agent, _ = train_agent(environment, AgentConfig(n_iterations=60), seed=1)
    assert best == pytest.approx(1.0)  # two of group 1 cost 0.6, four of group 0 pay 0.4 each
    assert greedy_return(agent, environment) >= 0.9 * best


def test_the_learned_values_agree_with_value_iteration(groups_of, delayed):
    """Backward induction over all states of a horizon of three with three actions."""
    environment = GroupEnvironment(groups_of(3), delayed, 3)
    config = AgentConfig(
        n_iterations=90, epsilon_end=1.0, target_update_interval=20, evaluation_interval=90
    )
    agent, _ = train_agent(environment, config, seed=0)

    def exact(prefix):
        values = []
        for action in range(3):
            sequence = (*prefix, action)
            reward = delayed.step_rewards(np.array([sequence], dtype=np.int32) * 3)[0, -1]
            values.append(reward + (max(exact(sequence)) if len(sequence) < 3 else 0.0))
        return values

    for episode in itertools.product(range(3), repeat=2):
        learned = agent.action_values(np.array([[*episode, 0]]))[0]
        for step in range(3):
            assert learned[step] == pytest.approx(exact(episode[:step]), abs=0.1)


def test_the_curve_has_a_value_for_every_round_and_evaluation(groups_of, alternation):
    config = AgentConfig(n_iterations=7, evaluation_interval=3, exploration_share=0.5)
    _, curve = train_agent(GroupEnvironment(groups_of(3), alternation, 4), config, seed=0)
    assert len(curve.epsilon) == len(curve.mean_return) == len(curve.loss) == 7
    assert curve.evaluated_after == (3, 6, 7)
    assert len(curve.greedy_return) == 3
    assert curve.epsilon[0] == 1.0
    assert curve.epsilon[-1] == pytest.approx(0.05)
    assert curve.as_lists()["evaluated_after"] == [3, 6, 7]


def test_training_depends_on_the_seed_alone_and_leaves_global_generators(groups_of, alternation):
    environment = GroupEnvironment(groups_of(3), alternation, 4)
    config = AgentConfig(n_iterations=5)
    before = torch.random.get_rng_state()
    first, second, other = (train_agent(environment, config, seed=s)[1] for s in (1, 1, 2))
    assert first == second != other
    assert torch.equal(before, torch.random.get_rng_state())


def test_one_action_and_one_step_can_be_learnt(groups_of, alternation):
    environment = GroupEnvironment(groups_of(1), alternation, 1)
    agent, curve = train_agent(environment, AgentConfig(n_iterations=2), seed=0)
    assert agent.act(2, epsilon=0.0, rng=np.random.default_rng(0)).tolist() == [[0], [0]]
    assert curve.mean_return == (0.0, 0.0)


def test_returns_to_go_find_what_a_planted_reward_offers(groups_of, delayed):
    """k of group 1 come first, then 12 - k of group 0: -0.3 k + 0.2 k (12 - k) in all."""
    environment = GroupEnvironment(groups_of(6), delayed, 12)
    optimum = max(-0.3 * k + 0.2 * k * (12 - k) for k in range(13))
    config = AgentConfig(n_iterations=120, value_targets="return-to-go")
    agent, _ = train_agent(environment, config, seed=0)
    assert greedy_return(agent, environment) >= 0.99 * optimum


def test_a_policy_that_writes_the_same_again_is_valued_once(groups_of, alternation):
    config = AgentConfig(n_iterations=12, evaluation_interval=1, evaluation_episodes=5)
    environment = GroupEnvironment(groups_of(3), alternation, 4)
    valued = []
    value = environment.mean_return

    def watched(actions, rng, *, discount):
        valued.append(actions.tobytes())
        return value(actions, rng, discount=discount)

    environment.mean_return = watched
    _, curve = train_agent(environment, config, seed=0)
    assert len(curve.greedy_return) == 12
    assert len(valued) == len(set(valued)) < 12


@pytest.mark.parametrize("learning_rate", [1e37, 1e300])
def test_an_agent_that_diverges_says_what_to_change(groups_of, alternation, learning_rate):
    config = AgentConfig(n_iterations=3, learning_rate=learning_rate)
    environment = GroupEnvironment(groups_of(3), alternation, 4)
    with pytest.raises(InvalidAnswerError, match="attacker 'loki': the agent diverged with"):
        train_agent(environment, config, seed=0)
