"""One pass over whole sequences trains on exactly the samples that every prefix makes."""

import pytest
import torch

from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.samples import SampleSource


@pytest.mark.parametrize("loss", ["CE", "BPR"])
def test_the_shared_pass_has_the_loss_and_gradient_of_all_prefixes_one_by_one(small, loss):
    model = GRU4Rec(
        loss=loss, embedding_size=8, hidden_size=8, dropout=0.0, l2=0.0, epochs=1, batch_size=10_000
    ).fit(small, validation=None, seed=3)
    # `sample_loss` runs each prefix on its own, and is tested equal to RecBole's calculate_loss
    samples = model.training_samples(small, seed=11)
    alone = model.sample_loss(samples).mean()
    gradients = torch.autograd.grad(alone, model.parameters(), allow_unused=True)

    source = SampleSource.of(small, from_first=False)
    epoch = model._epoch(small, source, seed=11)
    together = epoch(0)  # the loss before its one step, and that step's gradient

    assert together == pytest.approx(float(alone.detach()), rel=1e-5)
    optimised = epoch._optimiser.param_groups[0]["params"]
    for parameter, gradient in zip(optimised, gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)
