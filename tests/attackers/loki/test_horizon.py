"""Sequences as long as each fake user's own length."""

import numpy as np
import pytest

from loki_bench.attackers.loki.horizon import (
    cut_to_lengths,
    horizon_of,
    kept_events,
    longest_of,
    over_all_actions,
)
from loki_bench.contracts import Budget


def test_without_lengths_every_fake_user_has_all_actions():
    budget = Budget(n_fake_users=2, n_actions=3)
    assert (horizon_of(budget), longest_of(budget)) == (3, 3)
    groups = np.array([1, 0, 1])
    assert over_all_actions(groups, budget) is groups
    items = np.arange(6, dtype=np.int32).reshape(2, 3)
    written = cut_to_lengths(items, groups, budget, has_last_items=True)
    assert [row.tolist() for row in written] == [[0, 1, 2], [3, 4, 5]]


def test_of_many_actions_the_agent_learns_sixty_and_fake_users_repeat_them():
    budget = Budget(n_fake_users=2, n_actions=200)
    assert (horizon_of(budget), longest_of(budget)) == (60, 200)
    whole = over_all_actions(np.arange(60), budget)
    assert whole.tolist() == [place % 60 for place in range(200)]


def test_with_lengths_longer_ones_repeat_the_sequence_and_shorter_ones_break_off():
    budget = Budget(n_fake_users=3, n_actions=300, lengths=np.array([2, 7, 4]))
    assert (horizon_of(budget), longest_of(budget)) == (15, 15)
    longer = Budget(n_fake_users=1, n_actions=300, lengths=np.array([40]))
    assert longest_of(longer) == 40
    groups = np.array([[1, 2, 0]])
    assert over_all_actions(groups, budget).tolist() == [[1, 2, 0] * 5]
    items = np.tile(np.arange(15, dtype=np.int32), (3, 1))
    cut = cut_to_lengths(items, np.tile([1, 0, 1], 5), budget, has_last_items=True)
    assert [row.tolist() for row in cut] == [list(range(length)) for length in (2, 7, 4)]
    none = Budget(n_fake_users=0, n_actions=300, lengths=np.array([], np.int64))
    nobody = np.empty((0, 15), np.int32)
    assert len(cut_to_lengths(nobody, np.zeros(15, np.int64), none, has_last_items=True)) == 0


@pytest.mark.parametrize(
    ("groups", "length", "kept"),
    [
        ("oToTlToToTlTo", 13, "oToTlToToTlTo"),
        ("oToTlToToTlTo", 6, "oToTlT"),
        ("oToTlToToTlTo", 5, "lToTo"),  # as fixed_sequence writes five actions
        ("oToTlToToTlTo", 4, "lToT"),
        ("oToTlToToTlTo", 3, "lTo"),
        ("oToTlToToTlTo", 2, "oT"),
        ("oToTlToToTlTo", 1, "T"),
        ("oTTlTToTT", 3, "lTT"),
        ("oTToTTlTT", 7, "oTToTTl"),  # of more than six events nothing changes places
        ("cToTlT", 4, "cTlT"),
        ("oTloTlT", 4, "lToo"),
        ("oToTolo", 4, "oToT"),  # no target follows the last item anywhere
        ("TTTlT", 3, "TTT"),  # no filler to give up
        ("ooooo", 1, "o"),
    ],
)
def test_what_would_be_lost_with_the_rest_of_a_sequence_is_kept(groups, length, kept):
    sequence = np.array(["Tolc".index(letter) for letter in groups])
    places = kept_events(sequence, length, has_last_items=True)
    assert "".join(groups[place] for place in places) == kept
    assert len(set(places.tolist())) == length
    unnamed = kept_events(sequence, length, has_last_items=False)
    assert length == 1 or unnamed.tolist() == list(range(length))
