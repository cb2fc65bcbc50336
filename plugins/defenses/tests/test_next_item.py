"""The small model of steps: its algebra, and what it is told."""

import numpy as np
from scipy import sparse
from sklearn.metrics import roc_auc_score

from loki_bench.interactions import Interactions, Sequences
from loki_bench_defenses.consecutive_pairs import consecutive_pairs
from loki_bench_defenses.next_item import NextItemModel, largest_singular_values


def test_steps_are_between_different_items_of_one_user():
    sequences = Sequences.of([[0, 1, 1, 2], [2], [], [1, 0]])
    train = Interactions(sequences.offsets, sequences.items, n_items=3)
    found = [column.tolist() for column in consecutive_pairs(train)]
    assert found == [[0, 0, 3], [0, 1, 1], [1, 2, 0]]


def test_singular_values_of_a_matrix_of_low_rank_are_numpys():
    random = np.random.default_rng(0)
    matrix = random.normal(size=(40, 4)) @ random.normal(size=(4, 30))
    left, values, right = largest_singular_values(sparse.csr_matrix(matrix), 4)
    np.testing.assert_allclose(values, np.linalg.svd(matrix)[1][:4])
    np.testing.assert_allclose((left * values) @ right.T, matrix, atol=1e-9)


def test_users_whose_steps_follow_no_taste_are_the_most_suspicious(dense):
    defense = NextItemModel()
    defense.keep(dense, seed=0)
    is_fake = np.arange(dense.n_users) >= dense.n_users - 100
    assert roc_auc_score(is_fake, defense.suspicion) > 0.9
