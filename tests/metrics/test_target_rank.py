"""The median rank of target items."""

import math

import pytest

from loki_bench.metrics.target_rank import target_rank


@pytest.mark.parametrize(
    ("targets", "median"),
    [
        ([[7.5]], 7.5),
        ([[1, 100], [3, 4]], 3.5),
        ([[math.nan, 9], [2, 30]], 9),
    ],
)
def test_the_median_is_taken_over_pairs_outside_histories(outcome_of, targets, median):
    assert target_rank(outcome_of(targets=targets)) == median


@pytest.mark.parametrize("targets", [[[math.nan]], [[]]])
def test_without_any_pair_the_rank_is_not_a_number(outcome_of, targets):
    assert math.isnan(target_rank(outcome_of(targets=targets)))
