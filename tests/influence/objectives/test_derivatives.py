"""Losses along a direction are what two backward passes give."""

import numpy as np
import pytest
import torch
from factor_doubles import random_users
from neural_doubles import Recurrent, Translations

from loki_bench.influence.objectives.derivatives import losses_along

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
