"""Estimators on models without factor tables: solved by differentiation, or refused."""

import numpy as np
import pytest
from factor_doubles import ConvergedFactors, random_users
from neural_doubles import Opaque, Recurrent

from loki_bench.contracts import InfluenceObjective
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.estimators.first_order import LinearSystem
from loki_bench.influence.estimators.leverage import LeverageInfluence
from loki_bench.influence.estimators.lissa import LissaInfluence
from loki_bench.influence.estimators.target_block import TargetBlockInfluence

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


def test_a_loss_that_is_no_log_probability_is_solved_with_its_exact_hessian(train):
    class Undeclared(Recurrent):
        loss_is_log_probability = False

    model = Undeclared(N_ITEMS)
    estimator = ConjugateGradientInfluence(damping=50.0, max_iterations=2)
    estimator.fit(model, train, on_item_5(train), seed=0)
    assert estimator.report["gauss_newton"] == 0.0
    assert estimator.report["relative_damping"] == 0.0
    with pytest.raises(InvalidAnswerError, match="set loss_is_log_probability"):
        ConjugateGradientInfluence(curvature="gauss-newton").fit(
            model, train, on_item_5(train), seed=0
        )


@pytest.mark.parametrize("loss", ["BPR", "CE"])
def test_a_recurrent_model_is_solved_to_the_tolerance(train, loss):
    model = Recurrent(N_ITEMS, loss=loss)
    estimator = ConjugateGradientInfluence(damping=0.5, tolerance=1e-4, max_iterations=200)
    estimator.fit(model, train, on_item_5(train), seed=0)
    assert estimator.report["gauss_newton"] == 1.0
    assert estimator.report["scaled_residual"] <= 1e-4
    assert estimator.report["relative_residual"] < 1e-2


class Quadratic:
    """``1/2 |J x|**2`` of a matrix J: all that a solver asks of a training objective."""

    def __init__(self, jacobian, target):
        self.matrix, self.target = jacobian.T @ jacobian, target
        self.size = len(self.matrix)

    def target_gradient(self, objective):
        return self.target.copy()

    def gauss_newton_diagonal(self, *, seed):
        return self.matrix.diagonal().copy()

    def hessian_product(self, vector, *, curvature, damping, out):
        out[:] = self.matrix @ vector + damping * vector
        return out


def test_parameters_with_next_to_no_curvature_do_not_keep_a_system_from_being_solved():
    # 400 samples share a direction; the last 20 of 200 parameters are of items that few touch
    rng = np.random.default_rng(0)
    jacobian = rng.normal(size=(400, 200)) + 4.0
    jacobian[:, 180:] *= 1e-6
    target = np.where(np.arange(200) < 180, 0.1, 1.0).astype(np.float32)
    training = Quadratic(jacobian.astype(np.float32), target)
    system = LinearSystem(training=training, targets=None, seed=0)
    solved = ConjugateGradientInfluence()._solve(system)
    assert solved.report["stiffenings"] == 1
    assert solved.report["hessian_products"] < 40
    assert solved.solution.relative_residual < 0.01
    # a parameter without curvature is damped as the average one
    damping = solved.report["relative_damping"] * training.gauss_newton_diagonal(seed=0).mean()
    np.testing.assert_allclose(solved.solution.s[180:], 1 / damping, rtol=0.01)


def test_a_divergent_recursion_on_a_network_says_what_to_do(train):
    estimator = LissaInfluence(scale=1e-3, max_iterations=100)
    with pytest.raises(InvalidAnswerError, match="scale"):
        estimator.fit(Recurrent(N_ITEMS), train, on_item_5(train), seed=0)


def test_closed_form_estimators_say_what_they_need(factor_case):
    train, model, objective = factor_case
    for estimator in (
        TargetBlockInfluence(),
        LeverageInfluence(),
    ):
        with pytest.raises(InvalidAnswerError, match="FactorRecommender"):
            estimator.fit(Opaque(model), train, objective, seed=0)
