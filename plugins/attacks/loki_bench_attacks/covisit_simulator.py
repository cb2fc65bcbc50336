"""A recommender by co-visitation that learns a poison in a moment: who is shown what then.

An item's score for a user is the sum, over the items that the user has, of the number of users who
have both, over the root of the product of both items' numbers of users (cosine of the columns).
"""

import numpy as np
from numpy.typing import NDArray

from loki_bench.interactions import Interactions

__all__ = ["CovisitSimulator"]


class CovisitSimulator:
    """The target users' lists before and after any poison.

    Parameters
    ----------
    history : Interactions
    users : int32 array
        Target users.
    repeats_are_shown : bool
        Whether a user's own items are ranked.
    """

    def __init__(
        self, history: Interactions, users: NDArray[np.int32], *, repeats_are_shown: bool = False
    ) -> None:
        n_items = history.n_items
        pairs = np.unique(history.rows.astype(np.int64) * n_items + history.items)
        rows, items = pairs // n_items, pairs % n_items
        self._n_users_with = np.bincount(items, minlength=n_items).astype(np.float64)
        has = [np.unique(history[int(user)]) for user in users]
        self._held = np.unique(np.concatenate(has)) if len(has) else np.empty(0, dtype=np.int32)
        self._of_users = np.stack([np.isin(self._held, own) for own in has]).astype(np.float64)
        self._own = None if repeats_are_shown else np.zeros((len(users), n_items), dtype=bool)
        if self._own is not None:
            for place, own in enumerate(has):
                self._own[place, own] = True
        # rows of the co-visitation matrix: of the items that a target user has
        self._together = np.zeros((len(self._held), n_items))
        of_item = np.full(n_items, -1)
        of_item[self._held] = np.arange(len(self._held))
        starts = np.searchsorted(rows, np.arange(history.n_users + 1))
        for row in np.unique(rows[of_item[items] >= 0]):
            own = items[starts[row] : starts[row + 1]]
            held = of_item[own]
            self._together[np.ix_(held[held >= 0], own)] += 1

    def scores(self, clicks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of all items for each target user once the fake users were learnt.

        Parameters
        ----------
        clicks : float64 array of shape (n_fakes, n_items)
            1 where a fake user has an item.

        Returns
        -------
        float64 array of shape (n_target_users, n_items); -inf where the user has it already.
        """
        norm = 1 / np.sqrt(np.maximum(self._n_users_with + clicks.sum(axis=0), 1))
        own = self._of_users * norm[self._held]
        found: NDArray[np.float64] = own @ self._together + (own @ clicks[:, self._held].T) @ clicks
        found *= norm
        if self._own is not None:
            found[self._own] = -np.inf
        return found

    def ranks(self, clicks: NDArray[np.float64], items: NDArray[np.int32]) -> NDArray[np.float64]:
        """Rank of each item for each target user, 1 for the first, NaN where the user has it.

        Items of one score share their ranks' mean, as in the benchmark: where nothing is known of a
        user, all items are alike and none is among the first.
        """
        scores = self.scores(clicks)
        lifted = scores[:, items]
        ranks = np.empty(lifted.shape)
        for place, own in enumerate(lifted.T[:, :, None]):
            above, level = (scores > own).sum(axis=1), (scores == own).sum(axis=1)
            ranks[:, place] = 1 + above + (level - 1) / 2
        ranks[np.isneginf(lifted)] = np.nan
        return ranks
