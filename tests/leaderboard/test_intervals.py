"""Intervals equal scipy's on the same values, or are worked out by hand; none leaves the range."""

import math

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import special, stats

from loki_bench.leaderboard.intervals import (
    NO_BOUNDS,
    Interval,
    difference_bounds,
    interval_of,
    shown,
    student_t,
)

SHARE = (0.0, 1.0)
CLOSE = 0.0 if tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 17) else 1e-10
"""Of one degree of freedom scipy's t was wrong in the eleventh digit before 1.17."""

values = st.lists(st.integers(0, 400).map(lambda n: n / 400), min_size=2, max_size=8)


@given(values)
def test_the_interval_is_scipys_t_interval_cut_off_at_the_range(sample):
    found = interval_of(sample, SHARE)
    assert found.mean == pytest.approx(np.mean(sample))
    if np.ptp(sample) > 0:
        expected = stats.ttest_1samp(sample, 0).confidence_interval(0.95)
        assert found.low == pytest.approx(max(0.0, expected.low), rel=CLOSE, abs=1e-12)
        assert found.high == pytest.approx(min(1.0, expected.high), rel=CLOSE, abs=1e-12)
        whole = interval_of(sample, NO_BOUNDS)
        assert (whole.low, whole.high) == pytest.approx((expected.low, expected.high))


def test_students_t_is_scipys_where_it_is_in_a_table_and_beyond():
    for df in range(1, 40):
        assert student_t(df) == pytest.approx(special.stdtrit(df, 0.975), rel=CLOSE, abs=0.0)


def test_students_t_of_one_and_two_degrees_of_freedom_has_its_closed_form():
    assert student_t(1) == pytest.approx(math.tan(0.475 * math.pi), rel=1e-14)
    assert student_t(2) == pytest.approx(0.95 * math.sqrt(2 / (1 - 0.95**2)), rel=1e-14)


@given(values)
def test_no_interval_leaves_the_range_and_each_has_its_mean(sample):
    found = interval_of(sample, SHARE)
    assert 0.0 <= found.low <= found.mean <= found.high <= 1.0


@given(values)
def test_the_interval_of_seeds_that_agree_is_told_from_every_other(sample):
    agreed = max(sample) == min(sample)
    assert interval_of(sample, SHARE).all_agree == agreed
    assert interval_of(sample, (-1.0, 1.0)).all_agree == agreed
    assert not interval_of(sample[:1], SHARE).all_agree
    assert not interval_of([sample[0]] * 3, (0.0, None)).all_agree
    assert not interval_of([sample[0]] * 3, SHARE, by_design=True).all_agree


@pytest.mark.parametrize("n", [2, 3, 5, 10])
@pytest.mark.parametrize("end", [0.0, 1.0])
def test_at_an_end_of_the_range_seeds_that_agree_have_clopper_and_pearsons_interval(n, end):
    expected = stats.binomtest(int(end * n), n).proportion_ci(0.95, method="exact")
    found = interval_of([end] * n, SHARE)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_seeds_that_agree_within_the_range_go_the_same_part_of_the_way_to_each_end():
    # 1 - 0.025 ** (1 / 5) = 0.5218 of 0.4 downwards and of 0.6 upwards
    found = interval_of([0.4] * 5, SHARE)
    assert (found.low, found.high) == pytest.approx((0.4 - 0.5218 * 0.4, 0.4 + 0.5218 * 0.6), 1e-4)


def test_seeds_that_agree_but_for_their_last_bit_agree():
    assert interval_of([0.3, 0.1 + 0.2], SHARE).high > 0.8


@pytest.mark.parametrize("bounds", [NO_BOUNDS, (1.0, None)])
def test_seeds_that_agree_on_a_metric_without_two_ends_have_no_interval(bounds):
    assert interval_of([7.0, 7.0], bounds) == Interval(7.0, 7.0, 7.0, 2)


def test_a_metric_with_one_end_is_cut_off_there_alone():
    found = interval_of([1.0, 9.0], (1.0, None))
    assert found.low == 1.0
    assert found.high == pytest.approx(5.0 + 12.7062 * 4.0, rel=1e-5)


def test_one_seed_has_no_width_and_none_no_interval():
    assert interval_of([0.3], SHARE) == Interval(0.3, 0.3, 0.3, 1)
    assert interval_of([], SHARE) is None


def test_a_difference_can_be_as_large_as_the_range():
    assert difference_bounds(SHARE) == (-1.0, 1.0)
    assert difference_bounds((-1.0, 1.0)) == (-2.0, 2.0)
    assert difference_bounds((1.0, None)) == NO_BOUNDS


@pytest.mark.parametrize(
    ("interval", "signed", "text"),
    [
        (Interval(0.3, 0.1, 0.5, 5), False, "0.300 ± 0.200"),
        (Interval(0.3, 0.1, 0.5, 5), True, "+0.300 ± 0.200"),
        (Interval(0.334, 0.0, 1.0, 3), False, "0.334 [0.000, 1.000]"),
        (Interval(-0.1, -0.5, 0.6, 3), True, "-0.100 [-0.500, +0.600]"),
        (Interval(0.3, 0.3, 0.3, 1), False, "0.300"),
        (Interval(300.0, 200.0, 400.0, 5), False, "300.0 ± 100.0"),
        (None, False, "-"),
    ],
)
def test_an_interval_is_shown_with_its_ends_where_it_is_cut_off(interval, signed, text):
    assert shown(interval, signed=signed) == text


def test_files_hold_the_four_numbers_of_an_interval_and_nothing_else():
    found = TypeAdapter(Interval).dump_python(interval_of([0.5, 0.5], (0.0, 1.0)), mode="json")
    assert sorted(found) == ["high", "low", "mean", "n"]
