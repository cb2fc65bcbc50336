"""Distances in the space of components equal those of a dense decomposition."""

import numpy as np
import pytest

from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.holdings import holdings
from loki_bench_defenses.pca import PCASelectUsers, distances


def test_distances_are_those_of_the_standardised_matrix_written_out(clean):
    matrix = holdings(clean.with_sequences(clean.take(np.arange(200))))
    dense = matrix.toarray()
    standardised = (dense - dense.mean(axis=1, keepdims=True)) / dense.std(axis=1, keepdims=True)
    # users are the variables: eigenvectors of their correlation matrix
    _, vectors = np.linalg.eigh(standardised @ standardised.T)
    expected = np.square(vectors[:, -3:]).sum(axis=1)
    np.testing.assert_allclose(distances(matrix, 3), expected, rtol=1e-6, atol=1e-10)


def test_the_papers_rule_finds_users_who_have_little_in_common_with_anybody(dense):
    defense = PCASelectUsers(n_components=8, side="low")
    defense.keep(dense, seed=0)
    genuine, strangers = defense.suspicion[:-100], defense.suspicion[-100:]
    assert np.median(strangers) > np.quantile(genuine, 0.95)


@pytest.mark.parametrize("n_components", [1, 5])
def test_the_number_of_components_may_exceed_what_there_is(n_components, clean):
    few = clean.with_sequences(clean.take([0, 1, 2]))
    assert PCASelectUsers(n_components=n_components).keep(few, seed=0).all()


@pytest.mark.parametrize("rows", [[[0, 1]] * 200, [[0, 1]] * 120 + [[2, 3, 4]] * 80])
def test_users_with_the_same_items_are_equally_suspect(rows):
    sequences = Sequences.of(rows)
    train = Interactions(sequences.offsets, sequences.items, n_items=6)
    score = PCASelectUsers(n_components=3).score(train)
    for kind in {tuple(row) for row in rows}:
        own = score[[tuple(row) == kind for row in rows]]
        np.testing.assert_allclose(own, own[0], atol=1e-3)
