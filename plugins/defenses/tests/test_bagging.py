"""Votes by hand, and who is entitled to one."""

import numpy as np

from loki_bench.contracts import FittedVictim, VictimTrainer
from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.bagging import BaggedVotes, votes


def test_an_item_has_the_share_of_entitled_votes_and_ties_go_by_place():
    lists = np.array([[[0, 1]], [[1, 2]], [[3, -1]]], dtype=np.int32)  # three voters, one user
    found = votes(lists, np.array([[True], [True], [False]]), 5)[0]
    assert found[3] == found[4] == 0  # the third voter was not trained on the user
    assert found[1] > found[0] > found[2] > 0
    np.testing.assert_allclose(found[1], (1 + 0.5 / 8 + 1 + 1 / 8) / 2)
    np.testing.assert_allclose(found[[0, 2]], [(1 + 1 / 8) / 2, (1 + 0.5 / 8) / 2])
    assert found[0] < 1 <= found[1]


def test_where_nobody_is_entitled_all_votes_count():
    lists = np.array([[[0, 1]], [[1, 2]]], dtype=np.int32)
    everybody = votes(lists, np.ones((2, 1), dtype=bool), 3)
    np.testing.assert_array_equal(votes(lists, np.zeros((2, 1), dtype=bool), 3), everybody)


class Popular(FittedVictim):
    """Lists the most frequent items of what it was trained on."""

    def __init__(self, counts):
        self.counts = counts

    def scores(self, users, histories):
        return np.tile(self.counts.astype(np.float32), (len(users), 1))

    def top_k(self, users, histories, k):
        return np.argsort(-self.scores(users, histories), axis=1, kind="stable")[:, :k].astype("i4")


class Trainer(VictimTrainer):
    def __init__(self, train):
        self.train, self.kept = train, []

    def fit(self, *, kept=None, weights=None):
        self.kept.append(kept.copy())
        return Popular(np.bincount(self.train.items[kept[self.train.rows]], minlength=4))


def test_what_few_users_repeat_wins_a_popular_vote_and_loses_among_small_bags():
    # 40 users hold item 1 or 2 once, one holds item 3 fifty times
    sequences = Sequences.of([[1 + user % 2] for user in range(40)] + [[3] * 50])
    train = Interactions(sequences.offsets, sequences.items, n_items=4)
    assert np.argmax(train.item_counts) == 3
    trainer = Trainer(train)
    defense = BaggedVotes(n_victims=25, share=0.2, list_length=1)
    defense.fit(trainer, train, seed=0)
    assert [int(kept.sum()) for kept in trainer.kept] == [8] * 25
    users = np.arange(40, dtype=np.int32)
    scores = defense.score_next(users, train.take(users))
    assert scores.dtype == np.float32
    assert (scores[:, 3] < scores[:, 1:3].max(axis=1)).mean() > 0.8
    assert defense.report == {"users_each": 8.0}
