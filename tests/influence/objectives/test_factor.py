"""The compiled objective against torch's automatic differentiation and finite differences."""

import numpy as np
import pytest
import torch
from factor_doubles import ConvergedFactors, random_users

from loki_bench.contracts import FactorTerm, InfluenceObjective, TrainingSamples
from loki_bench.errors import InvalidAnswerError
from loki_bench.influence.objectives.factor import FactorObjective
from loki_bench.interactions import Sequences

MODELS = [("user",), ("user", "last-item"), ("last-item",)]


def model_and_samples(kinds, per_sample):
    train = random_users(12, 9, seed=1)
    model = ConvergedFactors(
        kinds,
        d=5,
        per_sample=per_sample,
        table_l2=[(0.3, 0.2), (0.1, 0.4)][: len(kinds)],
        max_iterations=3,
    ).fit(train, seed=0)
    return train, model, model.training_samples(train, seed=0)


def torch_objective(model, samples):
    total = model.sample_loss(samples).sum()
    for table, l2 in zip(model.tables, model.l2_coefficients(samples), strict=True):
        total = total + 0.5 * (l2 * table**2).sum()
    return total


@pytest.mark.parametrize("kinds", MODELS)
@pytest.mark.parametrize("per_sample", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_value_gradient_and_hessian_product_are_those_of_double_backward(
    kinds, per_sample, dtype, tolerance
):
    _, model, samples = model_and_samples(kinds, per_sample)
    objective = FactorObjective.of(model, samples, dtype)
    vector = np.random.default_rng(0).normal(size=objective.size)
    total = torch_objective(model, samples)
    first = torch.autograd.grad(total, model.tables, create_graph=True)
    flat = torch.cat([g.reshape(-1) for g in first])
    second = torch.autograd.grad(flat @ torch.tensor(vector), model.tables)
    product = torch.cat([g.reshape(-1) for g in second]).numpy()
    assert objective.value == pytest.approx(total.item(), rel=1e-5)
    np.testing.assert_allclose(objective.gradient(), flat.detach().numpy(), atol=10 * tolerance)
    got = objective.hessian_product(vector.astype(dtype), damping=0.25)
    np.testing.assert_allclose(got, product + 0.25 * vector, atol=20 * tolerance)


def test_hessian_product_is_the_finite_difference_of_the_gradient():
    _, model, samples = model_and_samples(("user", "last-item"), True)
    vector = np.random.default_rng(0).normal(size=model.flat.size)
    product = FactorObjective.of(model, samples).hessian_product(vector)
    step = 1e-6
    sides = []
    for sign in (1, -1):
        moved = ConvergedFactors(model.kinds, d=5, per_sample=True, table_l2=model.table_l2)
        moved.shapes = model.shapes
        moved.load(model.flat + sign * step * vector)
        sides.append(FactorObjective.of(moved, samples).gradient())
    np.testing.assert_allclose(product, (sides[0] - sides[1]) / (2 * step), atol=1e-7)


def test_gauss_newton_product_is_positive_where_the_exact_one_need_not_be():
    _, model, samples = model_and_samples(("user",), False)
    terms = tuple(
        FactorTerm(row=t.row, row_table=t.row_table, item_table=t.item_table, row_l2=0, item_l2=0)
        for t in model.factor_terms()
    )
    objective = FactorObjective(terms, samples, l2_per_sample=False)
    exact = np.array([objective.hessian_product(v) for v in np.eye(objective.size)])
    gauss_newton = np.array(
        [objective.hessian_product(v, curvature="gauss-newton") for v in np.eye(objective.size)]
    )
    np.testing.assert_allclose(exact, exact.T, atol=1e-12)
    assert np.linalg.eigvalsh(exact)[0] < -0.05
    assert np.linalg.eigvalsh(gauss_newton)[0] > -1e-12


def test_target_gradient_adds_repeated_rows_and_skips_a_missing_last_item():
    _, model, samples = model_and_samples(("user", "last-item"), False)
    objective = InfluenceObjective(
        users=np.array([0, 0, 3], np.int32),
        histories=Sequences.of([[], [1, 2], [2]]),
        items=np.array([4, 4, 5], np.int32),
        weights=np.array([0.5, 2.0, -1.0]),
    )
    scores = model.target_score(objective.users, objective.histories, objective.items)
    gradients = torch.autograd.grad(scores @ torch.tensor(objective.weights), model.tables)
    np.testing.assert_allclose(
        FactorObjective.of(model, samples).target_gradient(objective),
        torch.cat([g.reshape(-1) for g in gradients]).numpy(),
        atol=1e-12,
    )


@pytest.mark.parametrize("kinds", MODELS)
def test_each_samples_loss_changes_along_a_vector_as_torchs_gradient_says(kinds):
    _, model, samples = model_and_samples(kinds, True)
    objective = FactorObjective.of(model, samples)
    vector = np.random.default_rng(0).normal(size=objective.size)
    expected = [
        torch.cat(
            [g.reshape(-1) for g in torch.autograd.grad(loss, model.tables, retain_graph=True)]
        ).numpy()
        @ vector
        for loss in model.sample_loss(samples)
    ]
    np.testing.assert_allclose(objective.sample_losses_along(vector, samples), expected, atol=1e-12)


def test_no_sample_leaves_the_regulariser_alone():
    _, model, _ = model_and_samples(("user",), False)
    none = TrainingSamples(
        **{
            name: np.empty(0, np.int32)
            for name in ("users", "last_items", "positives", "negatives")
        }
    )
    objective = FactorObjective.of(model, none)
    assert objective.value == pytest.approx(
        0.5 * (0.3 * (model.tables[0] ** 2).sum() + 0.2 * (model.tables[1] ** 2).sum()).item()
    )


def test_tables_that_are_not_finite_or_do_not_fit_are_refused():
    _, model, samples = model_and_samples(("user",), False)
    term = model.factor_terms()[0]
    broken = FactorTerm(
        row="user", row_table=term.row_table * np.nan, item_table=term.item_table,
        row_l2=1, item_l2=1,
    )  # fmt: skip
    narrow = FactorTerm(
        row="user", row_table=term.row_table[:, :2], item_table=term.item_table,
        row_l2=1, item_l2=1,
    )  # fmt: skip
    for terms in ((broken,), (narrow,), ()):
        with pytest.raises(InvalidAnswerError):
            FactorObjective(terms, samples, l2_per_sample=False)


def test_candidates_in_another_order_have_the_same_answers_to_the_bit():
    _, model, samples = model_and_samples(("user", "last-item"), True)
    objective = FactorObjective.of(model, samples, np.float32)
    vector = np.random.default_rng(0).normal(size=objective.size).astype(np.float32)
    order = np.random.default_rng(1).permutation(len(samples))
    found = objective.sample_losses_along(vector, samples)
    shuffled = samples.take(order)
    assert np.array_equal(objective.sample_losses_along(vector, shuffled), found[order])
    none = TrainingSamples(
        **{
            name: getattr(samples, name)[:0]
            for name in ("users", "last_items", "positives", "negatives")
        }
    )
    assert objective.sample_losses_along(vector, none).shape == (0,)
