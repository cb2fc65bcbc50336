"""Whom fake users serve first, and how they are shared out."""

import dataclasses

import numpy as np
import pytest

from loki_bench.attackers.easiest_users import easiest_first, reachable_users, shared_out
from loki_bench.contracts import ids


def test_rare_last_items_and_rare_items_come_first(view_of):
    # item counts: 0: 4, 1: 1, 2: 2, 3: 1
    rows = [[3, 0], [0, 2], [0, 1], [2, 0]]
    history = view_of(rows, n_items=10, targets=[9]).history
    # last items' counts 4, 2, 1, 4: ranks 3.5, 2, 1, 3.5
    # mean inverse counts (1 + 1/4) / 2, (1/4 + 1/2) / 2, the first, the second: ranks 1.5, 3.5 ...
    assert easiest_first(history, ids([0, 1, 2, 3])).tolist() == [2, 0, 1, 3]


def test_a_user_without_an_event_comes_last(view_of):
    history = view_of([[], [0, 1]], n_items=3, targets=[2]).history
    assert easiest_first(history, ids([0, 1])).tolist() == [1, 0]


def test_who_has_all_that_is_lifted_can_be_shown_nothing_unless_repeats_are(view_of):
    view = view_of([[9, 8], [9], []], n_items=10, targets=[8, 9], users=[0, 1, 2])
    assert reachable_users(view, view.goal.items).tolist() == [False, True, True]
    assert reachable_users(view, ids([9])).tolist() == [False, False, True]
    shown = dataclasses.replace(view, repeats="allow")
    assert reachable_users(shown, view.goal.items).all()
    nobody = view_of([[9], [9]], n_items=10, targets=[9], users=[0, 1])
    assert reachable_users(nobody, ids([9])).all()


@pytest.mark.parametrize(
    ("weights", "n", "expected"),
    [
        ([1, 1, 1], 9, [3, 3, 3]),
        ([1, 1, 1], 10, [4, 3, 3]),
        ([1, 0, 3], 8, [2, 0, 6]),
        ([1.0, 1.5], 1, [0, 1]),
        ([1, 1], 0, [0, 0]),
    ],
)
def test_fake_users_are_shared_out_by_largest_remainder(weights, n, expected):
    assert shared_out(np.array(weights, dtype=float), n).tolist() == expected
