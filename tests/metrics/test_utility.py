"""Hit rate and NDCG by hand and against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from loki_bench.metrics.utility import hr, hr_change, ndcg

NAN = math.nan


def test_the_hit_rate_leaves_out_items_that_the_user_already_had(outcome_of):
    outcome = outcome_of(tests=[1, 10, 10.5, NAN, 400])
    assert hr(outcome, 10) == pytest.approx(2 / 4)
    assert hr(outcome, 1) == pytest.approx(1 / 4)


def test_ndcg_by_hand(outcome_of):
    outcome = outcome_of(tests=[1, 3, 10.5, NAN])
    assert ndcg(outcome, 10) == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert ndcg(outcome_of(tests=[1.5]), 10) == pytest.approx(1 / math.log2(2.5))


@pytest.mark.parametrize("k", [1, 5, 10])
def test_ndcg_equals_that_of_scikit_learn(outcome_of, k):
    random = np.random.default_rng(0)
    scores = random.normal(size=(40, 30))
    relevant = np.zeros((40, 30))
    relevant[np.arange(40), random.integers(30, size=40)] = 1
    own = scores[relevant == 1][:, None]
    outcome = outcome_of(tests=1 + (scores > own).sum(axis=1))
    assert ndcg(outcome, k) == pytest.approx(ndcg_score(relevant, scores, k=k))


def test_the_change_is_after_minus_before(outcome_of):
    outcome = outcome_of(tests=[1, 50, NAN, 60], clean_tests=[2, 3, NAN, 70])
    assert hr_change(outcome, 10) == pytest.approx(1 / 3 - 2 / 3)


@pytest.mark.parametrize("metric", [hr, ndcg, hr_change])
@pytest.mark.parametrize("tests", [[], [NAN]])
def test_without_a_test_event_utility_is_not_a_number(outcome_of, metric, tests):
    value = metric(outcome_of(tests=tests), 10)
    assert isinstance(value, float)
    assert math.isnan(value)
