"""A defense that gives every user a number and drops those above a threshold."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Defense
from loki_bench.interactions import Interactions

__all__ = ["ScoredDefense"]


class ScoredDefense(Defense):
    """Drops users whose suspicion is above a threshold that is read from the data.

    Nobody is dropped where most users with events are above it: who is unusual is then not told
    apart from who is usual.
    """

    def __init__(self) -> None:
        self._suspicion: NDArray[np.float64] | None = None
        self._threshold = float("inf")

    @abstractmethod
    def score(self, train: Interactions) -> NDArray[np.float64]:
        """The suspicion of each user, finite, shape (n_users,); 0 for users without events."""

    @abstractmethod
    def threshold(self, suspicion: NDArray[np.float64]) -> float:
        """From where on a user is dropped, given the suspicion of all; may be infinite."""

    def keep(self, train: Interactions, *, seed: int) -> NDArray[np.bool_]:
        """See ``Defense.keep``. Nothing is random here: the seed is not used."""
        self._suspicion = self.score(train)
        self._threshold = self.threshold(self._suspicion)
        suspects = (self._suspicion > self._threshold) & (train.lengths > 0)
        if 2 * np.count_nonzero(suspects) >= np.count_nonzero(train.lengths):
            suspects[:] = False
        return ~suspects

    @property
    def suspicion(self) -> NDArray[np.float64] | None:
        """The suspicion of the last :meth:`keep`."""
        return None if self._suspicion is None else self._suspicion.copy()

    @property
    def report(self) -> dict[str, float]:
        """The threshold, where there was one."""
        return {} if np.isinf(self._threshold) else {"threshold": float(self._threshold)}
