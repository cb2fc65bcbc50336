"""The distance of length distributions, against its definition."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loki_bench.metrics.stealth import length_ks


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


def test_a_distance_by_hand(outcome_of):
    # before: all four of length 3; after: 4 of 6 at most 3, two fake users of length 5
    outcome = outcome_of(lengths=[3, 3, 3, 3], poison=[[0] * 5, [1] * 5])
    assert length_ks(outcome) == pytest.approx(2 / 6)


def test_no_fake_user_is_no_distance(outcome_of):
    assert length_ks(outcome_of(lengths=[3, 4], poison=[])) == 0.0


def test_without_genuine_users_the_distance_is_not_a_number(outcome_of):
    assert math.isnan(length_ks(outcome_of(lengths=[], poison=[[1]])))
