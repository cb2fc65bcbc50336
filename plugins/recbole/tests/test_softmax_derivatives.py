"""A catalogue's cross-entropies and their derivatives, against torch's own."""

import numpy as np
import pytest
import torch

from loki_bench.influence.objectives.autograd import AutogradObjective
from loki_bench.influence.objectives.derivatives import AutomaticLosses
from loki_bench_recbole import softmax_derivatives
from loki_bench_recbole.caser import Caser
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.narm import NARM
from loki_bench_recbole.sasrec import SASRec

SMALL = {"epochs": 3, "batch_size": 32, "learning_rate": 0.03}
MODELS = {
    "gru4rec": GRU4Rec(embedding_size=8, hidden_size=8, loss="CE", **SMALL),
    "sasrec": SASRec(hidden_size=8, inner_size=8, n_layers=1, loss="CE", **SMALL),
    "narm": NARM(embedding_size=8, hidden_size=8, loss="CE", **SMALL),
    "caser": Caser(embedding_size=8, loss="CE", **SMALL),
}


@pytest.fixture(params=MODELS)
def model(request, cycle):
    return MODELS[request.param].fit(cycle.train, validation=None, seed=0)


@pytest.mark.parametrize("kept", [0, 2**26], ids=["anew", "kept"])
def test_products_are_those_of_automatic_differentiation(model, cycle, kept, monkeypatch):
    monkeypatch.setattr(softmax_derivatives, "_KEPT_SCORES", kept)
    monkeypatch.setattr(softmax_derivatives, "_BLOCK_SCORES", 70)  # some samples in each block
    samples = model.training_samples(cycle.train, seed=0)
    ours = model.linearised_losses(samples, keep=True)
    theirs = AutomaticLosses(model, samples)
    generator = torch.Generator().manual_seed(0)
    cotangent = torch.randn(len(samples), generator=generator)
    torch.testing.assert_close(ours.values, theirs.values, rtol=1e-4, atol=1e-5)
    for a, b in zip(ours.vjp(cotangent), theirs.vjp(cotangent), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
    direction = [torch.randn(p.shape, generator=generator) for p in model.parameters()]
    expected = theirs.jvp(direction)
    # that wrote into the parameters, which nothing may do while ours are used
    ours = model.linearised_losses(samples, keep=True)
    for _ in range(2):
        torch.testing.assert_close(ours.jvp(direction), expected, rtol=1e-3, atol=1e-4)
    assert not ours.jvp(direction).requires_grad


def test_samples_that_differ_in_their_negatives_alone_are_computed_once(cycle):
    model = MODELS["gru4rec"].fit(cycle.train, validation=None, seed=0)
    some = model.training_samples(cycle.train, seed=0)
    rows = np.repeat(np.arange(len(some)), 1 + np.arange(len(some)) % 3)
    samples = some.take(rows)
    losses, once = (model.linearised_losses(s, keep=False) for s in (samples, some))
    direction = [torch.ones_like(p) for p in model.parameters()]
    assert torch.equal(losses.values, once.values[rows])
    assert torch.equal(losses.jvp(direction), once.jvp(direction)[rows])
    cotangent = torch.linspace(-1, 1, len(rows))
    summed = torch.zeros(len(some)).index_add(0, torch.from_numpy(rows), cotangent)
    for a, b in zip(losses.vjp(cotangent), once.vjp(summed), strict=True):
        torch.testing.assert_close(a, b)


def test_the_pairwise_loss_is_left_to_torch(cycle):
    pairwise = GRU4Rec(embedding_size=8, hidden_size=8, loss="BPR", **SMALL)
    pairwise.fit(cycle.train, validation=None, seed=0)
    samples = pairwise.training_samples(cycle.train, seed=0)
    assert pairwise.linearised_losses(samples, keep=True) is None


def test_what_is_kept_makes_a_product_once(cycle, monkeypatch):
    model = MODELS["gru4rec"].fit(cycle.train, validation=None, seed=0)
    samples = model.training_samples(cycle.train, seed=0)
    objective = AutogradObjective(model, samples)
    vector = np.random.default_rng(0).normal(size=objective.size).astype(np.float32)
    once = objective.hessian_product(vector, curvature="gauss-newton")

    def never(*_):
        raise AssertionError("computed anew")

    monkeypatch.setattr(softmax_derivatives.CatalogueLosses, "_softmax", never)
    assert np.array_equal(objective.hessian_product(vector, curvature="gauss-newton"), once)
    assert np.isfinite(objective.gauss_newton_diagonal(seed=0)).all()
