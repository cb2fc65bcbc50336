"""How popular an event's item is with other users."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions

__all__ = ["log_degrees"]


def log_degrees(train: Interactions) -> NDArray[np.float64]:
    """Logarithm of one plus the number of other users' events with each event's item.

    On its own, a user's repetition makes nothing popular.

    Returns
    -------
    float64 array of shape (n_events,)
    """
    own = train.rows.astype(np.int64) * train.n_items + train.items
    _, which, counts = np.unique(own, return_inverse=True, return_counts=True)
    others = train.item_counts[train.items] - counts[which.reshape(-1)]
    logs: NDArray[np.float64] = np.log1p(others.astype(np.float64))
    return logs
