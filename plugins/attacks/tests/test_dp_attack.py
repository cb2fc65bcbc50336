"""The poison model: selection by hand on three users, and a world with one right answer."""

import numpy as np
import pytest

from loki_bench.errors import ParameterError
from loki_bench_attacks.dp_attack import PoisonModelAttack, as_if_reached, picked


def test_three_fake_users_pick_by_score_times_probability_by_hand():
    scores, probabilities = np.array([0.0, 1.0, 0.9, 0.6]), np.ones(4)
    first, probabilities = picked(scores, probabilities, 2, decay=0.5)
    assert first.tolist() == [1, 2]  # 1.0 and 0.9
    second, probabilities = picked(scores, probabilities, 2, decay=0.5)
    assert second.tolist() == [3, 1]  # 0.6, then 1.0 * 0.5 before 0.9 * 0.5
    third, probabilities = picked(scores, probabilities, 2, decay=0.5)
    assert third.tolist() == [2, 3]  # 0.9 * 0.5, then 0.6 * 0.5 before 1.0 * 0.25
    assert probabilities.tolist() == [1, 0.25, 0.25, 0.25]


def test_once_no_item_is_left_at_one_all_begin_again():
    _, probabilities = picked(np.array([1.0, 2.0]), np.array([1.0, 0.5]), 2, decay=0.5)
    assert probabilities.tolist() == [1, 1]


def test_the_lowest_of_negative_scores_is_no_better_for_being_used():
    order, _ = picked(np.array([-3.0, -1.0, -2.0]), np.array([0.5, 1.0, 1.0]), 3, decay=0.5)
    assert order.tolist() == [1, 2, 0]


def test_the_poison_model_sees_target_users_with_the_targets(view_of):
    history = view_of([[0], [1], []], n_items=5, targets=[4], users=[0, 2]).history
    reached = as_if_reached(history, np.array([0, 2, 2]), np.array([4, 3, 4]))
    assert [row.tolist() for row in reached] == [[0, 4], [1], [3, 4]]


def test_fillers_are_the_items_of_the_target_users_own_crowd(view_of):
    random = np.random.default_rng(1)
    rows = [random.choice(20, 8, replace=False) + 20 * (user % 2) for user in range(60)]
    view = view_of(
        rows, n_items=42, targets=[41], users=[0, 2, 4], n_fake_users=6, n_actions=9, seed=3
    )
    fillers = np.concatenate([row[row != 41] for row in PoisonModelAttack().poison(view)])
    assert (fillers < 20).mean() > 0.9


@pytest.mark.parametrize("wrong", [{"decay": 1.5}, {"n_rounds": 0}, {"n_sweeps": 0}])
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ParameterError, match="attacker 'dp-attack'"):
        PoisonModelAttack(**wrong)
