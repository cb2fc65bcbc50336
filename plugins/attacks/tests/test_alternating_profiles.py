"""Filler, target, filler, target, for as many events as each fake user has."""

import numpy as np

from loki_bench.contracts import Budget, ids
from loki_bench_attacks.alternating_profiles import (
    items_to_lift,
    n_fillers_of,
    profiles_of_choice,
    profiles_of_pairs,
)

FIVE = Budget(n_fake_users=2, n_actions=5)


def test_there_is_room_for_fillers_at_every_other_place_and_none_in_a_single_event():
    lengths = np.array([1, 2, 5, 6])
    budget = Budget(n_fake_users=4, n_actions=6, lengths=lengths)
    assert n_fillers_of(budget).tolist() == [0, 1, 3, 3]


def test_fillers_keep_their_order_and_each_stands_before_its_target():
    poison = profiles_of_pairs([ids([1, 2, 3]), ids([4, 5])], [ids([7, 8]), ids([9, 9])])
    assert [row.tolist() for row in poison] == [[1, 7, 2, 8, 3], [4, 9, 5, 9]]


def test_what_fillers_leave_free_goes_to_targets():
    random = np.random.default_rng(0)
    poison = profiles_of_choice(FIVE, [ids([1]), ids([])], ids([9]), random)
    assert [row.tolist() for row in poison] == [[1, 9, 9, 9, 9], [9] * 5]


def test_targets_are_lifted_alike_often():
    random = np.random.default_rng(0)
    lifted = items_to_lift(np.array([2] * 6), ids([7, 8, 9]), random)
    assert np.bincount(np.concatenate(lifted))[7:].tolist() == [4, 4, 4]


def test_of_more_choices_than_there_is_room_the_first_are_taken_in_any_order():
    random = np.random.default_rng(0)
    poison = profiles_of_choice(FIVE, [ids([1, 2, 3, 4])] * 2, ids([9]), random)
    assert all(set(row[::2].tolist()) == {1, 2, 3} for row in poison)
