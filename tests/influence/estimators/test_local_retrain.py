"""Few rows trained anew: on a ridge regression exactly, and what it refuses."""

import numpy as np
import pytest
from factor_doubles import ConvergedFactors, random_users

from loki_bench.contracts import InfluenceObjective
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.estimators.local_retrain import LocalRetrainInfluence
from loki_bench.influence.estimators.retrain import RetrainInfluence
from loki_bench.interactions import Sequences
from loki_bench.testing.ridge import RidgeRecommender

TARGET = 5


def case(weights=(1.0, 1.0)):
    train = random_users(20, 12, seed=1)
    users = np.array([0, 3], np.int32)
    return train, InfluenceObjective(
        users=users,
        histories=train.take(users),
        items=np.array([TARGET, TARGET], np.int32),
        weights=np.array(weights),
    )


def test_where_the_targets_rows_decide_alone_it_is_an_exact_retraining():
    train, objective = case()
    model = RidgeRecommender(l2=2.0).fit(train, validation=None, seed=0)
    fakes = Sequences.of([[1, TARGET, 2, TARGET], [3, 4]])
    local = LocalRetrainInfluence().fit(model, train, objective, seed=4)
    whole = RetrainInfluence().fit(model, train, objective, seed=4)
    np.testing.assert_allclose(local.influence(fakes), whole.influence(fakes), atol=1e-12)
    own = np.union1d([TARGET], train.take([0, 3]).items)
    assert (local.report["moving_users"], local.report["moving_items"]) == (2.0, len(own))


def test_an_outcome_of_the_whole_attack_is_asked_of_what_was_trained():
    train, objective = case()
    model = RidgeRecommender(l2=2.0).fit(train, validation=None, seed=0)
    fakes = Sequences.of([[1, TARGET], [1, TARGET]])

    def outcome(trained):
        return float(trained.weights[2, TARGET])  # after item 1

    local = LocalRetrainInfluence(repeats=2).fit(model, train, objective, seed=4)
    refitted = RidgeRecommender(l2=2.0).fit(train.with_users(fakes), validation=None, seed=0)
    assert local.change_of(outcome, fakes) == pytest.approx(outcome(refitted) - outcome(model))
    assert local.change_of(outcome, Sequences.empty()) == pytest.approx(0.0)


def test_samples_of_other_users_that_a_contrast_takes_off_move_nothing():
    train, objective = case(weights=(1.0, -1.0))
    model = RidgeRecommender().fit(train, validation=None, seed=0)
    local = LocalRetrainInfluence().fit(model, train, objective, seed=4)
    assert local.report["moving_users"] == 1.0


def test_a_model_that_cannot_train_some_rows_alone_is_refused():
    train, objective = case()
    model = ConvergedFactors(("user",), l2=0.5, max_iterations=10).fit(train, seed=4)
    with pytest.raises(InvalidAnswerError, match=r"needs a RowwiseRecommender.*use 'retrain'"):
        LocalRetrainInfluence().fit(model, train, objective, seed=4)
