"""A victim that trains on nothing, for tests of defenses that train victims."""

import numpy as np

from loki_bench.contracts import FittedVictim

__all__ = ["Fixed"]


class Fixed(FittedVictim):
    """Scores item i with -i, whoever asks."""

    def scores(self, users, histories):
        return np.tile(-np.arange(10, dtype=np.float32), (len(users), 1))

    def top_k(self, users, histories, k):
        raise NotImplementedError
