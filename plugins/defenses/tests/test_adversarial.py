"""What noise the victim is asked to be trained against, and for whom there is more of it."""

import numpy as np
import pytest
from fixed_victim import Fixed

from loki_bench.contracts import VictimTrainer
from loki_bench.errors import ParameterError
from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.adversarial import (
    AdversarialTraining,
    VulnerabilityAwareTraining,
    vulnerability,
)


class Trainer(VictimTrainer):
    def __init__(self):
        self.asked = []

    def fit(self, *, kept=None, weights=None, noise=None):
        self.asked.append(noise)
        return Fixed()


@pytest.fixture
def train():
    sequences = Sequences.of([[0, 1], [9], [], [4, 5, 6]])
    return Interactions(sequences.offsets, sequences.items, n_items=10)


def test_who_is_fitted_better_than_the_mean_is_the_more_vulnerable(train):
    # mean losses of the users: 1, 4, none, 1; their mean is 2
    found = vulnerability(np.array([0.5, 1.5, 4.0, 1.0, 1.0, 1.0]), train)
    well, badly = 1 / (1 + np.exp(-0.5)), 1 / (1 + np.exp(1.0))
    np.testing.assert_allclose(found, [well, badly, 0.5, well])


def test_who_loses_hundreds_of_times_the_mean_is_not_vulnerable_at_all():
    # 1,000 users with an event each; one has all of the loss: (m - L) / m = 1 - 1,000
    sequences = Sequences.of([[0]] * 1000)
    train = Interactions(sequences.offsets, sequences.items, n_items=2)
    found = vulnerability(np.append(np.zeros(999), 1.0), train)
    np.testing.assert_allclose(found[:999], 1 / (1 + np.exp(-1)))
    assert found[999] == 0


def test_nobody_is_vulnerable_where_nothing_is_lost_or_nobody_has_an_event(train):
    np.testing.assert_array_equal(vulnerability(np.zeros(6), train), np.full(4, 0.5))
    nobody = Interactions(np.zeros(3, np.int64), np.empty(0, np.int32), n_items=10)
    np.testing.assert_array_equal(vulnerability(np.empty(0), nobody), [0.5, 0.5])


def test_one_radius_for_all_takes_one_fit(train):
    trainer = Trainer()
    defense = AdversarialTraining(radius=0.2, weight=3.0)
    defense.fit(trainer, train, seed=0)
    [noise] = trainer.asked
    assert (noise.radius, noise.weight, noise.of_users) == (0.2, 3.0, None)
    assert defense.score_next(np.zeros(1, np.int32), train.take([0])).shape == (1, 10)


def test_a_radius_by_vulnerability_takes_two(train):
    trainer = Trainer()
    defense = VulnerabilityAwareTraining(radius=0.4)
    defense.fit(trainer, train, seed=0)
    first, second = trainer.asked
    assert first is None
    assert second.radius == 0.4
    # low items have high scores: the user who has the last one is fitted worst
    assert second.of_users.argmin() == 1
    assert second.of_users.argmax() == 0
    assert defense.report == {
        "least_share": second.of_users[1],
        "greatest_share": second.of_users[0],
    }


@pytest.mark.parametrize("wrong", [{"radius": 0.0}, {"weight": float("inf")}])
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ParameterError, match="must be a number above 0"):
        AdversarialTraining(**wrong)
    with pytest.raises(RuntimeError, match="call fit first"):
        AdversarialTraining().score_next(np.zeros(1, np.int32), Sequences.of([[0]]))
