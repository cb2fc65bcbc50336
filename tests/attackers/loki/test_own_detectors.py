"""Detectors of the attacker's own, on crowds that share a pattern."""

import math

import numpy as np
import pytest

from loki_bench.attackers.loki.own_detectors import found_by, shared_pairs, shared_steps
from loki_bench.interactions import Interactions, Sequences


def interactions(rows, n_items=60):
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)


@pytest.fixture
def genuine():
    rng = np.random.default_rng(0)
    return interactions([rng.choice(60, 8, replace=False).tolist() for _ in range(200)])


def test_a_set_that_many_hold_is_found_by_its_pairs(genuine):
    rng = np.random.default_rng(1)
    crowd = [[1, 2, 3, 4, *rng.choice(np.arange(5, 60), 4, False).tolist()] for _ in range(10)]
    assert found_by(genuine, Sequences.of(crowd))["pairs"] > 0.99


def test_steps_that_many_make_are_found_whoever_holds_the_items(genuine):
    rng = np.random.default_rng(2)
    crowd = [[*rng.choice(60, 6, False).tolist(), 7, 8] for _ in range(10)]
    found = found_by(genuine, Sequences.of(crowd))
    assert found["steps"] > 0.95
    assert found["steps"] > found["pairs"]


def test_fake_users_like_the_others_are_found_by_chance(genuine):
    rng = np.random.default_rng(3)
    alike = [rng.choice(60, 8, replace=False).tolist() for _ in range(100)]
    for auc in found_by(genuine, Sequences.of(alike)).values():
        assert abs(auc - 0.5) < 0.12  # three standard deviations for 100 beside 200


def test_the_surprise_of_a_pair_is_chernoffs_exponent():
    # four users hold the same four items, two others none of them: 3 others hold each pair, where
    # 3 * 3 / 6 are expected
    users = interactions([[0, 1, 2, 3]] * 4 + [[4], [5]], n_items=6)
    expected = 3 * math.log(3 / 1.5) - 3 + 1.5
    assert shared_pairs(users).tolist() == pytest.approx([expected] * 4 + [0, 0])


def test_the_surprise_of_a_step_counts_others_who_make_it():
    # two make the step 0 to 1, one 2 to 3: of three steps one other leaves 0 and one reaches 1
    users = interactions([[0, 1], [0, 1], [2, 3], [4]], n_items=5)
    expected = 1 * math.log(1 / (1 / 3)) - 1 + 1 / 3
    assert shared_steps(users).tolist() == pytest.approx([expected, expected, 0, 0])


def test_a_step_made_twice_by_one_user_counts_once():
    twice = shared_steps(interactions([[0, 1, 0, 1], [2, 3]], n_items=4))
    assert twice.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("poison", [[], [[]], [[3]]])
def test_without_a_pattern_nothing_is_found(genuine, poison):
    assert all(auc <= 0.5 for auc in found_by(genuine, Sequences.of(poison)).values())
