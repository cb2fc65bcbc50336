"""Who writes the group sequences: the trained agent, or one of the ablations that learn nothing."""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from loki_bench.attackers.loki.config import AgentConfig
from loki_bench.attackers.loki.dqn_agent import DqnAgent
from loki_bench.attackers.loki.environment import GroupEnvironment
from loki_bench.attackers.loki.motifs import best_motifs, motif_alphabet, repeated
from loki_bench.attackers.loki.training import LearningCurve, train_agent

__all__ = ["GroupPolicy", "PolicyName", "trained_policy"]

PolicyName: TypeAlias = Literal["dqn", "best-motif", "random-groups", "best-single-group"]


class GroupPolicy(Protocol):
    """Writes group sequences."""

    def group_sequences(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Groups of n fake users, int64 array of shape (n, horizon)."""
        ...


@dataclass(frozen=True, kw_only=True)
class _AgentPolicy:
    agent: DqnAgent
    epsilon: float

    def group_sequences(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        return self.agent.act(n, epsilon=self.epsilon, rng=rng)


@dataclass(frozen=True, kw_only=True)
class _RandomGroups:
    n_actions: int
    horizon: int

    def group_sequences(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        return rng.integers(self.n_actions, size=(n, self.horizon))


@dataclass(frozen=True, kw_only=True)
class _Repetition:
    groups: tuple[int, ...]
    horizon: int

    def group_sequences(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        return np.tile(repeated(self.groups, self.horizon), (n, 1))


def trained_policy(
    name: PolicyName,
    environment: GroupEnvironment,
    config: AgentConfig,
    *,
    crafting_epsilon: float,
    seed: int,
) -> tuple[GroupPolicy, LearningCurve | None]:
    """The policy of that name, and its learning curve where it learns.

    ``"dqn"`` is the paper's. ``"random-groups"`` draws every step's group uniformly.
    ``"best-motif"`` repeats the best short pattern (:mod:`~loki_bench.attackers.loki.motifs`),
    ``"best-single-group"`` repeats the one group whose repetition has the highest mean return.

    Parameters
    ----------
    name : PolicyName
    environment : GroupEnvironment
    config : AgentConfig
    crafting_epsilon : float in [0, 1]
        Share of random groups when the trained agent writes the final sequences.
    seed : int
    """
    if name == "dqn":
        agent, curve = train_agent(environment, config, seed=seed)
        return _AgentPolicy(agent=agent, epsilon=crafting_epsilon), curve
    if name == "random-groups":
        return _RandomGroups(n_actions=environment.n_actions, horizon=environment.horizon), None
    rng = np.random.default_rng(seed)
    if name == "best-motif":
        best = best_motifs(environment, motif_alphabet(environment), 1, rng)[0]
        return _Repetition(groups=best.groups, horizon=environment.horizon), None
    returns = [
        environment.mean_return(
            np.full((config.evaluation_episodes, environment.horizon), group, dtype=np.int64), rng
        )
        for group in range(environment.n_actions)
    ]
    return _Repetition(groups=(int(np.argmax(returns)),), horizon=environment.horizon), None
