"""Any differentiable recommender gets the answers that the closed form gives a factor model."""

import numpy as np
import pytest
from factor_doubles import ConvergedFactors, random_users

from loki_bench.contracts import DifferentiableRecommender, InfluenceObjective
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.estimators.leverage import LeverageInfluence
from loki_bench.influence.estimators.target_block import TargetBlockInfluence
from loki_bench.influence.fake_users.borrowed_rows import user_tables
from loki_bench.influence.objectives.autograd import AutogradObjective
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench.interactions import Sequences


class Opaque(DifferentiableRecommender):
    """The same recommender without its factors."""

    loss_is_log_probability = True

    def __init__(self, model):
        self.model = model

    def fit(self, train, *, validation, seed):
        return self

    def score_next(self, users, histories):
        return self.model.score_next(users, histories)

    def parameters(self):
        return self.model.parameters()

    def training_samples(self, train, *, seed):
        return self.model.training_samples(train, seed=seed)

    def sample_loss(self, samples):
        return self.model.sample_loss(samples)

    def l2_coefficients(self, samples):
        return self.model.l2_coefficients(samples)

    def target_score(self, users, histories, items):
        return self.model.target_score(users, histories, items)


@pytest.fixture(
    scope="module",
    params=[
        (("user",), False, 40),
        (("user",), True, 40),
        (("user", "last-item"), True, 20),  # as many users as items
        (("last-item",), True, 40),
    ],
)
def case(request):
    kinds, per_sample, n_users = request.param
    train = random_users(n_users, 20, seed=1)
    l2 = 0.06 if per_sample else 0.5
    model = ConvergedFactors(kinds, per_sample=per_sample, l2=l2).fit(train, seed=0)
    objective = InfluenceObjective(
        users=np.arange(6, dtype=np.int32),
        histories=train.take(range(6)),
        items=np.full(6, 5, dtype=np.int32),
        weights=np.full(6, 1 / 6),
    )
    return train, model, objective


def test_gradients_and_products_are_those_of_the_closed_form(case):
    train, model, objective = case
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


@pytest.mark.parametrize(
    "options",
    [
        {"curvature": "exact"},
        {"curvature": "gauss-newton", "fake_user": "transition-only"},
        {"curvature": "gauss-newton", "fold_in_l2": 1.0, "n_negatives": 2},
        {"curvature": "exact", "n_negatives": 2, "negatives": "by-prefix"},
    ],
)
def test_fake_users_are_scored_as_in_the_closed_form(case, options):
    train, model, objective = case
    closed = ConjugateGradientInfluence(precision="float64", tolerance=1e-6, damping=0.1, **options)
    automatic = ConjugateGradientInfluence(
        tolerance=1e-6, damping=0.1, relative_damping=0.0, max_iterations=300, **options
    )
    closed.fit(model, train, objective, seed=0)
    automatic.fit(Opaque(model), train, objective, seed=0)
    # more candidates than users: rows are borrowed again and again
    rows = Sequences.of([*random_users(50, 20, seed=3), [], [5]])
    np.testing.assert_allclose(automatic.influence(rows), closed.influence(rows), atol=3e-5)
    np.testing.assert_allclose(
        automatic.sequence_rewards(rows), closed.sequence_rewards(rows), atol=6e-5
    )
    few = rows.take(range(3))
    np.testing.assert_allclose(
        automatic.marginal_influence(few, np.array([5, 5, 7], np.int32)),
        closed.marginal_influence(few, np.array([5, 5, 7], np.int32)),
        atol=6e-5,
    )
    assert automatic.influence(Sequences.empty()).shape == (0,)
    assert automatic.sequence_rewards(Sequences.empty()).shape == (0,)


def test_the_model_is_as_it_was_after_scoring(case):
    train, model, objective = case
    before = [t.detach().clone() for t in model.parameters()]
    estimator = ConjugateGradientInfluence().fit(Opaque(model), train, objective, seed=0)
    estimator.influence(random_users(5, 20, seed=3))
    assert all((a == b).all() for a, b in zip(before, model.parameters(), strict=True))


def test_user_tables_are_told_from_item_tables_of_the_same_length(case):
    train, model, _ = case
    objective = AutogradObjective(Opaque(model), model.training_samples(train, seed=0))
    expected = [2 * k for k, kind in enumerate(model.kinds) if kind == "user"]
    assert user_tables(objective, train.n_users) == expected


def test_closed_form_estimators_say_what_they_need(case):
    train, model, objective = case
    for estimator in (
        TargetBlockInfluence(),
        LeverageInfluence(),
    ):
        with pytest.raises(InvalidAnswerError, match="FactorRecommender"):
            estimator.fit(Opaque(model), train, objective, seed=0)
