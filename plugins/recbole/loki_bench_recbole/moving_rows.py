"""Which rows a fit moves where all others stay as they are, and which samples move them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loki_bench_recbole.samples import SampleSource

__all__ = ["MovingRows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MovingRows:
    """The users and items whose rows are trained.

    Attributes
    ----------
    users : bool array of shape (n_users,)
    items : bool array of shape (n_items,)
    """

    users: NDArray[np.bool_]
    items: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        users: NDArray[np.int32],
        items: NDArray[np.int32],
        *,
        n_before: int,
        n_users: int,
        n_items: int,
    ) -> "MovingRows":
        """These users and items, and every user from ``n_before`` on."""
        moving_users = np.arange(n_users) >= n_before
        moving_users[users] = True
        moving_items = np.zeros(n_items, dtype=np.bool_)
        moving_items[items] = True
        return cls(users=moving_users, items=moving_items)

    def touched_by(self, source: SampleSource, negatives: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether a sample has a user or an item that moves, bool array of shape (n_samples,)."""
        return self.always_touched_by(source) | self.items[negatives]

    def always_touched_by(self, source: SampleSource) -> NDArray[np.bool_]:
        """Whether it has one whatever its negative is, bool array of shape (n_samples,)."""
        lasts = source.last_items
        touched: NDArray[np.bool_] = self.users[source.users] | self.items[source.positives]
        touched |= self.items[lasts] & (lasts >= 0)
        return touched
