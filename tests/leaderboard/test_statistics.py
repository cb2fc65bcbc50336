"""Every number equals scipy's own on the same values, or one worked out by hand."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from loki_bench.leaderboard.statistics import (
    BOOTSTRAP_SEED,
    N_RESAMPLES,
    holm,
    interval_of,
    paired_p_value,
    rank_intervals,
    ratio_interval,
)

values = st.lists(st.integers(0, 400).map(lambda n: n / 400), min_size=2, max_size=8)


@given(values)
def test_the_t_interval_is_scipys(sample):
    found = interval_of(sample)
    assert found.mean == pytest.approx(np.mean(sample))
    if np.ptp(sample) == 0:
        assert found.high - found.low == pytest.approx(0, abs=1e-12)
        return
    expected = stats.ttest_1samp(sample, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    "sample", [[0.1, 0.2, 0.3, 0.25, 0.4], [0.0, 0.5], [0.0] * 5, [0.3, 0.3, 0.1]]
)
def test_the_bootstrap_interval_is_scipys_to_the_bit(sample):
    expected = stats.bootstrap(
        (np.array(sample),),
        np.mean,
        n_resamples=N_RESAMPLES,
        method="percentile",
        random_state=np.random.default_rng(BOOTSTRAP_SEED),
    ).confidence_interval
    found = interval_of(sample)
    assert (found.bootstrap_low, found.bootstrap_high) == (expected.low, expected.high)


@given(values, values)
def test_the_paired_p_value_is_scipys_wherever_differences_vary(first, second):
    n = min(len(first), len(second))
    differences = [a - b for a, b in zip(first, second, strict=False)]
    if np.ptp(differences) > 1e-12:
        expected = stats.ttest_rel(first[:n], second[:n]).pvalue
        assert paired_p_value(differences) == pytest.approx(expected)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_equal_differences_have_the_p_value_of_scipys_permutation_test(n):
    def mean(x, axis):
        return np.mean(x, axis=axis)

    expected = stats.permutation_test(
        (np.full(n, 0.5),), mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert paired_p_value([0.5] * n) == expected == 2.0 ** (1 - n)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # scipy warns of what this is about
        assert stats.ttest_1samp([0.5] * n, 0).pvalue == 0  # the t-test would be certain


def test_no_difference_at_any_seed_is_no_evidence():
    assert paired_p_value([0.0] * 5) == 1.0


def test_one_seed_has_no_p_value_and_no_width():
    assert paired_p_value([0.3]) is None
    found = interval_of([0.3])
    assert (found.low, found.high, found.bootstrap_low, found.bootstrap_high) == (0.3,) * 4
    assert interval_of([]) is None


def test_holm_by_hand():
    # sorted 0.01, 0.02, 0.03, 0.04: times 4, 3, 2, 1 is 0.04, 0.06, 0.06, 0.04, then never falling
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_lies_between_no_correction_and_bonferroni(p_values):
    for raw, adjusted in zip(p_values, holm(p_values), strict=True):
        assert raw <= adjusted <= min(1.0, len(p_values) * raw) + 1e-12


def test_rows_that_never_change_places_have_certain_ranks():
    rows = {"a": [0.1, 0.2, 0.3], "b": [0.4, 0.5, 0.6], "c": [0.0, 0.0, 0.0]}
    assert rank_intervals(rows, higher_is_better=True) == {
        "a": (2, 2, 2),
        "b": (1, 1, 1),
        "c": (3, 3, 3),
    }
    assert rank_intervals(rows, higher_is_better=False)["c"] == (1, 1, 1)


def test_equal_rows_share_the_best_rank():
    rows = {"a": [0.3, 0.1, 0.2], "b": [0.1, 0.2, 0.3], "c": [0.0, 0.0, 0.0]}
    found = rank_intervals(rows, higher_is_better=True)
    assert found["a"][0] == found["b"][0] == 1
    assert found["a"][1:] == found["b"][1:] == (1, 2)
    assert rank_intervals({"a": [0.0], "b": [0.0]}, higher_is_better=True)["b"] == (1, 1, 1)
    assert rank_intervals({}, higher_is_better=True) == {}


def test_rank_intervals_resample_seeds_not_cells():
    # b is better by 0.01 at every seed: paired, its place is certain however seeds differ
    base = [0.1, 0.9, 0.4, 0.6, 0.2]
    found = rank_intervals(
        {"a": base, "b": [value + 0.01 for value in base]}, higher_is_better=True
    )
    assert found == {"a": (2, 2, 2), "b": (1, 1, 1)}


def test_a_ratio_of_means_has_the_paired_bootstrap_of_scipy():
    first, second = np.array([0.4, 0.42, 0.3, 0.45, 0.41]), np.array([0.02, 0.05, 0.03, 0.04, 0.01])
    found = ratio_interval([(first, second)])
    scipys = stats.bootstrap(
        (first, second),
        lambda a, b, axis: a.mean(axis) / b.mean(axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=N_RESAMPLES,
        rng=np.random.default_rng(BOOTSTRAP_SEED),
    )
    low, high = np.percentile(scipys.bootstrap_distribution, [2.5, 97.5], method="inverted_cdf")
    assert found.mean == pytest.approx(first.mean() / second.mean())
    assert (found.bootstrap_low, found.bootstrap_high) == pytest.approx((low, high))


def test_a_mean_of_ratios_is_that_of_its_pairs_and_infinite_over_zero():
    pairs = [([0.4, 0.4], [0.1, 0.1]), ([0.3, 0.3], [0.05, 0.05])]
    assert ratio_interval(pairs).mean == pytest.approx((4 + 6) / 2)
    assert ratio_interval([([0.1, 0.2], [0.0, 0.0])]).bootstrap_low == np.inf
