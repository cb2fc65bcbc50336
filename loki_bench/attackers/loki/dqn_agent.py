"""The deep Q-network agent: epsilon-greedy rollouts and parameter updates (the paper, 3.4)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from loki_bench.attackers.loki.adam import Adam
from loki_bench.attackers.loki.config import AgentConfig
from loki_bench.attackers.loki.q_network import QNetwork
from loki_bench.attackers.loki.replay_memory import Episodes

__all__ = ["DqnAgent"]


class DqnAgent:
    """Chooses actions step by step and learns their values from episodes of fixed length.

    With ``s_t`` the actions before step ``t`` and ``T`` the horizon, the target is

        y_t = r_t + gamma * Q_target(s_{t+1}, argmax_a Q(s_{t+1}, a))   for t < T - 1,
        y_t = r_t                                                       for t = T - 1,

    and the loss is the mean Huber loss of ``Q(s_t, a_t) - y_t`` (Mnih et al. 2015 clip the error
    to the same effect). Choosing the next action by Q and valuing it by Q_target is double
    Q-learning (van Hasselt et al., AAAI 2016); the paper's plain maximum over a dozen actions
    overestimates, since which items a group gives makes rewards noisy. With
    ``value_targets = "return-to-go"`` the target is ``sum_k gamma**k r_{t+k}`` to the end instead.

    Parameters
    ----------
    n_actions, horizon : int
    config : AgentConfig
    seed : int
        Draws the initial weights; torch's global generator is never used.
    """

    def __init__(self, n_actions: int, horizon: int, config: AgentConfig, *, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.n_actions, self.horizon, self.config = n_actions, horizon, config
        self._network, self._target = (
            QNetwork(
                n_actions,
                embedding_size=config.embedding_size,
                hidden_size=config.hidden_size,
                generator=generator,
            )
            for _ in range(2)
        )
        self._target.requires_grad_(False)
        self._optimizer = Adam(self._network.parameters(), config.learning_rate)
        self._n_updates = 0
        self.update_target()

    def act(self, n: int, *, epsilon: float, rng: np.random.Generator) -> NDArray[np.int64]:
        """Write n sequences of actions, each step random with probability ``epsilon``.

        Returns
        -------
        int64 array of shape (n, horizon).
        """
        chosen = np.empty((n, self.horizon), dtype=np.int64)
        last: Tensor | None = None
        hidden: Tensor | None = None
        with torch.no_grad():
            for step in range(self.horizon):
                values, hidden = self._network.step(last, hidden, n)
                explore = rng.random(n) < epsilon
                random_actions = rng.integers(self.n_actions, size=n)
                chosen[:, step] = np.where(explore, random_actions, values.argmax(dim=1).numpy())
                last = torch.from_numpy(chosen[:, step].copy())
        return chosen

    def action_values(self, actions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Q-values before every step of n episodes, float32 array of shape (n, T, n_actions)."""
        with torch.no_grad():
            values: NDArray[np.float32] = self._network(torch.from_numpy(actions)).numpy()
        return values

    def update(self, episodes: Episodes) -> float:
        """One step of gradient descent; returns the loss."""
        actions = torch.from_numpy(episodes.actions)
        loss = self.compute_loss(
            actions, self.compute_target(actions, torch.from_numpy(episodes.rewards))
        )
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_(self._network.parameters(), self.config.gradient_clip)
        self._optimizer.step()
        self._n_updates += 1
        if self._n_updates % self.config.target_update_interval == 0:
            self.update_target()
        return float(loss.detach())

    def compute_target(self, actions: Tensor, rewards: Tensor) -> Tensor:
        """The targets ``y`` of every step, float32 tensor of shape (n, horizon)."""
        if self.config.value_targets == "return-to-go":
            returns = rewards.clone()
            for step in range(returns.shape[1] - 2, -1, -1):
                returns[:, step] += self.config.discount * returns[:, step + 1]
            return returns
        with torch.no_grad():
            best = self._network(actions).argmax(dim=2, keepdim=True)
            best_next = self._target(actions).gather(2, best).squeeze(2)[:, 1:]
        target = rewards.clone()
        target[:, :-1] += self.config.discount * best_next
        return target

    def compute_loss(self, actions: Tensor, target: Tensor) -> Tensor:
        """The mean Huber loss of the chosen actions' values, a scalar tensor."""
        values = self._network(actions).gather(2, actions[:, :, None]).squeeze(2)
        return nn.functional.smooth_l1_loss(values, target)

    def update_target(self) -> None:
        """Copy the network to the target network."""
        self._target.load_state_dict(self._network.state_dict())

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of the network's parameters, for :meth:`restore`."""
        return {name: tensor.clone() for name, tensor in self._network.state_dict().items()}

    def restore(self, snapshot: dict[str, Tensor]) -> None:
        """Go back to the parameters of a snapshot."""
        self._network.load_state_dict(snapshot)
