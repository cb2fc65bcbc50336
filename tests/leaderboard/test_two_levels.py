"""Two levels: by hand where one of them is silent, and by simulation where both speak."""

import numpy as np
import pytest

from loki_bench.leaderboard.intervals import interval_of
from loki_bench.leaderboard.two_levels import two_levels

RATE = (0.0, 1.0)


def test_without_spread_within_a_seed_it_is_the_interval_over_seeds():
    found = two_levels([np.full((4, 3), v) for v in (0.2, 0.3, 0.5)], RATE, same_goal=False)
    expected = interval_of([0.2, 0.3, 0.5], RATE)
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))
    assert (found.users, found.targets) == pytest.approx((0.0, 0.0), abs=1e-12)


@pytest.mark.parametrize("rate", [0.0, 1.0])
@pytest.mark.parametrize("same_goal", [True, False])
def test_where_all_seeds_agree_it_has_the_bound_that_the_interval_over_seeds_has(rate, same_goal):
    found = two_levels([np.full((4, 3), rate)] * 5, RATE, same_goal=same_goal)
    # five equal values: 1 - 0.025 ** (1 / 5) of the way to the other end
    assert found.interval.high - found.interval.low == pytest.approx(0.5218, abs=1e-4)
    assert found.interval.low <= rate <= found.interval.high


def test_seeds_that_agree_within_the_range_have_that_bound_or_a_wider_one():
    pairs = np.array([[0.0, 0.0], [1.0, 1.0]])  # the spread of users is the wider one
    one = two_levels([pairs, pairs], RATE, same_goal=True).interval
    assert (one.low, one.high) == (0.0, 1.0)
    alike = [np.full((4, 3), 0.5)] * 5
    expected = interval_of([0.5] * 5, RATE)
    assert two_levels(alike, RATE, same_goal=True).interval == expected


def test_users_alone_by_hand():
    # two users with rates 0 and 1 in both seeds: variance 0.5 of users, 0.25 of their mean
    pairs = np.array([[0.0, 0.0], [1.0, 1.0]])
    shared = two_levels([pairs, pairs], (None, None), same_goal=True)
    assert shared.interval.high == pytest.approx(0.5 + 12.7062 * 0.5, rel=1e-4)
    assert shared.users == pytest.approx(np.sqrt(0.5))
    # drawn anew in each seed, half of the variance of the mean
    own = two_levels([pairs, pairs], (None, None), same_goal=False)
    assert own.interval.high == pytest.approx(0.5 + 12.7062 * np.sqrt(0.125), rel=1e-4)


def test_users_and_targets_without_a_pair_do_not_count():
    pairs = np.array([[0.0, 1.0], [1.0, 1.0]])
    more = np.array([[0.0, 1.0, np.nan], [1.0, 1.0, np.nan], [np.nan] * 3])
    assert two_levels([pairs] * 2, RATE, same_goal=False) == two_levels(
        [more] * 2, RATE, same_goal=False
    )
    assert two_levels([pairs], RATE, same_goal=False) is None


def test_of_users_and_targets_that_all_seeds_share_it_holds_the_mean_of_others():
    rng = np.random.default_rng(0)
    held = {"seeds": 0, "both": 0}
    for _ in range(300):
        users, targets = rng.normal(0, 0.15, (20, 1)), rng.normal(0, 0.15, (1, 20))
        chance = np.clip(0.5 + users + targets, 0, 1)
        shown = [(rng.random((20, 20)) < chance).astype(float) for _ in range(5)]
        seeds = interval_of([float(pairs.mean()) for pairs in shown], RATE)
        both = two_levels(shown, RATE, same_goal=True).interval
        held["seeds"] += seeds.low <= 0.5 <= seeds.high
        held["both"] += both.low <= 0.5 <= both.high
    assert held["both"] / 300 > 0.93
    assert held["seeds"] / 300 < 0.8
