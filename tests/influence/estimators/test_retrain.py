"""Influence by real training runs."""

import numpy as np
from factor_doubles import ConvergedFactors, random_users

from loki_bench.contracts import InfluenceObjective
from loki_bench.influence.estimators.retrain import RetrainInfluence
from loki_bench.interactions import Sequences

TARGET = 5


def test_retraining_with_no_one_added_changes_nothing():
    train = random_users(20, 12, seed=1)
    model = ConvergedFactors(("user",), l2=0.5, max_iterations=300).fit(train, seed=4)
    objective = InfluenceObjective(
        users=np.array([0], np.int32),
        histories=train.take([0]),
        items=np.array([TARGET], np.int32),
        weights=np.ones(1),
    )
    truth = RetrainInfluence().fit(model, train, objective, seed=4)
    assert truth.report["control_drift"] == 0.0
    assert truth.influence(Sequences.of([[]])) == [0.0]
    both = Sequences.of([[TARGET, 1], [TARGET, 2]])
    np.testing.assert_allclose(
        truth.marginal_influence(Sequences.of([[TARGET], [TARGET]]), np.array([1, 2], np.int32)),
        truth.influence(both) - truth.influence(Sequences.of([[TARGET]])),
    )
