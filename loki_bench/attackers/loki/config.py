"""Hyper-parameters of LOKI's agent, with the source of each."""

import math
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias, get_args

from loki_bench.errors import ParameterError

__all__ = ["AgentConfig", "ValueTargets"]

ValueTargets: TypeAlias = Literal["one-step", "return-to-go"]


@dataclass(frozen=True, kw_only=True)
class AgentConfig:
    """How the deep Q-network is built and trained.

    The paper names the parts (embedding, GRU, linear output, epsilon-greedy policy, replay
    memory) and gives no number. Each value below says where it comes from: *Mnih 2015* is
    "Human-level control through deep reinforcement learning" (Nature 518), *Hausknecht 2015* is
    "Deep recurrent Q-learning" (arXiv:1507.06527), *measured* is our own choice on Amazon Beauty.

    Attributes
    ----------
    embedding_size, hidden_size : int
        Width of the action embedding and of the GRU. Measured: a dozen actions and sequences of
        fifteen need no more.
    discount : float in (0, 1]
        gamma of the targets (:class:`~loki_bench.attackers.loki.dqn_agent.DqnAgent`). 1: episodes
        are short and of fixed length, and the rewards of a sequence then add up to its total
        influence. A click on a target user's item pays only through the target clicks after it.
    learning_rate : float
        Of Adam; measured.
    gradient_clip : float
        Greatest norm of one update's gradient; measured.
    n_iterations : int
        Rounds of "generate replay memory, then update parameters" (the paper, section 3.4).
    episodes_per_iteration : int
        Fake users written in each round, all at once.
    updates_per_iteration : int
        Parameter updates in each round.
    batch_size : int
        Episodes in an update; every step of an episode is used (sequential updates of
        Hausknecht 2015), where the paper samples single transitions. A transition's state is the
        whole prefix, so this shares the GRU's work among the steps of an episode.
    replay_capacity : int
        Episodes kept in replay memory.
    epsilon_start, epsilon_end : float in [0, 1]
        Share of random actions in the first round, and after ``exploration_share`` of the rounds;
        linear in between (Mnih 2015, whose end is 0.1).
    exploration_share : float in (0, 1]
    target_update_interval : int
        Parameter updates between two copies of the network to the target network (Mnih 2015:
        10,000 updates of one transition; here an update holds about a thousand).
    evaluation_interval : int
        Rounds between two evaluations of the greedy policy. Deviation: the parameters with the
        best evaluation are kept, since Q-learning with a network needn't improve steadily.
    evaluation_episodes : int
        Fake users written in an evaluation.
    value_targets : "one-step" or "return-to-go"
        What an action's value is trained towards: its reward and the best value after it (the
        paper's DQN), or what the episode paid from it on (Monte Carlo; Sutton & Barto, 2018,
        chapter 5). With rewards that depend on the items drawn, and pay several steps later, the
        first needs far more rounds to carry them back.
    """

    embedding_size: int = 16
    hidden_size: int = 32
    discount: float = 1.0
    learning_rate: float = 3e-3
    gradient_clip: float = 10.0
    n_iterations: int = 160
    episodes_per_iteration: int = 64
    updates_per_iteration: int = 8
    batch_size: int = 64
    replay_capacity: int = 4096
    epsilon_start: float = 1.0
    epsilon_end: float = 0.05
    exploration_share: float = 0.6
    target_update_interval: int = 40
    evaluation_interval: int = 5
    evaluation_episodes: int = 192
    value_targets: ValueTargets = "one-step"

    def __post_init__(self) -> None:
        known = get_args(ValueTargets)
        if self.value_targets not in known:
            raise _bad("value_targets", self.value_targets, "one of " + ", ".join(known))
        numbers = [f.name for f in fields(self) if f.name != "value_targets"]
        for name, value in ((name, getattr(self, name)) for name in numbers):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise _bad(name, value, "a number")
            if not math.isfinite(value):
                raise _bad(name, value, "a finite number")
            if isinstance(type(self).__dict__[name], int):
                if not isinstance(value, int) or value < 1:
                    raise _bad(name, value, "an integer of at least 1")
            elif name.startswith("epsilon"):
                if not 0 <= value <= 1:
                    raise _bad(name, value, "a share between 0 and 1")
            elif value <= 0:
                raise _bad(name, value, "a number above 0")
            elif name in ("discount", "exploration_share") and value > 1:
                raise _bad(name, value, "a number above 0 and at most 1")

    def epsilon(self, iteration: int) -> float:
        """Share of random actions in round ``iteration``, counted from 0."""
        last = max(1.0, self.exploration_share * self.n_iterations - 1)
        progress = min(1.0, iteration / last)
        return self.epsilon_start + progress * (self.epsilon_end - self.epsilon_start)


def _bad(name: str, value: object, expected: str) -> ParameterError:
    return ParameterError(f"attacker 'loki': agent.{name} = {value!r}, expected {expected}")
