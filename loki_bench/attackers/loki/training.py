"""Training LOKI's agent: fill the replay memory, update parameters, again (the paper, 3.4)."""

import math
from dataclasses import dataclass

import numpy as np

from loki_bench.attackers.loki.config import AgentConfig
from loki_bench.attackers.loki.dqn_agent import DqnAgent
from loki_bench.attackers.loki.environment import GroupEnvironment
from loki_bench.attackers.loki.replay_memory import Episodes, ReplayMemory
from loki_bench.errors import InvalidAnswerError

__all__ = ["LearningCurve", "train_agent"]


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """What training looked like, round by round.

    Attributes
    ----------
    epsilon, mean_return, loss : tuple of float
        Share of random actions, mean total reward of the fake users written, mean loss.
    evaluated_after : tuple of int
        Rounds done before each evaluation of the greedy policy.
    greedy_return : tuple of float
        Mean discounted total reward in each evaluation.
    """

    epsilon: tuple[float, ...]
    mean_return: tuple[float, ...]
    loss: tuple[float, ...]
    evaluated_after: tuple[int, ...]
    greedy_return: tuple[float, ...]

    def as_lists(self) -> dict[str, list[float]]:
        """The curve as plain data."""
        return {name: list(values) for name, values in vars(self).items()}


def train_agent(
    environment: GroupEnvironment, config: AgentConfig, *, seed: int
) -> tuple[DqnAgent, LearningCurve]:
    """Train an agent from scratch; it keeps the parameters with the best evaluation.

    Every evaluation draws its items from the same stream, so evaluations differ only by policy,
    and a policy that writes what an earlier one wrote is not valued again.

    Raises
    ------
    InvalidAnswerError
        The agent diverged.
    """
    weights_seed, explore_seed, evaluation_seed = (
        int(s) for s in np.random.SeedSequence(seed).generate_state(3, np.uint32)
    )
    rng = np.random.default_rng(explore_seed)
    agent = DqnAgent(environment.n_actions, environment.horizon, config, seed=weights_seed)
    memory = ReplayMemory(config.replay_capacity, environment.horizon)
    epsilons: list[float] = []
    returns: list[float] = []
    losses: list[float] = []
    evaluated_after: list[int] = []
    greedy_returns: list[float] = []
    valued: dict[bytes, float] = {}
    best = agent.snapshot()
    for iteration in range(config.n_iterations):
        epsilon = config.epsilon(iteration)
        actions = agent.act(config.episodes_per_iteration, epsilon=epsilon, rng=rng)
        episodes = environment.play(actions, rng)
        memory.add(episodes)
        loss = [
            _loss_of_update(agent, memory.sample(config.batch_size, rng))
            for _ in range(config.updates_per_iteration)
        ]
        epsilons.append(epsilon)
        returns.append(float(episodes.rewards.sum(axis=1, dtype=np.float64).mean()))
        losses.append(float(np.mean(loss)))
        done = iteration + 1
        if done % config.evaluation_interval == 0 or done == config.n_iterations:
            evaluation_rng = np.random.default_rng(evaluation_seed)
            greedy = agent.act(config.evaluation_episodes, epsilon=0.0, rng=evaluation_rng)
            written = greedy.tobytes()
            if written not in valued:
                valued[written] = environment.mean_return(
                    greedy, evaluation_rng, discount=config.discount
                )
            value = valued[written]
            if value > max(greedy_returns, default=-np.inf):
                best = agent.snapshot()
            evaluated_after.append(done)
            greedy_returns.append(value)
    agent.restore(best)
    return agent, LearningCurve(
        epsilon=tuple(epsilons),
        mean_return=tuple(returns),
        loss=tuple(losses),
        evaluated_after=tuple(evaluated_after),
        greedy_return=tuple(greedy_returns),
    )


def _loss_of_update(agent: DqnAgent, episodes: Episodes) -> float:
    """The loss before one update of the agent; ``InvalidAnswerError`` where it is no number."""
    try:
        loss = agent.update(episodes)
    except RuntimeError as error:  # torch's, of a step that is no float32
        raise _diverged(agent) from error
    if not math.isfinite(loss):
        raise _diverged(agent)
    return loss


def _diverged(agent: DqnAgent) -> InvalidAnswerError:
    return InvalidAnswerError(
        f"attacker 'loki': the agent diverged with learning_rate {agent.config.learning_rate!r}, "
        "its loss is not finite; give a smaller one"
    )
