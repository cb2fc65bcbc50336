"""Degree features by hand."""

import numpy as np

from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.degree import degree_features


def test_features_are_mean_range_and_upper_quartile_of_others_log_counts():
    # events of others: item 0 has 1 for user 0 and 1 for user 1, item 1 has 1, item 2 has none
    sequences = Sequences.of([[0, 2, 0], [], [1, 0], [1]])
    features = degree_features(Interactions(sequences.offsets, sequences.items, n_items=3))
    log = np.log1p
    np.testing.assert_allclose(features[0], [2 * log(1) / 3, log(1), log(1)])
    np.testing.assert_allclose(features[1], 0.0)
    # user 2: item 1 is held by user 3 once, item 0 by user 0 twice
    np.testing.assert_allclose(features[2], [(log(1) + log(2)) / 2, log(2) - log(1), log(2)])
    np.testing.assert_allclose(features[3], [log(1), 0.0, log(1)])
