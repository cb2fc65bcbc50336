"""More fake users for the target users whose lists fall short: one round of the allocation."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["more_for_the_short"]

_GAIN = 1.2
_MOST = 6.0


def more_for_the_short(
    weights: NDArray[np.float64], n_shown: NDArray[np.float64], n_wanted: int
) -> NDArray[np.float64]:
    """Weights of the next round: ``w_u (1 + 1.2 (1 - shown_u / wanted))``, at most 6.

    Parameters
    ----------
    weights : float64 array of shape (n_users,)
    n_shown : float64 array of shape (n_users,)
        Targets in each user's list after the last round.
    n_wanted : int
        As many as a list can show.
    """
    missing = np.clip(1 - n_shown / max(n_wanted, 1), 0, 1)
    raised: NDArray[np.float64] = np.minimum(weights * (1 + _GAIN * missing), _MOST)
    return raised
