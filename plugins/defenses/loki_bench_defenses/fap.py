"""Suspicion that spreads from a few users to those who hold the same items."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from loki_bench.interactions import Interactions
from loki_bench.parameters import require_count, require_number
from loki_bench_defenses.degree import DegreeFeatures
from loki_bench_defenses.holdings import holdings
from loki_bench_defenses.outliers import robust_z, second_mode
from loki_bench_defenses.scored import ScoredDefense

__all__ = ["FraudulentActionPropagation", "propagated"]

_WHO = "defense 'fap'"

LEAST = 1e-9


class FraudulentActionPropagation(ScoredDefense):
    """Users who hold what suspicious users hold: after Zhang et al., IJCAI 2015.

    On the graph of users and items, an item's fraud is the mean over its holders, a user's the mean
    over the items, again and again. The paper starts from users who are known to be fake and holds
    them at 1. Here nobody is known: the seeds are the share of users that
    :class:`~loki_bench_defenses.degree.DegreeFeatures` suspects most, the spread is damped like a
    random walk with restart (without damping every user of a connected graph ends at 1), and a
    user's own share is left out of the items at the end. The suspicion is the robust z-score of the
    logarithm; the threshold is where a second mode begins.

    Parameters
    ----------
    seed_share : float above 0 and below 1
        Share of users that fraud spreads from.
    damping : float above 0 and below 1
        How much of a user's fraud comes from the items.
    n_steps : int
        How often it is spread.
    """

    def __init__(self, seed_share: float = 0.01, damping: float = 0.85, n_steps: int = 20) -> None:
        super().__init__()
        self.seed_share = require_number(_WHO, "seed_share", seed_share, above=0, below=1)
        self.damping = require_number(_WHO, "damping", damping, above=0, below=1)
        self.n_steps = require_count(_WHO, "n_steps", n_steps)

    def score(self, train: Interactions) -> NDArray[np.float64]:
        """Robust z-score of the logarithm of each user's fraud."""
        suspicion = np.zeros(train.n_users)
        active = np.flatnonzero(train.lengths)
        if not len(active):
            return suspicion
        first = DegreeFeatures().score(train)[active]
        n_seeds = max(1, int(self.seed_share * len(active)))
        seeds = (first >= np.sort(first)[-n_seeds]).astype(np.float64)
        fraud = propagated(holdings(train)[active], seeds, self.damping, self.n_steps)
        suspicion[active] = robust_z(np.log(fraud + LEAST))
        return suspicion

    def threshold(self, suspicion: NDArray[np.float64]) -> float:
        return second_mode(suspicion)


def propagated(
    held: sparse.csr_matrix, seeds: NDArray[np.float64], damping: float, n_steps: int
) -> NDArray[np.float64]:
    """The fraud that reaches each user from others through common items, shape (n_users,).

    ``held`` has a one where a user holds an item; every user holds one at least.
    """
    n_items_of = np.asarray(held.sum(axis=1)).ravel()
    n_holders = np.asarray(held.sum(axis=0)).ravel()
    fraud = seeds
    for _ in range(n_steps):
        of_items = (held.T @ fraud) / np.maximum(n_holders, 1)
        fraud = (1 - damping) * seeds + damping * (held @ of_items) / n_items_of
    others = 1 / np.maximum(n_holders - 1, 1) * (n_holders > 1)
    own = fraud * (held @ others)
    return np.asarray(((held @ ((held.T @ fraud) * others)) - own).clip(0) / n_items_of)
