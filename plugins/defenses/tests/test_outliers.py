"""Thresholds by hand, and against scipy's own deviation."""

import doctest
import math

import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from loki_bench_defenses import cooccurrence, outliers
from loki_bench_defenses.outliers import outlier_threshold, robust_z, second_mode


@pytest.mark.parametrize("module", [outliers, cooccurrence], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_are_true(module):
    found = doctest.testmod(module)
    assert found.failed == 0
    assert found.attempted


def test_the_robust_z_score_equals_that_of_scipy():
    values = np.random.default_rng(0).normal(3, 2, size=501)
    expected = (values - np.median(values)) / median_abs_deviation(values, scale="normal")
    np.testing.assert_allclose(robust_z(values), expected, rtol=1e-4)


def test_the_mean_deviation_takes_over_where_most_values_are_equal():
    z = robust_z(np.array([0.0, 0.0, 0.0, 0.0, 5.0]))
    assert z.tolist() == pytest.approx([0, 0, 0, 0, 5 / (1.2533 * 1.0)])


def test_equal_values_and_none_at_all_are_no_outliers():
    assert robust_z(np.full(4, 7.0)).tolist() == [0.0] * 4
    assert robust_z(np.empty(0)).tolist() == []
    assert second_mode(np.full(4, 7.0)) == second_mode(np.empty(0)) == math.inf


def test_values_that_differ_by_rounding_are_equal():
    a_little_more = np.nextafter(7.0, 8.0)
    assert robust_z(np.array([7.0, 7.0, 7.0, a_little_more])).tolist() == [0.0] * 4
    assert robust_z(np.array([7.0, a_little_more])).tolist() == [0.0] * 2
    assert second_mode(np.array([7.0, a_little_more])) == math.inf
    # most are equal but for rounding: the mean deviation takes over
    z = robust_z(np.array([7.0, 7.0, a_little_more, a_little_more, 12.0]))
    assert z.tolist() == pytest.approx([0, 0, 0, 0, 5 / (1.2533 * 1.0)])


def test_the_largest_of_many_normal_values_is_hardly_over_the_threshold():
    largest = [np.random.default_rng(seed).normal(size=2000).max() for seed in range(200)]
    assert np.mean(np.array(largest) > outlier_threshold(2000)) < 0.2
    assert outlier_threshold(0) == outlier_threshold(10) == 3.5


@pytest.mark.parametrize("seed", range(5))
def test_one_crowd_has_no_second_mode(seed):
    random = np.random.default_rng(seed)
    for values in (random.normal(size=2000), random.exponential(size=2000), random.random(2000)):
        assert second_mode(values) == math.inf


@pytest.mark.parametrize("seed", range(5))
def test_a_second_crowd_is_cut_off_between_the_two(seed):
    random = np.random.default_rng(seed)
    values = np.concatenate([random.normal(0, 1, 2000), random.normal(8, 0.5, 100)])
    assert 3 < second_mode(values) < 7


def test_a_second_crowd_of_equal_values_may_have_the_fullest_bin():
    values = np.concatenate([np.random.default_rng(0).normal(0, 1, 1000), np.full(240, 6.0)])
    assert 2.5 < second_mode(values) < 6


def test_two_humps_of_a_crowd_are_not_told_apart():
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(0, 1, 1000), random.normal(2.6, 1, 400)])
    assert second_mode(values) == math.inf
