"""Products with the Jacobian of the losses are what a backward pass for each loss gives."""

import numpy as np
import pytest
import torch
from factor_doubles import random_users
from neural_doubles import Recurrent, Translations

from loki_bench.influence.objectives.derivatives import AutomaticLosses, linearised

N_ITEMS = 18


@pytest.fixture(scope="module")
def train():
    return random_users(12, N_ITEMS, seed=1)


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


def directions(parameters):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in parameters]


def sums(left, right):
    return sum(float((a * b).sum()) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("model", [Translations(12, N_ITEMS), Recurrent(N_ITEMS)])
def test_products_with_the_jacobian_are_those_of_each_losss_gradient(train, model):
    samples = model.training_samples(train, seed=0)
    parameters = model.parameters()
    before = [p.detach().clone() for p in parameters]
    direction = directions(parameters)
    losses = linearised(model, samples, keep=True)
    along = losses.jvp(direction)
    expected = [
        sums(torch.autograd.grad(loss, parameters, retain_graph=True), direction)
        for loss in model.sample_loss(samples)
    ]
    np.testing.assert_allclose(along.numpy(), expected, atol=1e-10)
    cotangent = torch.linspace(-1, 1, len(samples), dtype=along.dtype)
    assert sums(losses.vjp(cotangent), direction) == pytest.approx(float(cotangent @ along))
    wanted = model.sample_loss(samples).detach()
    assert torch.equal(losses.values, wanted)
    # in any order, and again
    assert torch.equal(losses.jvp(direction), along)
    assert sums(losses.vjp(cotangent), direction) == pytest.approx(float(cotangent @ along))
    assert all(bool((a == b).all()) for a, b in zip(before, parameters, strict=True))
    assert not losses.values.requires_grad
    assert not along.requires_grad


def test_an_operation_without_a_forward_rule_is_differentiated_backwards(train):
    plain, cubed = Translations(12, N_ITEMS), Cubed(12, N_ITEMS)
    samples = plain.training_samples(train, seed=0)
    direction = [torch.ones_like(p) for p in plain.parameters()]
    losses = linearised(plain, samples, keep=False)
    found = linearised(cubed, samples, keep=False).jvp(direction)
    torch.testing.assert_close(found, 3 * losses.values**2 * losses.jvp(direction))


def test_a_models_own_way_is_taken_but_for_no_samples_at_all(train):
    class Own(Translations):
        def linearised_losses(self, samples, *, keep):
            return "kept" if keep else "once"

    model = Own(12, N_ITEMS)
    samples = model.training_samples(train, seed=0)
    assert linearised(model, samples, keep=True) == "kept"
    assert linearised(model, samples, keep=False) == "once"
    none = samples.take(np.empty(0, dtype=np.int64))
    losses = linearised(model, none, keep=True)
    assert isinstance(losses, AutomaticLosses)
    assert losses.jvp([torch.ones_like(p) for p in model.parameters()]).shape == (0,)
