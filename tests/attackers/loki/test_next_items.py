"""What target users are likely to do next, by planted scores."""

import dataclasses

import numpy as np
import pytest

from loki_bench.attackers.loki.next_items import NextItems, imagined_objective, predicted_next
from loki_bench.contracts import InfluenceObjective, Recommender, ids
from loki_bench.interactions import Sequences


class Scored(Recommender):
    """Scores as given, for everybody."""

    def __init__(self, scores):
        self.scores = np.array(scores, dtype=np.float32)

    def fit(self, train, *, validation, seed):
        return self

    def score_next(self, users, histories):
        return np.tile(self.scores, (len(users), 1))


@dataclasses.dataclass
class Lent:
    model: Recommender
    weight: float = 1.0
    name: str = "lent"

    def fit(self):
        return self.model


@pytest.fixture
def view(view_of):
    def build(*lent, rows=((0, 1), (2,)), n_items=10):
        known = view_of(rows, n_items=n_items, targets=[9], users=[0, 1])
        return dataclasses.replace(known, surrogates=lent)

    return build


def test_the_likeliest_items_are_those_of_the_highest_mean_reciprocal_rank(view):
    rising, falling = Scored(range(10)), Scored(range(10)[::-1])
    found = predicted_next(view(Lent(rising, 2.0), Lent(falling)), ids([9]))
    # user 0 has 0 and 1, and 9 is left out: 8, 7, 6 ... are 1st, 2nd, 3rd; 2, 3, 4 ... of the other
    worth = {8: 2 + 1 / 7, 7: 2 / 2 + 1 / 6, 2: 2 / 7 + 1, 6: 2 / 3 + 1 / 5, 3: 2 / 6 + 1 / 2}
    order = sorted(worth, key=lambda item: -worth[item])
    assert found.items[0].tolist() == order
    total = sum(worth.values())
    assert found.shares[0].tolist() == pytest.approx([worth[item] / total for item in order])
    assert not {2, 9} & set(found.items[1].tolist())


def test_where_repeats_are_shown_what_a_user_has_may_come_again(view):
    known = view(Lent(Scored(range(10)[::-1])))
    assert predicted_next(known, ids([9])).items[0, 0] == 2
    again = dataclasses.replace(known, repeats="allow")
    assert predicted_next(again, ids([9])).items[0, 0] == 0


def test_a_small_catalogue_predicts_what_is_left_and_none_where_nothing_is(view):
    lent = Lent(Scored([0, 1, 2, 3]))
    assert predicted_next(view(lent, rows=[[0], [1]], n_items=4), ids([3])).items.shape == (2, 2)
    assert predicted_next(view(lent, rows=[[0, 1, 2]] * 2, n_items=4), ids([3])) is None


def test_a_user_without_an_item_left_goes_without_a_prediction(view):
    known = view(Lent(Scored([0, 1, 2, 3])), rows=[[0, 1, 2], [1]], n_items=4)
    found = predicted_next(known, ids([3]))
    assert found.items.tolist() == [[-1, -1], [2, 0]]
    assert found.shares == pytest.approx(np.array([[1, 0], [2 / 3, 1 / 3]]))
    assert found.not_predicted.tolist() == [0]
    assert [own.tolist() for own in found.of(0)] == [[], []]
    assert found.of(1)[0].tolist() == [0, 2]
    assert found.histories(known.history, 0) == Sequences.of([[0, 1, 2], [1, 2]])
    objective = InfluenceObjective(
        users=ids([0, 1]),
        histories=known.history.take([0, 1]),
        items=ids([3, 3]),
        weights=np.array([0.5, 0.5]),
    )
    imagined = imagined_objective(objective, known.history, found)
    assert imagined.users.tolist() == [0, 1, 1]
    assert imagined.histories == Sequences.of([[0, 1, 2], [1, 2], [1, 0]])
    assert imagined.weights == pytest.approx([1 / 2, 1 / 3, 1 / 6])


def test_many_target_users_are_ranked_block_by_block(view, monkeypatch):
    known = view(Lent(Scored([0, 1, 2, 3])), rows=[[0], [1]], n_items=4)
    whole = predicted_next(known, ids([3]))
    monkeypatch.setattr("loki_bench.attackers.loki.next_items._MOST_SCORES", 4)
    blocks = predicted_next(known, ids([3]))
    assert blocks.items.tolist() == whole.items.tolist()
    assert blocks.shares.tolist() == whole.shares.tolist()


def test_a_target_user_is_imagined_after_each_item_with_its_share(view_of):
    history = view_of([[0, 1], [2], [3, 4]], n_items=10, targets=[9]).history
    objective = InfluenceObjective(
        users=ids([1, 0, 2]),
        histories=history.take([1, 0, 2]),
        items=ids([9, 9, 8]),
        weights=np.array([0.5, 0.5, -1.0]),
    )
    following = NextItems(
        users=ids([0, 1]),
        items=np.array([[5, 6], [7, 8]], dtype=np.int32),
        shares=np.array([[0.75, 0.25], [0.5, 0.5]]),
    )
    imagined = imagined_objective(objective, history, following)
    rows = zip(
        imagined.users.tolist(),
        [row.tolist() for row in imagined.histories],
        imagined.items.tolist(),
        imagined.weights.tolist(),
        strict=True,
    )
    assert sorted(rows) == [
        (0, [0, 1, 5], 9, 0.375),
        (0, [0, 1, 6], 9, 0.125),
        (1, [2, 7], 9, 0.25),
        (1, [2, 8], 9, 0.25),
        (2, [3, 4], 8, -1.0),
    ]
    assert following.histories(history, 1) == Sequences.of([[0, 1, 6], [2, 8]])
