"""Groups of users that share an improbable set of items: what fake users of one attack do."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions
from loki_bench.parameters import require_count
from loki_bench_defenses.holdings import holdings
from loki_bench_defenses.outliers import second_mode
from loki_bench_defenses.scored import ScoredDefense
from loki_bench_defenses.shared_sets import strongest_pairs

__all__ = ["TargetBurst"]


class TargetBurst(ScoredDefense):
    """Users that hold a whole set of items of which each two are held together by far too many.

    Fake users make their targets look popular, but only together: many users hold two targets at
    once, where hardly anybody holds two items of that popularity. The surprise of two items is
    the exponent of Chernoff's bound for a Poisson count, ``n ln(n / m) - n + m`` where ``n`` other
    users hold both and ``m`` are expected if items were held independently (0 if ``n <= m``). A
    set of ``set_size`` items has ``set_size (set_size - 1) / 2`` pairs: a user's suspicion is the
    surprise that so many of the user's pairs reach.

    The threshold is where users with such sets begin to be a mode of their own
    (:func:`~loki_bench_defenses.outliers.second_mode`); without a second mode nobody is dropped.
    Genuine users that share sets, such as series or the same shelf of samples, look the same.

    Parameters
    ----------
    set_size : int
        Number of items in a set, 2 or more.
    """

    def __init__(self, set_size: int = 4) -> None:
        super().__init__()
        self.set_size = require_count("defense 'target-burst'", "set_size", set_size, least=2)

    def score(self, train: Interactions) -> NDArray[np.float64]:
        """The surprise that as many of the user's pairs reach as a whole set has."""
        matrix = holdings(train)
        together = (matrix.T @ matrix).tocsr()
        together.sort_indices()
        reached: NDArray[np.float64] = strongest_pairs(
            matrix.indptr.astype(np.int64),
            matrix.indices.astype(np.int64),
            together.indptr.astype(np.int64),
            together.indices.astype(np.int64),
            together.data,
            self.set_size * (self.set_size - 1) // 2,
        )
        return reached

    def threshold(self, suspicion: NDArray[np.float64]) -> float:
        return second_mode(suspicion[suspicion > 0])  # most users hold no such set at all
