"""Histories that continue each other share a pass, and only those."""

import numpy as np
import torch

from loki_bench.interactions import Sequences
from loki_bench_recbole.gru4rec import GRU4Rec
from loki_bench_recbole.shared_prefixes import SharedPrefixes


def runs(rows):
    shared = SharedPrefixes.of(Sequences.of(rows))
    return shared.longest.tolist(), shared.run.tolist()


def test_rows_that_repeat_the_row_before_share_its_run():
    assert runs([[1], [1, 2], [1, 2], [1, 2, 5]]) == ([3], [0, 0, 0, 0])


def test_a_row_that_differs_or_is_shorter_begins_a_run():
    assert runs([[1], [1, 2], [1, 3], [1], [2], [2, 2]]) == ([1, 2, 3, 5], [0, 0, 1, 2, 3, 3])


def test_an_empty_row_is_continued_by_empty_rows_only():
    assert runs([[], [], [4], [], [4, 4]]) == ([1, 2, 3, 4], [0, 0, 1, 2, 3])


def test_no_rows_and_one_row():
    assert runs([]) == ([], [])
    assert runs([[]]) == ([0], [0])
    assert runs([[3, 3]]) == ([0], [0])


def test_gru4rec_reads_shared_prefixes_as_it_reads_them_one_by_one(small):
    model = GRU4Rec(epochs=1, embedding_size=8, hidden_size=8, batch_size=16, loss="BPR")
    model.fit(small, validation=None, seed=0)
    rows = [[], [3], [3, 1], [3, 1], [3, 1, 4], [5], [5, 3, 3], [], [2, 2], [2, 2, 2, 2]]
    users = np.zeros(len(rows), dtype=np.int32)
    items = np.arange(len(rows), dtype=np.int32) % small.n_items
    together = model.target_score(users, Sequences.of(rows), items)
    for at, row in enumerate(rows):
        alone = model.target_score(users[:1], Sequences.of([row]), items[at : at + 1])
        torch.testing.assert_close(together[at : at + 1], alone, rtol=0, atol=1e-6)
    assert model.target_score(users[:0], Sequences.empty(), items[:0]).shape == (0,)
