"""The distance of length distributions, against its definition."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from loki_bench.metrics.stealth import (
    fake_length_ks,
    ks_distance,
    length_excess,
    length_ks,
    repeat_excess,
    target_patterns,
    target_popularity_rank,
)


def greatest_gap(first, second):
    """By the definition: how far apart the shares of lengths up to n are, for the worst n."""
    return max(
        abs(sum(x <= n for x in first) / len(first) - sum(x <= n for x in second) / len(second))
        for n in first + second
    )


lengths = st.lists(st.integers(0, 12), min_size=1, max_size=9)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(genuine=lengths, fake=st.lists(st.integers(1, 12), max_size=6))
def test_fake_users_move_the_distribution_by_at_most_their_share(outcome_of, genuine, fake):
    outcome = outcome_of(lengths=genuine, poison=[[0] * n for n in fake])
    both = genuine + fake
    distance = length_ks(outcome)
    assert distance == pytest.approx(greatest_gap(genuine, both), abs=1e-12)
    assert distance <= len(fake) / len(both) + 1e-12


@given(first=lengths, second=lengths)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # of its p-value
def test_the_distance_is_scipys_to_the_last_bit(first, second):
    theirs = ks_2samp(first, second, method="asymp").statistic
    assert ks_distance(np.array(first), np.array(second)) == theirs


def test_a_distance_by_hand(outcome_of):
    # before: all four of length 3; after: 4 of 6 at most 3, two fake users of length 5
    outcome = outcome_of(lengths=[3, 3, 3, 3], poison=[[0] * 5, [1] * 5])
    assert length_ks(outcome) == pytest.approx(2 / 6)


def test_no_fake_user_is_no_distance(outcome_of):
    assert length_ks(outcome_of(lengths=[3, 4], poison=[])) == 0.0


def test_without_genuine_users_the_distance_is_not_a_number(outcome_of):
    assert math.isnan(length_ks(outcome_of(lengths=[], poison=[[1]])))


def test_fake_lengths_are_compared_with_genuine_ones_whatever_their_share(outcome_of):
    # at most 3: all genuine users, one fake user of three
    outcome = outcome_of(lengths=[3] * 60 + [2] * 40, poison=[[0] * 3, [0] * 9, [0] * 9])
    assert fake_length_ks(outcome) == pytest.approx(2 / 3)


def test_the_excess_of_one_length_by_hand(outcome_of):
    # length 15: 3 of 4 fake users, 1 of 5 genuine ones; length 4: 1 of 4 and 2 of 5
    outcome = outcome_of(lengths=[15, 4, 4, 6, 7], poison=[[0] * n for n in (15, 15, 15, 4)])
    assert length_excess(outcome) == pytest.approx(3 / 4 - 1 / 5)
    same = outcome_of(lengths=[4, 6], poison=[[0] * 4, [0] * 6])
    assert length_excess(same) == 0.0


def test_patterns_are_places_of_targets_and_not_items(outcome_of):
    # targets 0 and 1: 5 0 6 1, 7 1 8 0 are one pattern; 0 5, 1 6 one; 0 5 5 a third
    poison = [[5, 0, 6, 1], [7, 1, 8, 0], [0, 5], [1, 6], [0, 5, 5]]
    assert target_patterns(outcome_of(poison=poison, n_targets=2)) == 3.0
    assert target_patterns(outcome_of(poison=[])) == 0.0


def test_repeats_are_compared_with_genuine_ones(outcome_of):
    # 3 of 8 fake events come again (2, 2 and 5), 2 of 10 genuine ones
    outcome = outcome_of(lengths=[4, 6], repeats=2, poison=[[2, 2, 3, 2], [2, 5, 4, 5]])
    assert repeat_excess(outcome) == pytest.approx(3 / 8 - 2 / 10)
    assert math.isnan(repeat_excess(outcome_of(poison=[[1]])))


def test_targets_are_ranked_by_popularity_after_the_injection(outcome_of):
    # counts 1 2 5 3 and three more of item 0: 4 2 5 3, so item 0 is second and item 1 is fourth
    outcome = outcome_of(item_counts=[1, 2, 5, 3], n_items=4, poison=[[0, 0], [0]], n_targets=2)
    assert target_popularity_rank(outcome) == 3.0
    # items 0 and 1 share the ranks 3 and 4
    clean = outcome_of(item_counts=[2, 2, 5, 3], n_items=4, poison=[], n_targets=1)
    assert target_popularity_rank(clean) == 3.5


def test_without_fake_or_genuine_users_there_is_nothing_to_compare(outcome_of):
    for metric in (fake_length_ks, length_excess, repeat_excess):
        assert math.isnan(metric(outcome_of(poison=[], repeats=0)))
        assert math.isnan(metric(outcome_of(lengths=[], poison=[[1]], repeats=0)))
