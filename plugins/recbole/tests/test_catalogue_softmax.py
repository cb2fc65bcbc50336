"""Cross-entropy in blocks, against torch's own."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the field's own abbreviation

from loki_bench_recbole import catalogue_softmax


@pytest.mark.parametrize("n", [0, 1, 23])
def test_value_and_gradients_equal_torchs_cross_entropy(n, monkeypatch):
    monkeypatch.setattr(catalogue_softmax, "_BLOCK_SCORES", 50)  # blocks of four samples
    generator = torch.Generator().manual_seed(n)
    outputs = (8 * torch.randn(n, 5, generator=generator)).requires_grad_()
    items = torch.randn(12, 5, generator=generator).requires_grad_()
    positives = torch.randint(12, (n,), generator=generator)
    ours = catalogue_softmax.catalogue_cross_entropy(outputs, items, positives)
    padded = torch.cat([torch.zeros(1, 5), items])
    theirs = F.cross_entropy(outputs @ padded.T, positives + 1, reduction="sum")
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    for a, b in zip(
        torch.autograd.grad(3 * ours, [outputs, items]),
        torch.autograd.grad(3 * theirs, [outputs, items]),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_large_scores_do_not_overflow():
    outputs = torch.full((1, 1), 100.0)
    items = torch.tensor([[1.0], [-1.0]])
    loss = catalogue_softmax.catalogue_cross_entropy(outputs, items, torch.tensor([1]))
    assert loss.item() == pytest.approx(200.0)


def test_items_that_are_all_drawn_once_give_the_whole_cross_entropy():
    generator = torch.Generator().manual_seed(3)
    outputs = torch.randn(5, 4, generator=generator, requires_grad=True)
    items = torch.randn(9, 4, generator=generator, requires_grad=True)
    positives = torch.tensor([0, 3, 8, 3, 1])
    whole = catalogue_softmax.catalogue_cross_entropy(outputs, items, positives)
    drawn = catalogue_softmax.sampled_cross_entropy(
        outputs, items, positives, torch.randperm(9, generator=generator)
    )
    torch.testing.assert_close(drawn, whole)
    for ours, wanted in zip(
        torch.autograd.grad(drawn, [outputs, items]),
        torch.autograd.grad(whole, [outputs, items]),
        strict=True,
    ):
        torch.testing.assert_close(ours, wanted)


def test_the_mass_that_drawn_items_stand_for_has_the_right_mean():
    generator = torch.Generator().manual_seed(4)
    output = torch.randn(1, 4, generator=generator)
    items = torch.randn(6, 4, generator=generator)
    positive = torch.tensor([2])
    own = (output @ items[2]).exp()
    masses = [
        catalogue_softmax.sampled_cross_entropy(output, items, positive, torch.tensor([item])).exp()
        * own
        for item in range(6)
    ]
    torch.testing.assert_close(torch.stack(masses).mean(), 1 + (output @ items.T).exp().sum())
