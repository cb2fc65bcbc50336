"""Display rates by hand, and against a count over plain loops."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loki_bench.metrics.display import (
    collateral,
    demotion_rate,
    display_rate,
    display_rate_ceiling,
    user_display_rate,
)

NAN = math.nan


def test_pairs_in_the_history_do_not_count(outcome_of):
    outcome = outcome_of(targets=[[1, 11, NAN], [10, 30, 2]])
    assert display_rate(outcome, 10) == pytest.approx(3 / 5)
    assert user_display_rate(outcome, 10) == 1.0


def test_half_a_rank_past_the_cut_off_is_not_shown(outcome_of):
    outcome = outcome_of(targets=[[10.5, 10.0, 9.5]])
    assert display_rate(outcome, 10) == pytest.approx(2 / 3)
    assert display_rate(outcome, 9) == 0.0


def test_a_user_with_all_targets_in_the_history_does_not_count(outcome_of):
    outcome = outcome_of(targets=[[NAN, NAN], [5, NAN], [50, 60]])
    assert user_display_rate(outcome, 10) == pytest.approx(1 / 2)
    assert display_rate(outcome, 10) == pytest.approx(1 / 3)


def test_without_any_pair_a_rate_is_not_a_number(outcome_of):
    for targets in ([[NAN, NAN]], [[]]):
        outcome = outcome_of(targets=targets)
        for metric in (display_rate, user_display_rate, demotion_rate):
            assert math.isnan(metric(outcome, 10))


def test_collateral_counts_pairs_of_users_who_were_not_targeted(outcome_of):
    shown = [[1, 1, 1]]  # to the target user, who does not count
    outcome = outcome_of(targets=shown, untargeted=[[1, 11, NAN], [10.5, 30, 10]])
    assert collateral(outcome, 10) == pytest.approx(2 / 5)
    for nobody in (None, [[NAN, NAN, NAN]], [[]]):
        assert math.isnan(collateral(outcome_of(targets=shown, untargeted=nobody), 10))


def test_demotion_counts_only_what_was_shown_before(outcome_of):
    outcome = outcome_of(
        clean_targets=[[1, 10, 10.5, NAN], [3, 90, 7, 8]],
        targets=[[11, 10, 1.0, NAN], [10.5, 2, 7, 9]],
    )
    # shown before: ranks 1, 10, 3, 7, 8; gone after: the first and the third
    assert demotion_rate(outcome, 10) == pytest.approx(2 / 5)


def test_demotion_of_what_was_never_shown_is_not_a_number(outcome_of):
    outcome = outcome_of(clean_targets=[[50.0, NAN]], targets=[[80.0, NAN]])
    assert math.isnan(demotion_rate(outcome, 10))


ranks = st.one_of(st.just(NAN), st.integers(2, 60).map(lambda twice: twice / 2))
tables = st.integers(1, 4).flatmap(
    lambda m: st.lists(st.lists(ranks, min_size=m, max_size=m), min_size=1, max_size=5)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(targets=tables, k=st.integers(1, 30))
def test_rates_equal_a_count_over_loops(outcome_of, targets, k):
    outcome = outcome_of(targets=targets)
    pairs = [rank for row in targets for rank in row if not math.isnan(rank)]
    users = [row for row in targets if not all(map(math.isnan, row))]
    if pairs:
        assert display_rate(outcome, k) == sum(r <= k for r in pairs) / len(pairs)
        reached = sum(any(r <= k for r in u) for u in users)
        assert user_display_rate(outcome, k) == reached / len(users)
        assert display_rate(outcome, k) <= user_display_rate(outcome, k) * len(targets[0])
    else:
        assert math.isnan(display_rate(outcome, k))
        assert math.isnan(user_display_rate(outcome, k))


@pytest.mark.parametrize(("k", "n_targets"), [(10, 20), (5, 3), (10, 10), (1, 4)])
def test_targets_at_the_top_of_every_list_reach_the_ceiling(outcome_of, k, n_targets):
    outcome = outcome_of(targets=[list(range(1, n_targets + 1))] * 3)
    assert display_rate(outcome, k) == pytest.approx(display_rate_ceiling(k, n_targets))


def test_the_ceiling_by_hand():
    assert display_rate_ceiling(10, 20) == 0.5
    assert display_rate_ceiling(10, 5) == 1.0
