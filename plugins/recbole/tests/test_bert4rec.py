"""BERT4Rec's masks, its loss against RecBole's own, and a planted walk."""

import numpy as np
import pytest
import torch

from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench.ranking import masked_ranks
from loki_bench.split import leave_one_out
from loki_bench_recbole.bert4rec import BERT4Rec
from loki_bench_recbole.masked_training import masks
from loki_bench_recbole.prefix_training import PaddedRows

SMALL = {"hidden_size": 8, "inner_size": 12, "epochs": 2}


def test_loss_and_gradients_equal_recboles_calculate_loss(small):
    model = BERT4Rec(**SMALL).fit(small, validation=None, seed=3)
    rows = [[3, 1, 4, 1, 5], [9, 2, 6], [5, 3, 5, 8]]
    # RecBole counts no mask at place 0, and pads the list of masks on the left with 0
    places = [[1, 3], [2], [1, 2, 3]]
    items, mask_index, positives = (torch.zeros(3, n, dtype=torch.long) for n in (5, 3, 3))
    for row, (ids, at) in enumerate(zip(rows, places, strict=True)):
        items[row, : len(ids)] = torch.tensor(ids) + 1
        mask_index[row, 3 - len(at) :] = torch.tensor(at)
        positives[row, 3 - len(at) :] = items[row, at]
    filled = items > 0
    masked = torch.zeros_like(filled)
    read = items.clone()
    for row, at in enumerate(places):
        masked[row, at] = True
        read[row, at] = small.n_items + 1  # RecBole's id of the mask
    ours = model._loss((items - 1).clamp(min=0), masked, filled, None)
    module = model.model.eval()
    theirs = module.calculate_loss(
        {
            "Mask_item_id_list": read,
            "Pos_item_id": positives,
            "Neg_item_id": positives,
            "MASK_INDEX": mask_index,
        }
    )
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), abs=1e-6)
    gradients = torch.autograd.grad(ours, model.parameters())
    module.zero_grad()
    theirs.backward()
    network = [
        weight
        for part in ("LayerNorm", "trm_encoder", "output_ffn", "output_ln")
        for weight in getattr(module, part).parameters()
    ]
    expected = [
        module.item_embedding.weight.grad[1:-1],
        module.output_bias.grad[1:],
        module.item_embedding.weight.grad[-1:],
        module.position_embedding.weight.grad,
        *(weight.grad for weight in network),
    ]
    assert (
        sum(grad.numel() for grad in expected)
        == sum(weight.numel() for weight in module.parameters()) - 8 - 1
    )  # padding: a row and a bias
    for gradient, wanted in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, wanted, atol=1e-6)


def test_a_walk_round_a_cycle_is_continued():
    # of equal lengths: positions are counted from the first item, and so are learned for each
    rows = Sequences.of([[(start + step) % 12 for step in range(9)] for start in range(12)] * 4)
    split = leave_one_out(Interactions(rows.offsets, rows.items, n_items=12))
    model = BERT4Rec(
        hidden_size=32,
        inner_size=32,
        n_layers=1,
        dropout=0.1,
        attention_dropout=0.1,
        mask_ratio=0.2,
        epochs=80,
        learning_rate=0.01,
        batch_size=64,
    ).fit(split.train, validation=None, seed=0)
    scores = model.score_next(split.test.users, split.test.histories)
    ranks = masked_ranks(scores, split.test.histories, split.test.items[:, None])[:, 0]
    assert np.mean(ranks == 1) > 0.9


def test_a_row_has_its_last_event_masked_alone_or_a_share_of_all_and_never_none():
    lengths = np.array([1, 2, 5, 8] * 500)
    rows = PaddedRows.of(np.cumsum(lengths) - lengths, lengths)
    masked = masks(rows, 0.25, np.random.default_rng(4))
    assert not masked[~rows.filled].any()
    assert masked.any(axis=1).all()
    eights = masked[lengths == 8]
    # the last alone: every second row, and 0.25 * 0.75**7 + 0.75**8 / 8 of the others
    alone = (eights.sum(axis=1) == 1) & eights[:, 7]
    assert alone.mean() == pytest.approx(0.5 + 0.5 * (0.25 * 0.75**7 + 0.75**8 / 8), abs=0.05)
    # the first event: in every second row 0.25, and an eighth of the rows that got no mask
    assert eights[:, 0].mean() == pytest.approx(0.5 * (0.25 + 0.75**8 / 8), abs=0.05)


def test_a_share_of_masks_outside_its_range_is_refused():
    for wrong in (0.0, 1.0, -0.1):
        with pytest.raises(ParameterError, match="mask_ratio must be a number above 0 and below 1"):
            BERT4Rec(mask_ratio=wrong)
    with pytest.raises(ParameterError, match="n_heads must divide hidden_size"):
        BERT4Rec(hidden_size=9)


@pytest.mark.parametrize(("max_length", "n_read"), [(50, 11), (5, 4)])
def test_as_many_items_are_read_as_training_gave_places_to(small, max_length, n_read):
    assert small.lengths.max() == 12
    model = BERT4Rec(hidden_size=8, inner_size=8, n_layers=1, epochs=1, max_length=max_length)
    model.fit(small, validation=None, seed=0)
    history = [*range(20)]
    other_first = [25, *history[1 - n_read :]]

    def scores(items):
        return model.score_next(np.array([0], np.int32), Sequences.of([items]))

    assert np.array_equal(scores(history), scores(history[-n_read:]))
    assert not np.array_equal(scores(history), scores(other_first))
