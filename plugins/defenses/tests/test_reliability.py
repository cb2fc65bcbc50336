"""Weights fall where detectors agree that a user is an outlier."""

import numpy as np
import pytest

from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.reliability import ReliabilityWeights


def test_planted_fake_users_weigh_nothing_and_genuine_ones_nearly_one(poisoned):
    defense = ReliabilityWeights()
    weights = defense.weigh(poisoned, seed=0)
    assert weights[-100:].max() < 0.01
    assert weights[:-100].mean() > 0.9
    # at the threshold a user weighs one half
    threshold = defense.report["half_weight_at"]
    nearest = np.argmin(np.abs(defense.suspicion - threshold))
    share = (defense.suspicion[nearest] / threshold) ** 4
    assert weights[nearest] == pytest.approx(1 / (1 + share))


@pytest.mark.parametrize("rows", [[], [[]], [[0]], [[0, 1], []]], ids=str)
def test_few_users_keep_their_weight(rows):
    sequences = Sequences.of(rows)
    train = Interactions(sequences.offsets, sequences.items, n_items=3)
    assert ReliabilityWeights().weigh(train, seed=0).tolist() == [1.0] * len(rows)
