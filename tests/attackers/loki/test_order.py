"""Recommenders that look at the order of events, and such as do not."""

import dataclasses

import numpy as np
import pytest

from loki_bench.attackers.loki.order import uses_order
from loki_bench.contracts import Recommender
from loki_bench.interactions import Sequences


class LastItem(Recommender):
    """Scores all items with the number of the last one."""

    n_items = 60

    def fit(self, train, *, validation, seed):
        return self

    def score_next(self, users, histories):
        return np.array([[row[-1]] * self.n_items for row in histories], dtype=np.float32)


class Sum(LastItem):
    """Scores items with a sum of rows, added in the order of the history."""

    tables = np.random.default_rng(0).normal(size=(2, 60, 16)).astype(np.float32)

    def score_next(self, users, histories):
        rows, items = self.tables
        sums = np.zeros((len(users), 16), dtype=np.float32)
        for place, row in enumerate(histories):
            for item in row:
                sums[place] += rows[item]
        return sums @ items.T


def test_rounding_is_no_order(loki_view):
    view = loki_view()
    histories = view.history.take(view.goal.users)
    backwards = Sequences.of([row[::-1] for row in histories])
    model = Sum()
    forwards = model.score_next(view.goal.users, histories)
    assert not np.array_equal(forwards, model.score_next(view.goal.users, backwards))
    assert not uses_order(model, view)
    assert uses_order(LastItem(), view)


@pytest.mark.parametrize("others", [[4, 5, 6], [4], []])
@pytest.mark.parametrize("own", [[10], [10, 11, 10], []])
def test_target_users_whose_histories_read_alike_backwards_hide_nothing(loki_view, own, others):
    view = loki_view()
    sequences = Sequences.of([own] * 3 + [others] * 37)
    view = dataclasses.replace(view, history=view.history.with_sequences(sequences))
    assert uses_order(LastItem(), view)
    assert not uses_order(Sum(), view)
