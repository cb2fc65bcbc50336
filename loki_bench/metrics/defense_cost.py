"""What a defense costs where there is no attack: genuine users are served worse."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import Outcome
from loki_bench.metrics.utility import discounted_gain, hit_rate

__all__ = ["clean_hr_lost", "clean_ndcg_lost"]


def clean_hr_lost(outcome: Outcome, k: int) -> float:
    """Hit rate of the clean victim without the defense minus that with it.

    It does not depend on the attack: the defense sees the clean data.

    Returns
    -------
    float in [-1, 1]; positive where the defense costs hits, 0 without a defense, NaN if no test
    event is ranked.
    """
    return hit_rate(_undefended(outcome), k) - hit_rate(outcome.clean_test_ranks, k)


def clean_ndcg_lost(outcome: Outcome, k: int) -> float:
    """NDCG of the clean victim without the defense minus that with it; see :func:`clean_hr_lost`.

    Returns
    -------
    float in [-1, 1].
    """
    return discounted_gain(_undefended(outcome), k) - discounted_gain(outcome.clean_test_ranks, k)


def _undefended(outcome: Outcome) -> NDArray[np.float64]:
    if outcome.defended is None:
        return outcome.clean_test_ranks
    return outcome.defended.undefended_test_ranks
