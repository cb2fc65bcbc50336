"""Counts and numbers that mean nothing are refused in a sentence; what is valid comes back."""

import math

import numpy as np
import pytest

from loki_bench.errors import ParameterError
from loki_bench.parameters import require_count, require_flag, require_number

WHO = "attacker 'mine'"


@pytest.mark.parametrize("value", [2.5, 2.0, math.inf, -math.inf, math.nan, "3", True, None, [3]])
def test_what_is_no_whole_number_is_no_count(value):
    with pytest.raises(
        ParameterError, match=r"^attacker 'mine': n must be a whole number from 1, got"
    ):
        require_count(WHO, "n", value)


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (0, {}, "from 1, got 0"),
        (1, {"least": 2}, "from 2, got 1"),
        (-1, {"least": 0}, "from 0, got -1"),
        (101, {"most": 100}, "from 1 to 100, got 101"),
    ],
)
def test_a_count_out_of_bounds_is_refused(value, bounds, message):
    with pytest.raises(ParameterError, match=f"{message}$"):
        require_count(WHO, "n", value, **bounds)


@pytest.mark.parametrize("value", [1, 100, np.int64(7)])
def test_a_count_comes_back_as_an_int(value):
    found = require_count(WHO, "n", value, most=100)
    assert type(found) is int
    assert found == value


@pytest.mark.parametrize("value", [math.inf, 10**400, math.nan, "0.1", True, None, 1j, [0.1], -0.1])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(
        ParameterError, match=r"^attacker 'mine': x must be a number 0 or more, got"
    ):
        require_number(WHO, "x", value)


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (0, {"above": 0}, "above 0, got 0"),
        (1, {"below": 1}, "0 or more and below 1, got 1"),
        (1.5, {"above": 0, "most": 1}, "above 0 and at most 1, got 1.5"),
        ("0.1", {"above": 0, "below": 1}, "above 0 and below 1, got '0.1'"),
    ],
)
def test_a_number_out_of_bounds_is_refused(value, bounds, message):
    with pytest.raises(ParameterError, match=f"{message}$"):
        require_number(WHO, "x", value, **bounds)


@pytest.mark.parametrize("value", [0, 1, 0.25, np.float32(0.5)])
def test_a_number_comes_back_as_a_float(value):
    found = require_number(WHO, "x", value, most=1)
    assert type(found) is float
    assert found == value


@pytest.mark.parametrize("value", ["false", "", 0, 1, None, [True]])
def test_what_is_neither_true_nor_false_is_no_flag(value):
    with pytest.raises(ParameterError, match=r"^attacker 'mine': on must be true or false, got"):
        require_flag(WHO, "on", value)


def test_a_flag_comes_back():
    assert [require_flag(WHO, "on", value) for value in (True, False)] == [True, False]
