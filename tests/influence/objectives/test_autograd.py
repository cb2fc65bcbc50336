"""The training objective of any differentiable recommender, against closed forms and torch."""

import numpy as np
import pytest
import torch
from factor_doubles import ConvergedFactors, random_users
from neural_doubles import Opaque, Recurrent, Translations

from loki_bench.contracts import InfluenceObjective
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.objectives.autograd import AutogradObjective
from loki_bench.influence.objectives.factor import FactorObjective


def test_gradients_and_products_are_those_of_the_closed_form(factor_case):
    train, model, objective = factor_case
    samples = model.training_samples(train, seed=0)
    closed, automatic = (
        FactorObjective.of(model, samples),
        AutogradObjective(Opaque(model), samples),
    )
    vector = np.random.default_rng(0).normal(size=closed.size)
    np.testing.assert_allclose(automatic.gradient(), closed.gradient(), atol=1e-12)
    np.testing.assert_allclose(
        automatic.target_gradient(objective), closed.target_gradient(objective), atol=1e-12
    )
    out = np.empty(closed.size)
    automatic.hessian_product(vector, damping=0.3, out=out)
    np.testing.assert_allclose(out, closed.hessian_product(vector, damping=0.3), atol=1e-12)


N_ITEMS = 18


@pytest.fixture(scope="module")
def train():
    return random_users(12, N_ITEMS, seed=1)


def on_item_5(train):
    return InfluenceObjective(
        users=np.arange(3, dtype=np.int32),
        histories=train.take(range(3)),
        items=np.full(3, 5, dtype=np.int32),
        weights=np.full(3, 1 / 3),
    )


def factor_model(train):
    model = ConvergedFactors(("user", "last-item"), per_sample=True, l2=0.06, max_iterations=20)
    return model.fit(train, seed=0)


def test_products_are_those_of_the_closed_form(train):
    model = factor_model(train)
    samples = model.training_samples(train, seed=0)
    closed = FactorObjective.of(model, samples)
    automatic = AutogradObjective(Opaque(model), samples)
    vector = np.random.default_rng(0).normal(size=closed.size)
    np.testing.assert_allclose(
        automatic.hessian_product(vector, curvature="gauss-newton", damping=0.3),
        closed.hessian_product(vector, curvature="gauss-newton", damping=0.3),
        atol=1e-10,
    )


def test_products_of_a_cross_entropy_are_those_of_this_item_or_any_other(train):
    model = Recurrent(N_ITEMS, loss="CE")
    samples = model.training_samples(train, seed=0)
    objective = AutogradObjective(model, samples)
    rng = np.random.default_rng(0)
    vector = rng.normal(size=objective.size)
    wanted = np.zeros(objective.size)
    for loss in model.sample_loss(samples):
        odds = -torch.log(torch.expm1(loss))
        gradient = torch.cat(
            [
                g.reshape(-1)
                for g in torch.autograd.grad(odds, model.parameters(), retain_graph=True)
            ]
        ).numpy()
        p = float(torch.exp(-loss.detach()))
        wanted += p * (1 - p) * gradient * (gradient @ vector)
    np.testing.assert_allclose(
        objective.hessian_product(vector, curvature="gauss-newton"), wanted, atol=1e-9
    )


def test_the_estimated_diagonal_is_right_on_average(train):
    model = Recurrent(N_ITEMS, l2=0.01)
    samples = model.training_samples(train, seed=0)
    objective = AutogradObjective(model, samples)
    wanted = np.array(
        [
            objective.hessian_product(unit, curvature="gauss-newton") @ unit
            for unit in np.eye(objective.size)
        ]
    )
    found = np.mean([objective.gauss_newton_diagonal(seed=s) for s in range(50)], axis=0)
    np.testing.assert_allclose(found, wanted, rtol=0.6, atol=1e-9)
    assert abs(found.sum() / wanted.sum() - 1) < 0.05


def test_a_sample_that_is_certain_adds_nothing(train):
    model = Translations(12, N_ITEMS)
    samples = model.training_samples(train, seed=0)
    with torch.no_grad():
        model.tables[2][int(samples.positives[0])] = 1e6
    objective = AutogradObjective(model, samples)
    product = objective.hessian_product(np.ones(objective.size), curvature="gauss-newton")
    assert np.isfinite(product).all()
    assert np.isfinite(objective.gauss_newton_diagonal(seed=0)).all()


def test_losses_below_zero_have_no_log_odds(train):
    class Hinge(Translations):
        def sample_loss(self, samples):
            return super().sample_loss(samples) - 1.0

    with pytest.raises(InvalidAnswerError, match="use curvature = 'exact'"):
        ConjugateGradientInfluence().fit(Hinge(12, N_ITEMS), train, on_item_5(train), seed=0)
