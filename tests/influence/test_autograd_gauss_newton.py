"""Gauss-Newton products, their diagonal and forward-mode derivatives of any model."""

import numpy as np
import pytest
import torch
from factor_doubles import ConvergedFactors, random_users
from neural_doubles import Recurrent, Translations
from test_autograd import Opaque

from loki_bench.contracts import InfluenceObjective
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.estimators.cg import ConjugateGradientInfluence
from loki_bench.influence.estimators.lissa import LissaInfluence
from loki_bench.influence.fake_users.autograd import AutogradFakeUsers
from loki_bench.influence.fake_users.samples import FakeUserOptions
from loki_bench.influence.objectives.autograd import AutogradObjective
from loki_bench.influence.objectives.derivatives import losses_along
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench.interactions import Sequences

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


class _Cube(torch.autograd.Function):
    """An operation without a forward rule."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gradient):
        return 3 * ctx.saved_tensors[0] ** 2 * gradient


class Cubed(Translations):
    def sample_loss(self, samples):
        return _Cube.apply(super().sample_loss(samples))


@pytest.mark.parametrize("model", [Translations(12, N_ITEMS), Recurrent(N_ITEMS)])
def test_derivatives_along_a_direction_are_the_gradients_part_in_it(train, model):
    samples = model.training_samples(train, seed=0)
    parameters = model.parameters()
    before = [p.detach().clone() for p in parameters]
    generator = torch.Generator().manual_seed(0)
    direction = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in parameters]
    losses, along = losses_along(model, parameters, direction, samples)
    expected = []
    for loss in model.sample_loss(samples):
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True)
        expected.append(
            sum(float((g * v).sum().detach()) for g, v in zip(gradients, direction, strict=True))
        )
    np.testing.assert_allclose(along.numpy(), expected, atol=1e-10)
    np.testing.assert_allclose(losses.numpy(), model.sample_loss(samples).detach().numpy())
    assert all(bool((a == b).all()) for a, b in zip(before, parameters, strict=True))
    assert not losses.requires_grad
    assert not along.requires_grad


def test_an_operation_without_a_forward_rule_is_differentiated_backwards(train):
    plain, cubed = Translations(12, N_ITEMS), Cubed(12, N_ITEMS)
    samples = plain.training_samples(train, seed=0)
    direction = [torch.ones_like(p) for p in plain.parameters()]
    losses, along = losses_along(plain, plain.parameters(), direction, samples)
    _, found = losses_along(cubed, cubed.parameters(), direction, samples)
    torch.testing.assert_close(found, 3 * losses**2 * along)


@pytest.mark.parametrize("negatives", ["shared", "by-prefix"])
def test_rewards_without_a_user_table_add_up_and_equal_influence_one_by_one(train, negatives):
    model = Recurrent(N_ITEMS)
    objective = AutogradObjective(model, model.training_samples(train, seed=0))
    s = np.random.default_rng(0).normal(size=objective.size)
    fakes = AutogradFakeUsers(
        objective,
        s,
        FakeUserOptions(n_negatives=2, negatives=negatives),
        train=train,
        targets=on_item_5(train),
        seed=0,
    )
    # so small a catalogue that later items have served as negatives
    rows = Sequences.of([*random_users(10, N_ITEMS, seed=4, low=6, high=12), [], [5], range(18)])
    assert any(fakes._draws_a_later_item(row.tolist()) for row in rows)
    assert not all(fakes._draws_a_later_item(row.tolist()) for row in rows)
    rewards = fakes.sequence_rewards(rows)
    total = fakes.influence(rows)
    for r in range(len(rows)):
        own = rewards[rows.offsets[r] : rows.offsets[r + 1]]
        np.testing.assert_allclose(own.sum(), total[r], atol=1e-9)
    few = rows.take([0, 1])
    np.testing.assert_allclose(
        fakes.marginal_influence(few.prefixes(), few.items),
        rewards[: few.n_events],
        atol=1e-9,
    )
    assert fakes.sequence_rewards(Sequences.empty()).shape == (0,)


@pytest.mark.parametrize("l2", [0.0, 0.03])
def test_influence_without_a_user_table_is_the_gradient_of_the_samples_along_s(train, l2):
    model = Recurrent(N_ITEMS, l2=l2)
    objective = AutogradObjective(model, model.training_samples(train, seed=0))
    s = np.random.default_rng(0).normal(size=objective.size)
    fakes = AutogradFakeUsers(
        objective, s, FakeUserOptions(), train=train, targets=on_item_5(train), seed=0
    )
    row = [5, 2, 9, 11]
    made = fakes._samples([row])
    assert [h.tolist() for h in made.samples.histories] == [[5], [5, 2], [5, 2, 9]]
    loss = model.sample_loss(made.samples).sum()
    for parameter in model.parameters():
        loss = loss + 3 * 0.5 * l2 * parameter.square().sum()
    gradient = torch.cat(
        [g.reshape(-1) for g in torch.autograd.grad(loss, model.parameters())]
    ).numpy()
    found = fakes.influence(Sequences.of([row]))[0]
    assert found == pytest.approx(-gradient @ s, abs=1e-9)


@pytest.mark.parametrize("loss", ["BPR", "CE"])
def test_a_recurrent_model_is_solved_to_the_tolerance(train, loss):
    model = Recurrent(N_ITEMS, loss=loss)
    estimator = ConjugateGradientInfluence(damping=0.5, tolerance=1e-4, max_iterations=200)
    estimator.fit(model, train, on_item_5(train), seed=0)
    assert estimator.report["gauss_newton"] == 1.0
    assert estimator.report["scaled_residual"] <= 1e-4
    assert estimator.report["relative_residual"] < 1e-2


def test_a_divergent_recursion_on_a_network_says_what_to_do(train):
    estimator = LissaInfluence(scale=1e-3, max_iterations=100)
    with pytest.raises(InvalidAnswerError, match="scale"):
        estimator.fit(Recurrent(N_ITEMS), train, on_item_5(train), seed=0)
