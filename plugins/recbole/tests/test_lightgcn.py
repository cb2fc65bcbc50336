"""LightGCN's propagation, loss and gradient against RecBole's own."""

import numpy as np
import torch

from loki_bench_recbole.lightgcn import LightGCN
from loki_bench_recbole.samples import SampleSource


def test_losses_and_gradients_equal_recboles_calculate_loss(small):
    model = LightGCN(embedding_size=6, epochs=2, l2=0.0).fit(small, validation=None, seed=1)
    samples = SampleSource.of(small, from_first=True).with_negatives(seed=3)
    users, positives, negatives = (
        torch.from_numpy(ids.astype(np.int64))
        for ids in (samples.users, samples.positives, samples.negatives)
    )
    ours = model._losses(users, users, positives, negatives)
    module = model.model
    theirs = module.calculate_loss(
        {"user_id": users + 1, "item_id": positives + 1, "neg_item_id": negatives + 1}
    )
    assert ours.shape == (small.n_events,)
    np.testing.assert_allclose(ours.mean().item(), theirs.item(), atol=1e-6)
    gradients = torch.autograd.grad(ours.mean(), model.parameters())
    module.zero_grad()
    theirs.backward()
    for gradient, table in zip(
        gradients, (module.user_embedding, module.item_embedding), strict=True
    ):
        np.testing.assert_allclose(gradient, table.weight.grad[1:], atol=1e-6)


def test_the_regulariser_charges_each_row_that_a_sample_touches(small):
    model = LightGCN(embedding_size=6, epochs=1, l2=0.5).fit(small, validation=None, seed=1)
    user, positive, negative = (torch.tensor([n]) for n in (2, 4, 7))
    charged = model._losses(user, user, positive, negative)
    model._l2 = 0.0
    free = model._losses(user, user, positive, negative)
    users, items = model.parameters()
    squares = users[2].square().sum() + items[4].square().sum() + items[7].square().sum()
    torch.testing.assert_close(charged - free, 0.25 * squares[None])


def test_scores_after_early_stopping_are_of_the_weights_that_were_kept(small, held_out):
    model = LightGCN(embedding_size=6, epochs=12, validate_every=1, patience=2, learning_rate=0.1)
    model.fit(small, validation=held_out, seed=3)
    assert model.fit_report["best_epoch"] < model.fit_report["epochs"]
    users = np.array([0, 3, 9], dtype=np.int32)
    with torch.no_grad():
        theirs = model.model.full_sort_predict({"user_id": torch.tensor([1, 4, 10])})
    scores = model.score_next(users, small.take(users))
    np.testing.assert_allclose(scores, theirs.view(3, -1)[:, 1:], atol=1e-6)
