"""Which samples a set of sequences gives."""

import numpy as np

from loki_bench.interactions import Interactions, Sequences
from loki_bench_recbole.prefix_training import PaddedRows, by_length
from loki_bench_recbole.samples import SampleSource, last_items, prefixes


def interactions(rows, n_items):
    sequences = Sequences.of(rows)
    return Interactions(sequences.offsets, sequences.items, n_items=n_items)


def test_every_event_is_a_sample_or_every_event_but_the_first():
    train = interactions([[4, 2, 2], [], [7], [1, 0]], 8)
    every = SampleSource.of(train, from_first=True)
    assert every.users.tolist() == [0, 0, 0, 2, 3, 3]
    assert every.last_items.tolist() == [-1, 4, 2, -1, -1, 1]
    assert every.positives.tolist() == [4, 2, 2, 7, 1, 0]
    later = SampleSource.of(train, from_first=False)
    assert later.users.tolist() == [0, 0, 3]
    assert later.last_items.tolist() == [4, 2, 1]
    assert later.positives.tolist() == [2, 2, 0]
    assert [row.tolist() for row in prefixes(train, later)] == [[4], [4, 2], [1]]
    assert [row.tolist() for row in prefixes(train, every)] == [[], [4], [4, 2], [], [], [1]]


def test_a_user_who_knows_the_whole_catalogue_gives_no_sample():
    train = interactions([[0, 1, 2, 0], [0, 1]], 3)
    assert SampleSource.of(train, from_first=True).users.tolist() == [1, 1]


def test_no_user_gives_no_sample():
    assert len(SampleSource.of(interactions([], 3), from_first=True)) == 0
    assert len(SampleSource.of(interactions([[]], 3), from_first=False)) == 0


def test_the_last_item_of_an_empty_row_is_minus_one():
    rows = Sequences.of([[], [3, 5], [], [9], []])
    assert last_items(rows.offsets, rows.items).tolist() == [-1, 5, -1, 9, -1]
    assert last_items(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32)).tolist() == []


def test_rows_of_like_length_are_grouped_and_none_is_lost():
    lengths = np.array([3, 0, 1, 7, 1, 2])
    groups = by_length(lengths, 4)
    assert [group.tolist() for group in groups] == [[1, 2, 4], [5], [0, 3]] or sorted(
        np.concatenate(groups).tolist()
    ) == list(range(6))
    assert [lengths[group].max() for group in groups] == sorted(
        lengths[group].max() for group in groups
    )
    assert by_length(np.empty(0, dtype=np.int64), 4) == []


def test_padding_is_on_the_right():
    padded = PaddedRows.of(np.array([2, 0, 2]), np.array([3, 2, 0]))
    assert padded.width == 3
    assert padded.index[padded.filled].tolist() == [2, 3, 4, 0, 1]
    assert padded.filled.tolist() == [[True] * 3, [True, True, False], [False] * 3]
