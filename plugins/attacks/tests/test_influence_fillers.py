"""Fillers by influence: a planted world, and the paper's loss on three users."""

from itertools import pairwise

import numpy as np
import pytest

from loki_bench.contracts import InfluenceEstimator
from loki_bench.errors import ParameterError, RejectedError
from loki_bench.testing.ridge import RidgeInfluence, RidgeRecommender
from loki_bench_attacks.influence_fillers import InfluenceFillers
from loki_bench_attacks.list_objective import list_objective, slopes

TARGET, BEST = 9, 4


class Scores:
    """A recommender that gives every user the same scores."""

    def __init__(self, scores):
        self.scores = np.array(scores, dtype=np.float32)

    def score_next(self, users, histories):
        return np.tile(self.scores, (len(users), 1))


class OneGoodFiller(InfluenceEstimator):
    """Worth 1 for each time the best filler is followed by the target, and nothing else."""

    def fit(self, model, train, objective, *, seed):
        return self

    def influence(self, candidates):
        pairs = [list(pairwise(row.tolist())) for row in candidates]
        return np.array([float(own.count((BEST, TARGET))) for own in pairs])

    def marginal_influence(self, prefixes, next_items):
        raise NotImplementedError


class Lent:
    name, weight = "ridge", 1.0

    def __init__(self, train):
        self.train = train
        self.model = RidgeRecommender().fit(train, validation=None, seed=0)

    def fit(self):
        return self.model


def test_the_slope_of_a_comparison_is_that_of_the_logistic_function_by_hand():
    # g(x) = 1 / (1 + exp(-x / b)): at 0 the slope is 1 / (4 b); at x = 1, b = 2 it is
    # e^-0.5 / (1 + e^-0.5)^2 / 2 = 0.606531 / 2.580930 / 2
    found = slopes(np.array([0.0, 1.0, -1.0]), 2.0)
    np.testing.assert_allclose(found, [0.125, 0.1175019, 0.1175019], rtol=1e-6)


def test_three_users_lists_weigh_as_the_papers_loss_to_first_order(view_of):
    # scores 4, 2, 1, 0 and target 0: user 0 has item 0, user 1 nothing, user 2 the target
    history = view_of([[0], [], [3]], n_items=4, targets=[3], users=[0, 1, 2]).history
    found = list_objective(
        Scores([4, 2, 1, 0]),
        history,
        np.array([0, 1, 2], dtype=np.int32),
        np.array([3], dtype=np.int32),
        list_length=1,
        width=1.0,
        who="test",
    )
    b = np.std([4, 2, 1, 0])

    def slope(x):
        g = 1 / (1 + np.exp(-x / b))
        return g * (1 - g) / b

    # user 0's list is item 1, at distance 2; user 1's is item 0, at distance 4; user 2 is no pair
    assert found.users.tolist() == [0, 0, 1, 1]
    assert found.items.tolist() == [3, 1, 3, 0]
    expected = np.array([slope(2), -slope(2), slope(4), -slope(4)]) / 2
    np.testing.assert_allclose(found.weights, expected, rtol=1e-6)


@pytest.fixture
def view(view_of):
    rows = [[i % 8, (i + 3) % 8, (i + 1) % 8] for i in range(12)]
    plain = view_of(rows, n_items=10, targets=[TARGET], users=[0, 1], n_actions=6)

    def build(**granted):
        given = {"surrogates": (Lent(plain.history),), "influence": OneGoodFiller}
        return view_of(
            rows, n_items=10, targets=[TARGET], users=[0, 1], n_actions=6, **{**given, **granted}
        )

    return build


def test_a_user_for_whom_all_scores_are_alike_has_no_list(view_of):
    class KnowsUserOne(Scores):
        def score_next(self, users, histories):
            return np.outer(np.asarray(users) == 1, self.scores)

    history = view_of([[0], [1]], n_items=4, targets=[3], users=[0, 1]).history
    both, target = np.array([0, 1], dtype=np.int32), np.array([3], dtype=np.int32)
    found = list_objective(
        KnowsUserOne([4, 2, 1, 0]), history, both, target, list_length=1, width=1.0, who="test"
    )
    assert set(found.users.tolist()) == {1}
    assert np.isfinite(found.weights).all()
    with pytest.raises(RejectedError, match="scores all items alike for each of the 1 target"):
        list_objective(
            Scores([2, 2, 2, 2]), history, both[:1], target, list_length=1, width=1.0, who="test"
        )


@pytest.mark.parametrize("width", [1e-3, 1e-310])
def test_a_width_that_no_listed_item_is_near_enough_for_is_refused(view_of, width):
    history = view_of([[0]], n_items=4, targets=[3], users=[0]).history
    with pytest.raises(RejectedError, match=r"test: with width .* no listed item is near enough"):
        list_objective(
            Scores([4, 2, 1, 0]),
            history,
            np.array([0], dtype=np.int32),
            np.array([3], dtype=np.int32),
            list_length=1,
            width=width,
            who="test",
        )


def test_where_no_other_item_can_be_shown_there_is_nothing_to_overtake(view_of):
    history = view_of([[0, 1]], n_items=3, targets=[2], users=[0]).history
    user, target = np.array([0], dtype=np.int32), np.array([2], dtype=np.int32)
    found = list_objective(
        Scores([4, 2, 1]), history, user, target, list_length=1, width=1.0, who="test"
    )
    assert found.items.tolist() == [2]
    assert found.weights.tolist() == [0.0]


def test_the_one_filler_with_influence_is_found_by_every_fake_user(view):
    poison = InfluenceFillers(n_pool=9, n_candidates=9).poison(view())
    assert len(poison) == 4
    assert all(row.tolist()[:2] == [BEST, TARGET] for row in poison)


def test_a_filler_comes_again_only_where_there_is_nothing_else(view):
    poison = InfluenceFillers(n_pool=9, n_candidates=9).poison(view())
    assert all(len(set(row[::2].tolist())) == 3 for row in poison)


def test_the_surrogate_learns_what_was_written_before(view):
    seen = []

    class Counting(OneGoodFiller):
        def fit(self, model, train, objective, *, seed):
            seen.append(train.n_users)
            return self

    InfluenceFillers(n_rounds=2).poison(view(influence=Counting))
    assert seen == [12, 14]  # 12 genuine users, then two of the four fake ones as well


def test_a_goal_that_is_met_already_is_refused(view_of):
    met = view_of([[9], [9]], n_items=10, targets=[9], users=[0, 1])
    granted = {"surrogates": (Lent(met.history),), "influence": RidgeInfluence}
    view = view_of([[9], [9]], n_items=10, targets=[9], users=[0, 1], **granted)
    with pytest.raises(RejectedError, match="already has every item"):
        InfluenceFillers().poison(view)


@pytest.mark.parametrize("wrong", [{"n_rounds": 0}, {"width": 0.0}, {"n_candidates": 0}])
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ParameterError, match="attacker 'influence-fillers'"):
        InfluenceFillers(**wrong)
