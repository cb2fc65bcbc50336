"""The imitation: the paper's loss by hand on three lists, and scores by hand."""

import numpy as np
import pytest
import torch

from loki_bench_attacks.distilled_model import DistilledModel, ranking_loss


@pytest.mark.parametrize(
    ("scores", "by_hand"),
    [
        # list (0, 1), others (2, 3), margins 0.1 and 0.5
        ([3.0, 2.0, 1.0, 0.0], 0.0),  # in order, and both above by more than 0.5
        ([2.0, 3.0, 2.5, 0.0], (3 - 2 + 0.1) + (2.5 - 2 + 0.5)),
        ([1.0, 1.0, 0.75, 1.0], 0.1 + (0.75 - 1 + 0.5) + 0.5),
    ],
)
def test_the_loss_of_three_users_lists_by_hand(scores, by_hand):
    found = ranking_loss(
        torch.tensor([scores]),
        torch.tensor([[0, 1]]),
        torch.tensor([[2, 3]]),
        order_margin=0.1,
        other_margin=0.5,
    )
    assert float(found) == pytest.approx(by_hand, abs=1e-6)


def test_scores_weigh_each_item_by_its_age_by_hand():
    model = DistilledModel(torch.eye(3), decay=0.5)
    # item 2, then 0: the state is (1, 0, 0.5); item 1 three times: 1 + 0.5 + 0.25
    weights = model.weights_of([np.array([2, 0]), np.array([1, 1, 1])])
    assert model.scores_after(weights).tolist() == [[1.0, 0.0, 0.5], [0.0, 1.75, 0.0]]
    assert model.scores(torch.eye(3)[[2, 0]]).tolist() == [1.0, 0.0, 0.5]
