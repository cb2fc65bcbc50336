"""Failed seeds are counted by hand."""

import pytest

from loki_bench.leaderboard.failures import failed_seeds


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ([0.40, 0.41, 0.05, 0.38, 0.42], 1),  # half of the median 0.40 is 0.20
        ([0.40, 0.41, 0.21, 0.38, 0.42], 0),
        ([0.40, 0.41, -0.01, 0.0, 0.42], 2),
        ([0.0, 0.0, -0.1, 0.02, 0.01], 3),  # the median is zero: what is not above it
        ([-0.1, -0.2], 2),
        ([0.3], 0),
        ([], None),
    ],
)
def test_a_seed_failed_without_a_gain_or_with_less_than_half_of_the_median(gains, expected):
    assert failed_seeds(gains) == expected
