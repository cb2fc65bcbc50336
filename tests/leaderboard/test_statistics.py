"""Every number equals scipy's own on the same values, or one worked out by hand."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from loki_bench.leaderboard.statistics import (
    holm,
    pair_tests,
    paired_p_value,
    shared_ranks,
    shown_p,
    student_tails,
    tied_with,
)

values = st.lists(st.integers(0, 400).map(lambda n: n / 400), min_size=2, max_size=8)


@given(values, values)
def test_the_paired_p_value_is_scipys_wherever_differences_vary(first, second):
    n = min(len(first), len(second))
    differences = [a - b for a, b in zip(first, second, strict=False)]
    if np.ptp(differences) > 1e-12:
        expected = stats.ttest_rel(first[:n], second[:n]).pvalue
        assert paired_p_value(differences) == pytest.approx(expected)


@given(st.floats(-1e6, 1e6), st.integers(1, 60))
def test_the_tails_of_students_t_are_scipys(t, degrees):
    expected = 2 * special.stdtr(degrees, -abs(t))
    assert student_tails(t, degrees) == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("t", [0.0, 0.3, 2.776, -31.0, 1e9])
def test_the_tails_of_students_t_by_hand(t):
    one = 1 - 2 / math.pi * math.atan(abs(t)) if abs(t) < 1 else 2 / math.pi * math.atan2(1, abs(t))
    assert student_tails(t, 1) == pytest.approx(one, rel=1e-15)
    two = 2 / (math.sqrt(2 + t * t) * (math.sqrt(2 + t * t) + abs(t)))
    assert student_tails(t, 2) == pytest.approx(two, rel=1e-15)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4])
def test_students_t_has_tails_where_its_square_is_no_number(degrees):
    assert 0.0 <= student_tails(1e200, degrees) < 1e-199


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


def test_one_seed_has_no_p_value():
    assert paired_p_value([0.3]) is None


def test_holm_by_hand():
    # sorted 0.01, 0.02, 0.03, 0.04: times 4, 3, 2, 1 is 0.04, 0.06, 0.06, 0.04, then never falling
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_lies_between_no_correction_and_bonferroni(p_values):
    for raw, adjusted in zip(p_values, holm(p_values), strict=True):
        assert raw <= adjusted <= min(1.0, len(p_values) * raw) + 1e-12


A = (0.40, 0.42, 0.41, 0.43, 0.40)
B = (0.38, 0.43, 0.40, 0.42, 0.41)
C = (0.10, 0.13, 0.11, 0.12, 0.12)


def test_any_two_rows_are_tested_by_scipys_paired_test_and_holm_by_hand():
    tests = pair_tests({"b": B, "a": A, "c": C}, higher_is_better=True)
    raw = {
        ("a", "b"): stats.ttest_rel(A, B).pvalue,
        ("a", "c"): stats.ttest_rel(A, C).pvalue,
        ("b", "c"): stats.ttest_rel(B, C).pvalue,
    }
    order = sorted(raw, key=raw.get)
    expected = {order[0]: 3 * raw[order[0]]}
    expected[order[1]] = max(expected[order[0]], 2 * raw[order[1]])
    expected[order[2]] = max(expected[order[1]], raw[order[2]])
    assert {(test.better, test.worse): test.p_value for test in tests} == pytest.approx(expected)
    assert [test.clear for test in tests] == [False, True, True]
    assert tests[0].differences == pytest.approx((0.02, -0.01, 0.01, 0.01, -0.01))


def test_rows_that_seeds_do_not_tell_apart_share_a_rank():
    rows = {"b": B, "a": A, "c": C}
    tests = pair_tests(rows, higher_is_better=True)
    assert shared_ranks(list(rows), tests) == {"b": (1, 1, 2), "a": (1, 1, 2), "c": (3, 3, 3)}
    assert (tied_with("a", tests), tied_with("b", tests), tied_with("c", tests)) == (
        ["b"],
        ["a"],
        [],
    )


def test_where_less_is_better_the_lowest_row_is_first():
    rows = {"b": B, "a": A, "c": C}
    tests = pair_tests(rows, higher_is_better=False)
    assert shared_ranks(list(rows), tests)["c"] == (1, 1, 1)
    assert all(np.mean(test.differences) >= 0 for test in tests)


def test_a_row_between_two_is_tied_with_both_though_they_differ():
    spread = (0.0, 0.5, 0.1, 0.4, 0.3)
    rows = {"top": A, "wide": spread, "low": C}
    ranks = shared_ranks(list(rows), pair_tests(rows, higher_is_better=True))
    assert ranks == {"top": (1, 1, 2), "wide": (1, 1, 3), "low": (2, 2, 3)}


def test_one_seed_tells_nothing_apart():
    tests = pair_tests({"a": (0.9,), "b": (0.1,)}, higher_is_better=True)
    assert [test.p_value for test in tests] == [None]
    assert shared_ranks(["a", "b"], tests) == {"a": (1, 1, 2), "b": (1, 1, 2)}
    assert shared_ranks([], []) == {}


def test_equal_rows_keep_their_order_and_are_tied():
    tests = pair_tests({"a": (0.1, 0.2), "b": (0.2, 0.1)}, higher_is_better=True)
    assert [(test.better, test.worse, test.clear) for test in tests] == [("a", "b", False)]


@pytest.mark.parametrize(
    ("p_value", "text"),
    [
        (None, "-"),
        (0.0004999, "<0.001"),
        (0.0494, "0.049"),
        (0.0497, "<0.050"),  # clear: it would read as a tie
        (0.05, "0.050"),
        (0.9999, "1.000"),
    ],
)
def test_no_p_below_the_level_reads_as_the_level(p_value, text):
    assert shown_p(p_value) == text
