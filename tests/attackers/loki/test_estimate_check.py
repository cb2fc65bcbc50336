"""Surrogates whose influence is held against their own retraining."""

from dataclasses import replace

import numpy as np
import pytest
from popularity import Popularity

from loki_bench.attackers.loki.attacker import Loki
from loki_bench.attackers.loki.estimate_check import down_weighted
from loki_bench.attackers.loki.outcome_estimator import FittedEstimator
from loki_bench.attackers.loki.simulator_trial import RecommenderSimulator
from loki_bench.contracts import DifferentiableRecommender, InfluenceEstimator

SHORT = {
    "n_iterations": 2,
    "updates_per_iteration": 1,
    "motifs": False,
    "n_clusters": 2,
    "decision": "estimate",
}


class OpenPopularity(Popularity, DifferentiableRecommender):
    """Differentiable only in name: the planted estimators never ask."""

    def parameters(self):
        raise NotImplementedError

    training_samples = sample_loss = l2_coefficients = target_score = parameters


class TargetClicks(InfluenceEstimator):
    """A click on a target is worth ``worth``."""

    worth = 1.0

    def fit(self, model, train, objective, *, seed):
        self.targets = np.unique(objective.items)
        return self

    def influence(self, candidates):
        return np.array([self.worth * np.isin(row, self.targets).sum() for row in candidates])

    def marginal_influence(self, prefixes, next_items):
        return self.worth * np.isin(next_items, self.targets)


class Misled(TargetClicks):
    worth = -1.0


@pytest.mark.parametrize(("influence", "weight"), [(TargetClicks, 3.0), (Misled, 0.3)])
def test_who_orders_attacks_otherwise_than_its_retraining_loses_nine_tenths_of_its_weight(
    loki_view, influence, weight
):
    view = loki_view(influence=influence)
    own = replace(
        view.surrogates[0],
        name="popularity",
        weight=3.0,
        model=OpenPopularity().fit(view.history, validation=None, seed=0),
    )
    view = replace(view, surrogates=(own,))
    loki = Loki(check_estimates=True, **SHORT)
    loki.poison(view)
    told = loki.report["surrogates"]["popularity"]
    # more clicks on targets are a better rank by popularity, pattern by pattern
    assert (told["agreement"] > 0.8) == (influence is TargetClicks)
    assert told["weight"] == pytest.approx(weight)
    unasked = Loki(**SHORT)
    unasked.poison(view)
    assert unasked.report["surrogates"]["popularity"]["weight"] == 3.0
    assert "agreement" not in unasked.report["surrogates"]["popularity"]


def test_the_retrained_lists_are_those_of_the_objective_that_was_estimated(loki_view, monkeypatch):
    asked = []
    told = RecommenderSimulator.__init__

    def watched(self, *arguments, following=None, **more):
        asked.append(following)
        told(self, *arguments, following=following, **more)

    monkeypatch.setattr(RecommenderSimulator, "__init__", watched)
    view = loki_view(influence=TargetClicks)
    own = replace(
        view.surrogates[0], model=OpenPopularity().fit(view.history, validation=None, seed=0)
    )
    Loki(check_estimates=True, last_items="predicted", **SHORT).poison(
        replace(view, surrogates=(own,))
    )
    assert len(asked) == 1
    assert asked[0] is not None


def test_the_bound_is_kept_to_the_letter():
    fitted = tuple(
        FittedEstimator(name=name, weight=2.0, uses_order=True, estimator=TargetClicks())
        for name in ("at", "below")
    )
    at, below = down_weighted(fitted, {"at": 0.3, "below": 0.299})
    assert (at.weight, below.weight) == (2.0, pytest.approx(0.2))
