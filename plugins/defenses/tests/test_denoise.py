"""What the victim finds least plausible is left out of the next fit."""

import numpy as np
import pytest
from fixed_victim import Fixed

from loki_bench.contracts import VictimTrainer
from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.denoise import TruncatedLoss, event_losses


class Trainer(VictimTrainer):
    def __init__(self):
        self.asked = []

    def fit(self, *, kept=None, weights=None):
        self.asked.append(weights)
        return Fixed()


@pytest.fixture
def train():
    sequences = Sequences.of([[0, 1, 9], [2, 8], [], [3, 4, 5, 6, 7]])
    return Interactions(sequences.offsets, sequences.items, n_items=10)


def test_the_loss_is_the_mean_over_the_same_negatives_for_all_events(train):
    losses = event_losses(Fixed(), train, np.random.default_rng(1))
    negatives = np.random.default_rng(1).integers(0, 10, 50)
    expected = [np.log1p(np.exp(item - negatives)).mean() for item in train.items]
    np.testing.assert_allclose(losses, expected)


def test_the_last_fit_goes_without_the_events_of_the_largest_loss(train):
    trainer = Trainer()
    defense = TruncatedLoss(drop_rate=0.4, n_rounds=2)
    defense.fit(trainer, train, seed=0)
    first, second, third = trainer.asked
    assert first is None
    assert train.items[second == 0].tolist() == [9, 8]  # half of four
    assert train.items[third == 0].tolist() == [9, 8, 6, 7]
    assert set(third) == {0.0, 1.0}
    assert defense.report == {"dropped_events": 4.0}
    assert defense.score_next(np.zeros(1, np.int32), train.take([0])).shape == (1, 10)
