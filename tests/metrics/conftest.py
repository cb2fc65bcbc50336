"""Outcomes for metrics, built from plain lists."""

import numpy as np
import pytest

from loki_bench.contracts import Goal, Outcome, ids
from loki_bench.interactions import Sequences


@pytest.fixture
def outcome_of():
    """An outcome; whatever is not given is small and valid."""

    def build(
        *,
        targets=((1.0,),),
        clean_targets=None,
        tests=(1.0,),
        clean_tests=None,
        lengths=(3,),
        poison=(),
        n_items=100,
        defended=None,
        item_counts=None,
        repeats=None,
        n_targets=None,
        untargeted=None,
    ):
        target_ranks = np.array(targets, dtype=np.float64)
        test_ranks = np.array(tests, dtype=np.float64)
        return Outcome(
            goal=Goal(
                items=ids(list(range(n_targets or target_ranks.shape[1]))),
                users=ids(list(range(target_ranks.shape[0]))),
            ),
            n_items=n_items,
            target_ranks=target_ranks,
            clean_target_ranks=(
                target_ranks if clean_targets is None else np.array(clean_targets, dtype=float)
            ),
            test_ranks=test_ranks,
            clean_test_ranks=test_ranks if clean_tests is None else np.array(clean_tests, float),
            genuine_lengths=np.array(lengths, dtype=np.int64),
            poison=Sequences.of(poison),
            defended=defended,
            genuine_item_counts=(
                None if item_counts is None else np.array(item_counts, dtype=np.int64)
            ),
            n_genuine_repeats=repeats,
            untargeted_ranks=None if untargeted is None else np.array(untargeted, float),
        )

    return build
