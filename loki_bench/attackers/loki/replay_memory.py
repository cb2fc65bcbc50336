"""Replay memory of whole episodes: the last ones written, sampled at random."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Episodes", "ReplayMemory"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Episodes:
    """Actions and rewards of n episodes.

    Attributes
    ----------
    actions : int64 array of shape (n, horizon)
    rewards : float32 array of shape (n, horizon)
    """

    actions: NDArray[np.int64]
    rewards: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.actions)


class ReplayMemory:
    """A ring of episodes; the oldest are forgotten.

    Parameters
    ----------
    capacity : int
        Number of episodes kept.
    horizon : int
        Number of steps of every episode.
    """

    def __init__(self, capacity: int, horizon: int) -> None:
        self._actions = np.zeros((capacity, horizon), dtype=np.int64)
        self._rewards = np.zeros((capacity, horizon), dtype=np.float32)
        self._n_added = 0

    def __len__(self) -> int:
        return min(self._n_added, len(self._actions))

    def add(self, episodes: Episodes) -> None:
        """Keep the episodes; of more than the capacity only the last ones."""
        capacity = len(self._actions)
        kept = min(len(episodes), capacity)
        first = self._n_added + len(episodes) - kept
        slots = (first + np.arange(kept)) % capacity
        self._actions[slots] = episodes.actions[len(episodes) - kept :]
        self._rewards[slots] = episodes.rewards[len(episodes) - kept :]
        self._n_added += len(episodes)

    def sample(self, n: int, rng: np.random.Generator) -> Episodes:
        """``n`` episodes drawn with replacement.

        Raises
        ------
        ValueError
            The memory is empty.
        """
        if not len(self):
            raise ValueError("an empty replay memory can't be sampled")
        rows = rng.integers(len(self), size=n)
        return Episodes(actions=self._actions[rows], rewards=self._rewards[rows])
