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
