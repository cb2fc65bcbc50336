"""The exact truth is a minimum, and retraining with a user leads to the next one."""

import numpy as np
import pytest
from planted import planted_users

from loki_bench.fidelity.converged_factors import ConvergedFactors
from loki_bench.fidelity.fake_user_designs import draw_goal, mean_score_objective
from loki_bench.fidelity.truths import ColdTruth, WarmTruth
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench.interactions import Sequences

recommenders = pytest.importorskip("loki_bench_recbole")


def fitted(kind, train, **parameters):
    from loki_bench_recbole.bprmf import BPRMF
    from loki_bench_recbole.fpmc import FPMC

    made = {"bprmf": BPRMF, "fpmc": FPMC}[kind](embedding_size=3, epochs=5, **parameters)
    return made.fit(train, validation=None, seed=0)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [("bprmf", {"trainer": "lbfgs"}), ("fpmc", {"trainer": "lbfgs"}), ("fpmc", {"l2": 0.1})],
)
def test_at_a_minimum_no_step_lowers_the_objective(kind, parameters):
    train = planted_users()
    model = ConvergedFactors.of(fitted(kind, train, **parameters), train, seed=0)
    objective = FactorObjective.of(model, model.samples)
    assert np.linalg.norm(objective.gradient()) < 1e-6
    assert model.gradient_left < 1e-6
    rng = np.random.default_rng(0)
    for _ in range(3):
        direction = rng.normal(size=objective.size)
        assert direction @ objective.hessian_product(direction) > -1e-6


def test_training_on_with_a_user_ends_where_training_from_elsewhere_does():
    train = planted_users()
    model = ConvergedFactors.of(fitted("fpmc", train, trainer="lbfgs"), train, seed=0)
    goal = draw_goal(train, n_items=1, n_users=4, popularity=(1, 100), rng=np.random.default_rng(0))
    objective = mean_score_objective(train, goal)
    added = Sequences.of([[int(goal.items[0]), 3, 30, 7]])
    truth = WarmTruth(model, train, objective, seed=0)
    once = truth.change(added)
    turned = WarmTruth(model.rotated(np.random.default_rng(1)), train, objective, seed=0)
    assert abs(once) > 1e-3
    assert turned.change(added) == pytest.approx(once, rel=1e-3)
    assert truth.change(Sequences.empty()) == 0.0
    assert truth.largest_gradient < 1e-4


def test_turned_factors_score_alike():
    train = planted_users()
    model = ConvergedFactors.still(fitted("bprmf", train))
    users = np.arange(5, dtype=np.int32)
    np.testing.assert_allclose(
        model.score_next(users, train.take(users)),
        model.rotated(np.random.default_rng(2)).score_next(users, train.take(users)),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        model.score_next(users, train.take(users)),
        fitted("bprmf", train).score_next(users, train.take(users)),
        atol=1e-5,
    )


def test_a_cold_truth_is_the_mean_over_its_seeds_less_controls_of_the_same_seeds():
    class Fake:
        """Its score is its seed, plus ten for every user beyond the first 120."""

        def fit(self, train, *, validation, seed):
            import torch

            from loki_bench.contracts import DifferentiableRecommender

            class Model(DifferentiableRecommender):
                fit = score_next = parameters = training_samples = sample_loss = None
                l2_coefficients = None

                def target_score(self, users, histories, items):
                    return torch.full((len(users),), float(seed + 10 * (train.n_users - 120)))

            return Model()

    train = planted_users()
    goal = draw_goal(train, n_items=1, n_users=4, popularity=(1, 100), rng=np.random.default_rng(0))
    truth = ColdTruth(Fake, train, mean_score_objective(train, goal), seeds=(3, 5))
    assert truth.change(Sequences.of([[1, 2], [3]])) == pytest.approx(20.0)
