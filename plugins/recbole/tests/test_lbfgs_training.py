"""Training to a minimum: gradient, convergence and what the contract says of it."""

import numpy as np
import pytest
import torch

from loki_bench.errors import InvalidAnswerError
from loki_bench_recbole.bprmf import BPRMF
from loki_bench_recbole.fpmc import FPMC
from loki_bench_recbole.lbfgs_training import objective_and_gradient


def objective(model, samples):
    """The contract's objective: sample losses plus half of l2 times squares."""
    penalty = sum(
        (l2 * tensor.square()).expand_as(tensor).sum()
        for l2, tensor in zip(model.l2_coefficients(samples), model.parameters(), strict=True)
    )
    return model.sample_loss(samples).sum() + penalty / 2


@pytest.mark.parametrize("kind", [BPRMF, FPMC])
def test_the_compiled_gradient_equals_autograds(kind, small):
    model = kind(embedding_size=5, epochs=1, trainer="lbfgs", l2=0.7)
    model.fit(small, validation=None, seed=3)
    samples = model.training_samples(small, seed=3)
    rows = (samples.users,) if kind is BPRMF else (samples.users, samples.last_items)
    tables = tuple(t.detach().numpy().astype(np.float64) for t in model.parameters())
    gradients = tuple(np.empty_like(table) for table in tables)
    value = objective_and_gradient(
        rows, samples.positives, samples.negatives, tables, gradients, 0.7
    )
    expected = objective(model, samples)
    assert value == pytest.approx(expected.item(), rel=1e-6)
    for ours, theirs in zip(
        gradients, torch.autograd.grad(expected, model.parameters()), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("kind", [BPRMF, FPMC])
def test_the_gradient_of_the_contracts_objective_is_near_zero(kind, small):
    model = kind(embedding_size=4, epochs=2000, trainer="lbfgs", l2=0.2)
    model.fit(small, validation=None, seed=8)
    assert not model.l2_per_sample
    samples = model.training_samples(small, seed=8)  # the fit's seed: the frozen negatives
    gradients = torch.autograd.grad(objective(model, samples), model.parameters())
    assert max(gradient.abs().max().item() for gradient in gradients) < 1e-4
    assert model.fit_report["largest_gradient"] < 1e-4
    assert max(tensor.abs().max().item() for tensor in model.parameters()) > 0.1
    other = model.training_samples(small, seed=9)
    elsewhere = torch.autograd.grad(objective(model, other), model.parameters())
    assert max(gradient.abs().max().item() for gradient in elsewhere) > 0.01


def test_validation_is_reported_and_does_not_stop_it(small, held_out):
    build = lambda: BPRMF(embedding_size=4, epochs=30, trainer="lbfgs", l2=0.2)  # noqa: E731
    with_validation = build().fit(small, validation=held_out, seed=1)
    without = build().fit(small, validation=None, seed=1)
    assert "validation_ndcg@10" in with_validation.fit_report
    assert "validation_ndcg@10" not in without.fit_report
    for a, b in zip(with_validation.parameters(), without.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_a_fit_whose_objective_is_not_finite_is_no_fit(small):
    heavy = BPRMF(embedding_size=4, epochs=2, trainer="lbfgs", l2=1e200)
    with pytest.raises(InvalidAnswerError, match=r"bprmf: training diverged.*smaller l2"):
        heavy.fit(small, validation=None, seed=1)
    weighted = FPMC(embedding_size=4, epochs=2, trainer="lbfgs")
    weights = np.full(small.n_events, 1e300)
    with pytest.raises(InvalidAnswerError, match=r"fpmc: training diverged.*smaller weights"):
        weighted.fit_weighted(small, validation=None, seed=1, weights=weights)


def test_the_default_regulariser_goes_with_the_trainer():
    assert BPRMF(trainer="lbfgs").l2_per_sample is False
    assert BPRMF().l2_per_sample is True


@pytest.mark.parametrize("kind", [BPRMF, FPMC])
@pytest.mark.parametrize("trainer", ["compiled", "lbfgs"])
def test_factor_terms_say_what_the_contract_needs(kind, trainer, small):
    model = kind(embedding_size=4, epochs=2, trainer=trainer, l2=0.5)
    model.fit(small, validation=None, seed=1)
    tables = [t for term in model.factor_terms() for t in (term.row_table, term.item_table)]
    for table, tensor in zip(tables, model.parameters(), strict=True):
        assert np.shares_memory(table, tensor.detach().numpy())
        assert table.dtype == np.float32
    assert all(term.row_l2 == term.item_l2 == 0.5 for term in model.factor_terms())
    samples = model.training_samples(small, seed=0)
    coefficients = model.l2_coefficients(samples)
    touches = np.zeros(30)
    for items in (samples.positives, samples.negatives):
        np.add.at(touches, items, 1)
    expected = 0.5 * touches if trainer == "compiled" else np.full(30, 0.5)
    np.testing.assert_allclose(coefficients[1][:, 0], expected)
    users = np.bincount(samples.users, minlength=11)
    expected = 0.5 * users if trainer == "compiled" else np.full(11, 0.5)
    np.testing.assert_allclose(coefficients[0][:, 0], expected)
