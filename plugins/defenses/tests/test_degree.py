"""Degree features and groups of like length by hand, and an attack of one length."""

import numpy as np

from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.degree import DegreeFeatures, degree_features, groups_of_like_length


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


def test_groups_have_300_users_or_are_one_and_lengths_stay_together():
    random = np.random.default_rng(0)
    for _ in range(40):
        lengths = random.integers(1, random.integers(2, 30), random.integers(1, 1500))
        groups = groups_of_like_length(lengths, int(random.integers(1, 8)))
        sizes = np.bincount(groups)
        assert sizes.min() >= min(300, len(lengths))
        assert (np.diff(groups[np.argsort(lengths, kind="stable")]) >= 0).all()
        for length in np.unique(lengths):
            assert len(np.unique(groups[lengths == length])) == 1


def test_an_attack_of_a_length_of_its_own_is_no_group_of_its_own():
    # 1,010 users of two lengths hold common items, 30 shorter ones rare items
    random = np.random.default_rng(0)
    lengths = np.repeat([13, 14], [950, 60])
    rows = [random.choice(200, n, replace=False) for n in lengths]
    rows += [[*random.choice(200, 5, replace=False), *range(200, 205)] for _ in range(30)]
    sequences = Sequences.of(rows)
    score = DegreeFeatures().score(Interactions(sequences.offsets, sequences.items, n_items=205))
    assert score[-30:].min() > np.quantile(score[:-30], 0.99)
