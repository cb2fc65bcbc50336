"""Ranks that follow from lists: exact in the list, unknown beyond it."""

import numpy as np
import pytest

from loki_bench.answer_checks import lists_given_by, ranks_given_by
from loki_bench.contracts import Recommender
from loki_bench.errors import InvalidAnswerError
from loki_bench.interactions import Sequences
from loki_bench.listed_ranks import listed_ranks, scores_of_lists

INF = np.inf


def ids(*rows):
    return np.array(rows, dtype=np.int32)


class Service(Recommender):
    """Shows everybody the same list."""

    def __init__(self, lists):
        self.lists = lists

    def fit(self, train, *, validation, seed):
        return self

    def score_next(self, users, histories):
        return scores_of_lists(np.tile(self.lists, (len(users), 1)), n_items=6)


def test_a_list_becomes_scores_and_scores_the_places_of_the_list():
    scores = scores_of_lists(np.array([[4, 0, 2], [1, -1, -1]]), n_items=5)
    assert scores.dtype == np.float32
    assert scores.tolist() == [[2.0, -INF, 1.0, -INF, 3.0], [-INF, 3.0, -INF, -INF, -INF]]
    assert scores_of_lists(np.empty((0, 3), int), n_items=5).shape == (0, 5)
    ranks = listed_ranks(
        scores[:1], Sequences.of([[]]), ids([4, 0, 2, 1, 3]), list_length=3, name="x"
    )
    assert ranks.tolist() == [[1.0, 2.0, 3.0, INF, INF]]


def test_an_item_of_the_history_has_no_rank_and_leaves_its_place_to_the_next():
    scores = scores_of_lists(np.array([[4, 0, 2]]), n_items=5)
    ranks = listed_ranks(
        scores, Sequences.of([[0, 3, 0]]), ids([4, 0, 2, 1, 3]), list_length=2, name="x"
    )
    # 3 is in the history and in no list; 1 is in neither
    assert np.array_equal(ranks, [[1.0, np.nan, 2.0, INF, np.nan]], equal_nan=True)


def test_a_list_that_is_shorter_than_promised_is_refused_but_at_the_end_of_the_catalogue():
    scores = scores_of_lists(np.array([[4, 0, 2]]), n_items=5)
    with pytest.raises(InvalidAnswerError, match=r"'x' lists 2 items outside .* promises 3: ask"):
        listed_ranks(scores, Sequences.of([[0]]), ids([1]), list_length=3, name="x")
    # three of five items are the user's own: two are left, and both are listed
    ranks = listed_ranks(scores, Sequences.of([[0, 1, 3]]), ids([2]), list_length=3, name="x")
    assert ranks.tolist() == [[2.0]]


@pytest.mark.parametrize("wrong", [np.nan, INF])
def test_nan_and_positive_infinity_are_no_list(wrong):
    scores = scores_of_lists(np.array([[4, 0]]), n_items=5)
    scores[0, 1] = wrong
    with pytest.raises(InvalidAnswerError, match="NaN or positive infinity"):
        listed_ranks(scores, Sequences.of([[]]), ids([1]), list_length=2, name="x")


def test_the_host_ranks_and_lists_what_a_service_answers():
    asked = {
        "name": "service",
        "users": np.arange(2, dtype=np.int32),
        "histories": Sequences.of([[], [5]]),
        "n_items": 6,
    }
    service = Service([5, 1, 3])
    ranks = ranks_given_by(service, **asked, items=ids([1, 0], [1, 5]), list_length=2)
    assert np.array_equal(ranks, [[2.0, INF], [1.0, np.nan]], equal_nan=True)
    lists = lists_given_by(service, **asked, k=2, list_length=2)
    assert lists.tolist() == [[5, 1], [1, 3]]
    with pytest.raises(InvalidAnswerError, match="NaN or infinity"):
        ranks_given_by(service, **asked, items=ids([1], [1]))
