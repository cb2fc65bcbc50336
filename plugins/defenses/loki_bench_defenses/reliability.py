"""Weights instead of a threshold: the more suspicious a user is to several detectors, the less."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import WeightingDefense
from loki_bench.interactions import Interactions
from loki_bench.parameters import require_number
from loki_bench_defenses.cooccurrence import CooccurrenceFilter
from loki_bench_defenses.degree import DegreeFeatures
from loki_bench_defenses.outliers import outlier_threshold, robust_z
from loki_bench_defenses.profile import ProfileFilter
from loki_bench_defenses.target_burst import TargetBurst

__all__ = ["ReliabilityWeights"]


class ReliabilityWeights(WeightingDefense):
    """Each user's weight is a reliability: one half at the threshold of outliers, less beyond.

    After GraphRfi (Zhang et al., SIGIR 2020), of which this has the one idea that a user's loss is
    weighted by how reliable the user is. GraphRfi learns reliability with a forest from labelled
    users, together with the recommender; nobody is labelled here, and the victim is whatever it is.
    A user's suspicion is the largest robust z-score among those of four detectors: ``profile``,
    ``degree``, ``cooccurrence`` and ``target-burst``. The weight is ``1 / (1 + (z / t)**power)``
    with ``t`` the threshold of :func:`~loki_bench_defenses.outliers.outlier_threshold`.

    Parameters
    ----------
    power : float above 0
        How steeply weights fall at the threshold.
    """

    def __init__(self, power: float = 4.0) -> None:
        self.power = require_number("defense 'reliability'", "power", power, above=0)
        self._suspicion: NDArray[np.float64] | None = None
        self._threshold = float("nan")

    def weigh(self, train: Interactions, *, seed: int) -> NDArray[np.float64]:
        """A weight for each user; nothing is random: the seed is not used."""
        active = np.flatnonzero(train.lengths)
        suspicion = np.zeros(train.n_users)
        if len(active):
            detectors = (ProfileFilter(), DegreeFeatures(), CooccurrenceFilter(), TargetBurst())
            z = [robust_z(detector.score(train)[active]) for detector in detectors]
            suspicion[active] = np.maximum(0.0, np.max(z, axis=0))
        self._suspicion = suspicion
        self._threshold = outlier_threshold(train.n_users)
        weights: NDArray[np.float64] = 1 / (1 + (suspicion / self._threshold) ** self.power)
        return weights

    @property
    def suspicion(self) -> NDArray[np.float64] | None:
        """The largest z-score of each user of the last :meth:`weigh`."""
        return None if self._suspicion is None else self._suspicion.copy()

    @property
    def report(self) -> dict[str, float]:
        """The z-score at which a user weighs one half."""
        return {} if np.isnan(self._threshold) else {"half_weight_at": self._threshold}
