"""A recommender without anything to differentiate, for tests of what asks for more."""

import numpy as np

from loki_bench.contracts import Recommender

__all__ = ["Popularity"]


class Popularity(Recommender):
    """Scores an item with its number of events."""

    def fit(self, train, *, validation, seed):
        self.counts = train.item_counts
        return self

    def score_next(self, users, histories):
        return np.tile(self.counts.astype(np.float32), (len(users), 1))
