"""Many victims, each trained on a part of the users, vote for the items that are shown."""

import numpy as np
from numpy.typing import NDArray

from loki_bench.contracts import FittedVictim, RobustTraining, VictimTrainer
from loki_bench.interactions import Interactions, Sequences
from loki_bench.parameters import require_count, require_number

__all__ = ["BaggedVotes", "votes"]

_WHO = "defense 'bagging'"


class BaggedVotes(RobustTraining):
    """The share of victims in whose list an item is, of those that were trained on the user.

    After PORE (Jia et al., USENIX Security 2023): base recommenders on random subsets of users,
    each votes with its list, most votes first. Ties are broken by the place in the lists, which
    PORE does not do. No certificate is given: PORE's needs the votes of thousands of base
    recommenders for a bound that is above zero at all, and with as many as are affordable here
    nearly every subset holds a fake user; a number of zero would say nothing.

    Parameters
    ----------
    n_victims : int
        Base recommenders, at most 100.
    share : float above 0, at most 1
        How large a part of the users each is trained on.
    list_length : int
        Length of the lists that are voted with.
    """

    def __init__(self, n_victims: int = 10, share: float = 0.5, list_length: int = 20) -> None:
        self.n_victims = require_count(_WHO, "n_victims", n_victims, most=100)
        self.share = require_number(_WHO, "share", share, above=0, most=1)
        self.list_length = require_count(_WHO, "list_length", list_length)
        self._victims: list[FittedVictim] = []
        self._trained_on = np.empty((0, 0), dtype=np.bool_)
        self._n_items = 0

    def fit(self, victim: VictimTrainer, train: Interactions, *, seed: int) -> None:
        """Train each on its own part of the users."""
        random = np.random.default_rng(seed)
        n_users, self._n_items = train.n_users, train.n_items
        n_drawn = max(1, round(self.share * n_users))
        self._trained_on = np.zeros((self.n_victims, n_users), dtype=np.bool_)
        for row in self._trained_on:
            row[random.choice(n_users, n_drawn, replace=False)] = True
        self._victims = [victim.fit(kept=row) for row in self._trained_on]

    def score_next(self, users: NDArray[np.int32], histories: Sequences) -> NDArray[np.float32]:
        """Votes for each item, as a share, and a little for its place in the lists."""
        k = min(self.list_length, self._n_items)
        lists = np.stack([victim.top_k(users, histories, k) for victim in self._victims])
        return votes(lists, self._trained_on[:, users], self._n_items)

    @property
    def report(self) -> dict[str, float]:
        """How many users a victim was trained on, of all."""
        return {"users_each": float(self._trained_on.sum(axis=1).mean())} if self._victims else {}


def votes(
    lists: NDArray[np.int32], entitled: NDArray[np.bool_], n_items: int
) -> NDArray[np.float32]:
    """The share of entitled voters that list an item, plus less than the least vote by its place.

    Parameters
    ----------
    lists : int32 array of shape (n_voters, batch, k)
        -1 where there is no item.
    entitled : bool array of shape (n_voters, batch)
        Whose vote counts for whom; where nobody's does, everybody's does.

    Returns
    -------
    float32 array of shape (batch, n_items)
    """
    n_voters, batch, k = lists.shape
    counts = np.where(entitled.any(axis=0), entitled, True)
    found = np.zeros((batch, n_items), dtype=np.float64)
    rows = np.repeat(np.arange(batch)[:, None], k, axis=1)
    worth = 1 + (1 - np.arange(k) / k) / (n_voters + 1) / 2
    for items, own in zip(lists, counts, strict=True):
        is_vote = (items >= 0) & own[:, None]
        np.add.at(
            found,
            (rows[is_vote], items[is_vote]),
            np.broadcast_to(worth, items.shape)[is_vote],
        )
    shares: NDArray[np.float64] = found / np.maximum(counts.sum(axis=0), 1)[:, None]
    return shares.astype(np.float32)
