"""What is timed is the work, without the compiling of its loops."""

import time

import numba
import pytest

from loki_bench.timing import timed


def test_compiling_is_told_apart_from_the_work():
    @numba.njit
    def fresh(n):
        total = 0.0
        for i in range(n):
            total += i / (1.0 + i)
        return total

    first = timed(lambda: fresh(10))
    again = timed(lambda: fresh(10))
    assert first.value == again.value
    assert first.compile_seconds > 0.01
    assert first.wall_seconds < first.compile_seconds
    assert again.compile_seconds == 0.0


def test_waiting_counts_as_wall_time_only():
    cost = timed(lambda: time.sleep(0.2))
    assert cost.wall_seconds >= 0.2
    assert cost.cpu_seconds < 0.1
    assert cost.host


def test_work_that_raises_raises():
    with pytest.raises(ZeroDivisionError):
        timed(lambda: 1 / 0)
