"""Sequences as long as each fake user's own length."""

import numpy as np

from loki_bench.attackers.loki.horizon import (
    cut_to_lengths,
    horizon_of,
    longest_of,
    over_all_actions,
)
from loki_bench.contracts import Budget


def test_without_lengths_every_fake_user_has_all_actions():
    budget = Budget(n_fake_users=2, n_actions=70)
    assert (horizon_of(budget), longest_of(budget)) == (70, 70)
    groups = np.array([1, 0, 1])
    assert over_all_actions(groups, budget) is groups
    items = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert [row.tolist() for row in cut_to_lengths(items, budget)] == [[0, 1, 2], [3, 4, 5]]


def test_with_lengths_longer_ones_repeat_the_sequence_and_shorter_ones_break_off():
    budget = Budget(n_fake_users=3, n_actions=300, lengths=np.array([2, 7, 4]))
    assert (horizon_of(budget), longest_of(budget)) == (15, 7)
    groups = np.array([[1, 2, 0]])
    assert over_all_actions(groups, budget).tolist() == [[1, 2, 0, 1, 2, 0, 1]]
    items = np.tile(np.arange(7, dtype=np.int32), (3, 1))
    assert [len(row) for row in cut_to_lengths(items, budget)] == [2, 7, 4]
    none = Budget(n_fake_users=0, n_actions=300, lengths=np.array([], np.int64))
    assert longest_of(none) == 0
    assert len(cut_to_lengths(np.empty((0, 0), np.int32), none)) == 0
