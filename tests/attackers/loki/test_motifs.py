import itertools

import numpy as np
import pytest

from loki_bench.attackers.loki.environment import GroupEnvironment
from loki_bench.attackers.loki.motifs import best_motifs, motif_alphabet, repeated


@pytest.mark.parametrize(
    ("pattern", "horizon", "expected"),
    [((1, 0), 5, [1, 0, 1, 0, 1]), ((2,), 3, [2, 2, 2]), ((0, 1, 2, 3), 2, [0, 1])],
)
def test_a_pattern_is_repeated_to_the_horizon(pattern, horizon, expected):
    assert repeated(pattern, horizon).tolist() == expected


def test_the_best_of_all_patterns_comes_first(groups_of, delayed):
    environment = GroupEnvironment(groups_of(3), delayed, 6)
    every = [repeated(p, 6) for n in (1, 2, 3, 4) for p in itertools.product(range(3), repeat=n)]
    returns = delayed.step_rewards((np.array(every) * 3).astype(np.int32)).sum(axis=1)
    found = best_motifs(environment, (0, 1, 2), 3, np.random.default_rng(0))
    assert [motif.mean_return for motif in found] == sorted(
        (motif.mean_return for motif in found), reverse=True
    )
    assert found[0].mean_return == pytest.approx(returns.max())


def test_patterns_that_repeat_alike_are_tried_once(groups_of, alternation):
    environment = GroupEnvironment(groups_of(2), alternation, 3)
    found = best_motifs(environment, (0, 1), 100, np.random.default_rng(0))
    sequences = [tuple(repeated(motif.groups, 3)) for motif in found]
    assert len(sequences) == len(set(sequences)) == 8  # all of two groups at three steps


def test_the_alphabet_is_the_first_three_groups_at_most(groups_of, alternation):
    assert motif_alphabet(GroupEnvironment(groups_of(5), alternation, 3)) == (0, 1, 2)
    assert motif_alphabet(GroupEnvironment(groups_of(2), alternation, 3)) == (0, 1)
